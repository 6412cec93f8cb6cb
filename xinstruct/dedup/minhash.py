"""Near-duplicates by MinHash LSH, with every candidate checked by its exact Jaccard similarity.

Signatures are cut into bands; texts that share a band are candidates; a candidate counts only when the sets of n-grams
themselves reach the threshold, so no reported pair is wrong, and with the bands chosen for it fewer than 1 in 100 pairs
at the threshold is missed. Texts of equal sets are compared once. ``survivors`` keeps texts best first and rejects each
one that is near a kept one, so every rejection names a text that is still there. The caller decides which texts are
compared and which is better; the order of the others changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from xinstruct.dedup.tokens import Sets, jaccards, shingles

RECALL = 0.99  # of pairs exactly at the threshold
_ROWS = 1 << 13  # hashes of one text that are permuted at a time (8 MB)
Rejected = dict[int, tuple[int, float]]  # index -> (index of the nearest kept text, Jaccard)


def bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Return (bands, rows per band): the most selective choice that still finds RECALL of pairs at the threshold."""
    for size in range(permutations, 1, -1):
        count = permutations // size
        if 1 - (1 - threshold**size) ** count >= RECALL:
            return count, size
    return permutations, 1


def signatures(sets: Sets, permutations: int, seed: int = 1) -> Any:
    """Return MinHash signatures, uint32 of shape (len(sets), permutations), by multiplicative hashing."""
    draw = np.random.Generator(np.random.PCG64(seed))
    factors = draw.integers(0, 2**31, size=(1, permutations), dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    hashes = (sets.hashes >> np.uint64(20)).astype(np.uint32)[:, None]
    found = np.full((len(sets), permutations), 2**32 - 1, dtype=np.uint32)
    block = np.empty((min(_ROWS, int(sets.sizes.max(initial=0))), permutations), dtype=np.uint32)
    for row, (start, stop) in enumerate(zip(sets.starts[:-1].tolist(), sets.starts[1:].tolist(), strict=True)):
        if start < stop:
            size = min(_ROWS, stop - start)
            mixed = np.multiply(hashes[start : start + size], factors, out=block[:size])
            np.minimum.reduce(mixed, axis=0, out=found[row])
        for at in range(start + _ROWS, stop, _ROWS):  # of a giant text
            part = hashes[at : min(at + _ROWS, stop)]
            mixed = np.multiply(part, factors, out=block[: len(part)])
            np.minimum(found[row], np.minimum.reduce(mixed, axis=0), out=found[row])
    return found


def candidates(found: Any, cut: tuple[int, int]) -> Any:
    """Return the pairs (i, j), i < j, that share at least one band, sorted, as an array of two columns."""
    return _pairs_of(_band_keys(found, cut), len(found))


def _band_keys(found: Any, cut: tuple[int, int]) -> Any:
    """Return a 64-bit key of every band (rows) of every signature (columns)."""
    count, size = cut
    columns = np.ascontiguousarray(found.T).astype(np.uint64)
    keys = np.zeros((count, len(found)), dtype=np.uint64)
    for offset in range(size):
        keys = (keys ^ columns[offset : count * size : size]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def _pairs_of(keys: Any, count: int) -> Any:
    parts = [np.zeros(0, dtype=np.int64)]
    for band in keys:
        order = np.argsort(band)
        ordered = band[order]
        at, distance = np.arange(count), 0
        while len(at):
            distance += 1
            at = at[at < count - distance]
            at = at[ordered[at] == ordered[at + distance]]
            one, two = order[at], order[at + distance]
            parts.append(np.minimum(one, two) * count + np.maximum(one, two))
    codes = np.unique(np.concatenate(parts))
    return np.stack([codes // max(count, 1), codes % max(count, 1)], axis=1)


def _similar(sets: Sets, threshold: float, permutations: int) -> Iterable[tuple[int, int, float]]:
    """Yield pairs of sets, all different, whose Jaccard similarity reaches the threshold."""
    pairs = candidates(signatures(sets, permutations), bands(threshold, permutations))
    small, large = np.sort(sets.sizes[pairs], axis=1).T
    pairs = pairs[small >= threshold * large]  # the others cannot reach it
    similar = jaccards(sets, sets, pairs)
    near = similar >= threshold
    return zip(pairs[near, 0].tolist(), pairs[near, 1].tolist(), similar[near].tolist(), strict=True)


def _groups(sets: Sets) -> list[list[int]]:
    """Return the numbers of the sets that are equal, in order, the empty ones left out."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for at in np.flatnonzero(sets.sizes).tolist():
        found[sets[at].tobytes()].append(at)
    return list(found.values())


@dataclass(frozen=True)
class Near:
    """Texts in groups of equal sets, and which groups are near-duplicates of each other."""

    group: list[int]  # of each text; -1: it has no tokens
    edges: dict[int, list[tuple[int, float]]]  # group -> (group, Jaccard), both ways


def near(texts: Sequence[str], threshold: float, permutations: int, signs: bool = True) -> Near:
    """Find the near-duplicates among texts; without signs, words alone count. O(candidates) compares."""
    sets = shingles(texts, signs=signs)
    groups = _groups(sets)
    found = Near([-1] * len(texts), defaultdict(list))
    for number, group in enumerate(groups):
        for at in group:
            found.group[at] = number
    for one, two, similarity in _similar(sets.taken([group[0] for group in groups]), threshold, permutations):
        found.edges[one].append((two, similarity))
        found.edges[two].append((one, similarity))
    return found


def near_pairs(
    texts: Sequence[str], threshold: float, permutations: int, signs: bool = True
) -> list[tuple[int, int, float]]:
    """Return all found pairs (i, j, Jaccard) with i < j and Jaccard >= threshold, sorted."""
    found = near(texts, threshold, permutations, signs)
    members: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(found.group):
        members[group].append(at)
    pairs = [(i, j, 1.0) for group in members if group >= 0 for i, j in combinations(members[group], 2)]
    for one, edges in found.edges.items():
        for two, similarity in edges:
            pairs += [(i, j, similarity) for i, j in product(members[one], members[two]) if i < j]
    return sorted(pairs)


def survivors(texts: Sequence[str], threshold: float, permutations: int, signs: bool = True) -> Rejected:
    """Return the texts to reject: index -> (index of the nearest kept text, Jaccard).

    `texts` are in order of preference: the first of a group of near-duplicates is kept.
    """
    found = near(texts, threshold, permutations, signs)
    kept: dict[int, int] = {}  # group -> its first text, when that was kept
    rejected: Rejected = {}
    for at, group in enumerate(found.group):
        twins = [(-similarity, kept[two]) for two, similarity in [(group, 1.0), *found.edges.get(group, ())]
                 if two in kept]  # fmt: skip
        if twins:
            distance, twin = min(twins)
            rejected[at] = (twin, -distance)
        elif group >= 0:
            kept[group] = at
    return rejected


def nearest(texts: Sets, others: Sets, threshold: float, permutations: int) -> Rejected:
    """Return the texts that have a near-duplicate among others: index -> (index of the nearest other, Jaccard)."""
    cut, count = bands(threshold, permutations), len(texts)
    both = texts + others
    pairs = candidates(signatures(both, permutations), cut)
    pairs = pairs[(pairs[:, 0] < count) & (pairs[:, 1] >= count)]
    found: Rejected = {}
    for (i, j), similarity in zip(pairs.tolist(), jaccards(both, both, pairs).tolist(), strict=True):
        if similarity >= threshold and similarity > found.get(i, (0, 0.0))[1]:
            found[i] = (j - count, similarity)
    return found
