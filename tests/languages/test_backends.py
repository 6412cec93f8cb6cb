"""What every backend declares, how it spells, and how answers are recognised."""

from __future__ import annotations

import random

import pytest

from xinstruct.code.types import Signature, Type, conforms
from xinstruct.languages import EIGHT, Unsupported, all_languages, clike, get, names
from xinstruct.languages.cpp_calls import definitions
from xinstruct.languages.extra.c import declared
from xinstruct.languages.generate import random_args, random_value

SIGNATURE = Signature.of("list<int>", text="string", limit="int")


FURTHER = ["c", "go", "lua", "perl", "ruby", "rust"]


def test_the_eight_in_their_order_and_then_all_others() -> None:
    assert [language.name for language in all_languages()] == [*EIGHT, *FURTHER] == list(names())
    with pytest.raises(ValueError, match="python, javascript"):
        get("cobol")


@pytest.mark.parametrize("name", names())
def test_declarations_are_complete(name: str) -> None:
    language = get(name)
    assert language.title and language.fence and language.comment and language.stop
    assert all(e.startswith(".") for e in language.extensions)
    assert language.toolchain.binaries and language.toolchain.version and language.toolchain.install
    header = language.header("count_words", SIGNATURE)
    assert header.endswith("\n") and "count_words" in header and "limit" in header


@pytest.mark.parametrize(
    ("name", "kind", "spelled"),
    [
        ("python", "dict<string,optional<int>>", "dict[str, int | None]"),
        ("typescript", "list<optional<int>>", "(number | null)[]"),
        ("typescript", "dict<bool,tuple<int,string>>", "Map<boolean, [number, string]>"),
        ("java", "dict<string,list<optional<float>>>", "Map<String, List<Double>>"),
        ("java", "tuple<int,string>", "List<Object>"),
        ("java", "optional<int>", "Long"),
        ("cpp", "optional<tuple<int,list<string>>>", "std::optional<std::tuple<long long, std::vector<std::string>>>"),
        ("csharp", "optional<string>", "string"),
        ("csharp", "list<tuple<int,bool>>", "List<(long, bool)>"),
        ("csharp", "optional<int>", "long?"),
        ("php", "optional<list<int>>", "?array"),
        ("go", "dict<string,optional<list<int>>>", "map[string]*[]int"),
        ("go", "tuple<int,bool>", "struct{ V0 int; V1 bool }"),
        ("rust", "optional<tuple<int,list<string>>>", "Option<(i64, Vec<String>)>"),
        ("rust", "dict<string,tuple<float>>", "HashMap<String, (f64,)>"),
        ("ruby", "dict<string,optional<int>>", "Hash<String, Integer or nil>"),
        ("lua", "list<tuple<int,bool>>", "[integer, boolean][]"),
        ("perl", "list<string>", "reference to an array of string"),
        ("c", "list<int>", "long long *"),
        ("c", "list<string>", "const char **"),
        ("bash", "list<int>", "space-separated list of int"),
    ],
)
def test_types_are_spelled(name: str, kind: str, spelled: str) -> None:
    assert get(name).spell_type(Type.parse(kind)) == spelled


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("java", "isOpenNow"),
        ("csharp", "IsOpenNow"),
        ("bash", "is_open_now"),
        ("php", "isOpenNow"),
        ("go", "isOpenNow"),
        ("rust", "is_open_now"),
    ],
)
def test_names_follow_custom(name: str, wanted: str) -> None:
    assert get(name).identifier("is_open_now") == wanted
    assert get("python").identifier("isHTTPOpenNow") == "is_http_open_now"
    told = {"IsInRange": "isInRange", "URLDecode": "urlDecode", "MD5": "md5", "getURL": "getURL", "_is_on": "_isOn"}
    assert {text: get("java").identifier(text) for text in told} == told
    assert get("csharp").identifier("URLDecode") == "URLDecode"


def test_the_plan_holds_no_expected_value_and_the_source_no_argument() -> None:
    for name in names():
        program = get(name).driver("", "f", Signature.of("int", a="string"), [["needle"]], "secretnonce")
        holding = {file for file, text in program.files.items() if "needle" in text or "secretnonce" in text}
        assert holding == {"plan.json"}, name


@pytest.mark.parametrize("name", names())
def test_a_wrong_number_of_arguments_is_refused(name: str) -> None:
    with pytest.raises(Unsupported):
        get(name).driver("", "f", Signature.of("int", a="int"), [[1, 2]], "nonce")


def test_definitions_in_cpp() -> None:
    code = """
    int f(int a); // int f(int b) { return 0; }
    namespace n { struct S { static int f(int a) const noexcept { return g(f(a)); } }; }
    template <class T> T g(T a) { if (f(1)) { return a; } return "f(int a) {"; }
    auto h(auto a) -> decltype(a) { return a; }
    """
    assert definitions(code, "f") == [("n::S::f", True)]
    assert definitions(code, "g") == [("g", False)]
    assert definitions(code, "h") == [("h", False)]


def test_what_stands_at_the_top_level_of_c_like_code() -> None:
    assert clike.at_top("java", "int f(int a) { return 1; }", "f")
    assert not clike.at_top("java", "class A { int f(int a) { return 1; } }", "f")
    code = 'package a;\nclass B { String s = "}"; int f() { return 1; } // }\n}'
    assert clike.outermost("java", code).split() == ["package", "a;", "class", "B", "{", "}"]
    assert clike.cut("java", code, r"^package \w+;")[1] == "package a;\n"


def test_parameter_types_in_c() -> None:
    before = "#define f(x) \\\n x\n#undef f\n"
    code = before + "static int f(const unsigned char *restrict s, int a[], size_t n, char **w, long) { return 0; }"
    assert declared(code, "f") == ["const unsigned char *", "int *", "size_t", "char **", "long"]
    assert declared("int g(void) { return f(1); }", "f") == []


def test_generated_values_conform_and_repeat() -> None:
    kinds = ["int", "float", "bool", "string", "list<list<int>>", "dict<string,list<int>>", "tuple<int,optional<bool>>"]
    for text in kinds:
        kind = Type.parse(text)
        first = [random_value(kind, random.Random(seed)) for seed in range(200)]
        assert first == [random_value(kind, random.Random(seed)) for seed in range(200)]
        assert all(conforms(kind, value) for value in first)
    keys = [[k for k, _ in random_value(Type.parse("dict<int,int>"), random.Random(s))] for s in range(200)]
    assert all(len(set(row)) == len(row) for row in keys)


def test_generated_arguments_differ_and_end() -> None:
    rows = random_args(SIGNATURE, random.Random(1), 30)
    assert len(rows) == 30 and len({repr(row) for row in rows}) == 30
    assert len(random_args(Signature.of("int", a="bool"), random.Random(1), 30)) == 2
