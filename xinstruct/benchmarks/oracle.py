"""Compares a function with a reference solution on many inputs; its source text becomes part of a program.

Needs nothing but the standard library, since it runs inside the sandbox. It leaves out where inputs come from.
The rules of comparison are EvalPlus's: equal, or close where the reference gives floats or a tolerance is set, and
a few problems with answers of their own kind.
"""

import contextlib
import copy
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Any

FACTOR, SHORTEST = 4.0, 4.0  # an input's CPU time: this many times the reference's, at least so many seconds

Function = Callable[..., Any]


class Slow(BaseException):
    """An input took too long; no `except Exception` of the candidate stops it."""


def check(candidate: Function, reference: Function, inputs: list[list[Any]], special: str, atol: float) -> None:
    """Raise AssertionError naming the first input on which the candidate is wrong, or what it raised itself."""
    signal.signal(signal.SIGPROF, _slow)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        for i, args in enumerate(inputs):
            began = time.process_time()
            expected = reference(*copy.deepcopy(args))
            limit = max(SHORTEST, FACTOR * (time.process_time() - began))
            signal.setitimer(signal.ITIMER_PROF, limit)
            try:
                found = candidate(*copy.deepcopy(args))
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            if not agrees(found, expected, args, special, atol):
                raise AssertionError(f"input {i}: expected {str(expected)[:80]}, got {str(found)[:80]}")


def _slow(*_: object) -> None:
    raise Slow("over the limit of CPU time on one input")


def agrees(found: Any, expected: Any, args: list[Any], special: str, atol: float) -> bool:
    """Whether a result counts as the expected one; `special` names the rule of a problem (see SPECIAL)."""
    if special in SPECIAL:
        return bool(SPECIAL[special](found, expected, args, atol))
    if bool(found == expected):
        return True
    if atol == 0 and _floats(expected):
        atol = 1e-6
    return atol != 0 and type(found) is type(expected) and close(found, expected, atol)


def _floats(value: Any) -> bool:
    items = value if isinstance(value, list | tuple) and value else [value]
    return all(isinstance(item, float) for item in items)


def close(found: Any, expected: Any, atol: float) -> bool:
    """Whether numbers, or sequences of them of the same lengths, differ by at most atol + 1e-7 of the expected."""
    if isinstance(expected, list | tuple):
        same = isinstance(found, list | tuple) and len(found) == len(expected)
        return same and all(close(one, other, atol) for one, other in zip(found, expected, strict=True))
    numbers = (bool, int, float, complex)
    if not (isinstance(found, numbers) and isinstance(expected, numbers)):
        return False
    if found == expected:
        return True
    return abs(found - expected) <= atol + 1e-7 * abs(expected)  # false where either is not a number


# ---- problems with more than one right answer


def _root(found: Any, _: Any, args: list[Any], atol: float) -> bool:
    """The polynomial is (nearly) zero there; the last coefficients count most, as its docstring orders them."""
    return abs(math.fsum(c * math.pow(found, i) for i, c in enumerate(args[0]))) <= max(atol, 1e-4)


def _same_set(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    return set(found) == set(expected)


def _not_none(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    """The original tests only ask whether there is a match: True and a match object are the same."""
    wanted = expected if isinstance(expected, bool) else expected is not None
    return bool((found if isinstance(found, bool) else found is not None) == wanted)


def _anything(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    return True


def _or_zero(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    return bool(found == expected or found == 0)


def _surface(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    """Of a square pyramid, its second argument read as slant height (the reference) or as height."""
    base, height = args
    total = base * base + 2 * base * math.hypot(base / 2, height)
    return bool(found == expected or abs(found - round(total)) <= atol)


def _digits(found: Any, expected: Any, args: list[Any], atol: float) -> bool:
    """Sum of differences of digits, or (the reference) the digit sum of the difference."""
    width = max(len(str(number)) for number in args)
    one, other = (str(number).zfill(width) for number in args)
    return bool(found == expected or found == sum(abs(int(a) - int(b)) for a, b in zip(one, other, strict=True)))


SPECIAL: dict[str, Callable[[Any, Any, list[Any], float], bool]] = {
    "root": _root,
    "set": _same_set,
    "not_none": _not_none,
    "anything": _anything,
    "or_zero": _or_zero,
    "surface": _surface,
    "digits": _digits,
}
