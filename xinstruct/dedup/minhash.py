"""Near-duplicates by MinHash LSH, with every candidate checked by its exact Jaccard similarity.

Signatures are cut into bands; texts that share a band are candidates; a candidate counts only when the word 5-gram
sets themselves reach the threshold, so no reported pair is wrong, and with the bands chosen for it fewer than 1 in
100 pairs at the threshold is missed. ``survivors`` keeps texts best first and rejects each one that is near a kept
one, so every rejection names a text that is still there. The caller decides which texts are compared and which is
better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from xinstruct.dedup.words import jaccard, shingles

NGRAM = 5
RECALL = 0.99  # of pairs exactly at the threshold
_BLOCK = 1 << 21  # products held at a time (16 MB)


def bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Return (bands, rows per band): the most selective choice that still finds RECALL of pairs at the threshold."""
    for size in range(permutations, 1, -1):
        count = permutations // size
        if 1 - (1 - threshold**size) ** count >= RECALL:
            return count, size
    return permutations, 1


def signatures(sets: Sequence[Any], permutations: int, seed: int = 1) -> Any:
    """Return MinHash signatures, uint32 of shape (len(sets), permutations), by multiply-shift hashing."""
    draw = np.random.Generator(np.random.PCG64(seed))
    factor, offset = draw.integers(1, 2**63, size=(2, 1, permutations), dtype=np.uint64)
    factor = factor * np.uint64(2) + np.uint64(1)
    found = np.full((len(sets), permutations), 2**32 - 1, dtype=np.uint32)
    step = max(1, _BLOCK // permutations)
    for row, hashes in enumerate(sets):
        for start in range(0, len(hashes), step):
            mixed = hashes[start : start + step, None] * factor + offset
            np.minimum(found[row], (mixed >> np.uint64(32)).min(axis=0).astype(np.uint32), out=found[row])
    return found


def candidates(found: Any, cut: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield pairs (i, j), i < j, that share at least one band; each pair once."""
    count, size = cut
    seen: set[tuple[int, int]] = set()
    for band in range(count):
        part = np.ascontiguousarray(found[:, band * size : (band + 1) * size])
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for row in range(len(part)):
            buckets[part[row].tobytes()].append(row)
        for rows in buckets.values():
            for at, left in enumerate(rows):
                for right in rows[at + 1 :]:
                    if (left, right) not in seen:
                        seen.add((left, right))
                        yield left, right


def near_pairs(texts: Sequence[str], threshold: float, permutations: int) -> list[tuple[int, int, float]]:
    """Return all found pairs (i, j, Jaccard) with i < j and Jaccard >= threshold, sorted. O(candidates) compares."""
    sets = [shingles(text, NGRAM) for text in texts]
    filled = [i for i, hashes in enumerate(sets) if len(hashes)]
    found = signatures([sets[i] for i in filled], permutations)
    pairs = []
    for left, right in candidates(found, bands(threshold, permutations)):
        i, j = filled[left], filled[right]
        similarity = jaccard(sets[i], sets[j])
        if similarity >= threshold:
            pairs.append((i, j, similarity))
    return sorted(pairs)


def survivors(texts: Sequence[str], threshold: float, permutations: int) -> dict[int, tuple[int, float]]:
    """Return the texts to reject: index -> (index of the nearest kept text, Jaccard).

    `texts` are in order of preference: the first of a group of near-duplicates is kept.
    """
    near: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for i, j, similarity in near_pairs(texts, threshold, permutations):
        near[j].append((-similarity, i))
    rejected: dict[int, tuple[int, float]] = {}
    for j in range(len(texts)):
        kept = [(distance, i) for distance, i in near.get(j, []) if i not in rejected]
        if kept:
            distance, i = min(kept)
            rejected[j] = (i, -distance)
    return rejected
