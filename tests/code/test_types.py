from __future__ import annotations

import math

import pytest

from xinstruct.code.types import (
    Case,
    Signature,
    Type,
    TypeSyntaxError,
    cases_from_json,
    cases_to_json,
    conforms,
    same,
)


@pytest.mark.parametrize("text", ["int", "list<int>", "dict<string,list<int>>", "tuple<int,bool,optional<string>>"])
def test_type_round_trips_through_text(text: str) -> None:
    assert str(Type.parse(text)) == text


@pytest.mark.parametrize("text", ["", "integer", "list", "list<int", "dict<int>", "int<int>", "list<int>>", "tuple<>"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(TypeSyntaxError):
        Type.parse(text)


def test_signature_round_trips_and_lists_its_constructors() -> None:
    signature = Signature.of("optional<float>", words="list<string>", limit="int")
    assert Signature.from_json(signature.to_json()) == signature
    assert signature.heads() == {"optional", "float", "list", "string", "int"}


@pytest.mark.parametrize("text", ["[]", "{}", '{"params": [{"name": "x"}], "returns": "int"}', "nonsense"])
def test_malformed_signature_is_refused(text: str) -> None:
    with pytest.raises(TypeSyntaxError):
        Signature.from_json(text)


def test_cases_round_trip_with_unicode_and_big_integers() -> None:
    cases = [Case(("naïve ✓\n", 10**30), [[1, None]]), Case((), None)]
    assert cases_from_json(cases_to_json(cases)) == cases


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", True, False),
        ("bool", 1, False),
        ("float", 3, True),
        ("float", "NaN", True),
        ("float", "nan", False),
        ("tuple<int,int>", [1], False),
        ("dict<string,int>", [["a", 1]], True),
        ("dict<string,int>", [["a"]], False),
        ("optional<int>", None, True),
        ("list<int>", "12", False),
    ],
)
def test_conforms(kind: str, value: object, expected: bool) -> None:
    assert conforms(Type.parse(kind), value) is expected


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("float", 0.1 + 0.2, 0.3, True),
        ("float", 1.0, 1.1, False),
        ("float", "NaN", "NaN", True),
        ("float", math.inf, "Infinity", True),
        ("int", 1, True, False),
        ("dict<string,int>", [["a", 1], ["b", 2]], [["b", 2], ["a", 1]], True),
        ("dict<string,int>", [["a", 1]], [["a", 1], ["b", 2]], False),
        ("list<float>", [1.0, 2.0], [1.0000000001, 2], True),
        ("list<int>", [1, 2], [2, 1], False),
        ("optional<int>", None, 0, False),
        ("tuple<int,string>", [1, "a"], [1, "a"], True),
    ],
)
def test_same(kind: str, left: object, right: object, expected: bool) -> None:
    assert same(Type.parse(kind), left, right) is expected
