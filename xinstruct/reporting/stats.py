"""Pass rates with their uncertainty, as the tables show them: a score, a mean of languages, a pair.

Rates are fractions in [0, 1]; the pages multiply by 100. The formulas are those that the evaluation
uses (xinstruct/benchmarks/passk.py). Nothing here knows what a benchmark is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xinstruct.benchmarks.passk import compare, mcnemar, wilson

TOO_WIDE = 0.20  # an interval wider than 20 points says nothing about rank


@dataclass(frozen=True)
class Score:
    """Problems passed of n judged; `void` were not judged (no toolchain, infrastructure)."""

    passed: int
    n: int
    void: int = 0

    @property
    def rate(self) -> float:
        """Share passed, 0 when nothing was judged."""
        return self.passed / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval."""
        return wilson(self.passed, self.n)

    @property
    def weak(self) -> bool:
        """Whether the interval is too wide to say anything."""
        low, high = self.interval
        return high - low > TOO_WIDE


@dataclass(frozen=True)
class Mean:
    """Unweighted mean of languages' rates, with an interval that any dependence allows."""

    rate: float
    interval: tuple[float, float]
    languages: int
    n: int

    @property
    def weak(self) -> bool:
        """Whether the interval is too wide to say anything."""
        return self.interval[1] - self.interval[0] > TOO_WIDE


def mean(scores: Sequence[Score]) -> Mean | None:
    """The mean over languages that were judged, None when none was.

    The same problems are asked in every language, so languages are not independent and their
    variances must not be divided by their number: the bounds are the means of the bounds.
    """
    judged = [score for score in scores if score.n]
    if not judged:
        return None
    count = len(judged)
    low = sum(score.interval[0] for score in judged) / count
    high = sum(score.interval[1] for score in judged) / count
    return Mean(sum(s.rate for s in judged) / count, (low, high), count, sum(s.n for s in judged))


@dataclass(frozen=True)
class Paired:
    """Two models on the same problems: how many the second gained and lost."""

    n: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """Second model's rate less the first's."""
        return (self.gained - self.lost) / self.n if self.n else 0.0

    @property
    def p(self) -> float:
        """Exact two-sided p-value; 1 when no problem differs."""
        return mcnemar(self.gained, self.lost)

    @property
    def significant(self) -> bool:
        """Whether the difference stands at the 5 % level."""
        return self.n > 0 and self.p < 0.05


def paired(first: dict[str, bool], second: dict[str, bool]) -> Paired:
    """Compare two models' results by problem, over the problems both have."""
    found = compare(first, second)
    return Paired(int(found["n"]), int(found["gained"]), int(found["lost"]))
