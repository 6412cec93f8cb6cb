"""Inputs on which a function is observed: proposed ones, boundaries of its types, its own constants, random ones.

Small values are the majority, because one program runs all inputs and a loop over a large one would end it; `gentle`
leaves only these. A value that some language of the run cannot hold exactly is never drawn.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from xinstruct.code import constants as found_in
from xinstruct.code.types import Signature, Type, conforms
from xinstruct.languages import EIGHT, Unsupported, get
from xinstruct.languages.common import INT64, SAFE_INT, check_value
from xinstruct.languages.generate import boundaries, near_constants, random_args, related, small_value, with_constants

_BOUNDS = (INT64[1], SAFE_INT, 2**31 - 1)
_SHARE = 0.3  # of the inputs each that are boundaries and constants
_NUMERIC = ("0", "1", "2", "3", "5", "7", "8", "10", "12", "15", "16", "20", "42", "59", "64", "99", "100", "255",
            "1000", "3600", "-1", "-3", "-17")  # fmt: skip
_LIGHT = {"int": 24, "text": 64, "items": 12}


@dataclass(frozen=True)
class Inputs:
    """Argument lists without repeats, and how many proposals were not of the types."""

    rows: list[list[Any]]
    refused: int


def draw_inputs(
    signature: Signature,
    count: int,
    seed: int,
    *,
    proposals: Sequence[Sequence[Any]] = (),
    constants: Sequence[str] = (),
    code: str = "",
    language: str = "",
    languages: Sequence[str] = EIGHT,
) -> Inputs:
    """Return `count` inputs, or as many as the types have; all conforming proposals are among them, first.

    `code` in `language` gives constants beyond the words in `constants`. `languages` are those that the values must
    be expressible in. The same arguments give the same inputs.
    """
    rng, bound = random.Random(seed), largest_int(tuple(languages))
    fitting = [list(row) for row in proposals if fits(signature, row, bound)]
    words = [*constants, *found_in.words(language, code)] if code else list(constants)
    numbers = [n for n in found_in.numbers(language, code) if abs(n) < bound] if code else []
    part = max(2, round(count * _SHARE))
    near = near_constants(signature, words, numbers, rng)[:part]
    drawn = related(signature, with_constants(signature, random_args(signature, rng, count), words, rng), rng)
    counted = [found_in.counts_with(language, code, at) for at in range(1, len(signature.params) + 1)]
    rest = [_numeric(row, counted, words, rng) for row in [*_at_boundaries(signature, part, bound, rng), *near, *drawn]]
    unique = {json.dumps(row): row for row in [*fitting, *rest]}
    return Inputs(list(unique.values())[: max(count, len(fitting))], len(proposals) - len(fitting))


def fits(signature: Signature, row: Sequence[Any], bound: int) -> bool:
    """Tell whether an argument list is of the signature's types, with no integer beyond the bound."""
    kinds = [param.type for param in signature.params]
    return len(row) == len(kinds) and all(holds(kind, value, bound) for kind, value in zip(kinds, row, strict=True))


def holds(kind: Type, value: Any, bound: int) -> bool:
    """Tell whether a value is of the type and no integer in it is beyond the bound."""
    try:
        check_value(kind, value, -bound, bound)
    except Unsupported:
        return False
    return conforms(kind, value)


@cache
def largest_int(languages: tuple[str, ...]) -> int:
    """Return the largest integer that all these languages take and return exactly: JavaScript's number is a double."""
    kind = Type("int")

    def takes(language: str, number: int) -> bool:
        try:
            get(language).literal(kind, number)
        except Unsupported:
            return False
        return True

    return next((n for n in _BOUNDS if all(takes(language, n) for language in languages)), _BOUNDS[-1])


def light(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the inputs of small numbers, short texts and short lists only."""
    return [list(row) for row in rows if all(map(_is_light, row))]


def gentle(rows: Sequence[Sequence[Any]]) -> list[list[list[Any]]]:
    """Return the light inputs in two parts, those with a negative number apart: some loops never end on one."""
    small = light(rows)
    parts = ([row for row in small if any(map(_negative, row)) is sign] for sign in (False, True))
    return [part for part in parts if part]


def _negative(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_negative, value))
    return value.startswith("-") if isinstance(value, str) else value is not None and value < 0


def _is_light(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= _LIGHT["items"] and all(map(_is_light, value))
    if isinstance(value, str):
        return len(value) <= _LIGHT["text"] and not (value.isdigit() and int(value) > _LIGHT["int"])
    return not isinstance(value, int | float) or abs(value) <= _LIGHT["int"]


def _at_boundaries(signature: Signature, count: int, bound: int, rng: random.Random) -> Iterator[list[Any]]:
    """Yield inputs with one parameter at a boundary, in turn; the others are small. First all are at their lowest."""
    sides = [boundaries(param.type, bound, rng) for param in signature.params]
    yield [side[0] for side in sides]
    turns = [
        (at, value) for place in range(count) for at, side in enumerate(sides) for value in side[place : place + 1]
    ]
    for at, value in turns[: count - 1]:
        row = [small_value(param.type, rng) for param in signature.params]
        row[at] = value
        yield row


def _numeric(row: list[Any], counted: Sequence[bool], words: Sequence[str], rng: random.Random) -> list[Any]:
    """Return the row with numbers for texts that the function calculates with, but for empty ones and its own words."""
    kept = ("", *(word for word in words if len(word) > 1))
    pairs = zip(row, counted, strict=True)
    return [rng.choice(_NUMERIC) if counts and _is_word(value, kept) else value for value, counts in pairs]


def _is_word(value: Any, kept: Sequence[str]) -> bool:
    return isinstance(value, str) and value not in kept and not _number(value)


def _number(value: str) -> bool:
    return value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()
