"""Shapes in every language: the same under other names, constants and layout, another for other code."""

from __future__ import annotations

import pytest

from xinstruct.code.shapes import shape
from xinstruct.code.traits import EIGHT

# A function, the same one in other words, and one that does something else with the same names.
TRIPLES = {
    "python": (
        'def total(items):\n    s = 0\n    for i in items:\n        s += len(i)\n    return s\n',
        "def count( words ) :\n  n = 1  # start\n\n  for w in words :\n    n += len(w)\n  return n",
        "def total(items):\n    s = 0\n    for i in items:\n        s += len(i)\n        return s\n",
    ),
    "javascript": (
        "function f(a, b) {\n  const c = a.map((x) => x + 'y');\n  return c.join(b);\n}",
        'function glue(list, mark) { const parts = list.map((one) => one + "zz") // each\n return parts.join(mark) }',
        "function f(a, b) {\n  const c = a.filter((x) => x + 'y');\n  return c.join(b);\n}",
    ),
    "typescript": (
        "function f(a: string[], b: number): string {\n  return a.slice(1, b).join(`-`);\n}",
        "function g(x: string[], y: number): string { return x.slice(2, y).join(''); /* joined */ }",
        "function f(a: string[], b: string): string {\n  return a.slice(1, b).join(`-`);\n}",
    ),
    "java": (
        'int f(int a) {\n    String s = "x";\n    return s.length() + a;\n}',
        'int g(int left) { /* why */ String t = "other"; return t.length() + left; }',
        'int f(int a) {\n    String s = "x";\n    return s.length() - a;\n}',
    ),
    "cpp": (
        "int f(const std::vector<int>& v) {\n    int s = 0;\n    for (int x : v) s += x;\n    return s;\n}",
        "int sum(const std::vector<int>& all) { int r = 7; for (int one : all) r += one; return r; } // done",
        "int f(const std::vector<int>& v) {\n    int s = 0;\n    for (int x : v) s -= x;\n    return s;\n}",
    ),
    "csharp": (
        'static string F(string a) {\n    return a.Trim() + $"{a}!";\n}',
        'static string G(string text) { return text.Trim() + $"<{text}>"; }',
        'static string F(string a) {\n    return a.ToLower() + $"{a}!";\n}',
    ),
    "php": (
        'function f($a) {\n    $s = strlen($a);\n    return $s * 2;\n}',
        '<?php function g($text) { $n = strlen($text); # bytes\n return $n * 3; }',
        'function f($a) {\n    $s = strrev($a);\n    return $s * 2;\n}',
    ),
    "bash": (
        'f() {\n  local a="$1"\n  echo "${a}" | tr x y\n}',
        'upper() { local text="$2"; echo "<${text}>" | tr x y; }',
        'f() {\n  local a="$1"\n  echo "${a}" | sed x y\n}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", EIGHT)
def test_names_constants_comments_and_layout_do_not_count(language: str) -> None:
    one, same, other = TRIPLES[language]
    assert shape(language, one) == shape(language, same)
    assert shape(language, one) != shape(language, other)


@pytest.mark.parametrize("language", EIGHT)
def test_which_name_stands_where_counts(language: str) -> None:
    mark = "$" if language in ("php", "bash") else ""
    one = f"f({mark}a, {mark}b, {mark}a)" if language != "bash" else "f $a $b $a"
    assert shape(language, one) == shape(language, one.replace("b", "c"))
    assert shape(language, one) != shape(language, one.replace("b", "a"))


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", 'f"x {a} {b}" + a'),
        ("javascript", "`x ${a} ${b}` + a"),
        ("typescript", "`x ${a} ${b}` + a"),
        ("csharp", 'var s = $"x {a} {b}" + a;'),
        ("php", '"x $a {$b}" . $a;'),
        ("bash", 'echo "x $a ${b}" $a'),
    ],
)
def test_code_in_a_literal_counts(language: str, code: str) -> None:
    assert shape(language, code) == shape(language, code.replace("x ", "y y"))
    assert shape(language, code) != shape(language, code.replace("b", "a"))


def test_a_shape_reads_as_tokens() -> None:
    assert shape("java", 'int f(int a) { return a + g("x", 12); } // c') == (
        'int n1 ( int n2 ) { return n2 + n3 ( "" , 0 ) ; } ;'
    )
    assert shape("python", "def f(a):\n    if a:\n        return len(a)\n") == (
        "def n1 ( n2 ) : { if n2 : { return len ( n2 ) ; } ; } ;"
    )


def test_broken_and_foreign_text_has_a_shape_or_says_why_not() -> None:
    assert shape("java", "int f( { return") and shape("python", "prose, and it's not a program") is not None
    with pytest.raises(ValueError, match="ruby has no grammar"):
        shape("ruby", "def f; end")
    with pytest.raises(ValueError, match="takes too long"):
        shape("java", "a<" * 5000)
