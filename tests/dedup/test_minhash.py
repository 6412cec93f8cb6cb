"""Near-duplicates: found pairs against brute force, the survivor rule, determinism, speed of the sort expected."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from xinstruct.dedup.minhash import bands, candidates, near_pairs, nearest, signatures, survivors
from xinstruct.dedup.tokens import jaccards, shingles, tokens

HASH = 817932591109287


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
        found = tokens(text)
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
    two = shingles([" ".join(f"a{i}" for i in range(400)), " ".join(f"a{i}" for i in range(200, 600))])
    found = signatures(two, 2048)
    assert np.mean(found[0] == found[1]) == pytest.approx(jaccards(two, two, np.array([[0, 1]]))[0], abs=0.04)


def test_long_texts_are_cut_and_hashed_in_blocks_without_difference() -> None:
    long = " ".join(f"w{i % 70_000}" for i in range(90_000))
    assert len(long) > 2 * 262_144
    words = long.split()
    [own] = shingles([long]).sizes
    assert own == pytest.approx(len({tuple(words[i : i + 5]) for i in range(len(words) - 4)}), abs=10)  # cut words
    assert near_pairs(["short one", long, "x " + long], 0.9, 32)[0][:2] == (1, 2)


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
    texts = ["", "", "one two", "One, two!", "one three"]
    assert near_pairs(texts, 0.8, 64, signs=False) == [(2, 3, 1.0)]
    assert shingles(texts).sizes.tolist() == [0, 0, 1, 1, 1]
    assert survivors([], 0.8, 64) == {} == survivors(["", ""], 0.8, 64)


def test_each_candidate_once() -> None:
    found = signatures(shingles(["a b c d e f"] * 5), 64)
    assert candidates(found, (16, 4)).tolist() == [list(pair) for pair in combinations(range(5), 2)]


def test_hashes_do_not_depend_on_the_process_nor_on_the_other_texts() -> None:
    fox = "the quick brown fox jumps"
    assert shingles([fox]).hashes.tolist() == [HASH]
    assert shingles(["", "a, b", fox, "one two three four five six"])[2].tolist() == [HASH]


def test_tokens_of_code_and_of_scripts_without_spaces() -> None:
    assert tokens("a+=Foo_1 (é)", signs=True) == ["a", "+", "=", "foo_1", "(", "é", ")"]
    assert tokens("a+=Foo_1 (é)") == ["a", "foo_1", "é"]
    assert tokens("求和sum，返回 ไทย 한국어 слово") == [*"求和", "sum", *"返回", *"ไทย", "한국어", "слово"]


def test_operators_count_and_chinese_texts_are_compared() -> None:
    add, subtract = (f"Combine two values.\ndef c(a, b):\n    return a {sign} b" for sign in "+-")
    assert near_pairs([add, subtract], 0.8, 128) == []
    assert near_pairs([add, subtract], 0.8, 128, signs=False) == [(0, 1, 1.0)]
    chinese = "编写一个函数，接收一个整数列表，返回其中所有偶数的平方和。如果列表为空则返回零。"
    assert [pair[:2] for pair in near_pairs([chinese, chinese[:-1] + "！谢谢"], 0.8, 128)] == [(0, 1)]


def test_texts_are_found_in_other_data_whatever_its_parts() -> None:
    items = texts(200)
    new, old = shingles(items[::2]), shingles(items[1::2])
    whole = nearest(new, old, 0.7, 128)
    parts = [nearest(new, old.taken(np.arange(at, min(at + 30, len(old)))), 0.7, 128) for at in range(0, len(old), 30)]
    assert whole
    assert {i for part in parts for i in part} == whole.keys()
    assert all(max(part[i][1] for part in parts if i in part) == similarity for i, (_, similarity) in whole.items())


def test_many_equal_texts_take_no_pairs() -> None:
    rejected = survivors(["the same text in every place of the list"] * 50_000, 0.8, 64)
    assert len(rejected) == 49_999
    assert set(rejected.values()) == {(0, 1.0)}
