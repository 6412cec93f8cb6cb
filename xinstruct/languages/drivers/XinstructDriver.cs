using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Numerics;
using System.Reflection;
using System.Text;

// Calls the method named in plan.json on each argument list and prints what it returned. The method is found by name
// and arity among the types of answer.dll, whatever its access; arguments are converted to its declared types. With
// no name in the plan it runs the program's own Main and reports that it ended normally.
static class XinstructDriver
{
    const int Longest = 100000; // items taken from a sequence that may not end
    const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance
        | BindingFlags.DeclaredOnly;

    sealed class Mismatch : Exception
    {
        public Mismatch(string text) : base(text) { }
    }

    static Stream stdout;

    static void Emit(string line)
    {
        Console.Out.Flush();
        byte[] data = new UTF8Encoding(false).GetBytes("\n" + line + "\n");
        stdout.Write(data, 0, data.Length);
        stdout.Flush();
    }

    static int Main()
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        System.Threading.Thread.CurrentThread.CurrentCulture = CultureInfo.InvariantCulture;
        var plan = (Dictionary<string, object>)new Json(File.ReadAllText("plan.json")).Value();
        try { File.Delete("plan.json"); } catch (IOException) { } catch (UnauthorizedAccessException) { }
        stdout = Console.OpenStandardOutput();
        Console.SetOut(new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true });
        string nonce = (string)plan["nonce"];
        if (!plan.ContainsKey("name"))
        {
            int status = RunMain();
            if (status != 0) return status;
            Emit(nonce + "\tend");
            return 0;
        }
        var kinds = (List<object>)plan["params"];
        var rows = (List<object>)plan["args"];
        var methods = Candidates((string)plan["name"], kinds);
        for (int i = 0; i < rows.Count; i++)
        {
            string text;
            try
            {
                var b = new StringBuilder();
                Encode(Call(methods, kinds, (List<object>)rows[i]), b);
                text = b.ToString();
            }
            catch (Exception error)
            {
                text = "!" + Describe(error);
            }
            Emit(nonce + "\t" + i + "\t" + text);
        }
        Emit(nonce + "\tend");
        Environment.Exit(0);
        return 0;
    }

    static string Describe(Exception error)
    {
        string name = error is Mismatch ? "Unsupported" : error.GetType().Name;
        string text = string.Join(" ", (name + ": " + error.Message).Split((char[])null, StringSplitOptions.RemoveEmptyEntries));
        return text.Length > 300 ? text.Substring(0, 300) : text;
    }

    static IEnumerable<Type> Types()
    {
        return Assembly.LoadFrom("answer.dll").GetTypes().Where(t => t.FullName != "System.Diagnostics.Debug");
    }

    // The one Main there is: of two, the program could run the one without the tests.
    static int RunMain()
    {
        var mains = Types().SelectMany(t => t.GetMethods(Any))
            .Where(m => m.Name == "Main" && m.IsStatic && m.GetParameters().Length <= 1).ToList();
        if (mains.Count != 1) throw new MissingMethodException(mains.Count + " methods Main where one is needed");
        object made = Invoke(mains[0], null, mains[0].GetParameters().Length == 0 ? new object[0] : new object[] { new string[0] });
        var task = made as System.Threading.Tasks.Task;
        if (task != null) task.GetAwaiter().GetResult();
        return made is int ? (int)made : 0;
    }

    static object Invoke(MethodBase m, object self, object[] args)
    {
        try
        {
            return m.Invoke(self, args);
        }
        catch (TargetInvocationException error)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error.InnerException).Throw();
            throw;
        }
    }

    static List<MethodInfo> Candidates(string name, List<object> kinds)
    {
        var found = Types().SelectMany(t => t.GetMethods(Any))
            .Where(m => m.Name == name && !m.IsAbstract && Fits(m.GetParameters(), kinds.Count)).ToList();
        if (found.Count == 0) throw new MissingMethodException(name + " with " + kinds.Count + " parameters");
        return found.OrderBy(m => Penalty(m, kinds)).ToList(); // stable
    }

    static bool Fits(ParameterInfo[] ps, int count)
    {
        if (ps.Length == count || IsParams(ps) && ps.Length - 1 <= count) return true;
        return ps.Length > count && ps.Skip(count).Take(ps.Length - count - (IsParams(ps) ? 1 : 0)).All(p => p.IsOptional);
    }

    static bool IsParams(ParameterInfo[] ps)
    {
        return ps.Length > 0 && ps[ps.Length - 1].IsDefined(typeof(ParamArrayAttribute), false);
    }

    static int Penalty(MethodInfo m, List<object> kinds)
    {
        var ps = m.GetParameters();
        int sum = (m.IsStatic ? 0 : 1) + (m.IsGenericMethodDefinition ? 5 : 0);
        if (ps.Length != kinds.Count) return sum + 10000;
        for (int i = 0; i < ps.Length; i++) sum += Penalty((List<object>)kinds[i], ps[i].ParameterType);
        return sum;
    }

    static readonly Dictionary<string, Type[]> Best = new Dictionary<string, Type[]> {
        { "int", new[] { typeof(long), typeof(int), typeof(BigInteger), typeof(ulong), typeof(uint), typeof(short),
            typeof(ushort), typeof(sbyte), typeof(byte), typeof(double), typeof(decimal), typeof(float) } },
        { "float", new[] { typeof(double), typeof(float), typeof(decimal) } },
        { "bool", new[] { typeof(bool) } },
        { "string", new[] { typeof(string), typeof(char[]), typeof(char), typeof(IEnumerable<char>), typeof(StringBuilder) } },
    };

    static int Penalty(List<object> kind, Type target)
    {
        string head = (string)kind[0];
        if (target.IsByRef) target = target.GetElementType();
        if (head == "optional") return Penalty((List<object>)kind[1], Nullable.GetUnderlyingType(target) ?? target) + 1;
        Type[] best;
        if (Best.TryGetValue(head, out best))
        {
            int at = Array.IndexOf(best, Nullable.GetUnderlyingType(target) ?? target);
            return at >= 0 ? at : 50;
        }
        if (target.IsArray) return 5 + Penalty((List<object>)kind[1], target.GetElementType());
        if (target.IsGenericType && head == "list" && target.GetGenericArguments().Length == 1)
        {
            return (target.Name.StartsWith("List") ? 0 : 1) + Penalty((List<object>)kind[1], target.GetGenericArguments()[0]);
        }
        return target.IsGenericType ? 2 : 50;
    }

    static object Call(List<MethodInfo> methods, List<object> kinds, List<object> row)
    {
        Mismatch first = null;
        foreach (MethodInfo candidate in methods)
        {
            object[] args;
            object self = null;
            MethodInfo m = candidate;
            try
            {
                if (m.DeclaringType.ContainsGenericParameters) throw new Mismatch("a generic type");
                if (m.IsGenericMethodDefinition) m = Closed(m, kinds);
                args = Arguments(m, kinds, row);
                if (!m.IsStatic) self = Activator.CreateInstance(m.DeclaringType, true);
            }
            catch (Mismatch error)
            {
                first = first ?? error;
                continue;
            }
            catch (MissingMethodException)
            {
                first = first ?? new Mismatch(m.Name + " is not static");
                continue;
            }
            return Invoke(m, self, args);
        }
        throw first;
    }

    // ---- generic methods: type arguments from the natural types of what is passed
    static MethodInfo Closed(MethodInfo m, List<object> kinds)
    {
        var bound = new Dictionary<Type, Type>();
        var ps = m.GetParameters();
        for (int i = 0; i < Math.Min(ps.Length, kinds.Count); i++) Bind(ps[i].ParameterType, (List<object>)kinds[i], bound);
        try
        {
            return m.MakeGenericMethod(m.GetGenericArguments().Select(t => bound.ContainsKey(t) ? bound[t] : typeof(object)).ToArray());
        }
        catch (ArgumentException)
        {
            throw new Mismatch("the type arguments of " + m.Name);
        }
    }

    static void Bind(Type target, List<object> kind, Dictionary<Type, Type> bound)
    {
        if (target.IsGenericParameter)
        {
            if (!bound.ContainsKey(target)) bound[target] = Natural(kind);
            return;
        }
        if ((string)kind[0] == "optional") kind = (List<object>)kind[1];
        Type[] inner = target.IsArray ? new[] { target.GetElementType() } : target.GetGenericArguments();
        for (int i = 0; i < inner.Length && i + 1 < kind.Count; i++) Bind(inner[i], (List<object>)kind[i + 1], bound);
    }

    static Type Natural(List<object> kind)
    {
        var inner = kind.Skip(1).Select(k => Natural((List<object>)k)).ToArray();
        switch ((string)kind[0])
        {
            case "int": return typeof(long);
            case "float": return typeof(double);
            case "bool": return typeof(bool);
            case "string": return typeof(string);
            case "list": return typeof(List<>).MakeGenericType(inner);
            case "dict": return typeof(Dictionary<,>).MakeGenericType(inner);
            case "optional": return inner[0].IsValueType ? typeof(Nullable<>).MakeGenericType(inner) : inner[0];
            default: return Tuples[inner.Length - 1].MakeGenericType(inner);
        }
    }

    static readonly Type[] Tuples = { typeof(ValueTuple<>), typeof(ValueTuple<,>), typeof(ValueTuple<,,>),
        typeof(ValueTuple<,,,>), typeof(ValueTuple<,,,,>), typeof(ValueTuple<,,,,,>), typeof(ValueTuple<,,,,,,>) };

    // ---- arguments
    static object[] Arguments(MethodInfo m, List<object> kinds, List<object> row)
    {
        var ps = m.GetParameters();
        if (ps.Length == kinds.Count)
        {
            try
            {
                return ps.Select((p, i) => Convert(row[i], (List<object>)kinds[i], Plain(p))).ToArray();
            }
            catch (Mismatch)
            {
                if (!IsParams(ps) || ((List<object>)kinds[kinds.Count - 1])[0].Equals("list")) throw;
            }
        }
        var given = ps.Select((p, i) => i < kinds.Count ? (Func<object>)(() => Convert(row[i], (List<object>)kinds[i], Plain(p)))
            : () => p.DefaultValue).ToArray();
        if (!IsParams(ps)) return given.Select(value => value()).ToArray();
        int last = ps.Length - 1; // a scalar where a variable number of them may stand
        Type element = ps[last].ParameterType.GetElementType();
        var rest = Array.CreateInstance(element, Math.Max(0, kinds.Count - last));
        for (int i = last; i < kinds.Count; i++) rest.SetValue(Convert(row[i], (List<object>)kinds[i], element), i - last);
        return given.Take(last).Select(value => value()).Concat(new object[] { rest }).ToArray();
    }

    static Type Plain(ParameterInfo p)
    {
        return p.ParameterType.IsByRef ? p.ParameterType.GetElementType() : p.ParameterType;
    }

    static object Convert(object v, List<object> kind, Type target)
    {
        string head = (string)kind[0];
        Type inside = Nullable.GetUnderlyingType(target);
        if (head == "optional")
        {
            if (v != null) return Convert(v, (List<object>)kind[1], target);
            if (target.IsValueType && inside == null) throw new Mismatch("null to " + target.Name);
            return null;
        }
        target = inside ?? target;
        object made;
        switch (head)
        {
            case "bool": made = target.IsAssignableFrom(typeof(bool)) ? v : null; break;
            case "int": made = Integer((BigInteger)(v is long ? (BigInteger)(long)v : v), target); break;
            case "float": made = Real(v, target); break;
            case "string": made = Text((string)v, target); break;
            case "dict": made = Map((List<object>)v, kind, target); break;
            case "tuple": made = Tuple((List<object>)v, kind, target) ?? Sequence((List<object>)v, kind, target); break;
            default: made = Sequence((List<object>)v, kind, target); break;
        }
        if (made == null) throw new Mismatch(head + " to " + target);
        return made;
    }

    static object Integer(BigInteger n, Type target)
    {
        if (target == typeof(BigInteger)) return n;
        if (target == typeof(object)) target = typeof(long);
        try
        {
            if (target == typeof(long)) return (long)n;
            if (target == typeof(int)) return (int)n;
            if (target == typeof(ulong)) return (ulong)n;
            if (target == typeof(uint)) return (uint)n;
            if (target == typeof(short)) return (short)n;
            if (target == typeof(ushort)) return (ushort)n;
            if (target == typeof(byte)) return (byte)n;
            if (target == typeof(sbyte)) return (sbyte)n;
            if (target == typeof(double)) return (double)n;
            if (target == typeof(float)) return (float)n;
            if (target == typeof(decimal)) return (decimal)n;
            return target.IsAssignableFrom(typeof(long)) ? (object)(long)n : null;
        }
        catch (OverflowException)
        {
            throw new Mismatch(n + " to " + target.Name);
        }
    }

    static object Real(object v, Type target)
    {
        double d = v is string ? ((string)v == "NaN" ? double.NaN : (string)v == "Infinity" ? double.PositiveInfinity
            : double.NegativeInfinity) : v is double ? (double)v : v is long ? (long)v : (double)(BigInteger)v;
        if (target == typeof(float)) return (float)d;
        if (target == typeof(decimal))
        {
            try { return (decimal)d; } catch (OverflowException) { return null; }
        }
        return target.IsAssignableFrom(typeof(double)) ? (object)d : null;
    }

    static object Text(string s, Type target)
    {
        if (target == typeof(char)) return s.Length == 1 ? (object)s[0] : null;
        if (target == typeof(char[])) return s.ToCharArray();
        if (target == typeof(StringBuilder)) return new StringBuilder(s);
        return target.IsAssignableFrom(typeof(string)) ? s : null;
    }

    static List<object> Inner(List<object> kind, int at)
    {
        return (List<object>)((string)kind[0] == "tuple" ? kind[at + 1] : kind[1]);
    }

    static object Sequence(List<object> v, List<object> kind, Type target)
    {
        Type element = target.IsArray ? target.GetElementType()
            : target.IsGenericType && target.GetGenericArguments().Length == 1 ? target.GetGenericArguments()[0] : null;
        if (target.IsArray && target.GetArrayRank() != 1) return null;
        if (element == null)
        {
            element = target == typeof(object) || target.IsAssignableFrom(typeof(List<object>)) ? typeof(object) : null;
            if (element == null) return null;
        }
        var items = Array.CreateInstance(element, v.Count);
        for (int i = 0; i < v.Count; i++) items.SetValue(Convert(v[i], Inner(kind, i), element), i);
        if (target.IsArray) return items;
        Type list = typeof(List<>).MakeGenericType(element);
        if (target.IsAssignableFrom(list)) return Activator.CreateInstance(list, items);
        Type set = typeof(HashSet<>).MakeGenericType(element);
        if (target.IsAssignableFrom(set)) return Activator.CreateInstance(set, items);
        try
        {
            return target.IsInterface ? null : Activator.CreateInstance(target, items); // Stack, Queue, SortedSet, ...
        }
        catch (MissingMethodException)
        {
            return null;
        }
    }

    static object Tuple(List<object> v, List<object> kind, Type target)
    {
        if (target == typeof(object)) target = Natural(kind);
        if (!target.IsGenericType || target.GetGenericArguments().Length != v.Count) return null;
        string name = target.FullName;
        if (!name.StartsWith("System.ValueTuple") && !name.StartsWith("System.Tuple")
            && !name.StartsWith("System.Collections.Generic.KeyValuePair")) return null;
        var types = target.GetGenericArguments();
        return Activator.CreateInstance(target, v.Select((item, i) => Convert(item, Inner(kind, i), types[i])).ToArray());
    }

    static object Map(List<object> v, List<object> kind, Type target)
    {
        if (target == typeof(object)) target = Natural(kind);
        if (!target.IsGenericType || target.GetGenericArguments().Length != 2)
        {
            if (!target.IsAssignableFrom(typeof(Hashtable))) return null;
            var table = new Hashtable();
            foreach (List<object> pair in v)
            {
                table[Convert(pair[0], Inner(kind, 0), typeof(object))] = Convert(pair[1], (List<object>)kind[2], typeof(object));
            }
            return table;
        }
        var types = target.GetGenericArguments();
        Type made = typeof(Dictionary<,>).MakeGenericType(types);
        if (!target.IsAssignableFrom(made)) made = target;
        if (made.IsInterface || made.IsAbstract) return null;
        var map = Activator.CreateInstance(made) as IDictionary;
        if (map == null) return null;
        foreach (List<object> pair in v)
        {
            map[Convert(pair[0], (List<object>)kind[1], types[0])] = Convert(pair[1], (List<object>)kind[2], types[1]);
        }
        return map;
    }

    // ---- results
    static void Encode(object v, StringBuilder b)
    {
        if (v == null) b.Append("null");
        else if (v is bool) b.Append((bool)v ? "true" : "false");
        else if (v is string || v is char || v is StringBuilder) Quote(v.ToString(), b);
        else if (v is double || v is float) Real(v, b);
        else if (v is sbyte || v is byte || v is short || v is ushort || v is int || v is uint || v is long || v is ulong
            || v is BigInteger || v is decimal) b.Append(((IFormattable)v).ToString(null, CultureInfo.InvariantCulture));
        else if (v is IDictionary)
        {
            var pairs = new List<object>();
            foreach (DictionaryEntry e in (IDictionary)v) pairs.Add(new[] { e.Key, e.Value });
            EncodeAll(pairs, b);
        }
        else if (v is IEnumerable) EncodeAll((IEnumerable)v, b);
        else if (v is System.Threading.Tasks.Task)
        {
            ((System.Threading.Tasks.Task)v).GetAwaiter().GetResult();
            var result = v.GetType().GetProperty("Result");
            Encode(result == null ? null : result.GetValue(v, null), b);
        }
        else if (v.GetType().IsGenericType) Parts(v, b);
        else throw new InvalidCastException("a result of type " + v.GetType() + " has no neutral form");
    }

    static void Real(object v, StringBuilder b)
    {
        double d = v is float ? (float)v : (double)v;
        string text = v is float ? ((float)v).ToString("R", CultureInfo.InvariantCulture) : d.ToString("R", CultureInfo.InvariantCulture);
        if (double.IsNaN(d)) b.Append("\"NaN\"");
        else if (double.IsInfinity(d)) b.Append(d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        else b.Append(text.IndexOfAny(new[] { '.', 'E' }) < 0 ? text + ".0" : text);
    }

    static void Parts(object v, StringBuilder b)
    {
        Type t = v.GetType();
        if (t.FullName.StartsWith("System.ValueTuple"))
            EncodeAll(t.GetFields().Where(f => f.Name.StartsWith("Item")).Select(f => f.GetValue(v)), b);
        else if (t.FullName.StartsWith("System.Tuple"))
            EncodeAll(t.GetProperties().Where(p => p.Name.StartsWith("Item")).Select(p => p.GetValue(v, null)), b);
        else if (t.FullName.StartsWith("System.Collections.Generic.KeyValuePair"))
            EncodeAll(new[] { t.GetProperty("Key").GetValue(v, null), t.GetProperty("Value").GetValue(v, null) }, b);
        else throw new InvalidCastException("a result of type " + t + " has no neutral form");
    }

    static void EncodeAll(IEnumerable items, StringBuilder b)
    {
        b.Append('[');
        int n = 0;
        foreach (object item in items)
        {
            if (n >= Longest) throw new InvalidCastException("the result does not end");
            if (n++ > 0) b.Append(',');
            Encode(item, b);
        }
        b.Append(']');
    }

    static void Quote(string s, StringBuilder b)
    {
        b.Append('"');
        foreach (char c in s)
        {
            if (c == '"' || c == '\\') b.Append('\\').Append(c);
            else if (c < 32 || c > 126) b.Append("\\u").Append(((int)c).ToString("x4"));
            else b.Append(c);
        }
        b.Append('"');
    }

    // Reads the JSON of the plan: integers as long or BigInteger, other numbers as double.
    sealed class Json
    {
        readonly string text;
        int at = 0;

        public Json(string text) { this.text = text; }

        public object Value()
        {
            Skip();
            char c = text[at];
            if (c == '{')
            {
                var map = new Dictionary<string, object>();
                for (at++; !Closes('}');)
                {
                    string key = (string)Value();
                    Skip();
                    at++;
                    map[key] = Value();
                }
                return map;
            }
            if (c == '[')
            {
                var list = new List<object>();
                for (at++; !Closes(']');) list.Add(Value());
                return list;
            }
            if (c == '"') return String();
            int start = at;
            while (at < text.Length && ",]} \n".IndexOf(text[at]) < 0) at++;
            string word = text.Substring(start, at - start);
            if (word == "null") return null;
            if (word == "true" || word == "false") return word == "true";
            if (word.IndexOfAny(new[] { '.', 'e', 'E' }) >= 0) return double.Parse(word, CultureInfo.InvariantCulture);
            var n = BigInteger.Parse(word, CultureInfo.InvariantCulture);
            return n >= long.MinValue && n <= long.MaxValue ? (object)(long)n : n;
        }

        void Skip()
        {
            while (text[at] <= ' ' || text[at] == ',') at++;
        }

        bool Closes(char end)
        {
            Skip();
            bool closed = text[at] == end;
            at += closed ? 1 : 0;
            return closed;
        }

        string String()
        {
            var b = new StringBuilder();
            for (at++; text[at] != '"'; at++)
            {
                char c = text[at];
                if (c == '\\')
                {
                    c = text[++at];
                    if (c == 'u')
                    {
                        b.Append((char)int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber));
                        at += 4;
                        continue;
                    }
                    int escape = "nrtbf".IndexOf(c);
                    c = escape < 0 ? c : "\n\r\t\b\f"[escape];
                }
                b.Append(c);
            }
            at++;
            return b.ToString();
        }
    }
}
