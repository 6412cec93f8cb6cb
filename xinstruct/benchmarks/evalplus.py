"""HumanEval+ and MBPP+ from their release files: many inputs, a reference solution, no expected values.

A program consists of the code, the reference solution in its own namespace, and oracle.py, which compares them
input by input. The files are JSON, which has no tuples, sets or complex numbers: MBPP's own asserts in the record
show where the arguments contain them, and the inputs are converted back.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.problems import About, ProgramProblem

_ORACLE = Path(__file__).parent / "oracle.py"
DATA_FILES = ("oracle.py",)
_PROGRAM = """{code}


def xinstruct_check(candidate):
    reference, oracle = {}, {"__name__": "oracle"}
    exec(compile(xinstruct_reference, "reference.py", "exec"), reference)
    exec(compile(xinstruct_oracle, "oracle.py", "exec"), oracle)
    oracle["check"](candidate, reference["{function}"], xinstruct_inputs, xinstruct_special, xinstruct_atol)


{tests}
xinstruct_check({function})
"""


def read(records: Iterable[dict[str, Any]], one: About) -> Iterable[ProgramProblem]:
    """Yield problems with the inputs of the variant's fields (`inputs`); special comparisons go by function name."""
    special = {name: kind for kind, names in one.raw.get("special", {}).items() for name in names}
    for record in records:
        inputs = [args for key in one.raw["inputs"] for args in record[key]]
        if record["entry_point"] not in one.raw.get("as_stored", []):
            inputs = shaped(record, inputs)
        values = {
            "reference": record["prompt"] + record["canonical_solution"],
            "oracle": _ORACLE.read_text(encoding="utf-8"),
            "special": special.get(record["entry_point"], ""),
            "atol": float(record["atol"]),
        }
        lines = [f"xinstruct_{key} = {value!r}" for key, value in values.items()]
        lines.append(f"xinstruct_inputs = {_source(inputs)}")
        yield ProgramProblem(
            task_id=record["task_id"],
            language=one.language,
            prompt=record["prompt"],
            function=record["entry_point"],
            tests="\n".join(lines),
            program=_PROGRAM,
            solution=record["canonical_solution"],
        )


def _source(value: Any) -> str:
    """Return a Python expression of a value, infinities and NaN included; deep and long ones parse quickly."""
    text = repr(value)
    if "inf" not in text and "nan" not in text:
        return text
    return f"eval({text!r}, {{'inf': float('inf'), 'nan': float('nan')}})"


# ---- shapes that JSON has lost


@dataclass
class Shape:
    """The kinds of containers or numbers seen at one place of the arguments, and the shapes of their elements."""

    kinds: set[type] = field(default_factory=set)
    items: Shape | None = None


def shaped(record: dict[str, Any], inputs: list[list[Any]]) -> list[list[Any]]:
    """Convert inputs to the kinds of the record's own asserts; unchanged when there are none."""
    calls = [args for args in _calls(record.get("assertion", ""), record["entry_point"]) if args is not None]
    if not calls:
        return inputs
    shapes = [_shape([args[i] for args in calls if i < len(args)]) for i in range(max(map(len, calls)))]
    return [[_cast(value, shapes[i]) if i < len(shapes) else value for i, value in enumerate(args)] for args in inputs]


def _calls(source: str, function: str) -> list[list[Any] | None]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            found.append(_literals(node.args))
    return found


def _literals(nodes: list[ast.expr]) -> list[Any] | None:
    try:
        return [ast.literal_eval(node) for node in nodes]
    except (ValueError, TypeError, SyntaxError):
        return None


def _shape(values: list[Any]) -> Shape:
    found = Shape({type(value) for value in values})
    inner = [item for value in values for item in _items(value)]
    if inner:
        found.items = _shape(inner)
    return found


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple | set) else []


def _cast(value: Any, shape: Shape | None) -> Any:
    """Convert a value to the kinds of a shape, where JSON could not express them and the shape knows only one."""
    if shape is None:
        return value
    if isinstance(value, dict):
        return {key: _cast(item, shape.items) for key, item in value.items()}
    if not isinstance(value, list):
        return _number(value, shape)
    items = [_cast(item, shape.items) for item in value]
    kinds = shape.kinds & {list, tuple, set, dict}
    if list in kinds or not kinds:
        return items
    if tuple in kinds:
        return tuple(items)
    if not items:
        return {}
    return set(items) if all(isinstance(item, Hashable) for item in items) else items


def _number(value: Any, shape: Shape) -> Any:
    """Convert a number that the file writes as text because it may be complex."""
    if complex in shape.kinds:
        return complex(value)
    if isinstance(value, str) and shape.kinds <= {int, float}:
        with contextlib.suppress(ValueError):  # a text after all
            return complex(value) if "j" in value else float(value)
    return value
