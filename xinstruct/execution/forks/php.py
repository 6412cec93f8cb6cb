"""PHP: the interpreter, forked with its modules loaded, which is four fifths of a small program's time."""

from __future__ import annotations

from functools import cache

from xinstruct.execution.forks.base import Fork, Template
from xinstruct.languages import Program

_DRIVER = "driver.php"
_READY = "<?php echo strlen(implode(',', range(1, 9))) === 17 ? 'ready' : '';"


def fork(program: Program) -> Fork | None:
    """What may stand for the command that runs a program: a php at the opening of the driver."""
    return _of(program.run) if program.run[-1] == _DRIVER else None


@cache
def _of(run: tuple[str, ...]) -> Fork:
    return Fork(Template(run, _DRIVER, (((_DRIVER, _READY),), (), "ready")))
