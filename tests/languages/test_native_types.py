"""Functions with a language's own parameter types are called too: what mined code looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.languages.conftest import job, need, outcome
from xinstruct.code.types import Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge

INTS = Signature.of("int", a="list<int>")
TEXT = Signature.of("string", a="string")
INTEGER = Signature.of("int", a="string")
ROW = [[3, 1, 2]]

# code, signature, arguments of one case, what comes back
JAVA = [
    ("static int f(int[] a) { return a.length; }", INTS, ROW, 3),
    (
        "public static Integer[] f(Collection<? extends Integer> a) { return a.toArray(new Integer[0]); }",
        Signature.of("list<int>", a="list<int>"),
        ROW,
        [3, 1, 2],
    ),
    ("static <T extends Comparable<T>> T f(List<T> a) { return Collections.max(a); }", INTS, ROW, 3),
    ("private static char f(char a) { return Character.toUpperCase(a); }", TEXT, ["x"], "X"),
    (
        "static String f(String sep, Object... rest) { return sep + Arrays.asList(rest); }",
        Signature.of("string", sep="string", rest="list<string>"),
        ["-", ["a", "b"]],
        "-[a, b]",
    ),
    (
        "static int f(int first, int... rest) { return first + rest.length + rest[0]; }",
        Signature.of("int", a="int", b="int"),
        [1, 5],
        7,
    ),
    (
        "class Deep { static class Inner { private static StringBuilder f(CharSequence a) "
        "{ return new StringBuilder(a).reverse(); } } }",
        TEXT,
        ["abc"],
        "cba",
    ),
    ("public final class Named { short f(byte a) { return (short) (a * 2); } }", Signature.of("int", a="int"), [4], 8),
    (
        "package a.b;\nimport java.util.*;\npublic class P { public static Map<Character, Integer> f(String a) "
        "{ return new TreeMap<>(Map.of(a.charAt(0), 1)); } }",
        Signature.of("dict<string,int>", a="string"),
        ["q"],
        [["q", 1]],
    ),
    (
        "static long f(long a) { return 1; }\nstatic double f(double a) { return 2; }\nstatic String f(String a) "
        "{ return a; }",
        Signature.of("float", a="float"),
        [1.5],
        2.0,
    ),
    (
        "static Optional<Long> f(Optional<Long> a) { return a.map(x -> x + 1); }",
        Signature.of("optional<int>", a="optional<int>"),
        [1],
        2,
    ),
    (
        "static java.math.BigInteger f(long a) { return BigInteger.valueOf(a).pow(3); }",
        Signature.of("int", a="int"),
        [10**9],
        10**27,
    ),
    (
        "static int[][] f(int[][] a) { return new int[][] {a[0], {a.length}}; }",
        Signature.of("list<list<int>>", a="list<list<int>>"),
        [[[1, 2], []]],
        [[1, 2], [2]],
    ),
    (
        "record Point(int x, int y) {}\nstatic Point f(Point a) { return new Point(a.y, a.x()); }",
        Signature.of("tuple<int,int>", a="tuple<int,int>"),
        [[1, 2]],
        [2, 1],
    ),
    (
        "static Iterator<Integer> f(int a) { return IntStream.range(0, a).iterator(); }",
        Signature.of("list<int>", a="int"),
        [3],
        [0, 1, 2],
    ),
]
CPP = [
    ("int f(const std::vector<int>& a) { return a.size(); }", INTS, ROW, 3),
    (
        "size_t f(std::string_view a, std::size_t at) { return a.find('c', at); }",
        Signature.of("int", a="string", at="int"),
        ["abc", 1],
        2,
    ),
    ("char f(char a) { return a + 1; }", TEXT, ["x"], "y"),
    ("const char* f(const char* a) { return a + 1; }", TEXT, ["abc"], "bc"),
    ("namespace n::m { unsigned f(std::vector<unsigned>& a) { a.push_back(7); return a.back(); } }", INTS, ROW, 7),
    ("template <class T> T f(const std::vector<T>& a) { T s = 0; for (auto x : a) s += x; return s; }", INTS, ROW, 6),
    ("auto f(std::list<short> a) { a.sort(); return a; }", Signature.of("list<int>", a="list<int>"), ROW, [1, 2, 3]),
    ("int f(int a) { return 1; }\nint f(std::string a) { return 2; }", Signature.of("int", a="string"), ["x"], 2),
    ("class Solution { public: int f(int a) const { return a * 2; } };", Signature.of("int", a="int"), [4], 8),
    ("struct S { static bool f(uint8_t a) { return a > 200; } };", Signature.of("bool", a="int"), [201], True),
    (
        "std::unordered_map<char, int> f(std::string&& a) { return {{a[0], 1}}; }",
        Signature.of("dict<string,int>", a="string"),
        ["q"],
        [["q", 1]],
    ),
    (
        "std::pair<double, std::string> f(std::pair<float, std::string> a) { return a; }",
        Signature.of("tuple<float,string>", a="tuple<float,string>"),
        [[0.5, "é"]],
        [0.5, "é"],
    ),
    (
        "int f(int);\nint f(int a) { if (f) { return a; } return 0; }\nint main() { return f(3); }",
        Signature.of("int", a="int"),
        [5],
        5,
    ),
    (
        "#include <set>\nstd::set<std::string> f(std::set<std::string> a) { return a; }",
        Signature.of("list<string>", a="list<string>"),
        [["b", "a", "b"]],
        ["a", "b"],
    ),
    (
        "std::array<bool, 2> f(std::array<int, 2> a) { return {a[0] > 0, a[1] > 0}; }",
        Signature.of("tuple<bool,bool>", a="tuple<int,int>"),
        [[1, -1]],
        [True, False],
    ),
    (
        "void run(int) {}\nint invoke = 3;\nint emit(int a) { return a; }\nint f(int a) { return emit(a) + invoke; }",
        Signature.of("int", a="int"),
        [5],
        8,
    ),
]
CSHARP = [
    ("static int f(int[] a) { return a.Length; }", INTS, ROW, 3),
    ("public static IEnumerable<int> f(IEnumerable<int> a) { return a.Where(x => x > 1); }",
     Signature.of("list<int>", a="list<int>"), ROW, [3, 2]),
    ("static char f(char a) { return char.ToUpper(a); }", TEXT, ["x"], "X"),
    ("static int f(int? a) { return a ?? -1; }", Signature.of("int", a="optional<int>"), [None], -1),
    ("static int f(params string[] a) { return a.Length; }",
     Signature.of("int", a="string", b="string"), ["x", "y"], 2),
    ("static string f(string a, string end = \"!\") { return a + end; }", TEXT, ["x"], "x!"),
    ("namespace N { internal static class C { internal static string f(this string a) { return a + a; } } }",
     TEXT, ["x"], "xx"),
    ("static T f<T>(IList<T> a) where T : System.IComparable<T> { return a.Max(); }", INTS, ROW, 3),
    ("static IDictionary<string, int> f(IReadOnlyDictionary<string, int> a) "
     "{ return a.ToDictionary(p => p.Key, p => p.Value + 1); }",
     Signature.of("dict<string,int>", a="dict<string,int>"), [[["k", 1]]], [["k", 2]]),
    ("static ulong f(byte a) { return ulong.MaxValue - a; }", Signature.of("int", a="int"), [1], 2**64 - 2),
    ("static Tuple<int, string> f((int, string) a) { return Tuple.Create(a.Item1, a.Item2); }",
     Signature.of("tuple<int,string>", a="tuple<int,string>"), [[1, "a"]], [1, "a"]),
    ("using System;\nusing static System.Math;\nstatic double f(double a) { return Max(a, 2); }",
     Signature.of("float", a="float"), [1.0], 2.0),
    ("class Q { int f(uint a) { return (int)a; } }", Signature.of("int", a="int"), [9], 9),
    ("static int[][] f(List<List<int>> a) { return a.Select(x => x.ToArray()).ToArray(); }",
     Signature.of("list<list<int>>", a="list<list<int>>"), [[[1], []]], [[1], []]),
]  # fmt: skip
SCRIPTS = [
    ("python", "def f(a):\n    yield from a", Signature.of("list<int>", a="list<int>"), ROW, [3, 1, 2]),
    ("python", "from collections import OrderedDict as D\nf = lambda a: D(x=a)",
     Signature.of("dict<string,int>", a="int"),
     [1], [["x", 1]]),
    ("javascript", "const f = async (a) => new Map([[1, a]])",
     Signature.of("dict<int,string>", a="string"), ["x"], [[1, "x"]]),
    ("javascript", "export default function (a) { return a.length }", INTS, ROW, 3),
    ("javascript", "import { basename } from 'node:path';\nexport const f = (a) => basename(a)", TEXT, ["/a/b"], "b"),
    ("javascript", "exports.f = function* (a) { yield* a }", Signature.of("list<int>", a="list<int>"), ROW, [3, 1, 2]),
    ("javascript", "class f0 {}\nfunction f(a) { return BigInt(a) ** 30n }",
     Signature.of("int", a="int"), [10], 10**30),
    ("javascript", "function f(a) { return a * 1e21 }", Signature.of("int", a="int"), [1], 10**21),
    ("javascript", "function f(a) { return -0 }", Signature.of("int", a="int"), [1], 0),
    ("javascript", "function f(a) { }", Signature.of("optional<int>", a="int"), [1], None),
    ("typescript", "export default function f<T>(a: Iterable<T>): T[] { return [...a]; }",
     Signature.of("list<int>", a="list<int>"), ROW, [3, 1, 2]),
    ("typescript", "import * as path from 'path';\nconst f = (a: string) => path.basename(a);", TEXT, ["/a/b"], "b"),
    ("php", "namespace A\\B;\nfunction f(iterable $a): \\Generator { foreach ($a as $x) yield $x; }",
     Signature.of("list<int>", a="list<int>"), ROW, [3, 1, 2]),

        ("php",
     "<?php declare(strict_types=1);\nfinal class C { private static function f(float $a): ?float { return $a; } }",
     Signature.of("float", a="float"), [1], 1.0),
    ("php", "<?php $f = fn (int|string ...$a) => count($a);", Signature.of("int", a="int", b="int"), [1, 2], 2),
    ("php", "function f(array $a) { return array_filter($a, fn ($x) => $x > 2); }",
     Signature.of("list<int>", a="list<int>"), [[1, 3]], [[1, 3]]),
    ("bash", "f() ( cd /; echo \"$PWD\"; exit 0 )", TEXT, ["x"], "/"),
    ("bash", "set -eu\nf() { false; echo \"$1\"; }", TEXT, ["x"], "x"),
]  # fmt: skip


def run(judge: Judge, language: str, table: list[tuple[str, Signature, list[object], object]]) -> None:
    need(language)
    jobs: list[Job] = [job(language, code, signature, row) for code, signature, row, _ in table]
    for (code, _, _, wanted), verdict in zip(table, judge.observe(jobs), strict=True):
        assert outcome(verdict) == [wanted], code


@pytest.mark.slow
def test_java(judge: Judge) -> None:
    run(judge, "java", JAVA)


@pytest.mark.slow
def test_cpp(judge: Judge) -> None:
    run(judge, "cpp", CPP)


@pytest.mark.slow
def test_csharp(judge: Judge) -> None:
    run(judge, "csharp", CSHARP)


@pytest.mark.parametrize("language", ["python", "javascript", "typescript", "php", "bash"])
def test_scripts(language: str, judge: Judge) -> None:
    run(judge, language, [row for name, *row in SCRIPTS if name == language])  # type: ignore[misc]


OVERFLOW = [
    ("java", "static int f(int a) { return a; }"),
    ("csharp", "static int f(int a) { return a; }"),
    ("cpp", "int f(int a) { return a; }"),
]


@pytest.mark.parametrize(("language", "code"), OVERFLOW)
def test_what_a_native_type_cannot_hold_is_said(language: str, code: str, judge: Judge) -> None:
    need(language)
    (verdict,) = judge.observe([job(language, code, Signature.of("int", a="int"), [2**40], [7])])
    first, second = outcome(verdict)
    assert str(first).startswith("!Unsupported") and second == 7


FAILING = {
    "python": "def f(a):\n    print('noise', end='')\n    raise ValueError('a\\nb')",
    "javascript": "function f(a) { process.stdout.write('noise'); throw new Error('a\\nb'); }",
    "typescript": "function f(a: number): number { process.stdout.write('noise'); throw new Error('a\\nb'); }",
    "java": 'static int f(int a) { System.out.print("noise"); throw new RuntimeException("a\\nb"); }',
    "cpp": 'int f(int a) { std::cout << "noise"; printf("more"); throw std::runtime_error("a\\nb"); }',
    "csharp": 'static int f(int a) { System.Console.Write("noise"); throw new System.Exception("a\\nb"); }',
    "php": "function f($a) { ob_start(); echo 'noise'; throw new Exception(\"a\\nb\"); }",
    "bash": "f() { printf noise >&2; return 3; }",
}


@pytest.mark.parametrize("language", FAILING)
def test_an_error_and_noise_do_not_disturb(language: str, judge: Judge) -> None:
    need(language)
    (verdict,) = judge.observe([job(language, FAILING[language], Signature.of("int", a="int"), [1], [2])])
    for text in outcome(verdict):
        assert isinstance(text, str) and text.startswith("!") and "\n" not in text
        assert language == "bash" or "a b" in text


def test_a_cpp_function_may_have_the_name_of_one_of_c_or_call_openssl(judge: Judge) -> None:
    need("cpp")
    head = "#include <string>\nusing namespace std;\n"
    length = job("cpp", f"{head}int strlen(string a) {{ return a.length(); }}", INTEGER, ["abc"], name="strlen")
    hashed = (
        f"{head}#include <openssl/md5.h>\nint f(string a) {{ unsigned char d[16]; "
        "MD5((const unsigned char *)a.data(), a.size(), d); return d[0]; }"
    )
    jobs = [length] + ([job("cpp", hashed, INTEGER, ["a"])] if Path("/usr/include/openssl/md5.h").exists() else [])
    assert [outcome(verdict) for verdict in judge.observe(jobs)] == [[3], [0x0C]][: len(jobs)]
