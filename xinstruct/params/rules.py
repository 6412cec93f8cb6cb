"""Rules for parameters beyond their types: ranges, and conditions on lists and tables of weights.

A rule is part of an annotation, ``Annotated[int, Range(1)]``, and describes in words what it allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

LOCAL = "local"  # in this process, and no server's URL


class Rule(Protocol):
    """A condition on a value that already has its type; ``str`` of it completes "it must be"."""

    def allows(self, value: Any) -> bool:
        """Tell whether the value meets the condition."""
        ...


@dataclass(frozen=True)
class Range:
    """Numbers from `low` up to `high`, if that is given."""

    low: float
    high: float | None = None

    def allows(self, value: float) -> bool:
        """See Rule."""
        return self.low <= value and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        return f"at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"


@dataclass(frozen=True)
class Above:
    """Numbers greater than `low`, and up to `high` if that is given."""

    low: float
    high: float | None = None

    def allows(self, value: float) -> bool:
        """See Rule."""
        return self.low < value and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        return f"above {self.low}" + ("" if self.high is None else f", at most {self.high}")


class LocalOrUrl:
    """The word "local", or a URL."""

    def allows(self, value: str) -> bool:
        """See Rule."""
        return value == LOCAL or value.startswith(("http://", "https://"))

    def __str__(self) -> str:
        return f"{LOCAL}, or a URL (http://..., https://...)"


class Filled:
    """Texts and lists that are not empty."""

    def allows(self, value: Sequence[Any]) -> bool:
        """See Rule."""
        return len(value) > 0

    def __str__(self) -> str:
        return "not empty"


class Distinct:
    """Lists without repeats."""

    def allows(self, value: Sequence[Any]) -> bool:
        """See Rule."""
        return len(set(value)) == len(value)

    def __str__(self) -> str:
        return "without repeats"


class Weighed:
    """Tables of weights with at least one positive weight, so that something can be drawn."""

    def allows(self, value: Mapping[str, float]) -> bool:
        """See Rule."""
        return any(weight > 0 for weight in value.values())

    def __str__(self) -> str:
        return "weights of which at least one is above 0"


Whole = Annotated[int, Range(0)]
Count = Annotated[int, Range(1)]
Amount = Annotated[float, Range(0)]
Positive = Annotated[float, Above(0)]
Share = Annotated[float, Range(0, 1)]
Likeness = Annotated[float, Above(0, 1)]  # a similarity from which two texts count as alike
# kept as it is written, 5 or 5.0: it is part of the keys of cached verdicts
Number = Annotated[int | float, Above(0)]
Name = Annotated[str, Filled()]
