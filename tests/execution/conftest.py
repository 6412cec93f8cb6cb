from __future__ import annotations

from collections.abc import Iterator

import pytest

from xinstruct.execution.judge import Judge
from xinstruct.execution.sandbox import Sandbox

PARAMS = {"workers": 2, "cpu_seconds": 1.5, "wall_factor": 8, "memory_mb": 768, "output_kb": 64}


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(PARAMS) as judge:
        yield judge


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(2) as sandbox:
        yield sandbox
