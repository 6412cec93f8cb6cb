"""A machine that never ran this: processes and threads that start on an empty cache folder at once all succeed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xinstruct.execution import toolchains
from xinstruct.languages import EIGHT

REPO = Path(__file__).resolve().parents[2]
PROCESSES = 4


def start(languages: list[str], folder: Path) -> list[tuple[int, str, str]]:
    """Status, output and errors of processes that share the empty cache in `folder` and begin at the same moment."""
    env = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(REPO)}
    line = [sys.executable, "-m", "tests.execution.cold", str(folder / "verdicts.sqlite"), *languages]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(line, env=env, cwd=REPO, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(PROCESSES)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate() for process in started]
    return [(process.returncode, *texts) for process, texts in zip(started, ended, strict=True)]


def check(languages: list[str], folder: Path) -> None:
    """All processes got "passed" for all languages, and the cache holds nothing half-made."""
    for status, out, err in start(languages, folder):
        assert status == 0, err[-3000:]
        assert out.splitlines() == [f"{language} passed" for language in languages]
    cache = folder / "cache" / "xinstruct"
    assert cache.is_dir()
    assert not [path.name for path in cache.rglob("*.tmp")]


@pytest.mark.slow
def test_four_processes_of_eight_threads_share_an_empty_cache(tmp_path: Path) -> None:
    check([language for language in EIGHT if toolchains.available(language)], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("go", range(20))
def test_twenty_times(go: int, tmp_path: Path) -> None:
    check([language for language in EIGHT if toolchains.available(language)], tmp_path)
