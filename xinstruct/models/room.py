"""Memory and disk of this machine beside what the default teacher needs; `make setup` and the fetch stage say a lack.

    python -m xinstruct.models.room     one line when ./params.yaml has a teacher too large for this machine, else none

It is run before any package is installed: the standard library is enough, and YAML is read by patterns.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

MEMORY_GB, DISK_GB = 8, 4
SMALL_SET = "experiments/teacher-small.yaml"
REGISTRY = Path(__file__).with_name("models.yaml")
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_TEACHER = re.compile(r"^teacher:.*\n(?: .*\n|\n)*?  model: *[\"']?([^\s\"'#]+)", re.M)


def memory_bytes() -> int:
    """Return the memory that processes here may use: the machine's, or the limit of a container."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in map(Path, _CGROUPS):
        text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
        found += [int(text)] if text.isdigit() else []  # "max" is no limit
    return min(found)


def lacking(memory: int, disk: int | None) -> str:
    """Return what is too little, in words, "" for nothing. disk: bytes free; None where no disk is needed any more."""
    short = [f"{memory / 1e9:.1f} GB of memory (it needs {MEMORY_GB})"] if memory < MEMORY_GB * 10**9 else []
    if disk is not None and disk < DISK_GB * 10**9:
        short.append(f"{disk / 1e9:.1f} GB of free disk (it needs {DISK_GB})")
    return " and ".join(short)


def warning(teacher: str, folder: Path = Path()) -> str:
    """Return the line for a teacher that this machine is too small for, "" for none. folder: of the project."""
    there = (folder / "models" / "teacher" / "model.json").exists()  # then its weights lie on the disk already
    lack = lacking(memory_bytes(), None if there else shutil.disk_usage(folder).free)
    return told(teacher, lack) if lack else ""


def told(teacher: str, lack: str) -> str:
    """Return the line that says a lack and names the parameter set for small machines."""
    return (
        f"this machine has {lack} for the teacher {teacher}; the set for small machines: "
        f"xinstruct experiment --apply {SMALL_SET}"
    )


def configured(folder: Path = Path()) -> str:
    """Return the teacher of params.yaml where it is a model of 1.5B or more that is run here, else ""."""
    found = _TEACHER.search((folder / "params.yaml").read_text(encoding="utf-8"))
    name = found.group(1) if found else ""
    entry = rf"^{re.escape(name)}:\n(?: .*\n)*?  capable: true$"
    return name if name and re.search(entry, REGISTRY.read_text(encoding="utf-8"), re.M) else ""


if __name__ == "__main__":
    if (model := configured()) and (line := warning(model)):
        print(f"== {line}")
