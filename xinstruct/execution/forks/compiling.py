"""Compile by forks, and by the command that they stand for wherever they might not say what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from xinstruct.execution.forks.base import Fork
from xinstruct.execution.forks.choice import Started
from xinstruct.execution.sandbox import Result


def tries(
    run: Callable[[tuple[str, ...], Started | None], Result],
    failed: Callable[[Result], str],
    line: tuple[str, ...],
    rows: list[list[Started]],
) -> list[Result]:
    """All runs for one compile command, the last of which counts: rows of forks until one is through, or the command.

    run: run a command line, or a fork that may stand for it. failed: why a run did not succeed, "" where it did.
    """
    found: list[Result] = []
    for row in rows:
        for fork, place in row:
            found.append(run(fork.instead or line, (fork, place)))
            if not (found[-1].forked or fork.instead):
                return found  # the line itself was run, which stands for all rows
            if failed(found[-1]):
                break
        if not failed(found[-1]):
            return found
    sure = found and not fork.instead and not _doubtful(found[-1], fork)
    return found if sure else [*found, run(line, None)]


def clean(folder: Path, rows: list[list[Started]]) -> None:
    """Remove what one fork left for the next."""
    for name in {fork.leaves for row in rows for fork, _ in row if fork.leaves}:
        (folder / name).unlink(missing_ok=True)


def _doubtful(result: Result, fork: Fork) -> bool:
    """Whether what a fork said might not be what the command itself says."""
    return bool(result.reason or re.search(fork.template.doubt, result.stderr.decode("utf-8", "replace")))
