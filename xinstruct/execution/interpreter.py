"""The second interpreter of a worker, which has loaded less common modules, for programs that name one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xinstruct.languages.python import MODULES, MORE, RUN, drivers

if TYPE_CHECKING:
    from xinstruct.execution.tiers import Command

Request = dict[str, Any]
_WANTED = 16  # programs from which its start is worth it
_NAMES_MORE = re.compile(rf"import +[\w., ]*\b({'|'.join(MORE)})\b|from +({'|'.join(MORE)})\b".encode())


def runs_in(command: Command) -> bool:
    """Tell whether a command is a Python script that may run in a fork of a running interpreter."""
    return command.argv[: len(RUN)] == RUN and not (command.fresh or command.env)


class Richer:
    """The request for that interpreter. `handed` makes a request from (command line, files)."""

    def __init__(self, handed: Callable[[tuple[str, ...], dict[str, bytes]], Request]) -> None:
        self._handed = handed
        self._drivers = frozenset(text.encode() for text in drivers())

    def of(self, command: Command) -> Request | None:
        """Return the worker's request for the interpreter, or None for a program that needs only the first one."""
        own = (text for text in command.files.values() if text not in self._drivers)
        return self._request if runs_in(command) and any(map(_NAMES_MORE.search, own)) else None

    @cached_property
    def _request(self) -> Request:
        probe = self._handed((*RUN, "probe.py"), {"probe.py": b"print('ready', end='')"})
        return {
            "key": "python3",
            "name": "python3",
            "warm_up": _WANTED,
            "config": {"modules": [*MODULES, *MORE]},
            "probe": probe | {"expected": b"ready"},
        }
