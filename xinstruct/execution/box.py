"""The C helpers (process/serving.c, forks/*.c), compiled once per machine into the user's cache folder.

Without a C compiler there are no helpers, and the sandbox falls back to bubblewrap.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from xinstruct.execution.mounts import cache_folder
from xinstruct.files import made_once

_FOLDER = Path(__file__).parent / "process"
DATA_FILES = ("process/*.c", "process/zygote.py")


@cache
def library(name: str, folder: Path = _FOLDER) -> Path | None:
    """Return the shared library of NAME.c, compiled if necessary; None when it cannot be compiled here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    parts = dict.fromkeys((folder / f"{name}.c", _FOLDER / "serving.c", _FOLDER / "box.c"))
    texts = b"".join(path.read_bytes() for path in parts)
    path = cache_folder() / f"{name}-{_key(texts + platform.machine().encode())}.so"
    if not compiler and not path.exists():
        return None

    def compiled(tmp: Path) -> None:
        line = [str(compiler), "-O2", "-shared", "-fPIC", "-o", str(tmp), str(folder / f"{name}.c")]
        subprocess.run([*line, "-ldl", "-pthread"], capture_output=True, check=True)

    try:
        return made_once(path, compiled)
    except subprocess.CalledProcessError:  # it does not compile here
        return None


@cache
def script(name: str, folder: Path = _FOLDER) -> Path:
    """Return a copy of a script in the cache folder, which the sandbox shows to programs."""
    content = (folder / name).read_bytes()
    return made_once(cache_folder() / f"{_key(content)}-{name}", lambda tmp: _write(tmp, content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
