"""One engine in this process, run to the end."""

from __future__ import annotations

from collections.abc import Sequence

from xinstruct.models.engine import Engine
from xinstruct.models.sampling import Completion, GenerationRequest


def run(engine: Engine, jobs: Sequence[GenerationRequest]) -> list[Completion]:
    """Answers in the order of the jobs."""
    found: dict[int, Completion] = {}
    for number, job in enumerate(jobs):
        engine.add(job, lambda made, number=number: found.__setitem__(number, made))  # type: ignore[misc]
    while engine.step():
        pass
    return [found[number] for number in range(len(jobs))]
