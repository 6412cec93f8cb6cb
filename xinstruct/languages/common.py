"""Helpers of all backends: driver sources, the plan that a driver reads, checks of values, number text.

Every driver is constant source text next to a file ``plan.json`` with the nonce, the function's name, its types and the
arguments. A driver reads the plan and removes it before it loads the answer, so that a compiled program does not
depend on the nonce, and the answer does not find it. Neither contains expected values.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from xinstruct.code.types import Signature, Type, conforms, to_float
from xinstruct.languages.base import Unsupported

PLAN = "plan.json"
_HERE = Path(__file__).parent
_DRIVERS = (_HERE / "drivers", _HERE / "extra" / "drivers")
DATA_FILES = ("drivers/*",)
SAFE_INT = 2**53 - 1  # what a double holds exactly
INT64 = (-(2**63), 2**63 - 1)
_LEADING_CAPITALS = re.compile(r"[A-Z]+(?=[A-Z][a-z]|$|[\d_])|[A-Z]")


@cache
def asset(name: str) -> str:
    """Return the source text of a driver file."""
    path = next(folder / name for folder in _DRIVERS if (folder / name).exists())
    return path.read_text(encoding="utf-8")


def tree(kind: Type) -> list[Any]:
    """Return a type as nested arrays that every language can parse easily: ["list", ["int"]]."""
    return [kind.head, *map(tree, kind.args)]


def plan(name: str, signature: Signature, args: list[list[Any]], nonce: str) -> str:
    """Return the text of plan.json. Arguments are in JSON form, floats always with a fraction or exponent."""
    kinds = [p.type for p in signature.params]
    rows = [[_typed(k, v) for k, v in zip(kinds, row, strict=True)] for row in args]
    content = {"nonce": nonce, "name": name, "params": [tree(k) for k in kinds], "returns": tree(signature.returns)}
    return json.dumps({**content, "args": rows})


def _typed(kind: Type, value: Any) -> Any:
    """Convert the numbers of float types to floats, so that a driver sees 1.0 where a float is meant."""
    if value is None or kind.head in ("int", "bool", "string", "none"):
        return value
    if kind.head == "float":
        return value if isinstance(value, str) else float(value)
    if kind.head == "optional":
        return _typed(kind.args[0], value)
    if kind.head == "dict":
        return [[_typed(kind.args[0], k), _typed(kind.args[1], v)] for k, v in value]
    kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
    return [_typed(k, v) for k, v in zip(kinds, value, strict=True)]


def check_args(signature: Signature, args: list[list[Any]], low: int | None, high: int | None) -> None:
    """Raise Unsupported for a wrong arity, a value of another type, or an int outside low..high."""
    kinds = [p.type for p in signature.params]
    for row in args:
        if len(row) != len(kinds):
            raise Unsupported(f"{len(row)} arguments for {len(kinds)} parameters")
        for kind, value in zip(kinds, row, strict=True):
            check_value(kind, value, low, high)


def check_value(kind: Type, value: Any, low: int | None = None, high: int | None = None) -> None:
    """Raise Unsupported when the value is not of the type or holds an int outside low..high."""
    if not conforms(kind, value):
        raise Unsupported(f"{json.dumps(value)[:80]} is not a {kind}")
    for number in _ints(kind, value):
        if (low is not None and number < low) or (high is not None and number > high):
            raise Unsupported(f"the integer {str(number)[:40]} does not fit")


def _ints(kind: Type, value: Any) -> list[int]:
    if value is None or kind.head in ("float", "bool", "string", "none"):
        return []
    if kind.head == "int":
        return [value]
    if kind.head == "optional":
        return _ints(kind.args[0], value)
    if kind.head == "dict":
        return [n for pair in value for k, v in zip(kind.args, pair, strict=True) for n in _ints(k, v)]
    kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
    return [n for k, v in zip(kinds, value, strict=True) for n in _ints(k, v)]


def utf8(text: str) -> bytes:
    """Return the text's bytes. Raises Unsupported for half a surrogate pair."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported("half a surrogate pair") from None


def check_text(signature: Signature, args: list[list[Any]], nul: bool = True) -> None:
    """Raise Unsupported when a string is not UTF-8, or holds a NUL and `nul` is false."""
    for row in args:
        for param, value in zip(signature.params, row, strict=True):
            if param.type.heads() & {"string"}:
                for text in _texts(value):
                    utf8(text)
                    if not nul and "\0" in text:
                        raise Unsupported("a NUL in a string")


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def check_keys(kind: Type, allowed: tuple[str, ...]) -> None:
    """Raise Unsupported when a dict anywhere in the type has a key type whose head is not allowed."""
    if kind.head == "dict" and kind.args[0].head not in allowed:
        raise Unsupported(f"no {kind.args[0]} keys")
    for arg in kind.args:
        check_keys(arg, allowed)


def check_types(signature: Signature, allowed: tuple[str, ...]) -> None:
    """check_keys over all types of a signature; `none` is only allowed as the whole result."""
    for kind in [*(p.type for p in signature.params), signature.returns]:
        check_keys(kind, allowed)
    if any("none" in p.type.heads() for p in signature.params) or "none" in set().union(
        *(arg.heads() for arg in signature.returns.args)
    ):
        raise Unsupported("none is only a result type")


def tests_start(program: str, end: int) -> int:
    """Return the offset of the tests: behind the completion, and behind a closing brace that they begin with."""
    closing = re.match(r"\s*\}[ \t;]*(?:\n|$)", program[end:])
    return end + closing.end() if closing else end


def float_text(value: Any, nan: str, infinity: str, minus: str) -> str:
    """Return a float's text, always with a fraction or exponent; the three special values as given."""
    number = to_float(value)
    if math.isnan(number):
        return nan
    if math.isinf(number):
        return infinity if number > 0 else minus
    return repr(number)


def camel(name: str) -> str:
    """Convert snake_case or PascalCase to camelCase, keeping leading underscores."""
    name = re.sub(r"\W+", "_", name)
    bare = name.lstrip("_")
    first = _LEADING_CAPITALS.match(bare)
    low = bare if first is None else first.group().lower() + bare[first.end() :]
    return name[: len(name) - len(bare)] + _joined(low)


def pascal(name: str) -> str:
    """Convert snake_case or camelCase to PascalCase."""
    text = _joined(re.sub(r"\W+", "_", name).lstrip("_"))
    return text[:1].upper() + text[1:]


def _joined(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """Convert camelCase or PascalCase to snake_case."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"\W+", "_", name))
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text).lower()


def utf16_escapes(text: str) -> str:
    r"""Return the text between double quotes with \uXXXX escapes, as JSON, Java, JavaScript and C# read it."""
    return json.dumps(text)[1:-1].replace("\x7f", "\\u007f")
