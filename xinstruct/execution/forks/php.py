"""PHP: the interpreter is forked with its modules loaded; loading them takes four fifths of a small program's time."""

from __future__ import annotations

from functools import cache

from xinstruct.execution.forks.base import Fork, Template
from xinstruct.languages import Program

_DRIVER = "driver.php"
_READY = "<?php echo strlen(implode(',', range(1, 9))) === 17 ? 'ready' : '';"


def fork(program: Program) -> Fork | None:
    """Return a fork of php at the point where it opens the driver, or None when the program has another main file."""
    return _of(program.run) if program.run[-1] == _DRIVER else None


@cache
def _of(run: tuple[str, ...]) -> Fork:
    return Fork(Template(run, _DRIVER, (((_DRIVER, _READY),), (), "ready")))
