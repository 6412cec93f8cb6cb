"""Types from annotations and values: what is inferred, what is refused."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from xinstruct.benchmarks.infer import NoType, annotated, common_type, to_json
from xinstruct.code.types import conforms


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"),
        ([1, 2.5], "float"),
        ([True], "bool"),
        ([[], [1]], "list<int>"),
        ([[], [[]]], "list<list<int>>"),
        ([[1], [0.5]], "list<float>"),
        ([None, "a"], "optional<string>"),
        ([(1, None), (None, 2)], "tuple<optional<int>,optional<int>>"),
        ([(1, 2), [3, 4, 5]], "list<int>"),
        ([{"a": 1}, {}], "dict<string,int>"),
        ([None], "none"),
        ([[]], "list<int>"),
    ],
)
def test_common_type(values: list[Any], kind: str) -> None:
    found = common_type(values)
    assert str(found) == kind
    assert all(conforms(found, to_json(value)) for value in values)


@pytest.mark.parametrize("values", [[1, "a"], [[1, "a"]], [True, 1], [[1], "a"], [(1, 2), (1,)], [{1}], [b"a"]])
def test_what_has_no_common_type_is_refused(values: list[Any]) -> None:
    if values == [(1, 2), (1,)]:
        assert str(common_type(values)) == "list<int>"  # tuples of two lengths but one kind are a list
        return
    with pytest.raises(NoType):
        common_type(values)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("List[float]", "list<float>"),
        ("Tuple[int, str]", "tuple<int,string>"),
        ("Optional[List[int]]", "optional<list<int>>"),
        ("dict[str, int]", "dict<string,int>"),
        ("None", "none"),
        ("list", None),
        ("List[Any]", None),
        ("Set[int]", None),
    ],
)
def test_annotations(text: str, kind: str | None) -> None:
    found = annotated(ast.parse(text, mode="eval").body)
    assert (str(found) if found else None) == kind


def test_json_form() -> None:
    assert to_json({"a": (1, float("inf"))}) == [["a", [1, "Infinity"]]]
    assert to_json(float("nan")) == "NaN"
