"""Calls the function of answer.py on each argument list of plan.json and prints what it returned."""

import collections
import collections.abc
import contextlib
import json
import math
import os
import sys
import types
from typing import Any

dumps, write, isfinite, flush = json.dumps, os.write, math.isfinite, sys.stdout.flush
LONGEST = 100_000  # items taken from an iterator that may not end
VIEWS = (collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView)
SEQUENCES = (list, tuple, range, collections.deque, collections.abc.Iterator, *VIEWS)


def emit(out: int, text: str) -> None:
    """Write a line of ours to the real standard output, whatever became of sys.stdout."""
    data = ("\n" + text + "\n").encode()
    while data:
        data = data[write(out, data) :]


def decode(kind: list[Any], value: Any) -> Any:
    """An argument of a declared kind from its JSON form."""
    head = kind[0]
    if head == "optional":
        return None if value is None else decode(kind[1], value)
    if head == "list":
        return [decode(kind[1], item) for item in value]
    if head == "tuple":
        return tuple(decode(k, item) for k, item in zip(kind[1:], value, strict=True))
    if head == "dict":
        return {decode(kind[1], k): decode(kind[2], v) for k, v in value}
    return float(value) if head == "float" else value


def encode(value: Any) -> Any:
    """JSON form of a result, by its own type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        value = float(value)
        return value if isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, collections.abc.Mapping):
        return [[encode(k), encode(v)] for k, v in value.items()]
    if isinstance(value, SEQUENCES):
        items: list[Any] = []
        for item in value:
            if len(items) >= LONGEST:
                raise TypeError("the result does not end")
            items.append(encode(item))
        return items
    raise TypeError(f"a result of type {type(value).__name__} has no neutral form")


def describe(error: BaseException) -> str:
    """The error in one line of ASCII."""
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:
        text = type(error).__name__
    return " ".join(text.split())[:300].encode("ascii", "backslashreplace").decode()


def main() -> None:
    """Read and remove the plan, load the answer, call it."""
    with open("plan.json", encoding="utf-8") as handle:
        plan = json.load(handle)
    with contextlib.suppress(OSError):
        os.unlink("plan.json")
    out = os.dup(1)
    nonce, kinds = plan["nonce"], plan["params"]
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    sys.argv = ["answer.py"]
    with open("answer.py", encoding="utf-8") as handle:
        source = handle.read()
    if "random" in source:
        import random

        random.seed(int(os.environ.get("XINSTRUCT_SEED", "0")))
    module = types.ModuleType("answer")
    module.__file__ = "answer.py"
    sys.modules["answer"] = module
    exec(compile(source, "answer.py", "exec"), module.__dict__)
    function = module.__dict__.get(plan["name"])
    if function is None:
        raise NameError(f"answer.py defines no {plan['name']}")
    for i, row in enumerate(plan["args"]):
        try:
            args = [decode(kind, value) for kind, value in zip(kinds, row, strict=True)]
            text = dumps(encode(function(*args)))
        except BaseException as error:
            text = "!" + describe(error)
        with contextlib.suppress(BaseException):
            flush()
        emit(out, f"{nonce}\t{i}\t{text}")
    emit(out, f"{nonce}\tend")


main()
