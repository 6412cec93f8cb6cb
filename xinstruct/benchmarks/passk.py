"""pass@k and its uncertainty: the unbiased estimator, Wilson intervals, exact paired comparison.

All rates are fractions in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

Z95 = 1.959963984540054


def pass_at_k(n: int, passed: int, k: int) -> float:
    """Return the chance that one of k answers passes, drawn without replacement from n of which `passed` do.

    The unbiased estimator of Chen et al. 2021: 1 - C(n - passed, k) / C(n, k). Raises ValueError
    unless 0 <= passed <= n and 1 <= k <= n.
    """
    if not (0 <= passed <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} is not defined for {passed} passed of {n} answers")
    return 1.0 - math.comb(n - passed, k) / math.comb(n, k)


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float:
    """Return the mean of pass@k over problems given as (n, passed); 0.0 when there are none."""
    return math.fsum(pass_at_k(n, passed, k) for n, passed in counts) / len(counts) if counts else 0.0


def wilson(passed: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval of the rate passed / n; (0, 1) when n is 0."""
    if n == 0:
        return 0.0, 1.0
    rate, shrink = passed / n, 1 + z * z / n
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low, high = (centre - half) / shrink, (centre + half) / shrink
    return (0.0 if passed == 0 else low), (1.0 if passed == n else high)


def bootstrap(counts: Sequence[tuple[int, int]], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean rate over problems given as (n, passed), by resampling problems.

    It serves several answers to a problem, which are not independent; (0, 1) when there are no problems.
    """
    if not counts:
        return 0.0, 1.0
    rates = [passed / n for n, passed in counts]
    random = Random(seed)
    means = sorted(math.fsum(random.choices(rates, k=len(rates))) / len(rates) for _ in range(draws))
    return means[int(0.025 * draws)], means[int(0.975 * draws) - 1]


def mcnemar(gained: int, lost: int) -> float:
    """Return McNemar's exact two-sided p-value for gains and losses (the sign test)."""
    n = gained + lost
    tail = sum(math.comb(n, i) for i in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / 2**n))


def compare(before: Mapping[str, bool], after: Mapping[str, bool]) -> dict[str, float]:
    """Compare two models on the problems both have: n, gained, lost, difference of rates, p."""
    shared = sorted(before.keys() & after.keys())
    gained = sum(after[key] and not before[key] for key in shared)
    lost = sum(before[key] and not after[key] for key in shared)
    difference = (gained - lost) / len(shared) if shared else 0.0
    return {"n": len(shared), "gained": gained, "lost": lost, "difference": difference, "p": mcnemar(gained, lost)}
