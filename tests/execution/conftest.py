from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.params import FORKS, execution
from xinstruct.execution.judge import Judge
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.tiers import SAFE, Zygote

NEEDS_FORKS = pytest.mark.skipif(
    FORKS == "off" or os.geteuid() != 0 or bool(Zygote.missing()),
    reason=f"commands are forked by root in the zygote tier only, and unless forks are off (here: {FORKS})",
)
PARAMS = execution(workers=2, cpu_seconds=1.5, wall_factor=8, memory_mb=768, output_kb=64)


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(PARAMS) as judge:
        yield judge


@pytest.fixture(scope="session", params=[kind.name for kind in SAFE])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each tier that this machine has: they must hold the same."""
    kind = next(kind for kind in SAFE if kind.name == request.param)
    if missing := kind.missing():
        pytest.skip(missing)
    with Sandbox(2, tier=kind.name, forks=FORKS != "off") as sandbox:
        yield sandbox
