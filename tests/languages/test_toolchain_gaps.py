"""What a toolchain lacks is said, and what it has since is there: C#, PHP's extensions, the library of ES2023."""

from __future__ import annotations

import pytest

from tests.languages.conftest import need
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import version

NUMBER = Signature.of("int", n="int")
TEXT = Signature.of("string", s="string")
NUMBERS = Signature.of("list<int>", xs="list<int>")
# code -> what mcs does not know of it
NEWER = {
    "int Up(int x) { return x + 1; } return Up(n);": "local functions (C# 7)",
    "static int Up(int x) => x + 1; return Up(n);": "local functions (C# 7)",
    "return n switch { 1 => 2, _ => 3 };": "switch expressions (C# 8)",
    "var a = new[] { 2, 1 }; return a[^2];": "indices from the end (C# 8)",
    'return "abc"[1..].Length;': "ranges (C# 8)",
    "List<int> a = new(); a.Add(n + 1); return a[0];": "new without a type (C# 9)",
    "int? a = null; a ??= 2; return a.Value;": "`??=` (C# 8)",
    "object o = n; return o is not null ? 2 : 0;": "`not` patterns (C# 9)",
    'using var s = new System.IO.StringReader("x"); return 2;': "`using` declarations (C# 8)",
    "return (n, 1) == (1, 1) ? 2 : 0;": "comparisons of tuples (C# 7.3)",
}
KNOWN = [
    "(int a, int b) = (1, 2); var (c, d) = (3, 4); return b;",
    "object o = n; if (o is int x) return x + 1; return 0;",
    'int.TryParse("2", out var x); return x;',
    "int b = 0b10; return b;",
    "int b = default; return b + n + 1;",
    "return n > 0 ? n + 1 : throw new System.Exception();",
    "int[] a = { n }; ref int r = ref a[0]; r++; return a[0];",
]
WRONG = ["retrun 2;", 'return "a";', "return n + ;", "foo(); return 2"]
PHP = {
    "mb_strtoupper($s)": "ÄB",
    "implode(',', mb_str_split($s))": "ä,b",
    "mb_substr($s, 0, 1) . mb_strlen($s)": "ä2",
    "mb_convert_case($s, MB_CASE_TITLE, 'UTF-8')": "Äb",
    "bcadd('99999999999999999999', '1')": "100000000000000000000",
    "gmp_strval(gmp_pow(10, 20))": "100000000000000000000",
}
ES2023 = {
    "xs.toSorted((a, b) => a - b)": [1, 2],
    "xs.toReversed()": [1, 2],
    "xs.with(0, 5)": [5, 1],
    "xs.toSpliced(0, 1)": [1],
    "[xs.findLast(x => x > 1)!, xs.findLastIndex(x => x > 0)]": [2, 1],
    "[xs.at(-1)!, Object.hasOwn({ a: 1 }, 'a') ? 1 : 0]": [1, 1],
}


def method(body: str) -> Job:
    return Job(body, "csharp", f"public static int F(int n) {{ {body} }}\n", "F", NUMBER, (Case((1,), 2),))


@pytest.mark.slow
def test_newer_csharp_is_unsupported_by_name(judge: Judge) -> None:
    need("csharp")
    found = judge.judge([method(body) for body in (*NEWER, *KNOWN, *WRONG)])
    said = [(v.verdict, v.detail) for v in found[: len(NEWER)]]
    assert said == [("unsupported", f"mcs does not know {what}") for what in NEWER.values()]
    assert {v.verdict for v in found[len(NEWER) : -len(WRONG)]} == {"passed"}
    assert {v.verdict for v in found[-len(WRONG) :]} == {"compile_error"}


def test_parameters_that_nobody_gives(judge: Judge) -> None:
    need("csharp")
    heads = ["int n, params int[] r", "int n, int k = 0, params int[] r", "int n, string s = null", "int n, int? k = 3"]
    jobs = [
        Job(head, "csharp", f"static int F({head}) {{ return n + 1; }}", "F", NUMBER, (Case((1,), 2),))
        for head in heads
    ]
    assert [v.verdict for v in judge.judge(jobs)] == ["passed"] * len(heads)


def test_extensions_of_php(judge: Judge) -> None:
    need("php")
    if not {"mbstring", "bcmath", "gmp"} <= set(version("php").split()):
        pytest.skip("an extension is not installed")
    jobs = [Job(e, "php", f"<?php function f($s) {{ return {e}; }}", "f", TEXT, (Case(("äb",), PHP[e]),)) for e in PHP]
    there = "<?php function f($s) { return mb_nothing($s); }"
    missing = "<?php function f($s) { return grapheme_strrev($s); }"
    odd = [Job(code, "php", code, "f", TEXT, jobs[0].cases) for code in (there, missing)]
    found = judge.judge([*jobs, *odd])
    assert [(v.id, v.verdict) for v in found[:-2] if v.verdict != "passed"] == []
    assert found[-2].verdict == "runtime_error"
    if "intl" not in version("php").split():
        assert (found[-1].verdict, found[-1].detail[-8:]) == ("unsupported", "php-intl")


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_the_library_of_es2023(language: str, judge: Judge) -> None:
    need(language)
    typed = ": number[]" if language == "typescript" else ""
    jobs = []
    for text, expected in ES2023.items():
        code = f"function f(xs{typed}) {{ return {text if typed else text.replace('!', '')}; }}"
        jobs.append(Job(text, language, code, "f", NUMBERS, (Case(([2, 1],), expected),)))
    assert [(v.id, v.verdict, v.detail) for v in judge.judge(jobs) if v.verdict != "passed"] == []
