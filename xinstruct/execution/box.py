"""The C helpers (process/serving.c, node.c, opening.c), compiled once per machine into the user's cache folder.

Where there is no C compiler there is no helper, and the sandbox falls back to bubblewrap.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import threading
from functools import cache
from pathlib import Path

from xinstruct.execution.mounts import cache_folder

_FOLDER = Path(__file__).parent / "process"
_making = threading.RLock()  # threads would write one temporary file


@cache
def library(name: str) -> Path | None:
    """The shared library of NAME.c, which may include the others, made if need be; None when it cannot be made here."""
    with _making:
        return _library(name)


def _library(name: str) -> Path | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    parts = dict.fromkeys((name, "serving", "box"))
    texts = b"".join((_FOLDER / f"{each}.c").read_bytes() for each in parts)
    path = cache_folder() / f"{name}-{_key(texts + platform.machine().encode())}.so"
    if path.exists():
        return path
    if not compiler:
        return None
    tmp = path.with_name(f".{path.name}.{os.getpid()}")
    tmp.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(tmp), str(_FOLDER / f"{name}.c"), "-ldl", "-pthread"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    os.replace(tmp, path)
    return path


@cache
def script(name: str) -> Path:
    """A copy of process/NAME in the cache folder, where the sandbox shows it."""
    content = (_FOLDER / name).read_bytes()
    path = cache_folder() / f"{_key(content)}-{name}"
    with _making:
        if path.exists():
            return path
        tmp = path.with_name(f".{path.name}.{os.getpid()}")
        tmp.parent.mkdir(parents=True, exist_ok=True)
        tmp.write_bytes(content)
        os.replace(tmp, path)
        return path


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
