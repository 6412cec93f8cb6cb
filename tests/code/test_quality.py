"""Statements of answers and their normal form, alike in eight languages."""

from __future__ import annotations

import pytest

from tests.code.test_shapes import TRIPLES
from xinstruct.code.quality import normal_form, statements
from xinstruct.code.traits import EIGHT

ONE = {
    "python": 'def f(a):\n    """What it does."""\n    # why\n    return a + 1\n',
    "javascript": "function f(a) {\n  // why\n  return a + 1;\n}",
    "typescript": "export const f = (a: number): number => a + 1;",
    "java": "import java.util.*;\n\nclass Solution {\n    static int f(int a) {\n        return a + 1;\n    }\n}",
    "cpp": "#include <vector>\n\nint f(int a) {\n    return a + 1;\n}",
    "csharp": "using System;\n\nclass Solution {\n    static int f(int a) => a + 1;\n}",
    "php": "<?php\nfunction f($a) {\n    return $a + 1;\n}",
    "bash": 'f() {\n  echo "$(( $1 + $(cat x | wc -l) ))"\n}',
}
# A declaration, a loop with a condition in it and one statement each way, a return: six of them.
SIX = {
    "python": (
        "def f(a):\n    s = 0\n    for x in a:\n        if x > 0:\n            s += x\n        else:\n            "
        "s -= 1\n    return s\n"
    ),
    "javascript": (
        "function f(a) {\n  let s = 0;\n  for (let i = 0; i < a.length; i++) {\n    if (a[i] > 0) {\n      s += a[i];\n"
        "    } else s -= 1;\n  }\n  return s;\n}"
    ),
    "typescript": (
        "const f = (a: number[]): number => {\n  let s = 0;\n  for (const x of a) {\n    "
        "if (x > 0) { s += x; } else { s -= 1; }\n"
        "  }\n  return s;\n};"
    ),
    "java": (
        "static int f(int[] a) {\n    int s = 0;\n    for (int i = 0; i < a.length; i++) {\n        "
        "if (a[i] > 0) s += a[i];\n"
        "        else s -= 1;\n    }\n    return s;\n}"
    ),
    "cpp": (
        "int f(const std::vector<int>& a) {\n    int s = 0;\n    for (int x : a) {\n        if (x > 0) s += x;\n"
        "        else { s -= 1; }\n    }\n    return s;\n}"
    ),
    "csharp": (
        "static int f(int[] a) {\n    var s = 0;\n    for (int i = 0; i < a.Length; i++) {\n        "
        "if (a[i] > 0) { s += a[i]; }\n"
        "        else { s -= 1; }\n    }\n    return s;\n}"
    ),
    "php": (
        "function f($a) {\n    $s = 0;\n    foreach ($a as $x) {\n        if ($x > 0) {\n            "
        "$s += $x;\n        } else {\n"
        "            $s -= 1;\n        }\n    }\n    return $s;\n}"
    ),
    "bash": (
        'f() {\n  local s=0\n  for x in $1; do\n    if [ "$x" -gt 0 ]; then\n      s=$((s + x))\n    else\n      '
        's=$((s - 1))\n'
        '    fi\n  done\n  echo "$s" | tr a b\n}'
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", EIGHT)
def test_one_statement_is_one(language: str) -> None:
    assert statements(language, ONE[language], "f") == 1


@pytest.mark.parametrize("language", EIGHT)
def test_nested_statements_count_and_braces_and_heads_of_loops_do_not(language: str) -> None:
    assert statements(language, SIX[language], "f") == 6


@pytest.mark.parametrize(
    ("language", "code", "count"),
    [
        ("python", "import os\n\n\ndef g():\n    pass\n\n\ndef f():\n    x = 1\n    return x\n", 2),
        ("python", "def f():\n    def g():\n        return 1\n\n    return g()\n", 2),
        ("python", "def f(a):\n    pass\n", 0),
        ("javascript", "const g = (x) => { a(); b(); c(); };\nconst f = function (x) { return g(x); };", 1),
        ("java", "int f(int a) { switch (a) { case 1: a = 2; break; default: a = 3; } return a; }", 5),
        ("cpp", "namespace n { template <class T> T* f(T* a) { switch (*a) { case 1: return a; } return 0; } }", 3),
        ("cpp", "int n::f(int a) { auto g = [](int x) { x++; return x; }; return g(a); }", 4),
        ("csharp", "class A { string f(string s) { using (var r = g()) { s = r; } return s; } }", 3),
        ("php", "function f($a) {\n    return \"<?php dd{$a}; ?>\";\n}", 1),
        ("php", "<?php function f($a) { switch ($a) { case 1: return 2; default: return 3; } }", 3),
        ("bash", 'f() {\n  [[ -n $1 ]] || { echo no; return 1; }\n  case $1 in\n    a) echo b ;;\n  esac\n}', 5),
        ("bash", "f() {\n  while read -r line; do\n    echo x\n  done < file\n}", 2),
        ("bash", "f() {\n  if [[ $1 ]]; then\n    echo a\n  elif [[ $2 ]]; then\n    echo b\n  fi\n}", 3),
    ],
)  # fmt: skip
def test_what_each_language_has_of_its_own(language: str, code: str, count: int) -> None:
    assert statements(language, code, "f") == count


def test_the_largest_of_several_functions_counts_and_of_none_the_whole_program() -> None:
    code = "class A { int f(int a) { return a; } int f(int a, int b) { a++; b++; return a + b; } }"
    assert statements("java", code, "f") == 3
    assert statements("java", code, "g") == 4


@pytest.mark.parametrize("language", EIGHT)
def test_names_and_layout_do_not_count_in_the_normal_form_and_constants_do(language: str) -> None:
    one, _, other = TRIPLES[language]
    assert normal_form(language, one) != normal_form(language, other)
    spread = one.replace("{\n", "{\n\n\n") if language != "python" else one.replace("\n    ", "\n\n    ")
    assert normal_form(language, one) == normal_form(language, spread)
    imports = {
        "python": "import os\n",
        "java": "import java.util.*;\n",
        "cpp": "#include <map>\n",
        "csharp": "using A;\n",
    }
    assert normal_form(language, one) == normal_form(language, imports.get(language, "") + one)
    assert normal_form(language, ONE[language]) != normal_form(language, ONE[language].replace("1", "2"))


def test_the_same_body_under_other_names_has_one_normal_form() -> None:
    one = 'def total(items):\n    s = 7\n    return f"{s}: {items}"\n'
    same = 'def count(words):\n    n = 7  # start\n    return f"{n}: {words}"\n'
    assert normal_form("python", one) == normal_form("python", same)
    assert normal_form("python", one) != normal_form("python", same.replace("}: {", "} - {"))


def test_text_that_keeps_a_parser_busy_is_refused() -> None:
    with pytest.raises(ValueError, match="its parser takes too long"):
        statements("java", "int f() { return a" + "<" * 5000 + "; }", "f")
