// The driver: calls one function on the arguments of plan.json, converted to the parameter types that the function
// declares. What is no template is compiled once (driver.cpp) and linked; it stands in core.hpp and prelude.hpp, before
// every answer. Everything of ours lives in namespace xinstruct_driver.
#pragma once

namespace xinstruct_driver {

struct Mismatch : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- JSON of the plan: a number keeps its text
struct Json {
    enum Kind { null, boolean, number, string, array, object } kind = null;
    std::string text; // of a number or string; "1" for true
    std::vector<Json> items; // of an array, or key and value in turn
};

// ---- from JSON to a declared parameter type
extern std::deque<std::string> arena; // what string_view and const char* parameters point into

template <class T> struct Tag {};
template <class T, template <class...> class C> struct is_a : std::false_type {};
template <template <class...> class C, class... A> struct is_a<C<A...>, C> : std::true_type {};
template <class T, class = void> struct is_range : std::false_type {};
template <class T> struct is_range<T, std::void_t<decltype(std::begin(std::declval<const T&>()))>> : std::true_type {};
template <class T, class = void> struct is_map : std::false_type {};
template <class T> struct is_map<T, std::void_t<typename T::mapped_type>> : std::true_type {};
template <class T, class = void> struct is_box : std::false_type {};
template <class T> struct is_box<T, std::void_t<typename T::value_type,
    decltype(std::declval<T&>().insert(std::declval<T&>().end(), std::declval<typename T::value_type>()))>> : std::true_type {};
template <class T> struct is_array : std::false_type {};
template <class T, std::size_t N> struct is_array<std::array<T, N>> : std::true_type {};
template <class T> struct never : std::false_type {};
template <class T> constexpr bool is_text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>
    || std::is_same_v<T, const char*> || std::is_same_v<T, char*>;
template <class T> constexpr bool is_wide_int = std::is_same_v<T, __int128> || std::is_same_v<T, unsigned __int128>;

void need(bool ok, const Json& j, const char* what);

template <class T> T integer(const Json& j) {
    need(j.kind == Json::number && j.text.find_first_of(".eE") == std::string::npos, j, "integer");
    bool minus = j.text[0] == '-';
    need(j.text.size() <= 20, j, "integer of this size");
    __int128 n = 0;
    for (char c : j.text.substr(minus)) n = n * 10 + (c - '0');
    if (minus) n = -n;
    if constexpr (is_wide_int<T>) return T(n);
    else {
        need(n >= __int128(std::numeric_limits<T>::min()) && n <= __int128(std::numeric_limits<T>::max()), j,
             "integer of this size");
        return T(n);
    }
}

template <class T> T convert(const Json& j);

template <class T, std::size_t... I> T fixed(const Json& j, std::index_sequence<I...>) {
    need(j.kind == Json::array && j.items.size() == sizeof...(I), j, "tuple of this length");
    return T{convert<std::decay_t<decltype(std::get<I>(std::declval<T&>()))>>(j.items[I])...};
}

template <class T> T convert(const Json& j) {
    if constexpr (std::is_same_v<T, bool>) {
        need(j.kind == Json::boolean, j, "bool");
        return !j.text.empty();
    } else if constexpr (std::is_same_v<T, char>) {
        need(j.kind == Json::string && j.text.size() == 1, j, "char");
        return j.text[0];
    } else if constexpr (std::is_floating_point_v<T>) {
        need(j.kind == Json::number || j.kind == Json::string, j, "number");
        return T(std::strtold(j.text.c_str(), nullptr));
    } else if constexpr (std::is_integral_v<T> || is_wide_int<T>) {
        return integer<T>(j);
    } else if constexpr (is_text<T>) {
        need(j.kind == Json::string, j, "string");
        if constexpr (std::is_same_v<T, std::string>) return j.text;
        else if constexpr (std::is_same_v<T, std::string_view>) return arena.emplace_back(j.text);
        else return arena.emplace_back(j.text).data();
    } else if constexpr (is_a<T, std::optional>::value) {
        return j.kind == Json::null ? T() : T(convert<typename T::value_type>(j));
    } else if constexpr (is_a<T, std::tuple>::value || is_a<T, std::pair>::value) {
        return fixed<T>(j, std::make_index_sequence<std::tuple_size_v<T>>());
    } else if constexpr (is_array<T>::value) {
        T made{};
        need(j.kind == Json::array && j.items.size() == made.size(), j, "array of this length");
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = convert<typename T::value_type>(j.items[i]);
        return made;
    } else if constexpr (is_map<T>::value) {
        T made;
        need(j.kind == Json::array, j, "map");
        for (const Json& pair : j.items)
            made.emplace(convert<typename T::key_type>(pair.items[0]), convert<typename T::mapped_type>(pair.items[1]));
        return made;
    } else if constexpr (is_box<T>::value) {
        T made;
        need(j.kind == Json::array, j, "list");
        for (const Json& item : j.items) made.insert(made.end(), convert<typename T::value_type>(item));
        return made;
    } else {
        static_assert(never<T>::value, "no neutral value converts to this parameter type");
    }
}

// ---- from a result to JSON
void quote(std::string_view s, std::string& out);

template <class T> void digits(T n, std::string& out) {
    std::string text;
    bool minus = n < 0;
    do {
        int d = int(n % 10);
        text += char('0' + (d < 0 ? -d : d));
        n /= 10;
    } while (n != 0);
    if (minus) text += '-';
    out.append(text.rbegin(), text.rend());
}

template <class T> void encode(const T& v, std::string& out);

template <class T, std::size_t... I> void parts(const T& v, std::string& out, std::index_sequence<I...>) {
    ((out += I ? "," : "", encode(std::get<I>(v), out)), ...);
}

template <class T> void encode(const T& v, std::string& out) {
    if constexpr (std::is_same_v<T, bool>) out += v ? "true" : "false";
    else if constexpr (std::is_same_v<T, std::nullptr_t> || std::is_same_v<T, std::nullopt_t>) out += "null";
    else if constexpr (std::is_same_v<T, char>) quote(std::string_view(&v, 1), out);
    else if constexpr (std::is_integral_v<T> || is_wide_int<T>) digits(v, out);
    else if constexpr (std::is_floating_point_v<T>) {
        char buffer[64];
        if (std::isnan(v)) out += "\"NaN\"";
        else if (std::isinf(v)) out += v > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        else out.append(buffer, std::snprintf(buffer, sizeof buffer, std::is_same_v<T, float> ? "%.9Lg" : "%.17Lg", (long double)v));
    } else if constexpr (std::is_array_v<T> && std::is_same_v<std::remove_cv_t<std::remove_extent_t<T>>, char>) {
        quote(v, out);
    } else if constexpr (is_text<T>) {
        if constexpr (std::is_pointer_v<T>) {
            if (!v) { out += "null"; return; }
        }
        quote(v, out);
    } else if constexpr (is_a<T, std::optional>::value) {
        if (v) encode(*v, out); else out += "null";
    } else if constexpr (is_a<T, std::tuple>::value || is_a<T, std::pair>::value) {
        out += '[';
        parts(v, out, std::make_index_sequence<std::tuple_size_v<T>>());
        out += ']';
    } else if constexpr (is_range<T>::value) {
        out += '[';
        bool first = true;
        for (auto&& item : v) {
            if (!first) out += ',';
            first = false;
            encode<std::decay_t<decltype(item)>>(item, out);
        }
        out += ']';
    } else {
        static_assert(never<T>::value, "a result of this type has no neutral form");
    }
}

// ---- calling
void litter(); // driver.cpp

template <class F, class R, class... A, std::size_t... I>
std::string apply(F&& f, Tag<R(A...)>, const Json& row, std::index_sequence<I...>) {
    need(row.items.size() == sizeof...(A), row, "argument list of this length");
    std::tuple<std::decay_t<A>...> args{convert<std::decay_t<A>>(row.items[I])...};
    std::string out;
    litter();
    if constexpr (std::is_void_v<R>) {
        f(static_cast<A&&>(std::get<I>(args))...);
        out = "null";
    } else {
        encode<std::decay_t<R>>(f(static_cast<A&&>(std::get<I>(args))...), out);
    }
    return out;
}

template <class R, class... A> std::string invoke(R (*f)(A...), const Json& row) {
    return apply(f, Tag<R(A...)>(), row, std::index_sequence_for<A...>());
}
template <class C, class R, class... A> std::string invoke(R (C::*f)(A...), const Json& row) {
    C self{};
    auto call = [&](A... a) -> R { return (self.*f)(static_cast<A&&>(a)...); };
    return apply(call, Tag<R(A...)>(), row, std::index_sequence_for<A...>());
}
template <class C, class R, class... A> std::string invoke(R (C::*f)(A...) const, const Json& row) {
    C self{};
    auto call = [&](A... a) -> R { return (self.*f)(static_cast<A&&>(a)...); };
    return apply(call, Tag<R(A...)>(), row, std::index_sequence_for<A...>());
}
// fewer arguments than parameters: the rest have defaults, which only a call by name (`f`) can use
template <class R, class... A, class F, std::size_t... I>
std::string some(F&& f, Tag<R(A...)>, const Json& row, std::index_sequence<I...> which) {
    return apply(f, Tag<R(std::tuple_element_t<I, std::tuple<A...>>...)>(), row, which);
}
template <std::size_t N, class R, class... A, class F> std::string first(R (*)(A...), F f, const Json& row) {
    return some(f, Tag<R(A...)>(), row, std::make_index_sequence<N>());
}
template <std::size_t N, class C, class R, class... A, class F> std::string first(R (C::*)(A...), F f, const Json& row) {
    return some(f, Tag<R(A...)>(), row, std::make_index_sequence<N>());
}
template <std::size_t N, class C, class R, class... A, class F>
std::string first(R (C::*)(A...) const, F f, const Json& row) {
    return some(f, Tag<R(A...)>(), row, std::make_index_sequence<N>());
}
template <std::size_t N, class F, class O, class = decltype(&O::operator())>
std::string first(const O* f, F, const Json& row) {
    return first<N>(&O::operator(), *f, row);
}
// an object that can be called (a lambda in a variable): its operator() tells the types
template <class F, class R, class... A> std::string object(const F& f, R (F::*)(A...) const, const Json& row) {
    return apply(f, Tag<R(A...)>(), row, std::index_sequence_for<A...>());
}
template <class F> std::string called(const F& f, const Json& row) {
    return object(f, &F::operator(), row);
}
template <class R, class... A> std::string invoke(const std::function<R(A...)>* f, const Json& row) {
    return apply(*f, Tag<R(A...)>(), row, std::index_sequence_for<A...>());
}
template <class F, class = decltype(&F::operator())> std::string invoke(const F* f, const Json& row) {
    return object(*f, &F::operator(), row);
}
// overloaded or generic: called with the types that the signature spells
template <class... A, class F> std::string spelled(F f, const Json& row) {
    using R = decltype(f(std::declval<A&>()...));
    return apply(f, Tag<R(A&...)>(), row, std::index_sequence_for<A...>());
}

// ---- driver.cpp
int run(std::string (*call)(const Json& row));

} // namespace xinstruct_driver
