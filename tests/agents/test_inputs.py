"""Inputs of functions: what is drawn, for which types and languages, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from xinstruct.agents.inputs import draw_inputs, fits, gentle, largest_int, light
from xinstruct.code.types import Signature, conforms

INT = Signature.of("int", n="int")
TEXT = Signature.of("string", text="string")
ITEMS = Signature.of("int", items="list<int>")
ALL = ("python", "javascript", "typescript", "java", "cpp", "csharp", "php", "bash")
WIDE = ("python", "java", "cpp", "csharp", "php", "bash")


def firsts(signature: Signature, count: int = 60, **changes: Any) -> list[Any]:
    return [row[0] for row in draw_inputs(signature, count, 11, **changes).rows]


def test_the_same_seed_gives_the_same_inputs_without_repeats() -> None:
    for signature in (INT, TEXT, ITEMS, Signature.of("int", a="dict<string,int>", b="optional<tuple<int,bool>>")):
        rows = draw_inputs(signature, 40, 3).rows
        assert rows == draw_inputs(signature, 40, 3).rows != draw_inputs(signature, 40, 4).rows
        assert len({repr(row) for row in rows}) == len(rows) == 40
        kinds = [param.type for param in signature.params]
        assert all(conforms(kind, value) for row in rows for kind, value in zip(kinds, row, strict=True))


def test_proposals_come_first_and_those_of_other_types_are_counted() -> None:
    drawn = draw_inputs(ITEMS, 5, 1, proposals=[[[7, 7]], ["no list"], [[1], [2]], [[2**60]], [[]]])
    assert drawn.rows[:2] == [[[7, 7]], [[]]] and drawn.refused == 3 and len(drawn.rows) == 5
    assert len(draw_inputs(ITEMS, 1, 1, proposals=[[[n]] for n in range(4)]).rows) == 4, "no proposal is left out"


def test_boundaries_of_every_type_are_among_the_inputs() -> None:
    numbers, texts, lists = firsts(INT), firsts(TEXT), firsts(ITEMS)
    assert {0, 1, -1, 2**31} <= set(numbers) and min(numbers) < -(2**31)
    assert {"", " "} <= set(texts) and any(len(t) > 60 for t in texts) and not all(t.isascii() for t in texts)
    assert [] in lists and any(len(items) == 1 for items in lists) and max(map(len, lists)) >= 40
    assert [False] in draw_inputs(Signature.of("int", a="bool"), 9, 1).rows
    assert None in firsts(Signature.of("int", a="optional<int>"))


@pytest.mark.parametrize(
    ("languages", "bound"), [(ALL, 2**53 - 1), (WIDE, 2**63 - 1), (("python", "typescript"), 2**53 - 1)]
)
def test_integers_grow_as_far_as_every_language_of_the_run_holds_them(languages: tuple[str, ...], bound: int) -> None:
    assert largest_int(languages) == bound
    numbers = firsts(INT, languages=languages)
    assert max(map(abs, numbers)) <= bound
    assert any(abs(n) > bound // 4 for n in numbers) and any(n > 2**31 - 1 for n in numbers)
    assert fits(INT, [2**53], 2**63 - 1) and not fits(INT, [2**53], 2**53 - 1)


def test_small_inputs_are_the_majority_and_can_be_had_alone() -> None:
    for signature in (INT, ITEMS, Signature.of("int", a="int", b="list<string>")):
        rows = draw_inputs(signature, 60, 5).rows
        assert len(light(rows)) > len(rows) / 4
        mild = [row for row in rows if all(not isinstance(v, int) or abs(v) <= 100 for v in row)]
        assert len(mild) > len(rows) / 2
    assert gentle([[5], [-5], [2**31], [["-1", 2]], [[[3]]]]) == [[[5], [[[3]]]], [[-5], [["-1", 2]]]]
    assert light([[5], [2**31], [[1] * 40], ["x" * 200], ["12"], ["99999"]]) == [[5], ["12"]]


def test_constants_of_the_code_and_their_neighbours_are_among_the_inputs() -> None:
    code = "def f(n):\n    return 'big' if n > 417 else 'small'\n"
    assert {416, 417, 418} <= set(firsts(INT, code=code, language="python"))
    branch = "def f(text):\n    return text.split('@@') if '@@' in text else text == '**zq**'\n"
    texts = firsts(TEXT, code=branch, language="python")
    assert "**zq**" in texts and any("@@" in t and len(t) > 2 for t in texts)
    assert "given" in firsts(TEXT, constants=["given"])


def test_a_shell_function_that_calculates_gets_numbers() -> None:
    code = 'f() {\n  local n="$1"\n  echo "$2: $(( n * n ))"\n}\n'
    two = Signature.of("string", n="string", label="string")
    rows = draw_inputs(two, 60, 2, code=code, language="bash").rows
    numbers = [row[0] for row in rows if row[0].removeprefix("-").isdigit()]
    assert len(numbers) > 0.8 * len(rows) and len(set(numbers)) > 8 and any(n.startswith("-") for n in numbers)
    assert sum(row[1].removeprefix("-").isdigit() for row in rows) < 0.3 * len(rows)


def test_arguments_of_one_type_are_related_at_times() -> None:
    rows = draw_inputs(Signature.of("bool", text="string", part="string"), 60, 2).rows
    assert sum(bool(part) and part != text and part in text for text, part in rows) >= 4
    rows = draw_inputs(Signature.of("int", items="list<int>", n="int"), 60, 2).rows
    assert sum(n in items for items, n in rows) >= 5
