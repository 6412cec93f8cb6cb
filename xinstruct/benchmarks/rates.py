"""Pass rates: k of n with their interval, the mean over languages, two models on the same problems.

An answer that could not be judged (verdict ``infrastructure``: no toolchain, no memory for the judge) says nothing
about the model: it does not count in n and is reported as void. Every other verdict but "passed" is a failure.
Rates are fractions in [0, 1]; pages multiply by 100. The formulas are in passk.py; several answers to a problem
are handled in score.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xinstruct.benchmarks.passk import compare, mcnemar, wilson
from xinstruct.records import PASSED, Completion, Reason

VOID = Reason.INFRASTRUCTURE.value
HELDOUT = "heldout"  # the benchmark's name of held-out tasks
TOO_WIDE = 0.20  # an interval wider than 20 points says nothing about rank


@dataclass(frozen=True)
class PassRate:
    """Problems passed of n judged; `void` more could not be judged."""

    passed: int
    n: int
    void: int = 0

    @staticmethod
    def of(verdicts: Iterable[str]) -> PassRate:
        """Return the pass rate of these verdicts."""
        every = list(verdicts)
        void = sum(verdict == VOID for verdict in every)
        return PassRate(sum(verdict == PASSED for verdict in every), len(every) - void, void)

    @property
    def rate(self) -> float:
        """The share that passed, 0 when nothing was judged."""
        return self.passed / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval."""
        return wilson(self.passed, self.n)

    @property
    def weak(self) -> bool:
        """True if the interval is too wide for any conclusion."""
        low, high = self.interval
        return high - low > TOO_WIDE


@dataclass(frozen=True)
class Mean:
    """The unweighted mean of languages' rates, with an interval that holds under any dependence between them."""

    rate: float
    interval: tuple[float, float]
    languages: int
    n: int
    passed: int

    @property
    def weak(self) -> bool:
        """True if the interval is too wide for any conclusion."""
        return self.interval[1] - self.interval[0] > TOO_WIDE


def mean(rates: Iterable[PassRate], digits: int | None = None) -> Mean | None:
    """Return the mean over languages that were judged, None when none was. `digits` rounds each rate before the sum.

    The same problems are asked in every language, so languages are not independent and their variances must not be
    divided by their number: the bounds are the means of the bounds.
    """
    judged = [rate for rate in rates if rate.n]
    if not judged:
        return None
    rows = [(rate.rate, *rate.interval) for rate in judged]
    if digits is not None:
        rows = [(round(rate, digits), round(low, digits), round(high, digits)) for rate, low, high in rows]
    rate, low, high = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    return Mean(rate, (low, high), len(judged), sum(r.n for r in judged), sum(r.passed for r in judged))


def results(rows: Iterable[Completion], benchmark: str, model: str) -> dict[str, bool]:
    """Return, per judged problem, whether the model's first answer passed, for paired tests."""
    return {
        f"{row.language}/{row.task_id}": row.verdict == PASSED
        for row in rows
        if (row.benchmark, row.model, row.index) == (benchmark, model, 0) and row.verdict != VOID
    }


@dataclass(frozen=True)
class Paired:
    """Two models on the same problems: the numbers that the second one gained and lost."""

    n: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """The second model's rate minus the first one's."""
        return (self.gained - self.lost) / self.n if self.n else 0.0

    @property
    def p(self) -> float:
        """The exact two-sided p-value; 1 when no problem differs."""
        return mcnemar(self.gained, self.lost)

    @property
    def significant(self) -> bool:
        """True if the difference is significant at the 5 % level."""
        return self.n > 0 and self.p < 0.05


def paired(first: dict[str, bool], second: dict[str, bool]) -> Paired:
    """Compare two models' results by problem, over the problems that both have."""
    found = compare(first, second)
    return Paired(int(found["n"]), int(found["gained"]), int(found["lost"]))
