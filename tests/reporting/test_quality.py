"""Measures of a set of samples, on sets whose figures are known by hand."""

from __future__ import annotations

from tests.agents.helpers import sample
from xinstruct.reporting.quality import calibration, distinct, measures, nearest


def test_distinct_ngrams_fall_with_repetition() -> None:
    assert distinct(["a b c", "d e f"], 2) == 1.0
    assert distinct(["a b", "a b", "a c"], 2) == round(2 / 3, 4)
    assert distinct(["a"], 2) == 0.0


def test_nearest_leaves_a_sample_itself_out() -> None:
    one, two = sample("python"), sample("javascript", instruction="Write a function that adds two numbers and no more.")
    assert nearest([one], [one]) == [0.0]
    assert nearest([one], [one, sample("python", id="other")]) == [1.0]
    assert 0 < nearest([one], [two])[0] < 1


def test_the_area_says_whether_passing_answers_score_higher() -> None:
    assert calibration([4.0, 5.0], [1.0, 2.0])["area"] == 1.0
    assert calibration([1.0], [4.0])["area"] == 0.0
    assert calibration([3.0, 3.0], [3.0])["area"] == 0.5
    assert calibration([3.0], [])["area"] is None
    assert [calibration([3.0], [low] * 8)["state"] for low in (1.0, 3.0)] == ["informative", "noise"]


def test_reach_counts_languages_and_source_functions() -> None:
    made = [sample("python", task_roots=["a"], source_language="php"), sample("bash", task_roots=["a", "b"])]
    found = measures(made, [], 8)
    assert (found["source_functions"], found["languages_reached"], found["languages_and_tasks"]) == (2, 0.25, 2)
    assert measures([], [], 8)["nearest_seed"] == 0.0
