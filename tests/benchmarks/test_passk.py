"""pass@k against enumeration, intervals and tests against known values."""

from __future__ import annotations

from itertools import combinations

import pytest

from xinstruct.benchmarks.passk import bootstrap, compare, mcnemar, mean_pass_at_k, pass_at_k, wilson


@pytest.mark.parametrize(("n", "passed", "k"), [(5, 2, 1), (5, 2, 3), (6, 0, 2), (6, 6, 2), (7, 3, 7), (8, 1, 4)])
def test_pass_at_k_is_the_share_of_draws_with_a_pass(n: int, passed: int, k: int) -> None:
    draws = list(combinations(range(n), k))
    assert pass_at_k(n, passed, k) == pytest.approx(sum(min(draw) < passed for draw in draws) / len(draws))


@pytest.mark.parametrize(("n", "passed", "k"), [(3, 1, 4), (3, 4, 1), (3, 1, 0), (0, 0, 1)])
def test_pass_at_k_refuses_what_is_not_defined(n: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, passed, k)


def test_mean_over_problems() -> None:
    assert mean_pass_at_k([(2, 2), (2, 0), (4, 1)], 1) == pytest.approx((1 + 0 + 0.25) / 3)
    assert mean_pass_at_k([], 1) == 0.0


def test_wilson_known_values() -> None:
    assert wilson(10, 164) == pytest.approx((0.03350, 0.10855), abs=2e-4)
    assert wilson(0, 8) == (0.0, pytest.approx(0.32442, abs=1e-4))
    assert wilson(8, 8)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_mcnemar_is_the_binomial_test() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(2 / 2**5)
    assert mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert mcnemar(3, 3) == 1.0


def test_compare_uses_shared_problems_only() -> None:
    before = {"a": False, "b": True, "c": False, "only before": True}
    after = {"a": True, "b": True, "c": True, "only after": False}
    found = compare(before, after)
    assert (found["n"], found["gained"], found["lost"]) == (3, 2, 0)
    assert found["difference"] == pytest.approx(2 / 3)
    assert found["p"] == pytest.approx(0.5)


def test_bootstrap_covers_the_mean_and_narrows_with_agreement() -> None:
    low, high = bootstrap([(4, 4)] * 30 + [(4, 0)] * 10)
    assert 0.5 < low < 0.75 < high < 0.95
    assert bootstrap([(4, 2)] * 40) == (0.5, 0.5)
    assert bootstrap([]) == (0.0, 1.0)
