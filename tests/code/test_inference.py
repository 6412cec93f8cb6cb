"""Types worth trying: from names, from types that the neutral notation lacks, and what a result's type is."""

from __future__ import annotations

import pytest

from xinstruct.code.inference import MOST, guesses, result_type, worth_trying


def rows(language: str, name: str, code: str, doc: str = "") -> list[list[str]]:
    return [[f"{p.name}: {p.type}" for p in params] for params in guesses(language, name, code, doc)]


def test_names_say_what_may_be_tried() -> None:
    code = "def take(n, items):\n    return items[:n]\n"
    found = rows("python", "take", code)
    assert found[0] == ["n: int", "items: list<int>"] and ["n: int", "items: list<string>"] in found
    assert len(found) == len({tuple(row) for row in found}) <= MOST


def test_stated_types_stay_and_defaults_and_rests_are_left_off() -> None:
    code = "def pad(text: str, filler, width=3, *more):\n    return text + filler\n"
    found = rows("python", "pad", code)
    assert found and all(row[0] == "text: string" and len(row) == 2 for row in found)
    assert rows("python", "total", "def total(*values):\n    return sum(values)\n") == []


@pytest.mark.parametrize("name", ["callback", "predicate", "options", "root"])
def test_callbacks_and_objects_are_never_tried(name: str) -> None:
    assert rows("javascript", "f", f"function f(items, {name}) {{ return items }}") == []


def test_documented_types_beyond_the_notation() -> None:
    doc = "@param {Array} array The array.\n@param {vec3} a the vector"
    found = rows("javascript", "f", "function f(array, a) { return array }", doc)
    assert found[0] == ["array: list<int>", "a: tuple<float,float,float>"]
    assert worth_trying("php", "mixed", "value")[0] == "list<int>"
    assert worth_trying("typescript", "HTMLElement", "text") == ()  # a stated type goes before the name


def test_php_functions_are_read_without_their_opening_tag() -> None:
    assert ["a: list<int>"] in rows("php", "half", "function half(array $a) { return array_slice($a, 0, 1); }")


def test_result_types_are_joined() -> None:
    assert str(result_type([1, 2.5, "NaN"])) == "float"
    assert str(result_type([[], [1], [2.5, 3]])) == "list<float>"
    assert str(result_type([[["a"]], []])) == "list<list<string>>"
    assert result_type([1, "a"]) is None and result_type([[], []]) is None
    assert result_type([[["a", 1], ["b", 2]]]) is None  # a dict travels as pairs
