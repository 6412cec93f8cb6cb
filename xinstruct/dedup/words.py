"""Words and word n-grams of texts, for near-duplicate search and decontamination.

A word is a run of letters, digits and underscores, in lower case: layout, punctuation and quotes do not count.
Hashes are the same in every process and on every machine.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Any

import numpy as np

_WORD = re.compile(r"\w+")
_ODD = np.uint64(0x9E3779B97F4A7C15)


def words(text: str) -> list[str]:
    """Return the words of a text in order."""
    return _WORD.findall(text.lower())


def exact_key(text: str) -> str:
    """Return a key that is equal for texts that differ in white space only."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def shingles(text: str, n: int = 5) -> Any:
    """Return sorted distinct 64-bit hashes of a text's word n-grams, uint64 of shape (k,).

    A text of fewer than n words is one shingle; a text without words has none.
    """
    found = words(text)
    if not found:
        return np.zeros(0, dtype=np.uint64)
    codes = np.array([zlib.crc32(word.encode()) for word in found], dtype=np.uint64)
    size = min(n, len(codes))
    hashed = np.zeros(len(codes) - size + 1, dtype=np.uint64)
    for offset in range(size):
        hashed = _mix(hashed * _ODD + codes[offset : len(codes) - size + 1 + offset])
    return np.unique(hashed)


def _mix(x: Any) -> Any:
    """Apply the finaliser of splitmix64: every bit of the result depends on every bit of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def jaccard(left: Any, right: Any) -> float:
    """Return the Jaccard similarity of two sorted arrays of distinct hashes; 0.0 when both are empty."""
    if not len(left) or not len(right):
        return 0.0
    both = len(np.intersect1d(left, right, assume_unique=True))
    return both / (len(left) + len(right) - both)
