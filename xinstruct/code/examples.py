"""Types of an untyped function, inferred from the examples in its doc comment.

From ``example 1: ucwords('kevin van zonneveld')`` with ``returns 1: 'Kevin Van Zonneveld'`` follows that the parameter
and the result are strings. Only plain literals count, and all examples must agree.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from xinstruct.code.types import Parameter, Signature, Type


def signature_from_examples(name: str, params: list[str], doc: str) -> Signature | None:
    """Return the signature that all examples of a doc agree on, or None."""
    returned = dict(re.findall(r"returns (\d+): (.+)$", doc, re.MULTILINE))
    rows: list[list[Any]] = []
    results: list[Any] = []
    for number, call in re.findall(r"example (\d+): (.+)$", doc, re.MULTILINE):
        found = re.fullmatch(rf"{re.escape(name)}\((.*)\);?", call.strip())
        values = _literal(f"[{found.group(1)}]") if found else None
        result = _literal(returned.get(number, ""))
        if values is not None and result is not None:
            rows.append(values)
            results.append(result)
    width = min((len(row) for row in rows), default=0)
    if not width or width > len(params):
        return None
    kinds = [_common([row[i] for row in rows]) for i in range(width)]
    returns = _common(results)
    if returns is None or None in kinds:
        return None
    given = [Parameter(n, Type.parse(kind)) for n, kind in zip(params, kinds, strict=False) if kind]
    return Signature(tuple(given), Type.parse(returns))


def _literal(text: str) -> Any:
    """Return the value of a plain literal, None for anything else."""
    try:
        return ast.literal_eval(re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", text.strip().rstrip(";"))))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _common(values: list[Any]) -> str | None:
    kinds = {_kind(value) for value in values}
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else None


def _kind(value: Any) -> str | None:
    if isinstance(value, list):
        inner = _common(value) if value else None
        return f"list<{inner}>" if inner else None
    return {bool: "bool", int: "int", float: "float", str: "string"}.get(type(value))
