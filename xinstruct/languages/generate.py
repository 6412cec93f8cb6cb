"""Readable random values of a neutral type: the inputs on which a mined function is observed.

Most are small and ordinary, together with the edge cases that break code: 0 and 1, empty text and empty lists, repeats,
negative numbers, mixed case, punctuation, some characters beyond ASCII. The same `rng` state gives the same values.
Values that only some languages can express (integers beyond 32 bits, NaN, NUL characters) are left to the tests of the
backends.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from xinstruct.code.types import Signature, Type

_WORDS = (
    "apple",
    "Banana",
    "cherry",
    "date",
    "hello",
    "world",
    "racecar",
    "level",
    "test",
    "Data",
    "code",
    "a",
    "b",
    "c",
    "x",
    "abc",
    "xyz",
    "foo",
    "bar",
    "hello_world",
    "camelCase",
    "UPPER",
    "lower",
    "Title",
    "42",
    "007",
    "3.14",
    "v1.2",
    "one",
    "two",
    "three",
    "noon",
    "madam",
)
_TEXTS = (
    "",
    " ",
    "Hello, World!",
    "the quick brown fox",
    "  two  spaces ",
    "a,b,c",
    "key=value",
    "(a [b] {c})",
    "abcabc",
    "AaBbCc",
    "12345",
    "-17",
    "line one\nline two",
    "tab\there",
    'say "hi"',
    "it's",
    "back\\slash",
    "naïve café",
    "日本",
    "ß",
    "100%",
    "a-b_c.d",
    "user@example.com",
    "/usr/local/bin",
    "!?",
)
_LETTERS = "abcdeABC123 ,-"


def random_value(kind: Type, rng: random.Random) -> Any:
    """Return one value of the type, in JSON form."""
    if kind.head == "int":
        return _int(rng)
    if kind.head == "float":
        return _float(rng)
    if kind.head == "bool":
        return rng.random() < 0.5
    if kind.head == "string":
        return _string(rng)
    if kind.head == "list":
        return _list(kind.args[0], rng)
    if kind.head == "tuple":
        return [random_value(arg, rng) for arg in kind.args]
    if kind.head == "optional":
        return None if rng.random() < 0.25 else random_value(kind.args[0], rng)
    return _dict(kind, rng) if kind.head == "dict" else None


def random_args(signature: Signature, rng: random.Random, count: int) -> list[list[Any]]:
    """Return at most `count` different argument lists; fewer when the types have no more values."""
    found: dict[str, list[Any]] = {}
    for _ in range(count * 20):
        if len(found) >= count:
            break
        row = [random_value(p.type, rng) for p in signature.params]
        found.setdefault(json.dumps(row), row)
    return list(found.values())


def with_constants(
    signature: Signature, rows: list[list[Any]], words: Sequence[str], rng: random.Random
) -> list[list[Any]]:
    """Return the same rows with one of `words`, constants of the function, as or in half of their strings."""
    if not words:
        return rows
    return [
        [_season(param.type, value, words, rng) for param, value in zip(signature.params, row, strict=True)]
        for row in rows
    ]


def _season(kind: Type, value: Any, words: Sequence[str], rng: random.Random) -> Any:
    if kind.head == "list" and kind.args[0].head == "string":
        return [_season(kind.args[0], item, words, rng) for item in value]
    if kind.head != "string" or rng.random() < 0.5:
        return value
    word = rng.choice(words)
    return rng.choice((word, word, f"{value}{word}", f"{word}{value}", f"{value}{word}{rng.choice(_WORDS)}"))


def _int(rng: random.Random) -> int:
    pick = rng.random()
    if pick < 0.2:
        return rng.choice((0, 1, -1, 2))
    if pick < 0.6:
        return rng.randint(0, 20)
    if pick < 0.95:
        return rng.randint(-20, 100)
    return rng.choice((255, 1000, 1024, 65536, 10**6, -1000))


def _float(rng: random.Random) -> float:
    pick = rng.random()
    if pick < 0.2:
        return rng.choice((0.0, 1.0, -1.0, 0.5))
    if pick < 0.9:
        return round(rng.uniform(-20, 100), rng.choice((0, 1, 2, 3)))
    return rng.choice((1e-3, 1234.5678, 1e6, -250.25))


def _string(rng: random.Random) -> str:
    pick = rng.random()
    if pick < 0.45:
        return rng.choice(_WORDS)
    if pick < 0.8:
        return rng.choice(_TEXTS)
    if pick < 0.9:
        return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(2, 4)))
    return "".join(rng.choice(_LETTERS) for _ in range(rng.randint(1, 8)))


def _list(kind: Type, rng: random.Random) -> list[Any]:
    items = [random_value(kind, rng) for _ in range(rng.choice((0, 1, 2, 3, 3, 4, 5, 6)))]
    if items and rng.random() < 0.3:
        items[rng.randrange(len(items))] = rng.choice(items)  # repeats are what many functions are about
    if kind.head in ("int", "float", "string") and rng.random() < 0.2:
        items.sort()
    return items


def _dict(kind: Type, rng: random.Random) -> list[list[Any]]:
    key, item = kind.args
    keys = {json.dumps(k): k for k in (random_value(key, rng) for _ in range(rng.choice((0, 1, 2, 3, 4))))}
    return [[k, random_value(item, rng)] for k in keys.values()]
