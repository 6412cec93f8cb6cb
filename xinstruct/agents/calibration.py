"""Calibration: whether the scorer's totals tell answers that pass from answers that fail.

A score that does not must reject nothing, so the cut-off of a round holds only while the ratings so far show that
it means something.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

ENOUGH = 8  # failed answers that must be rated before the area says anything
INFORMATIVE = 0.6  # an area above it; 0.5 is chance
State = Literal["informative", "noise", "not_enough"]


@dataclass
class Calibration:
    """The totals of answers that passed and that failed, and their area under the curve; `add` more as they come.

    The area is the chance that a passing answer has the higher total of the two, ties half; None when one kind is
    missing.
    """

    passed: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    area: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.add()

    def add(self, passed: Sequence[float] = (), failed: Sequence[float] = ()) -> None:
        """Take further totals into account."""
        self.passed += passed
        self.failed += failed
        self.area = area(self.passed, self.failed)

    @property
    def state(self) -> State:
        """What the totals are worth: the cut-off holds for informative ones only."""
        if self.area is None or len(self.failed) < ENOUGH:
            return "not_enough"
        return "informative" if self.area > INFORMATIVE else "noise"

    @property
    def words(self) -> str:
        """The state in words, with what it is based on."""
        seen = f"{len(self.passed)} passing and {len(self.failed)} failing answers rated"
        if self.state == "not_enough":
            return f"{seen}, {ENOUGH} failing ones needed: the cut-off is off"
        verdict = "the cut-off holds" if self.state == "informative" else "the score is noise, the cut-off is off"
        return f"{seen}, area {self.area:.2f}: {verdict}"


def area(good: Sequence[float], bad: Sequence[float]) -> float | None:
    """Return the chance that one of `good` exceeds one of `bad`, ties half; None when one of them is empty."""
    low = sorted(bad)
    wins = sum((bisect_left(low, value) + bisect_right(low, value)) / 2 for value in good)
    return round(wins / (len(good) * len(bad)), 4) if good and bad else None
