"""The C helpers (process/serving.c, node.c, opening.c), compiled once per machine into the user's cache folder.

Where there is no C compiler there is no helper, and the sandbox falls back to bubblewrap.
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
DATA_FILES = ("process/*.c", "process/*.js", "process/zygote.py")


@cache
def library(name: str) -> Path | None:
    """The shared library of NAME.c, which may include the others, made if need be; None when it cannot be made here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    parts = dict.fromkeys((name, "serving", "box"))
    texts = b"".join((_FOLDER / f"{each}.c").read_bytes() for each in parts)
    path = cache_folder() / f"{name}-{_key(texts + platform.machine().encode())}.so"
    if not compiler and not path.exists():
        return None

    def compiled(tmp: Path) -> None:
        line = [str(compiler), "-O2", "-shared", "-fPIC", "-o", str(tmp), str(_FOLDER / f"{name}.c")]
        subprocess.run([*line, "-ldl", "-pthread"], capture_output=True, check=True)

    try:
        return made_once(path, compiled)
    except subprocess.CalledProcessError:  # it does not compile here
        return None


@cache
def script(name: str) -> Path:
    """A copy of process/NAME in the cache folder, where the sandbox shows it."""
    content = (_FOLDER / name).read_bytes()
    return made_once(cache_folder() / f"{_key(content)}-{name}", lambda tmp: _write(tmp, content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
