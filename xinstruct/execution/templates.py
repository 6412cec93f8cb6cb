"""What programs are forked from beside the interpreter's zygote: a started node, a compiler that has read its header.

A template is a process of each worker inside the sandbox's root (process/starting.py). Here is said which one a
command may be forked from, how it starts, and the program that shows whether forks of it work; where they do not, the
command is run as it stands. It takes root: whoever else executes a program inside loses the rights to fence others in.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinstruct.execution import box, layout, mounts
from xinstruct.languages.base import Fork, Template
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


class Templates:
    """Templates for one sandbox. handed: makes a request of (command line, files, fork)."""

    def __init__(
        self,
        view: mounts.View,
        scratch: Path,
        filter: bytes,
        handed: Callable[[tuple[str, ...], dict[str, bytes], Fork | None], Request],
    ) -> None:
        self._view, self._scratch, self._filter, self._handed = view, scratch, filter, handed
        self._known: dict[tuple[Template, Path], Request] = {}
        self._root = os.geteuid() == 0

    def of(self, command: Command) -> Request | None:
        """The template that a command may be forked from, as the worker wants it; None: it is started."""
        if not self._root or command.env:
            return None
        if command.fork:
            return self._opening(*command.fork)
        return self._node if not command.fresh and command.argv[: len(NODE)] == NODE else None

    @cached_property
    def _node(self) -> Request | None:
        node, library = shutil.which("node", path=":".join(self._view.path)), box.library("node")
        if not (node and library):
            return None
        script, preloaded = (layout.outside(path, self._scratch) for path in (box.script("template.js"), library))
        return {
            "key": "node",
            "after": 1,
            # each fork starts V8's helpers anew: one is enough for what cannot do without
            "argv": [node, "--single-threaded", "--v8-pool-size=1", *NODE[1:], script],
            "folder": "/",
            "env": mounts.environment(self._view, {"LD_PRELOAD": preloaded}),
            "settings": {"library": preloaded, "filter": base64.b64encode(self._filter).decode()},
            "probe": self._handed((*NODE, "probe.js"), {"probe.js": PROBE}, None) | {"expected": b"ready"},
        }

    def _opening(self, fork: Fork, place: Path) -> Request | None:
        known = (fork.template, place)
        if known not in self._known and (library := box.library("opening")):
            template, preloaded = fork.template, layout.outside(library, self._scratch)
            files, then, expected = template.probe
            told = {"XINSTRUCT_OPENS": template.opens, "XINSTRUCT_CALLS": template.calls}
            encoded = {name: text.encode() for name, text in files}
            self._known[known] = {
                "key": hashlib.sha256(repr((template.line, place)).encode()).hexdigest(),
                "after": template.after,
                "argv": [shutil.which(template.line[0], path=":".join(self._view.path)), *template.line[1:]],
                "folder": layout.outside(place, self._scratch),
                "env": mounts.environment(self._view, {"LD_PRELOAD": preloaded, **told}),
                "settings": None,
                "probe": self._handed(then or template.line, encoded, Fork(template, then))
                | {"expected": expected.encode()},
            }
        return self._known.get(known)
