"""C++'s standard headers, compiled once per machine: two seconds of every compilation saved.

The precompiled header is made in the sandbox, kept in the user's cache folder under a name that hashes
header text, flags and compiler version, and shown read-only to every compilation of C++. Where it cannot be made,
programs are compiled without it. Leaves out other languages: they have nothing to precompile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

from xinstruct.execution import toolchains
from xinstruct.execution.limits import Limits
from xinstruct.execution.mounts import cache_folder
from xinstruct.execution.sandbox import Sandbox
from xinstruct.languages import Program
from xinstruct.languages.cpp import FLAGS

HEADER = "prelude.hpp"
COMPILED = "prelude.hpp.gch"
_lock = threading.Lock()
_made: dict[str, Path | None] = {}


def precompiled_header(sandbox: Sandbox, program: Program) -> Path | None:
    """The compiled form of a program's prelude, made if need be; None when the program has none."""
    if HEADER not in program.files or not program.compile or program.compile[0] != "g++":
        return None
    parts = [program.files[HEADER], FLAGS, toolchains.version("cpp"), sandbox.tier]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    with _lock:
        if key not in _made:
            _made[key] = _make(sandbox, program.files[HEADER], cache_folder() / key / COMPILED)
        return _made[key]


def _make(sandbox: Sandbox, header: str, path: Path) -> Path | None:
    if path.exists():
        return path
    folder = sandbox.folder()
    (folder / HEADER).write_text(header, encoding="utf-8")
    limits = Limits(cpu_seconds=120, memory_mb=2048, file_mb=1024, open_files=1024)
    command = ("g++", *FLAGS, "-x", "c++-header", HEADER, "-o", COMPILED)
    result = sandbox.run(command, limits, folder=folder, writable=True)
    if result.status or result.reason:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    tmp = path.with_name(f".{COMPILED}.{os.getpid()}")
    shutil.copyfile(folder / COMPILED, tmp)
    os.replace(tmp, path)
    shutil.rmtree(folder, ignore_errors=True)
    return path
