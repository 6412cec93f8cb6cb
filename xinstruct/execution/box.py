"""The C helper (process/box.c), compiled once per machine into the user's cache folder.

Where there is no C compiler there is no helper, and the sandbox falls back to bubblewrap.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from xinstruct.execution.mounts import cache_folder

_SOURCE = Path(__file__).parent / "process" / "box.c"


@cache
def library() -> Path | None:
    """The shared library, made if need be; None when it cannot be made here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    key = hashlib.sha256(_SOURCE.read_bytes() + platform.machine().encode()).hexdigest()[:16]
    path = cache_folder() / f"box-{key}.so"
    if path.exists():
        return path
    if not compiler:
        return None
    tmp = path.with_name(f".{path.name}.{os.getpid()}")
    tmp.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(tmp), str(_SOURCE)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return None
    os.replace(tmp, path)
    return path
