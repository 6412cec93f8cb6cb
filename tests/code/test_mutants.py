"""Broken variants of functions, in every language that has a grammar."""

from __future__ import annotations

import difflib

import pytest

from xinstruct.code.mutable import Source
from xinstruct.code.mutants import make_mutants
from xinstruct.code.statements import count_statements
from xinstruct.code.traits import EIGHT

FUNCTIONS = {
    "python": 'def f(a: int, b: int) -> int:\n    """Adds 1 < 2."""\n    # a + 1\n    total = 0\n'
    "    for i in range(a):\n        if i > b:\n            total += i * 2\n    return total - b\n",
    "javascript": "function f(a, b) {\n  // a + 1\n  let total = 0;\n  for (let i = 0; i < a; i++) {\n"
    "    if (i > b) {\n      total += i * 2;\n    }\n  }\n  return total - b;\n}\n",
    "typescript": "function f(a: number, b: number): number {\n  // a + 1\n  let total = 0;\n"
    "  for (let i = 0; i < a; i++) {\n    if (i > b) {\n      total += i * 2;\n    }\n  }\n  return total - b;\n}\n",
    "java": "static long f(long a, long b) {\n  // a + 1\n  long total = 0;\n  for (int i = 0; i < a; i++) {\n"
    "    if (i > b) {\n      total += i * 2;\n    }\n  }\n  return total - b;\n}\n",
    "cpp": "long f(long a, long b) {\n  // a + 1\n  long total = 0;\n  for (int i = 0; i < a; i++) {\n"
    "    if (i > b) {\n      total += i * 2;\n    }\n  }\n  return total - b;\n}\n",
    "csharp": "static long f(long a, long b) {\n  // a + 1\n  long total = 0;\n  for (int i = 0; i < a; i++) {\n"
    "    if (i > b) {\n      total += i * 2;\n    }\n  }\n  return total - b;\n}\n",
    "php": "function f(int $a, int $b): int {\n  // $a + 1\n  $total = 0;\n  for ($i = 0; $i < $a; $i++) {\n"
    "    if ($i > $b) {\n      $total += $i * 2;\n    }\n  }\n  return $total - $b;\n}\n",
    "bash": "f() {\n  # a + 1\n  local total=0 i\n  for ((i = 0; i < $1; i++)); do\n    if [ $i -gt $2 ]; then\n"
    "      total=$((total + i * 2))\n    fi\n  done\n  echo $((total - $2))\n}\n",
}


def changed(code: str, variant: str) -> str:
    """The lines of a variant that its function does not have, stripped."""
    lines = difflib.ndiff(code.splitlines(), variant.splitlines())
    return " ".join(line[2:].strip() for line in lines if line.startswith("+"))


def all_changes(language: str, code: str) -> list[str]:
    return [changed(code, variant) for variant in make_mutants(language, code, 99, 1)]


@pytest.mark.parametrize("language", EIGHT)
def test_a_function_of_several_statements_has_many_different_variants_that_parse(language: str) -> None:
    code = FUNCTIONS[language]
    found = make_mutants(language, code, 12, 7)
    assert len(found) == 12 == len({*found, code} - {code})
    assert found == make_mutants(language, code, 12, 7) and found[:3] == make_mutants(language, code, 3, 7)
    for variant in found:
        parsed = Source.of(language, variant)
        assert parsed and not parsed.root.has_error, variant
        assert "a + 1" in variant, "a comment was changed"


@pytest.mark.parametrize("language", EIGHT)
def test_comparisons_arithmetic_constants_branches_and_statements_change(language: str) -> None:
    found = all_changes(language, FUNCTIONS[language])
    words = " | ".join(found)
    boundary = "-ge" if language == "bash" else ">="
    truth = "True" if language == "python" else "true"
    for piece in (boundary, "i * 3", "i + 2", truth):
        assert piece in words, (piece, found)
    assert any(change in ("pass", ";", ":") for change in found), "no statement was left out"


def test_conditions_texts_arguments_results_and_parameters_change() -> None:
    code = "def f(a, b):\n    if not a:\n        return ''\n    return max(a, b).replace(a, b) + '-'\n"
    found = all_changes("python", code)
    for change in (
        "if a:",
        "return 'x'",
        "return max(a, b).replace(b, a) + '-'",
        "return max(a, b).replace(a, b) + '_'",
        "return '-' + max(a, b).replace(a, b)",
        "return min(a, b).replace(a, b) + '-'",
        "return max(b, b).replace(a, b) + '-'",
        "return a",
    ):
        assert change in found, change


def test_docs_comments_and_guards_that_only_raise_stay() -> None:
    code = (
        'def f(a):\n    """Is a < 1?"""\n    # a < 2\n    if a < 3:\n        raise ValueError("a < 4")\n    return a\n'
    )
    for variant in make_mutants("python", code, 99, 1):
        assert variant.startswith(code[: code.index("    return")]), variant


def test_what_may_never_end_comes_last() -> None:
    body = "  let c = 0;\n  while (n > 0) {\n    n = Math.floor(n / 10);\n    c += 1;\n  }\n  return c;\n"
    code = f"function f(n) {{\n{body}}}\n"
    found = all_changes("javascript", code)
    risky = ["while (n <= 0) {", "n = Math.floor(n * 10);", "n = Math.floor(n / 9);", ";"]
    safe = ["c += 2;", "c -= 1;", "let c = 1;", "return n;"]
    assert max(map(found.index, safe)) < min(found.index(change) for change in risky[:3])


@pytest.mark.parametrize("language", EIGHT)
def test_a_loop_ends_after_its_first_turn(language: str) -> None:
    assert any("break" in change for change in all_changes(language, FUNCTIONS[language]))


def test_a_result_is_replaced_by_what_may_stand_there() -> None:
    typed = all_changes("python", "def f(a: int, b: str) -> str:\n    return b * a\n")
    assert "return b" in typed and "return a" not in typed
    assert {"return a", "return b"} <= set(all_changes("python", "def f(a, b):\n    return b * a\n"))
    assert "return False" in all_changes("python", "def f(a, b):\n    return a < b\n")
    assert "return true;" in all_changes("java", "static boolean f(String a) {\n  return check(a);\n}\n")
    assert 'return "";' in all_changes("csharp", "static string f(int a) {\n  return a.ToString();\n}\n")
    assert 'function f($a) { return ""; }' in all_changes("php", "function f($a) { return 'x' . $a; }")


def test_a_declared_name_is_not_mistaken_for_a_call() -> None:
    assert not any(
        "function floor" in change for change in all_changes("javascript", "function ceil(x) { return x + 1 }")
    )


def test_types_keep_a_parameter_from_standing_for_another() -> None:
    code = "def f(items: list[int], at: int, to: int) -> int:\n    return items[at]\n"
    found = all_changes("python", code)
    assert "return items[to]" in found and "return at[at]" not in found


def test_a_language_without_a_grammar_has_variants_by_its_text() -> None:
    found = make_mutants("ruby", 'def f(a)\n  b = "a + 1"\n  a + 2 if a == 1\nend\n', 9, 1)
    assert {"a - 2", "a + 2 if a != 1"} & {
        changed('def f(a)\n  b = "a + 1"\n  a + 2 if a == 1\nend\n', v) for v in found
    }
    assert all('"a + 1"' in variant for variant in found)


@pytest.mark.parametrize("language", EIGHT)
def test_statements_are_counted_inside_of_others_too(language: str) -> None:
    assert count_statements(language, FUNCTIONS[language]) in (5, 6, 7)


def test_one_statement_is_one() -> None:
    assert count_statements("python", 'def f(a):\n    """Doc."""\n    return a + 1\n') == 1
    assert count_statements("bash", 'f() {\n  echo "$(echo "$1" | sed s/a/b/)"\n}\n') == 1
    assert count_statements("java", "int f(int a) {\n  return a;\n}") == 1
    assert count_statements("ruby", "def f(a)\n  a + 1\nend") == 2
