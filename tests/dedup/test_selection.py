"""Which verified samples stay: each rule, and all of them whatever the order in which samples come."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.params import own
from tests.stages.helpers import sample
from xinstruct.dedup.selection import measures, out_of_bounds, over_quota, same_bodies, selected, size, trivial
from xinstruct.records import Sample

SMALL = "def add(a, b):\n    return a + b\n"


def large(number: int) -> str:
    """Three statements, another function for each number."""
    return f"def add(a, b):\n    left = a + {number}\n    right = b\n    return left + right - {number}\n"


def scored(number: int, response: str, score: float = 1.0, **fields: Any) -> Sample:
    return sample(number, response, score=score, **fields)


def test_of_one_body_under_several_names_the_best_stays() -> None:
    other = "def plus(x, y):\n    # adds\n    return x + y\n"
    samples = [scored(1, SMALL, 1.0), scored(2, other, 2.0), scored(3, SMALL.replace("+", "-"))]
    gone = same_bodies(samples)
    assert set(gone) == {samples[0].id}
    reason, detail = gone[samples[0].id]
    assert reason == "exact_duplicate" and samples[1].id in detail


def test_another_language_or_type_of_task_is_no_copy() -> None:
    text = "function add($a, $b) { return $a + $b; }"
    samples = [scored(1, SMALL), scored(2, SMALL, task="repair"), scored(3, text, language="php")]
    assert not same_bodies(samples)


def test_a_package_gives_its_best_samples_and_no_more() -> None:
    samples = [scored(i, large(i), float(i), snippets=[f"root{i}"]) for i in range(6)]
    packages = {f"root{i}": "one" if i < 4 else "two" for i in range(6)}
    gone = over_quota(samples, packages, 2)
    assert set(gone) == {samples[0].id, samples[1].id}
    assert {reason for reason, _ in gone.values()} == {"package_quota"}
    assert not over_quota(samples, packages, 0), "0: no limit"


def test_a_sample_of_two_packages_counts_for_both() -> None:
    both = scored(1, large(1), 9.0, snippets=["a", "b"])
    samples = [both, scored(2, large(2), 1.0, snippets=["a"]), scored(3, large(3), 1.0, snippets=["b"])]
    assert set(over_quota(samples, {"a": "one", "b": "two"}, 1)) == {samples[1].id, samples[2].id}


@pytest.mark.parametrize(("share", "left"), [(0.8, 2), (0.5, 8), (1.0, 0), (0.0, 12)])
def test_small_answers_stay_up_to_their_share_the_worst_go(share: float, left: int) -> None:
    samples = [scored(i, large(i)) for i in range(8)]
    samples += [scored(i, SMALL.replace("+", f"+ {i} +"), float(i)) for i in range(8, 20)]
    gone = trivial(samples, own("filter", min_statements_share=share))
    assert sorted(set(gone)) == sorted(s.id for s in samples[8 : 20 - left])
    assert {reason for reason, _ in gone.values()} <= {"trivial"}


def test_equal_scores_are_decided_by_id() -> None:
    samples = [scored(i, large(i)) for i in range(4)] + [scored(i, SMALL) for i in range(4, 8)]
    gone = trivial(samples, own("filter"))
    assert set(gone) == set(sorted(s.id for s in samples[4:])[1:])


def test_a_language_whose_statements_nobody_can_count_is_not_called_small() -> None:
    ruby = scored(1, "def add(a, b)\n  a + b\nend\n", language="ruby")
    assert size(ruby) is None
    assert not trivial([ruby], own("filter"))
    same = scored(2, ruby.response, 2.0, language="ruby")
    assert selected([ruby, same], {}, own("filter"))[0] == [same], "the same text is the same"


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"instruction": "Add."}, "too_short", "instruction of 4 characters, at least 40"),
        ({"instruction": "a" * 6001}, "too_long", "instruction of 6001 characters, at most 6000"),
        ({"response": "f=sum"}, "too_short", "code of 5 characters, at least 20"),
        ({"response": "x" * 6001}, "too_long", "code of 6001 characters, at most 6000"),
    ],
)
def test_bounds_of_length_name_what_is_out_of_them(fields: dict[str, str], reason: str, words: str) -> None:
    values = {"response": SMALL} | fields
    found = out_of_bounds(sample(1, **values), own("filter"))
    assert found is not None and found[0] == reason and words in found[1]
    assert out_of_bounds(sample(1, SMALL), own("filter")) is None


def test_the_order_of_the_samples_decides_nothing() -> None:
    samples = [scored(i, large(i % 9), float(i % 3), snippets=[f"root{i % 4}"]) for i in range(24)]
    samples += [scored(i, SMALL.replace("+", f"+ {i} +"), float(i % 5)) for i in range(24, 40)]
    packages = {f"root{i}": f"package{i % 2}" for i in range(4)}
    params = own("filter", per_package=3)
    kept, gone = selected(samples, packages, params)
    assert {sample.id for sample in kept} | {sample.id for sample, _, _ in gone} == {sample.id for sample in samples}
    assert {reason for _, reason, _ in gone} == {"exact_duplicate", "package_quota", "trivial"}
    small = sum(size(sample) == 1 for sample in kept)
    assert small == int(len(kept) * 0.2)
    for seed in range(3):
        random.Random(seed).shuffle(samples)
        assert selected(samples, packages, params) == (kept, gone)


def test_measures_of_the_kept_samples() -> None:
    samples = [
        scored(1, SMALL, instruction="one two"),
        scored(2, large(2), instruction="one two three", operation="translate"),
        scored(3, large(3), instruction="one", operation="harder"),
    ]
    assert measures(samples, lambda text: len(text.split()), {"harder"}) == {
        "one_statement_share": 0.3333,
        "statements_median": 3.0,
        "answer_tokens_median": float(len(large(2).split())),
        "instruction_tokens_median": 2.0,
        "new_problems_share": 0.3333,
    }
    assert set(measures([], len, ()).values()) == {0.0}
