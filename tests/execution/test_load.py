# ruff: noqa: E501 (programs are easier to read on one line)
"""A busy machine changes no verdict: CPU time limits, wall time only guards, what is doubtful runs again alone."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.params import execution
from xinstruct.agents.examples import worked
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available

PARAMS = execution(workers=2, cpu_seconds=2, wall_factor=2.5, memory_mb=512)
ONE = Signature.of("int", n="int")
# CPU time on either side of the limit, sleep, and memory on either side of theirs
EDGES = {
    "half the time": "from time import process_time as now\ndef f(n):\n    end = now() + 0.9\n    while now() < end: pass\n    return n\n",
    "all the time": "def f(n):\n    while True: pass\n",
    "sleeps a little": "import time\ndef f(n):\n    time.sleep(1)\n    return n\n",
    "sleeps too long": "import time\ndef f(n):\n    time.sleep(100)\n    return n\n",
    "half the memory": "def f(n):\n    return len(bytearray(250 << 20)) * 0 + n\n",
    "all the memory": "def f(n):\n    return len(bytearray(900 << 20)) * 0 + n\n",
    "wrong": "def f(n):\n    return n + 1\n",
}
EXPECTED = ["passed", "timeout", "passed", "timeout", "passed", "memory", "wrong_answer"]


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def jobs() -> list[Job]:
    made = [Job(name, "python", code, "f", ONE, (Case((3,), 3),)) for name, code in EDGES.items()]
    for example in worked()[:4]:
        for language in filter(available, example.bodies):
            name = f"{example.name} in {language}"
            code, function = example.code(language), example.function(language)
            made.append(Job(name, language, code, function, example.signature, example.cases))
    return made


@pytest.mark.slow
def test_all_cores_busy_gives_the_same_verdicts() -> None:
    with Judge(PARAMS) as judge:
        quiet = [(v.id, v.verdict) for v in judge.judge(jobs())]
        with busy(4):
            loaded = [(v.id, v.verdict) for v in judge.judge(jobs())]
    assert loaded == quiet
    assert [verdict for _, verdict in quiet[: len(EXPECTED)]] == EXPECTED
    assert {verdict for _, verdict in quiet[len(EXPECTED) :]} == {"passed"}
