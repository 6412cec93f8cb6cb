"""Which cases tell a right program from a wrong one: each rule by a function that breaks it and one that keeps it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from tests.agents.helpers import EXECUTION, snippet
from tests.params import execution
from xinstruct.agents.cases import Probe, find_cases, probe
from xinstruct.agents.discrimination import (
    Answered,
    differs,
    judged_cases,
    monotonous,
    strengthen,
    weak,
)
from xinstruct.agents.selection import select_cases
from xinstruct.agents.wording import calls
from xinstruct.code.types import Case, Signature, Type, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.execution.verdicts import Verdict
from xinstruct.records import Reason

INT = Signature.of("int", n="int")
TEXT = Signature.of("string", text="string")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


def mined(judge: Judge, *functions: tuple[str, str, str, Signature]) -> dict[str, Probe]:
    """Language, name, code and signature of functions: their probes with cases or a reason."""
    need = sorted({language for language, *_ in functions})
    if missing := [language for language in need if not available(language)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    probes = [probe(snippet(*function), 10) for function in functions]
    find_cases(probes, judge, mutants=12, kill_share=0.7)
    return {item.snippet.name: item for item in probes}


def passes(judge: Judge, item: Probe, code: str) -> bool:
    """Whether another program passes the cases that were found."""
    [verdict] = judge.judge([item.job(code, item.cases, "other")])
    assert verdict.verdict in ("passed", "wrong_answer"), verdict
    return verdict.verdict == "passed"


@pytest.mark.slow
def test_wrong_programs_that_random_inputs_let_through_are_caught(judge: Judge) -> None:
    zigzag = "public static ulong EncodeZigZag64(long n)\n{\n    return (ulong)((n << 1) ^ (n >> 63));\n}"
    category = (
        "public static bool IsValidCategoryName(string name)\n{\n"
        "    return name.IndexOfAny(new char[] { ',', '!', '+', '-' }) < 0;\n}"
    )
    square = "function abs2( x ) {\n    return x * x;\n}"
    power = "bool Power10Exact(int n) { return n >= 0 && n <= 27; }"
    found = mined(
        judge,
        ("csharp", "EncodeZigZag64", zigzag, INT),
        ("csharp", "IsValidCategoryName", category, Signature.of("bool", name="string")),
        ("javascript", "abs2", square, Signature.of("float", x="float")),
        ("cpp", "Power10Exact", power, Signature.of("bool", n="int")),
    )
    assert {name: item.detail for name, item in found.items() if item.reason} == {}
    wrong = {
        "EncodeZigZag64": "static long EncodeZigZag64(long n) { return 2 * n; }",
        "IsValidCategoryName": "static bool IsValidCategoryName(string name) { return name.IndexOf('-') < 0; }",
        "abs2": "function abs2(x) { return Math.abs(x); }",
        "Power10Exact": "bool Power10Exact(long long n) { return n >= 0; }",
    }
    for name, code in wrong.items():
        assert not passes(judge, found[name], code), name
    narrow = "static long EncodeZigZag64(long n) { int m = (int)n; return (uint)((m << 1) ^ (m >> 31)); }"
    assert not passes(judge, found["EncodeZigZag64"], narrow), "no input is beyond 32 bits"


@pytest.mark.slow
def test_branches_of_shell_functions_are_reached_by_their_own_words(judge: Judge) -> None:
    option = (
        'json_path() {\n  if [ ! "$1" = "-p" ]; then\n    printf \'"%s"\' "$1"\n  else\n    printf \'%s\' "$2"\n  fi\n}'
    )
    alias = (
        'alias_of() {\n  case "$1" in\n    "active") printf "current" ;;\n    "lts_active") printf "lts" ;;\n'
        '    "lts") printf "lts" ;;\n    "supported") printf "current" ;;\n    *) printf "unexpected"\n  esac\n}'
    )
    group = 'swagger() {\n  case "$1" in\n    v1) echo "v1" ;;\n    *) echo "${1%/*}_${1#*/}" ;;\n  esac\n}'
    escape = "escaped() {\n  echo \"$(echo \"$1\" | sed 's/\\./\\\\./g' | sed 's/\\[/\\\\\\[/g')\"\n}"
    two = Signature.of("string", first="string", second="string")
    found = mined(
        judge,
        ("bash", "json_path", option, two),
        ("bash", "alias_of", alias, TEXT),
        ("bash", "swagger", group, TEXT),
        ("bash", "escaped", escape, TEXT),
    )
    assert {name: item.detail for name, item in found.items() if item.reason} == {}
    wrong = {
        "json_path": 'json_path() {\n  printf \'"%s"\' "$1"\n}',
        "alias_of": "alias_of() {\n  echo unexpected\n}",
        "swagger": 'swagger() {\n  if [ "$1" = v1 ]; then echo v1; else echo "$1_$1"; fi\n}',
        "escaped": "escaped() {\n  echo \"$1\" | sed 's/\\./\\\\./g'\n}",
    }
    for name, code in wrong.items():
        assert not passes(judge, found[name], code), name


def test_shell_functions_that_calculate_are_proved_on_numbers(judge: Judge) -> None:
    code = 'area() {\n  local w="$1" h="$2"\n  echo $(( w * h + 1 ))\n}'
    item = mined(judge, ("bash", "area", code, Signature.of("string", w="string", h="string")))["area"]
    assert item.reason is None, item.detail
    assert all(not arg or arg.removeprefix("-").isdigit() for case in item.cases for arg in case.args)


def test_a_branch_that_no_input_reaches_makes_cases_weak(judge: Judge) -> None:
    code = (
        "def held(n):\n    if str(n) == 'never':\n        n = n * 3 + 1\n        n = n - 2\n        return n // 7\n"
        "    if n is None:\n        return n * 2 - 5\n    return n + 1\n"
    )
    item = mined(judge, ("python", "held", code, INT))["held"]
    assert item.reason == Reason.WEAK_CASES and "broken variants pass" in item.detail


@pytest.mark.slow
def test_one_statement_needs_a_variant_and_several_need_eight(judge: Judge) -> None:
    none = "def same_all(a):\n    return (a, a, a)"
    one = "def twice(n):\n    return n + n"
    few = "def few(a):\n    b = [*a]\n    b.sort()\n    return b"
    lists = Signature.of("list<int>", a="list<int>")
    found = mined(
        judge,
        ("python", "same_all", none.replace("return (a, a, a)", "yield a"), INT),
        ("python", "twice", one, INT),
        ("python", "few", few, lists),
    )
    assert found["twice"].reason is None, found["twice"].detail
    assert "too few variants" in found["few"].detail
    several = [Case((n,), n % 4) for n in range(20)]
    assert judged_cases(INT, several, [], 10, 0.7, 1).weakness == "too few variants: 0 of 1 run"
    assert judged_cases(INT, several, [{5}], 10, 0.7, 1).weakness == ""


def test_the_share_of_variants_that_die_decides() -> None:
    cases = [Case((n,), n % 5) for n in range(20)]
    caught: list[set[int]] = [{at} for at in range(7)]
    assert judged_cases(INT, cases, [*caught, set(), set(), set()], 10, 0.7, 8).weakness == ""
    told = judged_cases(INT, cases, [*caught, set(), set(), set(), set()], 10, 0.7, 8)
    assert told.weakness == "4 of 11 broken variants pass" and (told.ran, told.caught) == (11, 7)


def test_a_case_that_tells_the_function_from_its_rival_is_taken() -> None:
    cases = [Case((n,), n * n) for n in range(40)]
    item = Answered("python", "f", INT, "", "", cases, 6, rival=[Case((n,), n * n + (n == 33)) for n in range(1, 40)])
    assert item.apart == {33}
    told = judged_cases(INT, cases, [{1}, {2}, {3}, {5}, {6}, {7}, {8}, {9}], 6, 0.5, 0, item.apart)
    assert Case((33,), 33 * 33) in told.cases and Case((33,), 33 * 33) not in judged_cases(
        INT, cases, [{1}, {2}, {3}, {5}, {6}, {7}, {8}, {9}], 6, 0.5, 0
    ).cases  # fmt: skip


def test_results_must_differ() -> None:
    three, two = [Case((n,), n % 3) for n in range(9)], [Case((n,), n % 2) for n in range(9)]
    assert monotonous(INT.returns, three) == "" and "2 distinct" in monotonous(INT.returns, two)
    truths = [Case((n,), n % 2 == 0) for n in range(9)]
    assert monotonous(Type("bool"), truths) == ""
    often = [Case((n,), max(0, n - 5)) for n in range(9)]
    assert monotonous(INT.returns, often) == "6 of 9 cases have the same result"
    assert "1 distinct" in weak(INT, [Case((1,), 3), Case((2,), 3)])
    assert weak(INT, [Case((n,), n) for n in range(4)]) == "returning n passes"


def test_the_commonest_result_takes_no_more_than_its_share_of_the_cases() -> None:
    cases = [Case((n,), 0 if n < 40 else n) for n in range(44)]
    chosen = select_cases(INT, cases, [{at} for at in range(9)], 10)
    zeros = sum(case.expected == 0 for case in chosen)
    assert (zeros, len(chosen)) == (6, 10)
    rare = [Case((n,), n > 38) for n in range(40)]
    found = judged_cases(Signature.of("bool", n="int"), rare, [{1}] * 8, 10, 0.7, 8)
    assert found.weakness == "too few cases of different results: 2 of 40"


def test_what_can_be_caught_is_caught_by_the_cases_that_are_taken() -> None:
    cases = [Case((n,), n * n) for n in range(50)]
    caught = [{49}, {3, 48}, {17}, {30, 31}, set(), {0, 1, 2}]
    chosen = select_cases(INT, cases, caught, 10)
    kept = {case.args[0] for case in chosen}
    assert len(chosen) == 10 and all(kept & own for own in caught if own)


def test_large_negative_and_empty_arguments_are_kept() -> None:
    cases = [Case((n,), 3 * n) for n in (*range(2, 30), 2**40 + 1, -7, 0)]
    kept = {case.args[0] for case in select_cases(INT, cases, [{0}], 6)}
    assert {2**40 + 1, -7, 0} <= kept


def test_the_two_that_are_shown_are_short_and_different_and_four_stay_hidden() -> None:
    cases = [Case(("x" * n,), "x" * (n // 2) + "y") for n in range(3, 40)]
    chosen = select_cases(TEXT, cases, [{2, 10}, {30}], 10)
    shown = chosen[:2]
    assert [len(case.args[0]) for case in shown] == [5, 13], "short ones that catch a variant"
    assert not same(TEXT.returns, shown[0].expected, shown[1].expected) and len(chosen[2:]) >= 4
    assert [call["args"] for call in calls(chosen, TEXT, "java")] == [f'"{case.args[0]}"' for case in shown]


def test_empty_arguments_are_shown_only_where_there_is_nothing_else() -> None:
    cases = [Case((text,), f"<{text}>") for text in ("", "a", "bc", "def", "ghij", "klmno")]
    assert [case.args[0] for case in select_cases(TEXT, cases, [{0}], 6)[:2]] == ["a", "bc"]
    pairs = [Case((n, 0), 3 * n) for n in range(6)]
    assert len(select_cases(Signature.of("int", a="int", b="int"), pairs, [], 6)) == 6


def test_a_variant_that_breaks_off_is_caught_where_it_broke_off() -> None:
    cases = [Case((n,), n) for n in range(5)]
    assert differs(
        INT.returns, cases, Verdict("x", "passed", values=[0, 1, 9, None, 4], errors=["", "", "", "E", ""])
    ) == {2, 3}
    broken = Verdict("x", "timeout", values=[0, 7, None, None, None], errors=[""] * 5)
    assert differs(INT.returns, cases, broken) == {1, 2}


FUNCTION = """static long weigh(long n) {
    long s = 0;
    for (long i = 1; i <= n % 9; i++) {
        s += i * n;
    }
    return s - 1;
}"""


@pytest.mark.slow
def test_agreed_answers_are_strengthened_by_the_same_rule(judge: Judge) -> None:
    answer = f"class Solution {{\n{textwrap.indent(FUNCTION, '    ')}\n}}\n"
    if not available("java"):
        pytest.skip("java is not installed")
    inputs = [Case((n,)) for n in (*range(-3, 30), 1000)]
    [ran] = judge.observe([Job("agreed", "java", answer, "weigh", INT, tuple(inputs))])
    cases = [Case(case.args, value) for case, value in zip(inputs, ran.values, strict=True)]
    good = Answered("java", "weigh", INT, answer, FUNCTION, cases, 8)
    poor = Answered("java", "weigh", INT, answer, FUNCTION, [c for c in cases if c.args[0] <= 0], 8)
    assert all("class Solution" in text and text != answer for text in good.variants(9)) and len(good.variants(9)) == 9
    strengthen([good, poor], judge, 12, 0.7)
    assert good.reason is None and len(good.cases) == 8, good.detail
    assert poor.reason == Reason.WEAK_CASES


@pytest.mark.slow
def test_a_loop_that_some_inputs_keep_busy_costs_these_inputs_only() -> None:
    large = "def summed(n):\n    s = 0\n    for i in range(abs(n)):\n        s += i * i\n    return s - n\n"
    never = "def product(n):\n    p = 1\n    while n != 0:\n        p *= n\n        n -= 1\n    return p\n"
    with Judge(execution(cpu_seconds=1, wall_factor=4)) as hasty:
        found = mined(hasty, ("python", "summed", large, INT), ("python", "product", never, INT))
    assert {name: item.detail for name, item in found.items() if item.reason} == {}
    assert {name: len(item.cases) for name, item in found.items()} == {"summed": 10, "product": 10}
    assert all(abs(case.args[0]) <= 24 for item in found.values() for case in item.cases)
    assert (
        min(case.args[0] for case in found["summed"].cases) < 0 <= min(case.args[0] for case in found["product"].cases)
    )


def test_variants_keep_what_stands_around_the_function() -> None:
    function = "def f(n):\n    return n + 1"
    code = f"import math\n\n\ndef helper(n):\n    return n - 1\n\n\n{function}\n"
    variants = Answered("python", "f", INT, code, function, [], 8).variants(9)
    assert variants and all(text.startswith(code[: code.index("def f")]) for text in variants)
    elsewhere = Answered("python", "f", INT, code, "def f(n):\n    return 1 + n", [], 8).variants(9)
    assert any("return n + 2" in text for text in elsewhere), (
        "a function that is not found is changed with all around it"
    )
