// Package xinstruct calls one function on the arguments of plan.json and prints what it returned. It is a package of its
// own, initialised before the answer's, and its names are out of the answer's reach. The function's types decide.
package xinstruct

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
	"unsafe"
)

type plan struct {
	Nonce   string
	Params  []any
	Returns any
	Args    [][]any
}

var given = take()

func take() (made plan) {
	text, _ := os.ReadFile("plan.json")
	os.Remove("plan.json")
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&made); err != nil {
		fmt.Fprintln(os.Stderr, "no plan:", err)
		os.Exit(70)
	}
	return made
}

// ---- declared kinds: ["list", ["int"]]
func head(kind any) string {
	if parts, ok := kind.([]any); ok && len(parts) > 0 {
		return parts[0].(string)
	}
	return ""
}

func inner(kind any, at int) any {
	if parts, ok := kind.([]any); ok && at+1 < len(parts) {
		return parts[at+1]
	}
	return nil
}

func part(kind any, at int) any { // of a list's or tuple's item
	if head(kind) == "list" {
		return inner(kind, 0)
	}
	return inner(kind, at)
}

// ---- arguments
func refuse(value any, t reflect.Type) {
	panic(fmt.Sprintf("Unsupported: %.80s is no %s", fmt.Sprint(value), t))
}

var (
	bigInt   = reflect.TypeOf(big.Int{})
	special  = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}
	natural  = map[string]reflect.Type{"int": reflect.TypeOf(0), "float": reflect.TypeOf(0.0), "bool": reflect.TypeOf(true), "string": reflect.TypeOf("")}
	anything = reflect.TypeOf((*any)(nil)).Elem()
	failure  = reflect.TypeOf((*error)(nil)).Elem()
)

func decode(t reflect.Type, kind, value any) reflect.Value {
	made := reflect.New(t).Elem()
	if head(kind) == "optional" {
		if value == nil {
			if k := t.Kind(); k != reflect.Pointer && k != reflect.Slice && k != reflect.Map && k != reflect.Interface {
				refuse("null", t)
			}
			return made
		}
		kind = inner(kind, 0)
	}
	switch t.Kind() {
	case reflect.Pointer:
		made.Set(reflect.New(t.Elem()))
		made.Elem().Set(decode(t.Elem(), kind, value))
	case reflect.Interface:
		made.Set(decodeAny(t, kind, value))
	case reflect.Slice, reflect.Array:
		decodeList(made, kind, value)
	case reflect.Map:
		made.Set(reflect.MakeMap(t))
		for _, item := range items(value, t) {
			pair := items(item, t)
			made.SetMapIndex(decode(t.Key(), inner(kind, 0), pair[0]), decode(t.Elem(), inner(kind, 1), pair[1]))
		}
	case reflect.Struct:
		decodeStruct(made, kind, value)
	default:
		decodeScalar(made, value)
	}
	return made
}

func items(value any, t reflect.Type) []any {
	found, ok := value.([]any)
	if !ok {
		refuse(value, t)
	}
	return found
}

func decodeAny(t reflect.Type, kind, value any) reflect.Value {
	if t != anything {
		refuse(value, t)
	}
	switch head(kind) {
	case "list", "tuple":
		return decode(reflect.SliceOf(anything), kind, value)
	case "dict":
		return decode(reflect.MapOf(natural[head(inner(kind, 0))], anything), kind, value)
	}
	return decode(natural[head(kind)], kind, value)
}

func decodeList(made reflect.Value, kind, value any) {
	t := made.Type()
	if text, ok := value.(string); ok && t.Kind() == reflect.Slice {
		switch t.Elem().Kind() {
		case reflect.Uint8, reflect.Int32:
			made.Set(reflect.ValueOf(text).Convert(t))
			return
		}
	}
	found := items(value, t)
	if t.Kind() == reflect.Slice {
		made.Set(reflect.MakeSlice(t, len(found), len(found)))
	} else if t.Len() != len(found) {
		refuse(value, t)
	}
	for i, item := range found {
		made.Index(i).Set(decode(t.Elem(), part(kind, i), item))
	}
}

func decodeStruct(made reflect.Value, kind, value any) {
	t := made.Type()
	if number, ok := value.(json.Number); ok && t == bigInt {
		made.Addr().Interface().(*big.Int).SetString(number.String(), 10)
		return
	}
	found := items(value, t)
	if head(kind) != "tuple" || t.NumField() != len(found) {
		refuse(value, t)
	}
	for i, item := range found {
		field := made.Field(i)
		field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem() // a field of a small letter too
		field.Set(decode(field.Type(), part(kind, i), item))
	}
}

func decodeScalar(made reflect.Value, value any) {
	t := made.Type()
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	truth, isTruth := value.(bool)
	var err error
	switch {
	case t.Kind() == reflect.Bool && isTruth:
		made.SetBool(truth)
	case t.Kind() == reflect.String && isText:
		made.SetString(text)
	case made.CanInt() && isNumber:
		var n int64
		n, err = strconv.ParseInt(number.String(), 10, t.Bits())
		made.SetInt(n)
	case made.CanUint() && isNumber:
		var n uint64
		n, err = strconv.ParseUint(number.String(), 10, t.Bits())
		made.SetUint(n)
	case made.CanFloat() && isNumber:
		var n float64
		n, err = strconv.ParseFloat(number.String(), t.Bits())
		made.SetFloat(n)
	case made.CanFloat() && isText:
		made.SetFloat(special[text])
	case t.Kind() == reflect.Int32 && isText && utf8.RuneCountInString(text) == 1:
		c, _ := utf8.DecodeRuneInString(text)
		made.SetInt(int64(c))
	case t.Kind() == reflect.Uint8 && isText && len(text) == 1:
		made.SetUint(uint64(text[0]))
	default:
		refuse(value, t)
	}
	if err != nil {
		refuse(value, t)
	}
}

// ---- results
func encode(out *strings.Builder, kind any, v reflect.Value) {
	optional := head(kind) == "optional"
	if optional {
		kind = inner(kind, 0)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			out.WriteString("null")
		} else {
			encode(out, kind, v.Elem())
		}
	case reflect.Slice, reflect.Array:
		if optional && v.Kind() == reflect.Slice && v.IsNil() {
			out.WriteString("null")
		} else {
			encodeList(out, kind, v)
		}
	case reflect.Map:
		if optional && v.IsNil() {
			out.WriteString("null")
		} else {
			encodeMap(out, kind, v)
		}
	case reflect.Struct:
		if v.Type() == bigInt {
			copied := reflect.New(bigInt)
			copied.Elem().Set(v)
			out.WriteString(copied.Interface().(*big.Int).String())
		} else {
			sequence(out, v.NumField(), func(i int) { encode(out, part(kind, i), v.Field(i)) })
		}
	default:
		encodeScalar(out, kind, v)
	}
}

func sequence(out *strings.Builder, count int, one func(int)) {
	out.WriteByte('[')
	for i := 0; i < count; i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		one(i)
	}
	out.WriteByte(']')
}

func encodeList(out *strings.Builder, kind any, v reflect.Value) {
	if element := v.Type().Elem().Kind(); head(kind) == "string" && v.Kind() == reflect.Slice &&
		(element == reflect.Uint8 || element == reflect.Int32) {
		quote(out, v.Convert(natural["string"]).String())
		return
	}
	sequence(out, v.Len(), func(i int) { encode(out, part(kind, i), v.Index(i)) })
}

func encodeMap(out *strings.Builder, kind any, v reflect.Value) {
	keys := v.MapKeys()
	sequence(out, len(keys), func(i int) {
		out.WriteByte('[')
		encode(out, inner(kind, 0), keys[i])
		out.WriteByte(',')
		encode(out, inner(kind, 1), v.MapIndex(keys[i]))
		out.WriteByte(']')
	})
}

func encodeScalar(out *strings.Builder, kind any, v reflect.Value) {
	character := head(kind) == "string" && (v.Kind() == reflect.Int32 || v.Kind() == reflect.Uint8)
	switch {
	case v.Kind() == reflect.Bool:
		out.WriteString(strconv.FormatBool(v.Bool()))
	case v.Kind() == reflect.String:
		quote(out, v.String())
	case character && v.CanInt():
		quote(out, string(rune(v.Int())))
	case character:
		quote(out, string([]byte{byte(v.Uint())}))
	case v.CanInt():
		out.WriteString(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		out.WriteString(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		number(out, v.Float(), v.Type().Bits())
	default:
		panic("a result of type " + v.Type().String() + " has no neutral form")
	}
}

func number(out *strings.Builder, n float64, bits int) {
	switch {
	case math.IsNaN(n):
		out.WriteString(`"NaN"`)
	case math.IsInf(n, 0):
		out.WriteString(map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[n > 0])
	default:
		text := strconv.FormatFloat(n, 'g', -1, bits)
		out.WriteString(text)
		if !strings.ContainsAny(text, ".e") {
			out.WriteString(".0")
		}
	}
}

func quote(out *strings.Builder, text string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(strings.ToValidUTF8(text, "\uFFFD")); err != nil {
		panic(err)
	}
}

// ---- calling
func arguments(t reflect.Type, row []any) ([]reflect.Value, bool) {
	count := t.NumIn()
	whole := t.IsVariadic() && len(row) == count && head(given.Params[count-1]) == "list"
	if !t.IsVariadic() && len(row) != count || t.IsVariadic() && len(row) < count-1 {
		panic(fmt.Sprintf("Unsupported: %d arguments for %d parameters", len(row), count))
	}
	made := make([]reflect.Value, len(row))
	for i, value := range row {
		in := t.In(min(i, count-1))
		if t.IsVariadic() && i >= count-1 && !whole {
			in = in.Elem()
		}
		made[i] = decode(in, given.Params[i], value)
	}
	return made, whole
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// One value, or several for a tuple; an error that comes last is the call's, and (value, false) is no value.
func results(out *strings.Builder, found []reflect.Value) {
	kind, count := given.Returns, len(found)
	own := map[bool]int{true: len(kind.([]any)) - 1, false: 1}[head(kind) == "tuple"]
	if count > 0 && found[count-1].Type() == failure && count != own || head(kind) == "none" && count == 1 && found[0].Type() == failure {
		if err, failed := found[count-1].Interface().(error); failed {
			panic(err)
		}
		count--
	}
	optional := head(kind) == "optional" && count == 2 && found[1].Kind() == reflect.Bool
	switch {
	case count == 0 || head(kind) == "none" || optional && !found[1].Bool():
		out.WriteString("null")
	case optional:
		encode(out, inner(kind, 0), found[0])
	case count == 1 && !(own == 1 && head(kind) == "tuple" && !composite(found[0])):
		encode(out, kind, found[0])
	default:
		sequence(out, count, func(i int) { encode(out, inner(kind, i), found[i]) })
	}
}

func composite(v reflect.Value) bool {
	return v.Kind() == reflect.Struct && v.Type() != bigInt || v.Kind() == reflect.Array
}

func outcome(call reflect.Value, row []any) (text string) {
	defer func() {
		if problem := recover(); problem != nil {
			text = "!" + strings.ToValidUTF8(fmt.Sprintf("%.300s", strings.Join(strings.Fields(fmt.Sprint(problem)), " ")), "?")
		}
	}()
	var out strings.Builder
	values, whole := arguments(call.Type(), row)
	if whole {
		results(&out, call.CallSlice(values))
	} else {
		results(&out, call.Call(values))
	}
	return strings.ReplaceAll(out.String(), "\n", "")
}

func emit(line string) {
	for data := []byte("\n" + line + "\n"); len(data) > 0; {
		done, err := syscall.Write(1, data)
		if err != nil && err != syscall.EINTR {
			os.Exit(70)
		}
		if done > 0 {
			data = data[done:]
		}
	}
}

// Run calls the function on all argument lists of the plan and ends the process.
func Run(function any) {
	call := reflect.ValueOf(function)
	if call.Kind() != reflect.Func {
		fmt.Fprintln(os.Stderr, "error: the answer's name is no function")
		os.Exit(1)
	}
	for i, row := range given.Args {
		emit(given.Nonce + "\t" + strconv.Itoa(i) + "\t" + outcome(call, row))
	}
	emit(given.Nonce + "\tend")
	os.Exit(0)
}
