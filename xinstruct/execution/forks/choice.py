"""Which of a program's commands may be forked from which template: told from its language and its command lines.

A language is here by one function of its name; node is not, for its template is one for all (templates.py).
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
Started = tuple[Fork, Path]  # a fork, and the folder that its template starts in


def compiler(sandbox: Sandbox, language: str, program: Program) -> list[list[Started]]:
    """What may stand for the compile command: forks that follow each other, the next such row where one fails.

    Empty when nothing may, or when nothing is forked here.
    """
    if not sandbox.forks or language not in _COMPILED:
        return []
    rows = [_started(sandbox, fork) for fork in _COMPILED[language](program)]
    return rows if all(rows) else []


def run(sandbox: Sandbox, language: str, program: Program) -> Started | None:
    """What may stand for the command that runs the program and does the same, sooner; not where values are observed."""
    if not sandbox.forks or language not in _RUN:
        return None
    return next(iter(_started(sandbox, _RUN[language](program))), None)


def expect(sandbox: Sandbox, programs: Iterable[tuple[str, Program]]) -> None:
    """Tell the sandbox which programs, with their languages, are to come: templates that many want start at once."""
    if sandbox.forks:
        sandbox.expect(Counter(template for language, program in programs for template in _likely(language, program)))


def _likely(language: str, program: Program) -> Iterable[Template]:
    """Those that a program is likely to be forked from."""
    first = _COMPILED[language](program)[:1] if language in _COMPILED else ()
    fork = first[0] if first else _RUN[language](program) if language in _RUN else None
    while fork:
        yield fork.template
        fork = fork.next


def _started(sandbox: Sandbox, fork: Fork | None) -> list[Started]:
    """A fork and those that follow it, each with the folder that its template starts in; none where something lacks."""
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
    """Its files, and links to what it needs, below the user's cache folder."""
    key = hashlib.sha256(repr((template.files, needs)).encode("utf-8", "replace")).hexdigest()[:16]

    def filled(folder: Path) -> None:
        folder.mkdir()
        for name, text in template.files:
            (folder / name).write_text(text, encoding="utf-8")
        for path in needs:
            (folder / path.name).symlink_to(Path("..") / path.parent.name / path.name)

    return made_once(cache_folder() / f"{key}-template", filled)
