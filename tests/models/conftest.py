"""The tiny model of the training tests, and the embedded one."""

from __future__ import annotations

from tests.llm.conftest import checkpoint
from tests.training.conftest import tiny

__all__ = ["checkpoint", "tiny"]
