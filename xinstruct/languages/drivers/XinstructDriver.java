import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.*;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import java.util.stream.*;

/**
 * Calls the method named in plan.json on each argument list and prints what it returned. The method is found by name
 * and arity in the compiled classes of this folder, whatever its access; arguments are converted to its declared types.
 * With no name in the plan it runs the classes' own main and reports that it ended normally.
 */
final class XinstructDriver {
    static final int LONGEST = 100_000; // items taken from an iterator that may not end

    static final class Mismatch extends RuntimeException {
        Mismatch(String text) {
            super(text);
        }
    }

    public static void main(String[] ignored) throws Throwable {
        Path file = Path.of("plan.json");
        Map<?, ?> plan = (Map<?, ?>) new Json(Files.readString(file)).value();
        try {
            Files.delete(file);
        } catch (java.io.IOException readOnly) {
            // the nonce stays readable, nothing else changes
        }
        fixOrder(System.getenv("XINSTRUCT_SEED"));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        String nonce = (String) plan.get("nonce");
        if (plan.get("name") == null) {
            runMain();
        } else {
            calls(plan, nonce, out);
        }
        System.out.flush();
        out.print("\n" + nonce + "\tend\n");
        out.flush();
        if (plan.get("name") != null) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** Sets and maps made by `of` have another order in every JVM: here it is what the seed says. */
    static void fixOrder(String seed) {
        try {
            Field unsafe = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
            unsafe.setAccessible(true);
            sun.misc.Unsafe memory = (sun.misc.Unsafe) unsafe.get(null);
            Class<?> collections = Class.forName("java.util.ImmutableCollections");
            Field start = collections.getDeclaredField("SALT32L");
            Field reverse = collections.getDeclaredField("REVERSE");
            long number = seed == null ? 0 : Long.parseLong(seed);
            memory.putLong(memory.staticFieldBase(start), memory.staticFieldOffset(start), number);
            memory.putBoolean(memory.staticFieldBase(reverse), memory.staticFieldOffset(reverse), (number & 1) == 0);
        } catch (ReflectiveOperationException | RuntimeException otherwise) {
            // a JDK that keeps its order elsewhere
        }
    }

    /** The one main there is: of two, the program could run the one without the tests. */
    static void runMain() throws Throwable {
        List<Method> mains = new ArrayList<>();
        for (Class<?> c : classes()) {
            for (Method m : c.getDeclaredMethods()) {
                if (m.getName().equals("main") && Modifier.isStatic(m.getModifiers())
                        && Arrays.equals(m.getParameterTypes(), new Class<?>[] {String[].class})) {
                    mains.add(m);
                }
            }
        }
        if (mains.size() != 1) {
            throw new NoSuchMethodException(mains.size() + " methods main(String[]) where one is needed");
        }
        mains.get(0).setAccessible(true);
        try {
            mains.get(0).invoke(null, (Object) new String[0]);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    static void calls(Map<?, ?> plan, String nonce, PrintStream out) throws Exception {
        List<?> kinds = (List<?>) plan.get("params");
        List<?> rows = (List<?>) plan.get("args");
        List<?> returns = (List<?>) plan.get("returns");
        List<Method> methods = candidates((String) plan.get("name"), kinds);
        for (int i = 0; i < rows.size(); i++) {
            String text;
            try {
                StringBuilder b = new StringBuilder();
                encode(call(methods, kinds, (List<?>) rows.get(i)), returns, b);
                text = b.toString();
            } catch (Throwable error) {
                text = "!" + describe(error);
            }
            System.out.flush();
            out.print("\n" + nonce + "\t" + i + "\t" + text + "\n");
            out.flush();
        }
    }

    static String describe(Throwable error) {
        try {
            String text = error instanceof Mismatch ? "Unsupported: " + error.getMessage()
                    : error.getClass().getSimpleName() + ": " + error.getMessage();
            text = text.replaceAll("\\s+", " ");
            return text.substring(0, Math.min(text.length(), 300));
        } catch (Throwable nested) {
            return "error";
        }
    }

    /** Solution first, then classes of the top level, then by name. */
    static final class Order implements Comparator<String> {
        @Override
        public int compare(String a, String b) {
            int solution = Boolean.compare(!a.equals("Solution"), !b.equals("Solution"));
            int nested = Boolean.compare(a.contains("$"), b.contains("$"));
            return solution != 0 ? solution : nested != 0 ? nested : a.compareTo(b);
        }
    }

    static List<Class<?>> classes() throws Exception {
        List<String> names = new ArrayList<>(); // by loops: lambdas cost a JVM's start as much again
        for (String file : new java.io.File(".").list()) {
            if (file.endsWith(".class") && !file.startsWith("XinstructDriver")) {
                names.add(file.substring(0, file.length() - 6));
            }
        }
        names.sort(new Order());
        List<Class<?>> found = new ArrayList<>();
        for (String name : names) {
            found.add(Class.forName(name, false, XinstructDriver.class.getClassLoader()));
        }
        return found;
    }

    static List<Method> candidates(String name, List<?> kinds) throws Exception {
        List<Method> found = new ArrayList<>();
        for (Class<?> c : classes()) {
            for (Method m : c.getDeclaredMethods()) {
                if (m.getName().equals(name) && !m.isSynthetic() && !Modifier.isAbstract(m.getModifiers())
                        && (m.getParameterCount() == kinds.size()
                            || m.isVarArgs() && m.getParameterCount() - 1 <= kinds.size())) {
                    m.setAccessible(true);
                    found.add(m);
                }
            }
        }
        if (found.isEmpty()) {
            throw new NoSuchMethodException(name + " with " + kinds.size() + " parameters");
        }
        found.sort(Comparator.comparingInt(m -> penalty(m, kinds))); // stable: the first declared of equals
        return found;
    }

    static int penalty(Method m, List<?> kinds) {
        int sum = Modifier.isStatic(m.getModifiers()) ? 0 : 1;
        if (m.getParameterCount() != kinds.size()) {
            return sum + 10_000;
        }
        for (int i = 0; i < kinds.size(); i++) {
            sum += penalty((List<?>) kinds.get(i), m.getGenericParameterTypes()[i]);
        }
        return sum;
    }

    static int penalty(List<?> kind, Type target) {
        Class<?> raw = raw(target);
        List<Class<?>> best = switch ((String) kind.get(0)) {
            case "int" -> List.of(long.class, Long.class, int.class, Integer.class, BigInteger.class, short.class,
                    byte.class, double.class, Double.class, float.class, Float.class, Number.class);
            case "float" -> List.of(double.class, Double.class, float.class, Float.class, BigDecimal.class, Number.class);
            case "bool" -> List.of(boolean.class, Boolean.class);
            case "string" -> List.of(String.class, CharSequence.class, StringBuilder.class, char[].class, char.class,
                    Character.class);
            case "dict" -> List.of(Map.class, HashMap.class, LinkedHashMap.class, TreeMap.class);
            case "optional" -> List.of(Optional.class);
            default -> List.of(List.class, ArrayList.class, Collection.class, Iterable.class);
        };
        if (kind.get(0).equals("optional") && raw != Optional.class) {
            return penalty((List<?>) kind.get(1), target) + 1;
        }
        int at = best.indexOf(raw);
        if (at >= 0) {
            return at + (kind.get(0).equals("list") ? element((List<?>) kind.get(1), target) : 0);
        }
        return raw.isArray() ? 5 + penalty((List<?>) kind.get(kind.size() - 1), component(target)) : 50;
    }

    static int element(List<?> kind, Type target) {
        return target instanceof ParameterizedType p ? penalty(kind, p.getActualTypeArguments()[0]) : 20;
    }

    static Object call(List<Method> methods, List<?> kinds, List<?> row) throws Throwable {
        Mismatch first = null;
        for (Method m : methods) {
            Object[] args;
            Object self = null;
            try {
                args = arguments(m, kinds, row);
                if (!Modifier.isStatic(m.getModifiers())) {
                    Constructor<?> c = m.getDeclaringClass().getDeclaredConstructor();
                    c.setAccessible(true);
                    self = c.newInstance();
                }
            } catch (Mismatch error) {
                first = first == null ? error : first;
                continue;
            } catch (NoSuchMethodException error) {
                first = first == null ? new Mismatch(m.getName() + " is not static") : first;
                continue;
            }
            try {
                return m.invoke(self, args);
            } catch (InvocationTargetException error) {
                throw error.getCause();
            }
        }
        throw first;
    }

    static Object[] arguments(Method m, List<?> kinds, List<?> row) {
        Type[] types = m.getGenericParameterTypes();
        Object[] args = new Object[types.length];
        boolean spread = types.length != kinds.size();
        if (!spread) {
            try {
                for (int i = 0; i < types.length; i++) {
                    args[i] = convert(row.get(i), (List<?>) kinds.get(i), types[i]);
                }
                return args;
            } catch (Mismatch error) {
                if (!m.isVarArgs() || ((List<?>) kinds.get(kinds.size() - 1)).get(0).equals("list")) {
                    throw error;
                }
            }
        }
        int fixed = types.length - 1; // a scalar where a variable number of them may stand
        for (int i = 0; i < fixed; i++) {
            args[i] = convert(row.get(i), (List<?>) kinds.get(i), types[i]);
        }
        Type component = component(types[fixed]);
        Object rest = Array.newInstance(raw(component), kinds.size() - fixed);
        for (int i = fixed; i < kinds.size(); i++) {
            Array.set(rest, i - fixed, convert(row.get(i), (List<?>) kinds.get(i), component));
        }
        args[fixed] = rest;
        return args;
    }

    static Class<?> raw(Type type) {
        if (type instanceof Class<?> c) {
            return c;
        }
        if (type instanceof ParameterizedType p) {
            return (Class<?>) p.getRawType();
        }
        if (type instanceof GenericArrayType a) {
            return Array.newInstance(raw(a.getGenericComponentType()), 0).getClass();
        }
        if (type instanceof WildcardType w) {
            return raw(w.getLowerBounds().length > 0 ? w.getLowerBounds()[0] : w.getUpperBounds()[0]);
        }
        return raw(((TypeVariable<?>) type).getBounds()[0]);
    }

    static Type component(Type type) {
        return type instanceof GenericArrayType a ? a.getGenericComponentType() : raw(type).getComponentType();
    }

    static Type argument(Type type, int at) {
        if (type instanceof WildcardType w) {
            return argument(w.getLowerBounds().length > 0 ? w.getLowerBounds()[0] : w.getUpperBounds()[0], at);
        }
        if (type instanceof ParameterizedType p && at < p.getActualTypeArguments().length) {
            return p.getActualTypeArguments()[at];
        }
        return Object.class;
    }

    static Object convert(Object v, List<?> kind, Type target) {
        Class<?> raw = raw(target);
        String head = (String) kind.get(0);
        if (head.equals("optional")) {
            return optional(v, (List<?>) kind.get(1), target, raw);
        }
        Object made = switch (head) {
            case "bool" -> raw == boolean.class || raw.isAssignableFrom(Boolean.class) ? v : null;
            case "int" -> integer((Number) v, raw);
            case "float" -> real(v, raw);
            case "string" -> text((String) v, raw);
            case "dict" -> map((List<?>) v, kind, target, raw);
            default -> sequence((List<?>) v, kind, target, raw);
        };
        if (made == null) {
            throw new Mismatch(head + " to " + target.getTypeName());
        }
        return made;
    }

    static Object optional(Object v, List<?> kind, Type target, Class<?> raw) {
        if (raw == Optional.class) {
            return v == null ? Optional.empty() : Optional.of(convert(v, kind, argument(target, 0)));
        }
        if (raw == OptionalInt.class) {
            return v == null ? OptionalInt.empty() : OptionalInt.of((Integer) convert(v, kind, int.class));
        }
        if (raw == OptionalLong.class) {
            return v == null ? OptionalLong.empty() : OptionalLong.of((Long) convert(v, kind, long.class));
        }
        if (raw == OptionalDouble.class) {
            return v == null ? OptionalDouble.empty() : OptionalDouble.of((Double) convert(v, kind, double.class));
        }
        if (v == null && raw.isPrimitive()) {
            throw new Mismatch("null to " + raw);
        }
        return v == null ? null : convert(v, kind, target);
    }

    static Object integer(Number v, Class<?> raw) {
        if (v instanceof BigInteger) {
            return raw.isAssignableFrom(BigInteger.class) ? v : null;
        }
        long n = v.longValue();
        if (raw == int.class || raw == Integer.class) {
            return n == (int) n ? (Object) (int) n : null;
        }
        if (raw == short.class || raw == Short.class) {
            return n == (short) n ? (Object) (short) n : null;
        }
        if (raw == byte.class || raw == Byte.class) {
            return n == (byte) n ? (Object) (byte) n : null;
        }
        if (raw == double.class || raw == Double.class) {
            return (double) n;
        }
        if (raw == float.class || raw == Float.class) {
            return (float) n;
        }
        if (raw == BigInteger.class) {
            return BigInteger.valueOf(n);
        }
        if (raw == Object.class && n == (int) n) {
            return (int) n; // what a literal in a call is
        }
        return raw == long.class || raw.isAssignableFrom(Long.class) ? (Object) n : null;
    }

    static Object real(Object v, Class<?> raw) {
        double d = v instanceof String s ? (s.equals("NaN") ? Double.NaN : s.equals("Infinity")
                ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY) : ((Number) v).doubleValue();
        if (raw == float.class || raw == Float.class) {
            return (float) d;
        }
        if (raw == BigDecimal.class) {
            return Double.isFinite(d) ? BigDecimal.valueOf(d) : null;
        }
        return raw == double.class || raw.isAssignableFrom(Double.class) ? (Object) d : null;
    }

    static Object text(String s, Class<?> raw) {
        if (raw == char.class || raw == Character.class) {
            return s.length() == 1 ? (Object) s.charAt(0) : null;
        }
        if (raw == char[].class) {
            return s.toCharArray();
        }
        if (raw == StringBuilder.class) {
            return new StringBuilder(s);
        }
        if (raw == StringBuffer.class) {
            return new StringBuffer(s);
        }
        return raw.isAssignableFrom(String.class) ? s : null;
    }

    static List<?> inner(List<?> kind, int at) {
        return (List<?>) (kind.get(0).equals("tuple") ? kind.get(at + 1) : kind.get(1));
    }

    static Object sequence(List<?> v, List<?> kind, Type target, Class<?> raw) {
        if (raw.isArray()) {
            Object array = Array.newInstance(raw.getComponentType(), v.size());
            for (int i = 0; i < v.size(); i++) {
                Array.set(array, i, convert(v.get(i), inner(kind, i), component(target)));
            }
            return array;
        }
        if (kind.get(0).equals("tuple")) {
            Object made = tuple(v, kind, target, raw);
            if (made != null) {
                return made;
            }
        }
        if (raw == IntStream.class) {
            return IntStream.of((int[]) sequence(v, kind, int[].class, int[].class));
        }
        if (raw == LongStream.class) {
            return LongStream.of((long[]) sequence(v, kind, long[].class, long[].class));
        }
        if (raw == DoubleStream.class) {
            return DoubleStream.of((double[]) sequence(v, kind, double[].class, double[].class));
        }
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < v.size(); i++) {
            items.add(convert(v.get(i), inner(kind, i), argument(target, 0)));
        }
        if (raw.isAssignableFrom(ArrayList.class)) {
            return items;
        }
        if (raw.isAssignableFrom(Iterator.class)) {
            return items.iterator();
        }
        if (raw.isAssignableFrom(Stream.class)) {
            return items.stream();
        }
        for (Class<?> c : List.of(LinkedHashSet.class, TreeSet.class, LinkedList.class)) {
            if (raw.isInterface() && raw.isAssignableFrom(c)) {
                raw = c;
            }
        }
        return Collection.class.isAssignableFrom(raw) ? filled(raw, items) : null;
    }

    @SuppressWarnings("unchecked")
    static Object filled(Class<?> raw, List<Object> items) {
        try {
            Collection<Object> made = (Collection<Object>) raw.getConstructor().newInstance();
            made.addAll(items);
            return made;
        } catch (ReflectiveOperationException error) {
            return null;
        }
    }

    static Object tuple(List<?> v, List<?> kind, Type target, Class<?> raw) {
        if (v.size() == 2 && raw.isAssignableFrom(AbstractMap.SimpleEntry.class) && raw != Object.class) {
            return new AbstractMap.SimpleEntry<>(convert(v.get(0), inner(kind, 0), argument(target, 0)),
                    convert(v.get(1), inner(kind, 1), argument(target, 1)));
        }
        try {
            if (raw.getName().startsWith("org.javatuples.")) {
                Object[] items = new Object[v.size()];
                for (int i = 0; i < items.length; i++) {
                    items[i] = convert(v.get(i), inner(kind, i), argument(target, i));
                }
                return raw.getMethod("fromArray", Object[].class).invoke(null, (Object) items);
            }
            if (raw.isRecord() && raw.getRecordComponents().length == v.size()) {
                Constructor<?> c = raw.getDeclaredConstructor(
                        Stream.of(raw.getRecordComponents()).map(RecordComponent::getType).toArray(Class<?>[]::new));
                c.setAccessible(true);
                Object[] items = new Object[v.size()];
                for (int i = 0; i < items.length; i++) {
                    items[i] = convert(v.get(i), inner(kind, i), raw.getRecordComponents()[i].getGenericType());
                }
                return c.newInstance(items);
            }
        } catch (ReflectiveOperationException error) {
            return null;
        }
        return null;
    }

    @SuppressWarnings("unchecked")
    static Object map(List<?> v, List<?> kind, Type target, Class<?> raw) {
        Map<Object, Object> made;
        if (raw.isAssignableFrom(LinkedHashMap.class)) {
            made = new LinkedHashMap<>();
        } else if (raw.isAssignableFrom(TreeMap.class)) {
            made = new TreeMap<>();
        } else {
            try {
                made = (Map<Object, Object>) raw.getConstructor().newInstance();
            } catch (ReflectiveOperationException | ClassCastException error) {
                return null;
            }
        }
        for (Object pair : v) {
            List<?> p = (List<?>) pair;
            made.put(convert(p.get(0), (List<?>) kind.get(1), argument(target, 0)),
                    convert(p.get(1), (List<?>) kind.get(2), argument(target, 1)));
        }
        return made;
    }

    static void encode(Object v, List<?> kind, StringBuilder b) throws Exception {
        if (v == null || v instanceof Boolean) {
            b.append(v);
        } else if (v instanceof Character || v instanceof CharSequence) {
            quote(v.toString(), b);
        } else if (v instanceof char[] chars && kind != null && kind.get(0).equals("string")) {
            quote(new String(chars), b);
        } else if (v instanceof Float || v instanceof Double) {
            double d = ((Number) v).doubleValue();
            b.append(Double.isFinite(d) ? v.toString() : "\"" + v + "\"");
        } else if (v instanceof Number) {
            b.append(new BigDecimal(v.toString()));
        } else if (v instanceof Optional<?> o) {
            encode(o.orElse(null), kind, b);
        } else if (v instanceof OptionalInt o) {
            encode(o.isPresent() ? o.getAsInt() : null, kind, b);
        } else if (v instanceof OptionalLong o) {
            encode(o.isPresent() ? o.getAsLong() : null, kind, b);
        } else if (v instanceof OptionalDouble o) {
            encode(o.isPresent() ? o.getAsDouble() : null, kind, b);
        } else if (v instanceof Map<?, ?> m) {
            encodeAll(m.entrySet().iterator(), b);
        } else if (v instanceof Map.Entry<?, ?> e) {
            encodeAll(Arrays.asList(e.getKey(), e.getValue()).iterator(), b);
        } else if (v instanceof Iterable<?> items) {
            encodeAll(items.iterator(), b);
        } else if (v instanceof Iterator<?> items) {
            encodeAll(items, b);
        } else if (v instanceof BaseStream<?, ?> items) {
            encodeAll(items.iterator(), b);
        } else if (v.getClass().isArray()) {
            int length = Array.getLength(v);
            List<Object> items = new ArrayList<>(length);
            for (int i = 0; i < length; i++) {
                items.add(Array.get(v, i));
            }
            encodeAll(items.iterator(), b);
        } else if (v.getClass().isRecord()) {
            List<Object> items = new ArrayList<>();
            for (RecordComponent c : v.getClass().getRecordComponents()) {
                c.getAccessor().setAccessible(true);
                items.add(c.getAccessor().invoke(v));
            }
            encodeAll(items.iterator(), b);
        } else {
            throw new ClassCastException("a result of type " + v.getClass().getName() + " has no neutral form");
        }
    }

    static void encodeAll(Iterator<?> items, StringBuilder b) throws Exception {
        b.append('[');
        for (int n = 0; items.hasNext(); n++) {
            if (n >= LONGEST) {
                throw new ClassCastException("the result does not end");
            }
            if (n > 0) {
                b.append(',');
            }
            encode(items.next(), null, b);
        }
        b.append(']');
    }

    static void quote(String s, StringBuilder b) {
        b.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '"' || c == '\\') {
                b.append('\\').append(c);
            } else if (c < 32 || c > 126) {
                b.append(String.format("\\u%04x", (int) c));
            } else {
                b.append(c);
            }
        }
        b.append('"');
    }

    /** Reads the JSON of the plan: integers as Long or BigInteger, other numbers as Double. */
    static final class Json {
        final String text;
        int at = 0;

        Json(String text) {
            this.text = text;
        }

        Object value() {
            skip();
            char c = text.charAt(at);
            if (c == '{') {
                Map<String, Object> map = new LinkedHashMap<>();
                for (at++; !closes('}');) {
                    String key = (String) value();
                    skip();
                    at++;
                    map.put(key, value());
                }
                return map;
            }
            if (c == '[') {
                List<Object> list = new ArrayList<>();
                for (at++; !closes(']');) {
                    list.add(value());
                }
                return list;
            }
            if (c == '"') {
                return string();
            }
            int start = at;
            while (at < text.length() && ",]} \n".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at);
            return switch (word) {
                case "null" -> null;
                case "true" -> true;
                case "false" -> false;
                default -> number(word);
            };
        }

        static Number number(String word) {
            if (word.matches("-?\\d+")) {
                BigInteger n = new BigInteger(word);
                return n.bitLength() < 64 ? (Number) n.longValue() : n;
            }
            return Double.valueOf(word);
        }

        void skip() {
            while (text.charAt(at) <= ' ' || text.charAt(at) == ',') {
                at++;
            }
        }

        boolean closes(char end) {
            skip();
            boolean closed = text.charAt(at) == end;
            at += closed ? 1 : 0;
            return closed;
        }

        String string() {
            StringBuilder b = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                char c = text.charAt(at);
                if (c == '\\') {
                    c = text.charAt(++at);
                    if (c == 'u') {
                        b.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                        at += 4;
                        continue;
                    }
                    int escape = "nrtbf".indexOf(c);
                    c = escape < 0 ? c : "\n\r\t\b\f".charAt(escape);
                }
                b.append(c);
            }
            at++;
            return b.toString();
        }
    }
}
