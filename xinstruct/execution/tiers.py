"""The tiers of isolation, best first; each turns a command into a request for the worker.

zygote      forked from a process that is inside already (process/zygote.py): 1 to 2 ms a program
bubblewrap  one bwrap per program (mounts.py)
none        limits but no isolation; only when it is requested by name

Each tier has a ``name``, reports what is ``missing`` for it here, gives the ``config`` that its worker starts with and
makes each ``request``. Nothing is started here; selftest.py tests whether a tier's isolation holds.
"""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.execution import box, chance, interpreter, layout, mounts, seccomp
from xinstruct.execution.forks.base import Fork
from xinstruct.execution.forks.templates import Templates, then
from xinstruct.execution.limits import Limits
from xinstruct.languages.python import DRIVER, MODULES, drivers
from xinstruct.languages.python import RUN as PYTHON

Request = dict[str, Any]
INSTALL = "apt-get install -y --no-install-recommends bubblewrap"
_NAMESPACES = 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000  # mounts, net, ipc, uts, cgroup
_USER_NAMESPACE = 0x10000000
_NOBODY = 65533


@dataclass(frozen=True)
class Command:
    """One command to run.

    files: relative name -> content, written into the working folder. folder: its entries are shown read-only in the
    working folder, or, when writable, it is the working folder. shown: relative name -> a file of the host, shown there
    read-only. fresh: never forked from a running interpreter, and its random seed depends on its text (chance.py).
    steady: its addresses are the same in every run, unless it is forked. fork: the fork that may replace the command
    line, with the folder that its template starts in.
    """

    argv: tuple[str, ...]
    limits: Limits
    files: Mapping[str, bytes] = field(default_factory=dict)
    folder: Path | None = None
    writable: bool = False
    shown: Mapping[str, Path] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    steady: bool = False
    fork: tuple[Fork, Path] | None = None

    def variables(self, view: mounts.View) -> dict[str, str]:
        """Return the environment that it runs in."""
        return mounts.environment(view, dict(self.env), chance.seed_of(self.files) if self.fresh else 0)

    def binds(self) -> list[tuple[str, Path, str]]:
        """Return the mounts from the host's disk, made readable: ("ro" or "rw", host path, path inside)."""
        for place in filter(None, (self.folder, *self.shown.values())):
            layout.let_read(place)
        binds = []
        if self.folder and self.writable:
            binds.append(("rw", self.folder, mounts.BOX))
        elif self.folder:  # a link that a compiler left is not followed
            entries = [p for p in self.folder.iterdir() if p.name not in self.files and not p.is_symlink()]
            binds += [("ro", path, f"{mounts.BOX}/{path.name}") for path in entries]
        return binds + [("ro", path, f"{mounts.BOX}/{name}") for name, path in self.shown.items()]


class Bubblewrap:
    """One bwrap per program. Needs root or unprivileged user namespaces."""

    name = "bubblewrap"

    def __init__(self, scratch: Path) -> None:
        self.view = mounts.default_view()
        self._filter = seccomp.program()

    @staticmethod
    def missing() -> str:
        """Return why it cannot be used here, or ""."""
        return "" if mounts.bubblewrap() else f"bubblewrap is not installed ({INSTALL})"

    def config(self) -> Request | None:
        """Return the configuration that its workers start with."""
        return None

    def request(self, command: Command, uid: int) -> Request:
        """Return the worker's request for the command."""
        handed = [("--file", content, f"{mounts.BOX}/{name}") for name, content in command.files.items()]
        if self._filter:
            handed.append(("--seccomp", self._filter, ""))
        shown = [("--bind" if mode == "rw" else "--ro-bind", str(p), to) for mode, p, to in command.binds()]
        line = chance.with_fixed_addresses(command.argv) if command.steady else command.argv
        argv = mounts.command(line, self.view, command.limits, uid, command.variables(self.view), shown)
        return {"argv": argv, "env": {}, "files": handed, "isolated": True}


class Zygote:
    """Programs are forked inside. Needs a C compiler once, and root or unprivileged user namespaces."""

    name = "zygote"

    def __init__(self, scratch: Path) -> None:
        self.view = mounts.default_view()
        self._scratch = scratch
        self._filter = seccomp.program()
        self._root = os.geteuid() == 0
        self._mounts: dict[Limits, bytes] = {}
        self._closing = layout.encode(layout.closing())
        self._richer = interpreter.Richer(self._handed)
        self.templates: Templates | None = None

    def fork_commands(self) -> None:
        """Allow commands to be forked from templates where that works (docs/forks.md)."""
        if self._root:
            self.templates = Templates(self.view, self._scratch, self._handed)

    @staticmethod
    def missing() -> str:
        """Return why it cannot be used here, or ""."""
        return "" if box.library("serving") else "no C compiler (cc) for its helper"

    def config(self) -> Request | None:
        """Return the configuration that its workers start their zygote with."""
        base, library = self._scratch / "root", box.library("serving")
        assert library is not None  # see missing
        base.mkdir(exist_ok=True)
        return {
            "python": mounts.interpreter(),
            "library": str(library),
            "inside": layout.outside(library, self._scratch),
            "script": layout.outside(box.script("zygote.py"), self._scratch),
            "namespaces": _NAMESPACES | (0 if self._root else _USER_NAMESPACE),
            "mapped": not self._root,
            "root": layout.encode(layout.root(self.view, base, self._scratch)),
            "env": mounts.environment(self.view, {}),
            "scripts": [(f"{mounts.BOX}/{DRIVER}", text.encode()) for text in drivers()],
            "modules": list(MODULES),
            "template": None,
        }

    def request(self, command: Command, uid: int) -> Request:
        """Return the worker's request for the command."""
        template = self._richer.of(command) or (self.templates and self.templates.of(command))
        return {"blob": self._blob(command, uid), "template": template, "isolated": True}

    def _handed(self, argv: tuple[str, ...], files: dict[str, bytes], fork: Fork | None = None) -> Request:
        """Return the request of a program that probes whether something works."""
        command = Command(argv, Limits(), files, fork=(fork, Path()) if fork else None)
        return {"blob": self._blob(command, _NOBODY), "isolated": True, "stdin": b""} | Limits().ceilings()

    def _blob(self, command: Command, uid: int) -> Request:
        limits = command.limits
        return {
            "mounts": self._operations(command),
            "closing": self._closing,
            "folders": _folders(command.files),
            "files": [(f"{mounts.BOX}/{name}", content) for name, content in command.files.items()],
            "folder": mounts.BOX,
            "uid": uid if self._root else 0,
            "rlimits": [*limits.kernel(), (resource.RLIMIT_NPROC, limits.processes)],
            "steady": command.steady,
            "filter": self._filter,
            "then": self._then(command),
            "forked": then(command),
        }

    def _then(self, command: Command) -> list[tuple[bytes, list[str]]]:
        """Return what a fork of the interpreter does next: run a script, or execute a command (process/serving.c)."""
        argv = list(command.argv)
        if interpreter.runs_in(command):
            return [(b"p", argv[len(PYTHON) :])]
        variables = command.variables(self.view)
        return [(b"e", [f"{name}={value}" for name, value in variables.items()]), (b"x", argv)]

    def _operations(self, command: Command) -> bytes:
        if binds := command.binds():
            return layout.encode(layout.program(command.limits, self._scratch, binds))
        if command.limits not in self._mounts:
            operations = layout.program(command.limits, self._scratch, [])
            self._mounts[command.limits] = layout.encode(operations)
        return self._mounts[command.limits]


def _folders(files: Mapping[str, bytes]) -> list[str]:
    """Return the folders that the files lie in, outer ones first."""
    parents = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    return [f"{mounts.BOX}/{name}" for name in sorted(parents)]


class Unsafe:
    """No isolation: an empty folder on disk and the same limits, for trusted programs only."""

    name = "none"

    def __init__(self, scratch: Path, new_folder: Callable[[], Path]) -> None:
        self.view = mounts.default_view()
        self._new_folder = new_folder

    def config(self) -> Request | None:
        """Return the configuration that its workers start with."""
        return None

    def request(self, command: Command, uid: int) -> Request:
        """Return the worker's request for the command."""
        folder = command.folder
        place = folder if folder and command.writable else self._new_folder()
        if folder and not command.writable:
            shutil.copytree(folder, place, dirs_exist_ok=True)
        for name, content in command.files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        for name, path in command.shown.items():
            (place / name).symlink_to(path)
        variables = command.variables(self.view) | {"HOME": str(place), "TMPDIR": str(place)}
        variables["PATH"] = self.view.search_path()
        line = chance.with_fixed_addresses(command.argv) if command.steady else command.argv
        argv = ["/bin/sh", "-c", 'cd "$0" && "$@"; exit $?', str(place), *map(self.view.outside, line)]
        return {"argv": argv, "env": variables, "files": [], "isolated": False}


Tier = Zygote | Bubblewrap | Unsafe
SAFE: tuple[type[Zygote] | type[Bubblewrap], ...] = (Zygote, Bubblewrap)
