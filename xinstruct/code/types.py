"""Language-neutral types, signatures and values: the one way a task's tests are written down.

A type is text such as ``int``, ``list<string>``, ``dict<string,int>``, ``tuple<int,bool>`` or
``optional<float>``. A value of a type travels as JSON, so that one set of cases can check a Python
answer and its Java twin:

=============  ==================================================================
type           JSON form
=============  ==================================================================
int            integer, any size
float          number, or one of the strings "NaN", "Infinity", "-Infinity"
bool           true / false
string         string
list<T>        array
tuple<A,B..>   array of that length
dict<K,V>      array of [key, value] pairs, in any order
optional<T>    null or a T
none           null (only as a return type)
=============  ==================================================================

This module leaves out how a language spells a type or a value: each language backend does that.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

SCALARS = ("int", "float", "bool", "string", "none")
_ARITY = {"list": 1, "optional": 1, "dict": 2}


class TypeSyntaxError(ValueError):
    """A type or signature is not written in the language-neutral notation."""


@dataclass(frozen=True)
class Type:
    """One language-neutral type: its head (``int``, ``list``, ...) and its arguments."""

    head: str
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return f"{self.head}<{','.join(map(str, self.args))}>" if self.args else self.head

    @staticmethod
    def parse(text: str) -> Type:
        """Read a type from its text. Raises TypeSyntaxError when the text is no type."""
        parsed, rest = _parse(text.replace(" ", ""))
        if rest:
            raise TypeSyntaxError(f"unexpected {rest!r} in type {text!r}")
        return parsed

    def heads(self) -> set[str]:
        """Return all type constructors used, e.g. {"list", "int"}, which a language must support."""
        return {self.head}.union(*(arg.heads() for arg in self.args))


def _parse(text: str) -> tuple[Type, str]:
    end = next((i for i, char in enumerate(text) if char in "<>,"), len(text))
    head, rest = text[:end], text[end:]
    args: list[Type] = []
    if rest.startswith("<"):
        while rest and rest[0] in "<,":
            arg, rest = _parse(rest[1:])
            args.append(arg)
        if not rest.startswith(">"):
            raise TypeSyntaxError(f"missing '>' in type {text!r}")
        rest = rest[1:]
    if not _well_formed(head, len(args)):
        raise TypeSyntaxError(f"unknown type {head!r} with {len(args)} argument(s)")
    return Type(head, tuple(args)), rest


def _well_formed(head: str, arity: int) -> bool:
    if head == "tuple":
        return arity >= 1
    return arity == (0 if head in SCALARS else _ARITY.get(head, -1))


@dataclass(frozen=True)
class Parameter:
    """One named, typed parameter of a signature."""

    name: str
    type: Type


@dataclass(frozen=True)
class Signature:
    """Parameters in order and the return type of a function."""

    params: tuple[Parameter, ...]
    returns: Type

    @staticmethod
    def of(returns: str, **params: str) -> Signature:
        """Shorthand: ``Signature.of("int", text="string")``."""
        fields = tuple(Parameter(name, Type.parse(text)) for name, text in params.items())
        return Signature(fields, Type.parse(returns))

    @staticmethod
    def from_json(text: str) -> Signature:
        """Read ``{"params": [{"name", "type"}], "returns"}``. Raises TypeSyntaxError."""
        try:
            raw = json.loads(text)
            params = tuple(Parameter(p["name"], Type.parse(p["type"])) for p in raw["params"])
            return Signature(params, Type.parse(raw["returns"]))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise TypeSyntaxError(f"not a signature: {text[:200]!r} ({error})") from error

    def to_json(self) -> str:
        """Return the canonical text form; equal signatures give equal text."""
        params = [{"name": p.name, "type": str(p.type)} for p in self.params]
        return json.dumps({"params": params, "returns": str(self.returns)})

    @property
    def types(self) -> tuple[Type, ...]:
        """The types of the parameters in order, then that of the result."""
        return (*(p.type for p in self.params), self.returns)

    def heads(self) -> set[str]:
        """Return all type constructors of parameters and result."""
        return self.returns.heads().union(*(p.type.heads() for p in self.params))

    def __str__(self) -> str:
        return f"({', '.join(f'{p.name}: {p.type}' for p in self.params)}) -> {self.returns}"


@dataclass(frozen=True)
class Case:
    """One test: arguments in order and the expected result, both in JSON form.

    Where the expected value comes from running code, `expected` is what that code returned.
    """

    args: tuple[Any, ...]
    expected: Any = None


def cases_to_json(cases: list[Case]) -> str:
    """Return the canonical text of a list of cases: ``[{"args": [...], "expected": ...}, ...]``."""
    rows = [{"args": list(case.args), "expected": case.expected} for case in cases]
    return json.dumps(rows, ensure_ascii=False)


def cases_from_json(text: str) -> list[Case]:
    """Inverse of cases_to_json. Raises ValueError on anything else."""
    try:
        return [Case(tuple(row["args"]), row.get("expected")) for row in json.loads(text)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a list of cases: {text[:200]!r}") from error


_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_float(value: Any) -> float:
    """Return a float from its JSON form (a number or one of the three names)."""
    return _FLOATS[value] if isinstance(value, str) else float(value)


def conforms(kind: Type, value: Any) -> bool:
    """Tell whether a JSON value is a value of the type. bool is never an int, int is a valid float."""
    if kind.head == "optional":
        return value is None or conforms(kind.args[0], value)
    if kind.head in SCALARS:
        return _scalar_conforms(kind.head, value)
    if not isinstance(value, list):
        return False
    if kind.head == "list":
        return all(conforms(kind.args[0], item) for item in value)
    if kind.head == "tuple":
        return len(value) == len(kind.args) and all(map(conforms, kind.args, value))
    return all(_is_pair(kind, item) for item in value)


def _is_pair(kind: Type, item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(map(conforms, kind.args, item))


def _scalar_conforms(head: str, value: Any) -> bool:
    if head == "none":
        return value is None
    if head == "bool" or isinstance(value, bool):
        return head == "bool" and isinstance(value, bool)
    if head == "string":
        return isinstance(value, str)
    if head == "float":
        return isinstance(value, int | float) or (isinstance(value, str) and value in _FLOATS)
    return isinstance(value, int)


def same(kind: Type, left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    """Tell whether two JSON values of a type are equal; floats relative or absolute to `tolerance`.

    Dicts compare without order, NaN equals NaN. A value that does not conform is never the same.
    """
    if not (conforms(kind, left) and conforms(kind, right)):
        return False
    if kind.head == "float":
        return _close(to_float(left), to_float(right), tolerance)
    if kind.head == "optional":
        return left is right if None in (left, right) else same(kind.args[0], left, right, tolerance)
    if kind.head in SCALARS:
        return bool(left == right)
    if len(left) != len(right):
        return False
    if kind.head == "dict":
        left, right = (sorted(pairs, key=lambda p: json.dumps(p[0])) for pairs in (left, right))
        kinds = [Type("tuple", kind.args)] * len(left)
    else:
        kinds = list(kind.args) if kind.head == "tuple" else [kind.args[0]] * len(left)
    return all(same(k, a, b, tolerance) for k, a, b in zip(kinds, left, right, strict=True))


def _close(left: float, right: float, tolerance: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
