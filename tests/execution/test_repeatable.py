"""The same program gets the same verdict, to the letter: again, elsewhere, beside others and under load."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.execution import failing
from xinstruct.code.types import Case, Signature
from xinstruct.execution import toolchains
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.tiers import SAFE

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parents[2]
TEXT = Signature.of("string", n="int")
# In each language: something that the run decides.
CHANCE = {
    "python": "import random\ndef f(n): return ' '.join({'apple', 'pear', 'plum', 'fig'}) + str(random.random())\n",
    "javascript": "function f(n) { return String(Math.random()); }\n",
    "typescript": "function f(n: number): string { return String(Math.random()); }\n",
    "java": 'static String f(int n) { return Set.of("apple", "pear", "plum", "fig", "date", "kiwi").toString(); }\n',
    "cpp": "struct A { long x[9]; };\nstd::string f(int n) { A a; return std::to_string(a.x[n]); }\n",
    "php": "function f($n) { return (string) mt_rand(); }\n",
    "bash": "f() { echo $RANDOM; }\n",
    "perl": "sub f { my %h = map { $_ => 1 } qw(apple pear plum fig date); return join ',', keys %h, rand; }\n",
}

COMMENT = {"python": "#", "bash": "#", "perl": "#"}


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Two other processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def more_stack() -> None:
    """As on a machine whose limit is another."""
    most = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))


def elsewhere(folder: Path) -> dict[str, Any]:
    """The verdicts of another process: other folders, zone, language, order, number of workers and user ids."""
    scratch = folder / "a temporary folder of another name"
    scratch.mkdir()
    other = {"TMPDIR": str(scratch), "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONPATH": str(REPO)}
    command = [sys.executable, "-m", "tests.execution.failing", "4"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | other, capture_output=True, text=True, check=False, preexec_fn=more_stack
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_failure_reads_the_same_in_every_run(tmp_path: Path) -> None:
    with Judge(failing.LIMITS) as judge:
        jobs = failing.jobs(judge.sandbox.guarantees["addresses"])
        here = {verdict.id: failing.kept(verdict) for verdict in judge.judge(jobs)}
    with load():
        there = elsewhere(tmp_path)
    assert not {name: (here[name], there[name]) for name in here if here[name] != there[name]}
    assert here.keys() == there.keys()
    assert not [name for name in here if here[name]["verdict"] in ("passed", "infrastructure", "timeout")]


def test_a_failure_reads_the_same_whatever_fences_it_in() -> None:
    for kind in SAFE:
        if missing := kind.missing():
            pytest.skip(missing)
    found = []
    for kind in SAFE:
        with Judge(failing.LIMITS) as judge, Sandbox(2, tier=kind.name) as sandbox:
            judge.sandbox.close()
            judge.sandbox = sandbox
            jobs = [job for job in failing.jobs(False) if job.language in ("python", "javascript", "php", "bash", "c")]
            # in bubblewrap a shell stands over the program and says by what signal it ended
            found.append({v.id: {**failing.kept(v), "stderr": ""} for v in judge.judge(jobs)})
    assert not {name: (one, found[1][name]) for name, one in found[0].items() if one != found[1][name]}


def test_what_is_left_to_chance_shows_in_what_is_observed_and_only_there() -> None:
    variants = range(2)
    jobs = [
        Job(f"{language} {i}", language, f"{text}{COMMENT.get(language, '//')} {i}\n", "f", TEXT, (Case((1,), ""),))
        for language, text in CHANCE.items()
        for i in variants
        if toolchains.available(language)
    ]
    judged, observed = [], []
    for _ in range(2):
        with Judge(failing.LIMITS) as judge:
            judged.append([verdict.detail for verdict in judge.judge(jobs)])
            observed.append([json.dumps(verdict.values) for verdict in judge.observe(jobs)])
    assert judged[0] == judged[1]
    assert observed[0] == observed[1]
    for at in range(0, len(jobs), len(variants)):
        assert len(set(judged[0][at : at + len(variants)])) == 1, jobs[at].id
        assert len(set(observed[0][at : at + len(variants)])) > 1, jobs[at].id
