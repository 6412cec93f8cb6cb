"""The templates of one sandbox: node, a compiler with its header, php or a linker, each stopped before the program.

A template is a process that each worker keeps inside the sandbox's root (process/starting.py). This module decides
which template a command may be forked from, how the template starts, and which program shows that its forks work;
where they do not, the command itself is run. Templates need root: an unprivileged process that executes a program
inside the sandbox loses the rights that isolate further programs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinstruct.execution import box, layout, mounts
from xinstruct.execution.forks.base import Fork, Template
from xinstruct.languages.base import Prepared
from xinstruct.languages.javascript import RUN as NODE

if TYPE_CHECKING:
    from xinstruct.execution.tiers import Command

Request = dict[str, Any]
# what a fork must be able to do: collect garbage of both kinds, compile, read a file in another thread, wait, end
PROBE = b"""const { writeSync, promises } = require("fs");
const held = [];
for (let i = 0; i < 2000; i++) held.push(new Array(1000).fill(String(i)).map((text) => text.length));
promises.readFile(__filename).then(() => setTimeout(() => writeSync(1, held[1999][9] === 4 ? "ready" : ""), 1));
"""
_FOLDER = Path(__file__).parent
DATA_FILES = ("opening.c", "node.c", "template.js")


class Templates:
    """The templates of one sandbox. `handed` makes a request from (command line, files, fork)."""

    def __init__(
        self,
        view: mounts.View,
        scratch: Path,
        handed: Callable[[tuple[str, ...], dict[str, bytes], Fork | None], Request],
    ) -> None:
        self._view, self._scratch, self._handed = view, scratch, handed
        self._known: dict[tuple[Template, Path], Request] = {}
        self._expected: Mapping[Template, int] = {}

    def expect(self, wanted: Mapping[Template, int]) -> None:
        """Announce how many programs per worker will want each template, so that it can start without warm-up."""
        self._expected = wanted

    def of(self, command: Command) -> Request | None:
        """Return the worker's request for the template that a command may be forked from, or None to start it."""
        if command.env or command.fresh:
            return None
        if command.fork:
            return self._opening(*command.fork)
        return self._node if command.argv[: len(NODE)] == NODE else None

    def _becoming(self, line: tuple[str, ...], folder: str, preloaded: str, **told: str) -> Request:
        """Return the configuration with which a zygote becomes that command."""
        argv = [self._view.find(line[0]), *line[1:]]
        env = mounts.environment(self._view, {"LD_PRELOAD": preloaded, **told})
        return {"template": {"argv": argv, "folder": folder, "env": env}}

    @cached_property
    def _node(self) -> Request | None:
        node, library = self._view.find("node"), box.library("node", _FOLDER)
        if not (node and library):
            return None
        places = (box.script("template.js", _FOLDER), library)
        script, preloaded = (layout.outside(path, self._scratch) for path in places)
        return {
            "key": "node",
            "name": "node",
            "warm_up": 1,
            # each fork starts V8's helpers anew: one is enough for what cannot do without
            "config": self._becoming(
                (node, "--single-threaded", "--v8-pool-size=1", *NODE[1:], script), "/", preloaded
            ),
            "probe": self._handed((*NODE, "probe.js"), {"probe.js": PROBE}, None) | {"expected": b"ready"},
        }

    def _opening(self, fork: Fork, place: Path) -> Request | None:
        known = (fork.template, place)
        if known not in self._known and (library := box.library("opening", _FOLDER)):
            template, preloaded = fork.template, layout.outside(library, self._scratch)
            for path in (place, *(entry.resolve() for entry in place.iterdir())):
                layout.let_read(path)
            files, then, expected = template.probe
            told = {"XINSTRUCT_OPENS": template.opens, "XINSTRUCT_CALLS": " ".join(template.calls)}
            encoded = {name: _content(content, place) for name, content in files}
            self._known[known] = {
                "key": hashlib.sha256(repr((template.line, place)).encode()).hexdigest(),
                "name": template.line[0],
                "config": self._becoming(template.line, layout.outside(place, self._scratch), preloaded, **told),
                "probe": self._handed(then or template.line, encoded, Fork(template, then))
                | {"expected": expected.encode()},
            }
        if not (request := self._known.get(known)):
            return None
        soon = self._expected.get(fork.template, 0) >= fork.template.warm_up
        return request | {"warm_up": 1 if soon else fork.template.warm_up}


def _content(content: str | Prepared, place: Path) -> bytes:
    return (place / content.name).read_bytes() if isinstance(content, Prepared) else content.encode()


def then(command: Command) -> list[tuple[bytes, list[str]]]:
    """Return the operations that tell a fork what to execute next, as serving.c and opening.c read them."""
    if not command.fork:
        return [(b"p", list(command.argv))]
    fork = command.fork[0]
    pipes_output: list[tuple[bytes, list[str]]] = [(b"o", [])] if fork.template.pipes_output else []
    return [*pipes_output, (b"t", list(fork.then))] if fork.then else pipes_output
