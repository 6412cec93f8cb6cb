"""The tiny model of the training tests, the embedded one, and servers on the loopback."""

from __future__ import annotations

from tests.llm.conftest import checkpoint, embedded, loopback, serve
from tests.training.conftest import tiny

__all__ = ["checkpoint", "embedded", "loopback", "serve", "tiny"]
