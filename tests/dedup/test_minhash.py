"""Near-duplicates: found pairs against brute force, the survivor rule, determinism, speed of the sort expected."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from xinstruct.dedup.minhash import bands, candidates, near_pairs, signatures, survivors
from xinstruct.dedup.words import exact_key, jaccard, shingles, words


def texts(count: int, seed: int = 5) -> list[str]:
    """Originals of 60 words and copies with 0 to 8 words changed."""
    rng = random.Random(seed)
    found: list[str] = []
    while len(found) < count:
        base = [f"w{rng.randrange(3000)}" for _ in range(60)]
        for changed in (0, 1, 2, 4, 8):
            copy = list(base)
            for at in rng.sample(range(60), changed):
                copy[at] = f"x{rng.randrange(3000)}"
            found.append(" ".join(copy))
    return found[:count]


def brute(items: list[str], threshold: float) -> dict[tuple[int, int], float]:
    """All pairs by plain Python sets of word 5-grams."""
    sets = []
    for text in items:
        found = words(text)
        sets.append({tuple(found[i : i + 5]) for i in range(len(found) - 4)})
    pairs = {(i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for i, j in combinations(range(len(items)), 2)}
    return {pair: value for pair, value in pairs.items() if value >= threshold}


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8])
def test_pairs_are_those_of_brute_force(threshold: float) -> None:
    items = texts(300)
    wanted = brute(items, threshold)
    found = {(i, j): similarity for i, j, similarity in near_pairs(items, threshold, 128)}
    assert len(wanted) > 60
    assert found.keys() <= wanted.keys(), "a pair below the threshold was reported"
    assert len(found) >= 0.98 * len(wanted)
    assert all(similarity == pytest.approx(wanted[pair]) for pair, similarity in found.items())


@pytest.mark.parametrize(("threshold", "permutations"), [(0.8, 128), (0.7, 256), (0.5, 64), (0.95, 16)])
def test_bands_find_pairs_at_the_threshold(threshold: float, permutations: int) -> None:
    count, size = bands(threshold, permutations)
    assert count * size <= permutations
    assert 1 - (1 - threshold**size) ** count >= 0.99 or size == 1


def test_signatures_estimate_jaccard() -> None:
    left = shingles(" ".join(f"a{i}" for i in range(400)))
    right = shingles(" ".join(f"a{i}" for i in range(200, 600)))
    found = signatures([left, right], 2048)
    assert np.mean(found[0] == found[1]) == pytest.approx(jaccard(left, right), abs=0.04)


def test_long_texts_are_hashed_in_blocks_without_difference() -> None:
    long = shingles(" ".join(f"w{i % 70_000}" for i in range(70_000)))
    assert (signatures([long], 32)[0] == signatures([long[::-1].copy()], 32)[0]).all()


def test_first_of_a_group_survives_and_every_rejection_names_a_kept_text() -> None:
    items = texts(200)
    rejected = survivors(items, 0.7, 128)
    assert rejected
    for loser, (winner, similarity) in rejected.items():
        assert winner < loser
        assert winner not in rejected
        assert similarity >= 0.7
    kept = [i for i in range(len(items)) if i not in rejected]
    pairs = {(i, j) for i, j, _ in near_pairs(items, 0.7, 128)}
    assert not any(pair in pairs for pair in combinations(kept, 2))


def test_a_chain_is_not_collapsed_beyond_its_neighbours() -> None:
    # a ~ b ~ c, but a is not near c: c stays, because b, its only near text, is gone
    base = [f"w{i}" for i in range(100)]
    a, b, c = (" ".join(base[start : start + 60]) for start in (0, 12, 24))
    assert [pair[:2] for pair in near_pairs([a, b, c], 0.6, 256)] == [(0, 1), (1, 2)]
    assert set(survivors([a, b, c], 0.6, 256)) == {1}


def test_short_and_empty_texts() -> None:
    assert near_pairs(["", "", "one two", "One, two!", "one three"], 0.8, 64) == [(2, 3, 1.0)]
    assert len(shingles("")) == 0
    assert len(shingles("one two")) == 1


def test_each_candidate_once() -> None:
    found = signatures([shingles("a b c d e f")] * 5, 64)
    pairs = list(candidates(found, (16, 4)))
    assert sorted(pairs) == list(combinations(range(5), 2))


def test_hashes_do_not_depend_on_the_process() -> None:
    assert shingles("the quick brown fox jumps").tolist() == [15_368_542_290_613_406_255]
    assert exact_key(" a  b\n") == exact_key("a b") != exact_key("ab")
