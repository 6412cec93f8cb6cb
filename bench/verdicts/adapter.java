/** Calls a method of Solution with values of other numeric and container types, and gives its result in those. */
class XinstructAdapter {
    static Object call(String name, Object... args) {
        for (java.lang.reflect.Method one : Solution.class.getDeclaredMethods()) {
            if (one.getName().equals(name) && one.getParameterCount() == args.length) {
                return called(one, args);
            }
        }
        throw new AssertionError("no method " + name);
    }

    private static Object called(java.lang.reflect.Method one, Object[] args) {
        try {
            Object[] given = new Object[args.length];
            for (int i = 0; i < args.length; i++) {
                given[i] = convert(args[i], one.getGenericParameterTypes()[i]);
            }
            one.setAccessible(true);
            Object found = one.invoke(new Solution(), given);
            for (java.lang.reflect.Method asked : Problem.class.getDeclaredMethods()) {
                if (asked.getName().equals(one.getName())) {
                    return convert(found, asked.getGenericReturnType());
                }
            }
            return found;
        } catch (ReflectiveOperationException error) {
            throw new RuntimeException(error);
        }
    }

    private static Object convert(Object v, java.lang.reflect.Type type) {
        Class<?> raw = type instanceof Class<?> c ? c
            : type instanceof java.lang.reflect.ParameterizedType p ? (Class<?>) p.getRawType() : Object.class;
        if (raw == java.util.Optional.class) {
            Object held = v instanceof java.util.Optional<?> o ? o.orElse(null) : v;
            return java.util.Optional.ofNullable(convert(held, argument(type, 0)));
        }
        if (v instanceof java.util.Optional<?> o) {
            return convert(o.orElse(null), type);
        }
        if (v instanceof Number n) {
            return number(n, raw);
        }
        if (v instanceof java.util.List<?> list && raw.isAssignableFrom(java.util.ArrayList.class)) {
            java.util.ArrayList<Object> items = new java.util.ArrayList<>();
            list.forEach(item -> items.add(convert(item, argument(type, 0))));
            return items;
        }
        if (v instanceof java.util.Map<?, ?> map && raw.isAssignableFrom(java.util.HashMap.class)) {
            java.util.HashMap<Object, Object> items = new java.util.HashMap<>();
            map.forEach((key, item) -> items.put(convert(key, argument(type, 0)), convert(item, argument(type, 1))));
            return items;
        }
        return v;
    }

    private static java.lang.reflect.Type argument(java.lang.reflect.Type type, int place) {
        return type instanceof java.lang.reflect.ParameterizedType p ? p.getActualTypeArguments()[place] : Object.class;
    }

    private static Object number(Number n, Class<?> raw) {
        if (raw == int.class || raw == Integer.class) {
            return n.intValue();
        }
        if (raw == long.class || raw == Long.class) {
            return n.longValue();
        }
        if (raw == double.class || raw == Double.class) {
            return n.doubleValue();
        }
        if (raw == float.class || raw == Float.class) {
            return n.floatValue();
        }
        return n instanceof Long && raw == Object.class && n.longValue() == n.intValue() ? (Object) n.intValue() : n;
    }
}
