"""How many tokens a text has: by the student's own tokenizer, or estimated where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from tokenizers import Tokenizer

Count = Callable[[str], int]
_BYTES_PER_TOKEN = 3.2  # of code under byte-pair tokenizers of some 50,000 entries


def estimate(text: str) -> int:
    """Tokens by the bytes of a text."""
    return int(len(text.encode()) / _BYTES_PER_TOKEN) + 1


@cache
def counter(path: str) -> Count:
    """Counts tokens by a tokenizer.json, special ones left out; estimates when `path` is ""."""
    if not path:
        return estimate
    tokenizer = Tokenizer.from_file(path)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
