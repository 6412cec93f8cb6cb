"""Tokens of code and prose, and the sets of hashed token n-grams by which texts are compared.

A token is a run of letters, digits and underscores in lower case, or one character of a script that is written without
spaces (Chinese, Japanese, Thai and the like), or, where signs count, one sign: operators and brackets of code. Whole
batches of texts are hashed at once on arrays of code points. Hashes are the same in every process and on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

NGRAM = 5
_ODD = np.uint64(0x9E3779B97F4A7C15)
_BITS = 52  # of a shingle's hash: the other bits of a sorted key tell which text or pair it belongs to
_BATCH = 1 << (64 - _BITS)  # texts or pairs whose hashes are sorted together
_PIECE = 1 << 18  # characters that are hashed together; of a longer text, pieces
_SPACE, _WORD, _SIGN, _CHARACTER = range(4)
_SIGNS = ((0xA1, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2010, 0x205E), (0x20A0, 0x2BFF), (0x3001, 0x303F),
          (0x30FB, 0x30FB), (0xFE10, 0xFE6F), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF3E), (0xFF40, 0xFF40),
          (0xFF5B, 0xFF65))  # fmt: skip
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3040, 0x30FA), (0x30FC, 0x4DBF),
             (0x4E00, 0xA4CF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip


@cache
def _kinds() -> Any:
    """Return the kind of every code point: a part of a word unless known to be something else."""
    found = np.full(0x110000, _WORD, dtype=np.uint8)
    ascii_kinds = [_WORD if chr(i).isalnum() or chr(i) == "_" else _SIGN if i > 32 else _SPACE for i in range(127)]
    found[:127] = ascii_kinds
    found[127:0xA1] = _SPACE
    for kind, ranges in ((_SIGN, _SIGNS), (_CHARACTER, _UNSPACED)):
        for first, last in ranges:
            found[first : last + 1] = kind
    for space in (0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0xAD):
        found[space] = _SPACE
    return found


@cache
def _powers(base: int) -> Any:
    found = np.full(2 * _PIECE + 2, base, dtype=np.uint64)
    found[0] = 1
    return np.cumprod(found, dtype=np.uint64)


def tokens(text: str, signs: bool = False) -> list[str]:
    """Return the tokens of a text in order, as text."""
    lowered = text.lower()
    _, inside, joined = _read(lowered, signs)
    end = np.flatnonzero(np.concatenate([inside[:-1] & ~joined, inside[-1:]])) + 1
    return [lowered[start:stop] for start, stop in zip(_begin(inside, joined).tolist(), end.tolist(), strict=True)]


def _read(text: str, signs: bool) -> tuple[Any, Any, Any]:
    """Return a text's code points, which of them are of tokens, and which are of one token with the next one."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _kinds()[codes]
    word = kinds == _WORD
    inside = kinds != _SPACE if signs else (kinds & 1).astype(bool)
    return codes, inside, word[1:] & word[:-1]


def _begin(inside: Any, joined: Any) -> Any:
    first = inside.copy()
    first[1:] &= ~joined
    return np.flatnonzero(first)


def token_hashes(texts: Sequence[str], signs: bool) -> tuple[Any, Any]:
    """Return the tokens' 64-bit hashes of all texts one after another, and the number of tokens of each text."""
    counts, parts = np.zeros(len(texts), dtype=np.int64), [np.zeros(0, dtype=np.uint64)]
    for owners, pieces in _batches(texts):
        joined = "\n".join(pieces) + "\n"
        codes, inside, one_word = _read(joined, signs)
        at = _begin(inside, one_word)
        if not len(at):
            continue
        # sums of code points times powers of their place; divided by the power of its first place, a token's sum
        # does not depend on where it stands
        parted = (codes * inside).astype(np.uint64) * _powers(0xD1342543DE82EF95)[: len(codes)]
        sums = np.add.reduceat(parted, at)
        parts.append(_mixed(sums * _powers(pow(0xD1342543DE82EF95, -1, 1 << 64))[at]))
        ends = np.cumsum([len(piece) + 1 for piece in pieces])
        np.add.at(counts, owners, np.diff(np.searchsorted(at, [0, *ends])))
    return np.concatenate(parts), counts


def _batches(texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
    """Yield batches of lowered texts, or of pieces of long ones, with the numbers of the texts they are from."""
    owners: list[int] = []
    pieces: list[str] = []
    size = 0
    for owner, text in enumerate(texts):
        lowered = text.lower()
        for start in range(0, len(lowered), _PIECE):
            piece = lowered[start : start + _PIECE]
            owners.append(owner)
            pieces.append(piece)
            size += len(piece) + 1
            if size >= _PIECE:
                yield owners, pieces
                owners, pieces, size = [], [], 0
    if pieces:
        yield owners, pieces


def _mixed(x: Any) -> Any:
    """Apply the finaliser of splitmix64: every bit of the result depends on every bit of x."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True)
class Sets:
    """Sets of hashes, one a text: sorted distinct hashes of 52 bits one after another, and where each set begins."""

    hashes: Any
    starts: Any  # one more than there are sets

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, at: int) -> Any:
        return self.hashes[self.starts[at] : self.starts[at + 1]]

    @property
    def sizes(self) -> Any:
        """Return the number of hashes of each set."""
        return np.diff(self.starts)

    def __add__(self, other: Sets) -> Sets:
        starts = np.concatenate([self.starts, other.starts[1:] + self.starts[-1]])
        return Sets(np.concatenate([self.hashes, other.hashes]), starts)

    def taken(self, which: Any) -> Sets:
        """Return the sets of the given numbers, in that order."""
        return Sets(self.hashes[_spread(self.starts[which], self.sizes[which])], _starts(self.sizes[which]))


def shingles(texts: Sequence[str], n: int = NGRAM, signs: bool = True) -> Sets:
    """Return each text's set of hashed token n-grams. Fewer than n tokens are one shingle, no token is an empty set."""
    hashed, counts = token_hashes(texts, signs)
    starts, parts = _starts(counts), [Sets(np.zeros(0, dtype=np.uint64), np.zeros(1, dtype=np.int64))]
    for at in range(0, len(texts), _BATCH):
        own = counts[at : at + _BATCH]
        parts.append(_shingled(hashed[starts[at] : starts[at + len(own)]], own, n))
    sizes = np.concatenate([part.sizes for part in parts])
    return Sets(np.concatenate([part.hashes for part in parts]), _starts(sizes))


def _shingled(hashed: Any, counts: Any, n: int) -> Sets:
    owner = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    width = max(0, len(hashed) - n + 1)
    whole = np.zeros(width, dtype=np.uint64)
    for offset in range(n if width else 0):
        whole = whole * _ODD + hashed[offset : offset + width]
    inside = owner[:width] == owner[len(owner) - width :] if width else np.zeros(0, dtype=bool)
    short = np.flatnonzero((counts > 0) & (counts < n))
    keys = np.concatenate([_keys(owner[:width][inside], whole[inside]), _keys(short, _short(hashed, counts, short))])
    keys.sort()
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys
    sizes = np.bincount((keys >> np.uint64(_BITS)).astype(np.int64), minlength=len(counts))
    return Sets(keys & np.uint64((1 << _BITS) - 1), _starts(sizes))


def _short(hashed: Any, counts: Any, short: Any) -> Any:
    """Return the one shingle of each text that is shorter than an n-gram."""
    found, first = counts[short].astype(np.uint64), _starts(counts)[short]
    for offset in range(int(counts[short].max()) if len(short) else 0):
        more = counts[short] > offset
        found[more] = found[more] * _ODD + hashed[first[more] + offset]
    return found


def _keys(owner: Any, hashed: Any) -> Any:
    return (owner.astype(np.uint64) << np.uint64(_BITS)) | (_mixed(hashed) >> np.uint64(64 - _BITS))


def _starts(sizes: Any) -> Any:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _spread(starts: Any, sizes: Any) -> Any:
    """Return the numbers start, start + 1, ... of so many each, one after another."""
    offsets = np.arange(int(sizes.sum()), dtype=np.int64) - np.repeat(_starts(sizes)[:-1], sizes)
    return np.repeat(starts, sizes) + offsets


def jaccards(left: Sets, right: Sets, pairs: Any) -> Any:
    """Return the exact Jaccard similarity of pairs (number in `left`, number in `right`); 0 where both are empty."""
    found = [np.zeros(0)]
    for at in range(0, len(pairs), _BATCH):
        one, two = left.taken(pairs[at : at + _BATCH, 0]), right.taken(pairs[at : at + _BATCH, 1])
        numbers = np.arange(len(one), dtype=np.uint64) << np.uint64(_BITS)
        keys = np.concatenate([side.hashes | np.repeat(numbers, side.sizes) for side in (one, two)])
        keys.sort()
        twice = keys[1:][keys[1:] == keys[:-1]]
        both = np.bincount((twice >> np.uint64(_BITS)).astype(np.int64), minlength=len(one))
        found.append(both / np.maximum(one.sizes + two.sizes - both, 1))
    return np.concatenate(found)
