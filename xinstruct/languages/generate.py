"""Readable random values of a neutral type: the inputs on which a mined function is observed.

Most are small and ordinary, together with the edge cases that break code: 0 and 1, empty text and empty lists, repeats,
negative numbers, mixed case, punctuation, some characters beyond ASCII. The same `rng` state gives the same values.
Boundaries of a type (large numbers, long lists) and values near a function's constants are drawn apart from the random
ones. Values that only some languages can express (NaN, NUL characters) are left to the tests of the backends.
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
# Large integers are odd and far from powers of two, so that a product that wraps around is not taken for a small one.
_INTS = (0, 1, -1, 2**31, -8, 2, 255, -3_000_000_007, 2**53 - 111, 64, -(2**62) - 12_345, 1000, -2)
_FLOATS = (0.0, 1.0, -1.0, 0.5, -2.5, 1e-3, 1e9, 100.0)
_LONG = 40  # items of a long list, twice the words of a long text
_BOUNDARY_TEXTS = ("", "a", "naïve 日本 Ünï", " ", "0", "Zz", "a b")


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


def related(signature: Signature, rows: Sequence[list[Any]], rng: random.Random) -> list[list[Any]]:
    """Return the same rows, in a third of which one argument is another, or a part or an item of it."""
    return [_related([param.type for param in signature.params], row, rng) for row in rows]


def _related(kinds: list[Type], row: list[Any], rng: random.Random) -> list[Any]:
    pairs = [(a, b) for a in range(len(kinds)) for b in range(len(kinds)) if a != b and _comparable(kinds[a], kinds[b])]
    if not pairs or rng.random() > 1 / 3:
        return row
    whole, part = rng.choice(pairs)
    found = list(row)
    if kinds[whole] == kinds[part] and not (isinstance(row[whole], str | list) and rng.random() < 0.8):
        found[part] = row[whole]
    elif kinds[whole] == kinds[part]:
        cut = rng.randint(0, len(row[whole]))
        found[part] = rng.choice((row[whole][:cut], row[whole][cut:]))
    elif row[whole]:
        found[part] = rng.choice(row[whole])
    return found


def _comparable(whole: Type, part: Type) -> bool:
    return whole == part or (whole.head == "list" and whole.args[0] == part)


def small_value(kind: Type, rng: random.Random) -> Any:
    """Return a random value whose numbers are small, for what is not at its boundary."""
    if kind.head == "int":
        return rng.randint(-3, 12)
    return random_value(kind, rng)


def boundaries(kind: Type, bound: int, rng: random.Random) -> list[Any]:
    """Return values at the ends of a type, most telling first; no integer is beyond the bound."""
    if kind.head == "int":
        return [n for n in _INTS if abs(n) <= bound]
    if kind.head in ("float", "bool"):
        return list(_FLOATS) if kind.head == "float" else [False, True]
    if kind.head == "string":
        return [*_BOUNDARY_TEXTS[:2], " ".join(rng.choice(_WORDS) for _ in range(_LONG // 2)), *_BOUNDARY_TEXTS[2:]]
    inner = [boundaries(arg, bound, rng) for arg in kind.args]
    if kind.head == "list":
        return _list_boundaries(kind.args[0], inner[0], rng)
    if kind.head == "dict":
        item = kind.args[1]
        many = {json.dumps(k): k for k in (random_value(kind.args[0], rng) for _ in range(_LONG))}
        return [[], [[inner[0][0], inner[1][0]]], [[k, random_value(item, rng)] for k in many.values()]]
    if kind.head == "optional":
        return [None, *inner[0]]
    return [[side[at % len(side)] for side in inner] for at in range(max(map(len, inner), default=0))] or [None]


def _list_boundaries(item: Type, sides: list[Any], rng: random.Random) -> list[Any]:
    one, other = small_value(item, rng), small_value(item, rng)
    many = [small_value(item, rng) for _ in range(_LONG)]
    return [[], [one], [one, one], [one, other, one], many, *([side] for side in sides[:3]), sides[1:4], sides[:8]]


def near_constants(
    signature: Signature, words: Sequence[str], numbers: Sequence[int | float], rng: random.Random
) -> list[list[Any]]:
    """Return inputs with one parameter at or beside a constant and the others as they come.

    Constants as they are and numbers beside them come first, then texts around them; each in random order.
    """
    rows: tuple[list[list[Any]], list[list[Any]]] = ([], [])
    for at, param in enumerate(signature.params):
        for later, values in enumerate(_near(param.type, words, numbers, rng)):
            for value in values:
                row = [small_value(other.type, rng) for other in signature.params]
                row[at] = value
                rows[later].append(row)
    for own in rows:
        rng.shuffle(own)
    return [*rows[0], *rows[1]]


def _near(
    kind: Type, words: Sequence[str], numbers: Sequence[int | float], rng: random.Random
) -> tuple[list[Any], list[Any]]:
    """Return the values of a type that a function with these constants may tell from others, likely ones first."""
    whole = [n + step for n in numbers if isinstance(n, int) for step in (0, 1, -1)]
    if kind.head == "int":
        return whole, []
    if kind.head == "float":
        return [float(n + step) for n in numbers for step in (0, 1, -1)], []
    if kind.head == "string":
        return _near_words(words, rng)
    if kind.head == "list":
        first, later = _near(kind.args[0], words, numbers, rng)
        lengths = [n for n in dict.fromkeys(whole) if 1 < n <= 12]
        sized = [[small_value(kind.args[0], rng) for _ in range(n)] for n in lengths]
        mixed = [[rng.choice(first + later) for _ in range(rng.randint(1, 3))] for _ in first]
        return [[value] for value in first[:8]] + sized, mixed
    return _near(kind.args[0], words, numbers, rng) if kind.head == "optional" else ([], [])


def _near_words(words: Sequence[str], rng: random.Random) -> tuple[list[Any], list[Any]]:
    """Return the words, and texts with several punctuation marks; then texts that hold, repeat or end in a word."""
    a, b = rng.choice(_WORDS), rng.choice(_WORDS)
    marks = [word for word in words if len(word) == 1]
    mixed = ["".join(rng.choice(_WORDS) + mark for mark in marks[at : at + 4]) for at in range(0, len(marks), 4)]
    around = [f"{a}{word}{b}" for word in words] + [f"{a}{word}" for word in words if len(word) > 1]
    return [*(word for word in words if len(word) > 1), *mixed], [*around, *(f"{b}{m}{a}{m}x" for m in marks), *marks]


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
