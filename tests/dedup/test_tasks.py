"""Samples of one task in several languages: what links them, what does not, and the limits."""

from __future__ import annotations

import pytest

from tests.params import execution
from tests.stages.helpers import sample
from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.dedup.behaviour import common_inputs, result_keys, telling
from xinstruct.dedup.tasks import Groups, over_limit, task_ids
from xinstruct.execution.judge import Judge
from xinstruct.records import Sample

PYTHON = sample(1, "def add(a, b):\n    return a + b")
TWINS = [
    sample(2, "function plus(one, two) { return two - -one; }", language="javascript", function="plus"),
    sample(3, "static int sum(int a, int b) { return a + b; }", language="java", function="sum"),
]
OTHER = sample(4, "function add(a, b) { return a - b; }", language="javascript")


def with_cases(number: int, language: str, *cases: tuple[int, int, int]) -> Sample:
    text = cases_to_json([Case((a, b), expected) for a, b, expected in cases])
    return sample(number, f"code {number}", language=language, cases=text)


@pytest.mark.slow
def test_results_link_the_same_task_in_other_languages_and_under_other_names() -> None:
    samples = [OTHER, *TWINS, PYTHON]
    inputs = common_inputs(samples, 16, 1)
    assert inputs == common_inputs(samples[::-1], 16, 1)
    assert sorted(set(inputs["int,int"]) & {(1, 2), (-4, 4)}, reverse=True) == [(1, 2), (-4, 4)]
    with Judge(execution()) as judge:
        results = result_keys(samples, inputs, judge)
        assert result_keys([*samples, sample(5, "def add(a, b):\n    return 1 / 0")], inputs, judge) == results
    ids = task_ids(samples, results)
    assert ids[PYTHON.id] == ids[TWINS[0].id] == ids[TWINS[1].id] == min(one.id for one in (PYTHON, *TWINS))
    assert ids[OTHER.id] == OTHER.id


def test_agreeing_cases_link_and_a_contradiction_separates() -> None:
    base = with_cases(1, "python", (1, 2, 3), (4, 4, 8), (0, 5, 5), (9, 9, 18))
    subset = with_cases(2, "java", (4, 4, 8), (1, 2, 3), (0, 5, 5))
    contrary = with_cases(3, "php", (4, 4, 8), (1, 2, 3), (0, 5, 5), (9, 9, 81))
    few = with_cases(4, "cpp", (4, 4, 8), (1, 2, 3))
    ids = task_ids([base, subset, contrary, few], {})
    assert ids[base.id] == ids[subset.id]
    assert ids[few.id] == few.id
    assert task_ids([base, contrary], {})[base.id] != task_ids([base, contrary], {})[contrary.id]


def test_results_that_are_nearly_all_alike_say_nothing() -> None:
    assert not telling(["0"] * 22 + ["1"] * 2)
    assert telling(["0"] * 21 + ["1", "2", "3"])
    assert not telling(["!"] * 13 + [str(i) for i in range(11)])


def test_the_limits_keep_the_best() -> None:
    samples = [sample(i, "x", language=lang) for i, lang in enumerate(["java", "java", "php", "cpp", "java"])]
    for one in samples:
        one.task_id = "t"
    assert over_limit(samples, "keep", 1) == {}
    assert list(over_limit(samples, "cap", 3)) == [samples[3].id, samples[4].id]
    assert list(over_limit(samples, "one_per_language", 9)) == [samples[1].id, samples[4].id]


def test_groups_are_called_after_their_smallest_name_in_every_order() -> None:
    joins = [("d", "c"), ("b", "a"), ("c", "b"), ("x", "y")]
    for order in (joins, joins[::-1]):
        groups = Groups()
        for names in order:
            groups.join(*names)
        assert [groups.find(name) for name in "abcdxyz"] == ["a", "a", "a", "a", "x", "x", "z"]


def test_a_sample_without_usable_signature_has_no_results() -> None:
    odd = [sample(1, "x", signature="{"), sample(2, "x", function=""), sample(3, "x", cases="{}")]
    assert common_inputs(odd, 8, 1) == {}
    assert Signature.of("int", a="int")  # the third one's own is fine, but it is alone
