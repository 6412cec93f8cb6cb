"""Type inference for Python functions without types: from annotations, else from values.

A type is only inferred when every observed value has it. Values that the neutral types cannot express (a list of
mixed kinds, a result that is sometimes a string and sometimes a number) raise NoType; nothing is guessed.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

from xinstruct.code.types import Type

_NAMES = {"int": "int", "float": "float", "bool": "bool", "str": "string", "None": "none"}
_UNKNOWN = Type("unknown")  # element type of an empty list: whatever the other values say
_NULL = Type("null")
_DEFAULT = Type("int")  # for an element type that no value ever shows


class NoType(ValueError):
    """The neutral types cannot express these values."""


def annotated(node: ast.expr | None) -> Type | None:
    """Return the type an annotation states, or None when it states none or only a part of one (a bare list)."""
    if node is None:
        return None
    if isinstance(node, ast.Constant) and node.value is None:
        return Type("none")
    if isinstance(node, ast.Name):
        return Type(_NAMES[node.id]) if node.id in _NAMES else None
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return None
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    args = [annotated(item) for item in inner]
    head = node.value.id.lower()
    if head not in ("list", "tuple", "dict", "optional"):
        return None
    known = tuple(arg for arg in args if arg is not None)
    return Type(head, known) if len(known) == len(args) else None


def common_type(values: Sequence[Any]) -> Type:
    """Return the common type of these Python values. Raises NoType. Empty lists alone are lists of int."""
    return _settled(reduce(_join, [_of(value) for value in values], _UNKNOWN))


def _of(value: Any) -> Type:
    if value is None:
        return _NULL
    for kind, head in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return Type(head)
    if isinstance(value, tuple) and value:
        return Type("tuple", tuple(map(_of, value)))
    if isinstance(value, list | tuple):
        return Type("list", (reduce(_join, map(_of, value), _UNKNOWN),))
    if isinstance(value, dict):
        keys, items = (reduce(_join, map(_of, part), _UNKNOWN) for part in (value.keys(), value.values()))
        return Type("dict", (keys, items))
    raise NoType(f"a {type(value).__name__} has no neutral type")


def _join(left: Type, right: Type) -> Type:
    """Return the smallest type that includes both. Raises NoType."""
    if left == right or right == _UNKNOWN:
        return left
    if left == _UNKNOWN:
        return right
    if _NULL in (left, right):
        return _optional(right if left == _NULL else left)
    if "optional" in (left.head, right.head):
        return _optional(_join(*(t.args[0] if t.head == "optional" else t for t in (left, right))))
    if {left.head, right.head} == {"int", "float"}:
        return Type("float")
    if left.head == right.head and left.args and len(left.args) == len(right.args):
        return Type(left.head, tuple(map(_join, left.args, right.args)))
    if {left.head, right.head} <= {"list", "tuple"}:
        return Type("list", (reduce(_join, left.args + right.args),))
    raise NoType(f"both {left} and {right}")


def _optional(kind: Type) -> Type:
    return kind if kind.head == "optional" else Type("optional", (kind,))


def _settled(kind: Type) -> Type:
    if kind == _UNKNOWN:
        return _DEFAULT
    if kind == _NULL:
        return Type("none")
    return Type(kind.head, tuple(map(_settled, kind.args)))


def to_json(value: Any) -> Any:
    """Return the JSON form of a Python value (see code/types.py)."""
    if isinstance(value, dict):
        return [[to_json(key), to_json(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
