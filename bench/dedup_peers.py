"""Run by a peer's own interpreter: near-duplicates of documents as the peer finds them, timed from text to pairs.

``python dedup_peers.py NAME THRESHOLD PERMUTATIONS < texts.json`` prints ``{"version", "cpu", "pairs", "flagged"}``;
`pairs` is null for a peer that only says which documents repeat an earlier one. All but text-dedup, which has its own
words, are given the same token 5-grams. "verified" is rensa's signatures with our sets and our verification.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from itertools import combinations
from typing import Any

from xinstruct.dedup.tokens import tokens

Pair = tuple[int, int]


def grams(text: str) -> list[str]:
    """Token 5-grams of a text, operators included, as any library takes them."""
    found = tokens(text, signs=True)
    return [" ".join(found[at : at + 5]) for at in range(max(1, len(found) - 4))]


def ours(texts: list[str], threshold: float, permutations: int) -> Iterable[Pair]:
    """Find pairs by our own MinHash, every pair verified."""
    from xinstruct.dedup.minhash import near_pairs

    return [(i, j) for i, j, _ in near_pairs(texts, threshold, permutations)]


def rensa_verified(texts: list[str], threshold: float, permutations: int) -> Iterable[Pair]:
    """Take rensa's signatures of our sets; bands, candidates and verification are ours."""
    import numpy as np
    from rensa import RMinHash  # type: ignore[import-not-found]

    from xinstruct.dedup.minhash import bands, candidates
    from xinstruct.dedup.tokens import jaccards, shingles

    sets = shingles(texts)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(sets.hashes, sets.starts.astype(np.uint64), permutations, 1)
    pairs = candidates(np.array(matrix.to_rows(), dtype=np.uint32), bands(threshold, permutations))
    return map(tuple, pairs[jaccards(sets, sets, pairs) >= threshold].tolist())


def rensa(texts: list[str], threshold: float, permutations: int) -> Iterable[Pair]:
    """Find pairs by rensa's signatures and index, unverified."""
    from rensa import RMinHash, RMinHashLSH

    found = RMinHash.from_token_sets([grams(text) for text in texts], permutations, 1)
    index = RMinHashLSH(threshold, permutations, _bands(threshold, permutations)[0])
    index.insert_pairs(list(enumerate(found)))
    return {(j, i) for i, keys in enumerate(index.query_all(found)) for j in keys if j < i}


def _bands(threshold: float, permutations: int) -> Pair:
    from xinstruct.dedup.minhash import bands

    count, rows = bands(threshold, permutations)
    while permutations % count:  # rensa wants bands that divide the permutations
        count += 1
    return count, rows


def datasketch(texts: list[str], threshold: float, permutations: int) -> Iterable[Pair]:
    """Find pairs by datasketch's MinHashLSH, unverified."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found]

    index = MinHashLSH(threshold, permutations)
    found = []
    for at, one in enumerate(MinHash.bulk([[g.encode() for g in grams(t)] for t in texts], num_perm=permutations)):
        found += [(other, at) for other in index.query(one)]
        index.insert(at, one)
    return found


def lshbloom(texts: list[str], threshold: float, permutations: int) -> set[int]:
    """Flag documents by datasketch's LSHBloom."""
    from datasketch import MinHash, MinHashLSHBloom

    index = MinHashLSHBloom(threshold, permutations, n=len(texts), fp=1e-5)
    flagged = set()
    for at, one in enumerate(MinHash.bulk([[g.encode() for g in grams(t)] for t in texts], num_perm=permutations)):
        if index.query(one):
            flagged.add(at)
        index.insert(one)
    return flagged


def text_dedup(texts: list[str], threshold: float, permutations: int) -> Iterable[Pair]:
    """Find pairs in the buckets of text-dedup's MinHash: its function for each document, without files in between."""
    import numpy as np
    from text_dedup import minhash as peer  # type: ignore[import-not-found]

    count, rows = peer.optimal_param(threshold, permutations, false_positive_weight=0.5, false_negative_weight=0.5)
    prime = np.uint64((1 << 61) - 1)
    draw = (peer.RNG.randint(1, prime, size=(permutations,), dtype=np.uint64),
            peer.RNG.randint(0, prime, size=(permutations,), dtype=np.uint64))  # fmt: skip
    ranges = [(at * rows, (at + 1) * rows) for at in range(count)]
    options: dict[str, Any] = {"num_perm": permutations, "ngram_size": 5, "min_length": 1, "hashranges": ranges}
    options |= {"permutations": draw, "hash_func": peer.xxh3_32hash, "dtype": np.uint64}
    options |= {"max_hash": np.uint32((1 << 32) - 1), "modulo_prime": prime}
    tables: list[dict[bytes, list[int]]] = [{} for _ in ranges]
    for at, text in enumerate(texts):
        for table, key in zip(tables, peer.embed_func(text, at, **options)[peer.SIGNATURE_COLUMN], strict=True):
            table.setdefault(key, []).append(at)
    return {pair for table in tables for group in table.values() for pair in combinations(group, 2)}


PEERS: dict[str, tuple[Any, str]] = {
    "ours": (ours, "numpy"),
    "rensa": (rensa, "rensa"),
    "rensa, verified": (rensa_verified, "rensa"),
    "datasketch": (datasketch, "datasketch"),
    "LSHBloom": (lshbloom, "datasketch"),
    "text-dedup": (text_dedup, "text-dedup"),
}

if __name__ == "__main__":
    work, package = PEERS[sys.argv[1]]
    given = json.load(sys.stdin)
    work(given[:20], float(sys.argv[2]), int(sys.argv[3]))  # what is loaded or compiled once
    began = time.process_time()
    result = work(given, float(sys.argv[2]), int(sys.argv[3]))
    pairs = None if isinstance(result, set) and all(isinstance(one, int) for one in result) else sorted(result)
    cpu = time.process_time() - began
    flagged = sorted(result) if pairs is None else sorted({j for _, j in pairs})
    said = f"{package} {version(package)}"
    print(json.dumps({"version": said, "cpu": cpu, "pairs": pairs, "flagged": flagged}))
