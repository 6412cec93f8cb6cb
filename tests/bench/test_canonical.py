"""Canonical solutions of public benchmarks pass as programs, wrong stubs do not: a sample; `make verdicts` does all."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bench.verdicts.canonical import DATA, PARAMS, SETS, VACUOUS, Task
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.execution.verdicts import Verdict

SAMPLE = 8  # tasks per set and language
# C# of McEval that mono's compiler does not take: tuples compared by ==.
BEYOND_MONO = {"C#/31", "C#/32", "C#/49", "C#/50"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no benchmark data in {DATA}"),
]


def sampled() -> Iterator[Task]:
    """Up to SAMPLE tasks of each set and language that can be run here."""
    for each in SETS:
        tasks = [task for task in each() if not task.skip and task.id not in BEYOND_MONO]
        for language in dict.fromkeys(task.language for task in tasks):
            own = [task for task in tasks if task.language == language]
            yield from random.Random(7).sample(own, SAMPLE)


TASKS = list(sampled()) if DATA.is_dir() else []
GROUPS = list(dict.fromkeys((task.source, task.language) for task in TASKS))


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    jobs = [task.job(stub) for task in TASKS for stub in (False, True) if available(task.language)]
    with Judge(PARAMS) as judge:
        return {verdict.id: verdict for verdict in judge.judge(jobs)}


@pytest.mark.parametrize(("source", "language"), GROUPS)
def test_canonical_passes_and_a_stub_fails(verdicts: dict[str, Verdict], source: str, language: str) -> None:
    if not available(language):
        pytest.skip(f"{language} is not installed")
    tasks = [task for task in TASKS if (task.source, task.language) == (source, language)]
    good = [verdicts[task.job().id] for task in tasks]
    assert [v for v in good if v.verdict != "passed"] == []
    fooled = [task.id for task in tasks if verdicts[task.job(stub=True).id].verdict == "passed"]
    assert len(fooled) <= sum(VACUOUS.get(name, 0) for name in {task.partition("/")[0] for task in fooled})
    if language == "python":
        assert {v.separation for v in good} <= {"process", "none"}
        assert sum(v.separation == "process" for v in good) >= SAMPLE - 1
