"""The small benchmark of tests/benchmarks and a judge for it."""

from __future__ import annotations

from tests.benchmarks.conftest import benchmarks, judge

__all__ = ["benchmarks", "judge"]
