"""The choice of the template that a program's command is forked from, by its language and its command lines.

Each language has one function here. Node has none, because all its programs share one template (templates.py).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from xinstruct.execution import prepared
from xinstruct.execution.forks import cpp, php
from xinstruct.execution.forks.base import Fork, Template
from xinstruct.execution.mounts import cache_folder
from xinstruct.execution.sandbox import Sandbox
from xinstruct.files import made_once
from xinstruct.languages import Program

_COMPILED: dict[str, Callable[[Program], tuple[Fork, ...]]] = {"cpp": cpp.forks}
_RUN: dict[str, Callable[[Program], Fork | None]] = {"php": php.fork}
Started = tuple[Fork, Path]  # a fork and the folder of its template


def compiler(sandbox: Sandbox, language: str, program: Program) -> list[list[Started]]:
    """Return the rows of forks that may replace the compile command; the forks of a row follow each other.

    The next row is tried where one fails. There is none when the command cannot be forked, or when forks are off.
    """
    if not sandbox.forks or language not in _COMPILED:
        return []
    rows = [_started(sandbox, fork) for fork in _COMPILED[language](program)]
    return rows if all(rows) else []


def run(sandbox: Sandbox, language: str, program: Program) -> Started | None:
    """Return the fork that may replace the command that runs the program, or None. Observed values never use one."""
    if not sandbox.forks or language not in _RUN:
        return None
    return next(iter(_started(sandbox, _RUN[language](program))), None)


def expect(sandbox: Sandbox, programs: Iterable[tuple[str, Program]]) -> None:
    """Announce (language, program) pairs to the sandbox, so that templates which many of them want start at once."""
    if sandbox.forks:
        sandbox.expect(Counter(template for language, program in programs for template in _likely(language, program)))


def _likely(language: str, program: Program) -> Iterable[Template]:
    """Yield the templates that a program is likely to be forked from."""
    first = _COMPILED[language](program)[:1] if language in _COMPILED else ()
    fork = first[0] if first else _RUN[language](program) if language in _RUN else None
    while fork:
        yield fork.template
        fork = fork.next


def _started(sandbox: Sandbox, fork: Fork | None) -> list[Started]:
    """Return a fork and its successors, each with its template's folder; nothing when a prepared file is missing."""
    found = []
    while fork:
        try:
            needs = prepared.shown(sandbox, fork.template.needs)
        except prepared.Unprepared:
            return []
        if len(needs) < len(fork.template.needs):
            return []
        found.append((fork, _folder(fork.template, tuple(needs.values()))))
        fork = fork.next
    return found


@cache
def _folder(template: Template, needs: tuple[Path, ...]) -> Path:
    """Make the folder of a template in the user's cache: its files, and links to the prepared files it needs."""
    key = hashlib.sha256(repr((template.files, needs)).encode("utf-8", "replace")).hexdigest()[:16]

    def filled(folder: Path) -> None:
        folder.mkdir()
        for name, text in template.files:
            (folder / name).write_text(text, encoding="utf-8")
        for path in needs:
            (folder / path.name).symlink_to(Path("..") / path.parent.name / path.name)

    return made_once(cache_folder() / f"{key}-template", filled)
