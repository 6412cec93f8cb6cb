"""Intervals and paired tests against values worked out independently."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinstruct.benchmarks.passk import mcnemar, wilson
from xinstruct.benchmarks.rates import PassRate, mean, paired


# Newcombe (1998), table I: score intervals without continuity correction.
@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_published_values(passed: int, n: int, low: float, high: float) -> None:
    assert wilson(passed, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_mirrors(case: tuple[int, int]) -> None:
    passed, n = case
    low, high = wilson(passed, n)
    assert 0 <= low <= passed / n <= high <= 1
    other = wilson(n - passed, n)
    assert math.isclose(low, 1 - other[1], abs_tol=1e-12) and math.isclose(high, 1 - other[0], abs_tol=1e-12)


def test_weak_is_an_interval_wider_than_twenty_points() -> None:
    assert PassRate(0, 8).weak and PassRate(4, 8).weak and PassRate(0, 0).weak
    assert not PassRate(10, 164).weak


def test_mcnemar_exact() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar(2000, 2000) == 1.0  # no overflow


def test_paired_counts_only_problems_that_both_have() -> None:
    result = paired({"a": False, "b": True, "c": True, "x": True}, {"a": True, "b": True, "c": False, "y": False})
    assert (result.n, result.gained, result.lost, result.difference) == (3, 1, 1, 0.0)
    assert not result.significant


def test_mean_leaves_out_what_was_not_judged_and_does_not_narrow() -> None:
    result = mean([PassRate(4, 8), PassRate(0, 8), PassRate(0, 0, void=8)])
    assert result is not None
    assert (result.rate, result.languages, result.n) == (0.25, 2, 16)
    widths = [score.interval[1] - score.interval[0] for score in (PassRate(4, 8), PassRate(0, 8))]
    assert result.interval[1] - result.interval[0] == pytest.approx(sum(widths) / 2)
    assert mean([PassRate(0, 0)]) is None


def test_a_rate_counts_what_was_judged() -> None:
    verdicts = ["passed", "wrong_answer", "infrastructure", "empty_answer", "passed"]
    assert PassRate.of(verdicts) == PassRate(passed=2, n=4, void=1)
    assert PassRate.of([]) == PassRate(0, 0)


def test_a_mean_of_rounded_rates_is_that_of_the_printed_ones() -> None:
    rates = [PassRate(1, 3), PassRate(2, 3)]
    result = mean(rates, 1)
    assert result is not None
    assert (result.rate, result.passed, result.n) == (0.5, 3, 6)
    bounds = [[round(bound, 1) for bound in rate.interval] for rate in rates]
    assert result.interval == (sum(low for low, _ in bounds) / 2, sum(high for _, high in bounds) / 2)
