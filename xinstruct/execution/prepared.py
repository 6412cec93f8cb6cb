"""Files that all programs of a language share, made once per machine: precompiled headers, compiled drivers, archives.

Such a file (``languages.base.Prepared``) is made in the sandbox from our own text alone, kept in the user's cache
folder under a hash of that text, the command and the toolchain's version, and shown read-only to compilers and
programs. The language's backend decides which program needs which file.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from xinstruct.execution import toolchains
from xinstruct.execution.limits import Limits
from xinstruct.execution.mounts import cache_folder
from xinstruct.execution.sandbox import Sandbox
from xinstruct.files import made_once
from xinstruct.languages.base import Prepared

_LIMITS = Limits(cpu_seconds=120, memory_mb=2048, file_mb=1024, open_files=1024, stack_mb=64)
_lock = threading.RLock()  # one file is made at a time, and first what it needs
_made: dict[str, Path | str] = {}  # by key: the file, or why there is none


class Unprepared(Exception):
    """A required file could not be made; the text holds the command's message."""


@cache
def digest(wanted: Prepared) -> str:
    """Return a hash of everything a prepared file is made from."""
    parts = [wanted.language, wanted.name, wanted.files, wanted.command, [digest(need) for need in wanted.needs]]
    return hashlib.sha256(f"{parts}{toolchains.version(wanted.language)}".encode("utf-8", "replace")).hexdigest()


def shown(sandbox: Sandbox, wanted: Iterable[Prepared]) -> dict[str, Path]:
    """Return name -> file of each, made if necessary. Optional ones may be left out. Raises Unprepared."""
    found: dict[str, Path] = {}
    for one in wanted:
        made = _get(sandbox, one)
        if isinstance(made, Path):
            found[one.name] = made
        elif not one.optional:
            raise Unprepared(f"{one.name} could not be made: {made}")
    return found


def _get(sandbox: Sandbox, wanted: Prepared) -> Path | str:
    key = f"{digest(wanted)[:16]}-{sandbox.tier}"
    with _lock:
        if key not in _made:
            try:
                beside = shown(sandbox, wanted.needs)
                path = cache_folder() / key / wanted.name
                _made[key] = made_once(path, lambda tmp: _make(sandbox, wanted, beside, tmp))
            except Unprepared as error:
                _made[key] = str(error)
        return _made[key]


def _make(sandbox: Sandbox, wanted: Prepared, beside: dict[str, Path], path: Path) -> None:
    """Make the file in the sandbox and copy it to `path`. Raises Unprepared with the command's message."""
    folder = sandbox.folder()
    try:
        for name, text in wanted.files:
            (folder / name).write_text(text, encoding="utf-8")
        result = sandbox.run(wanted.command, _LIMITS, folder=folder, writable=True, shown=beside)
        if result.status or result.reason or not (folder / wanted.name).is_file():
            raise Unprepared((result.stderr + result.stdout).decode("utf-8", "replace")[-500:] or result.reason)
        shutil.copyfile(folder / wanted.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
