"""Compilation by forks, with the real command as the fallback where a fork's outcome might differ from it."""

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
    """Try rows of forks until one succeeds, then the command itself. Returns all results; the last one counts.

    `run` runs a command line or the fork that replaces it. `failed` returns why a run did not succeed, "" if it did.
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
    sure = found and not fork.instead and not _may_differ(found[-1], fork)
    return found if sure else [*found, run(line, None)]


def clean(folder: Path, rows: list[list[Started]]) -> None:
    """Remove the files that one fork left for the next."""
    for name in {fork.leaves for row in rows for fork, _ in row if fork.leaves}:
        (folder / name).unlink(missing_ok=True)


def _may_differ(result: Result, fork: Fork) -> bool:
    """Tell whether the command itself might have failed with other messages than this fork."""
    return bool(result.reason or re.search(fork.template.fallback_pattern, result.stderr.decode("utf-8", "replace")))
