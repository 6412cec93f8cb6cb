"""What all tests need of the process that they run in."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

# A test run started in the background inherits SIGINT ignored, and so would every program that it starts and
# interrupts; what is tested is Ctrl-C at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW_AS_A_WHOLE = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.slow\b", re.M)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a module whose tests are all left out: reading torch and TRL takes seconds."""
    if "not slow" not in config.option.markexpr or not collection_path.match("test_*.py"):
        return None
    return bool(_SLOW_AS_A_WHOLE.search(collection_path.read_text(encoding="utf-8"))) or None
