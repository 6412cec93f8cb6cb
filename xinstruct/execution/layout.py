"""The file system that a program sees, as operations for the zygote (process/box.c's box_apply).

It shows the same places as mounts.py shows through bubblewrap, in two steps: ``root`` once per zygote, then
``program`` per program: an empty scratch in memory with a limit on size and number of files, its own /proc, and its
files. The host's scratch and cache are at /.outside while a program is prepared and are removed before it starts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from xinstruct.execution import mounts
from xinstruct.execution.limits import MEGABYTE, Limits
from xinstruct.files import BadInput

Operation = tuple[str, str, str]
OUTSIDE = "/.outside"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_INODES = 16384  # files and folders in one scratch
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def encode(operations: Iterable[Operation]) -> bytes:
    """Encode the operations as box_apply reads them."""
    return b"".join(os.fsencode("\0".join(operation)) + b"\0" for operation in operations)


def root(view: mounts.View, base: Path, scratch: Path) -> list[Operation]:
    """Return the operations for the read-only root that all programs of a zygote share; it is built at `base`."""
    cache = mounts.cache_folder()
    made: list[Operation] = [("private", "", ""), ("tmpfs", str(base), "mode=755,size=1m"), ("base", str(base), "")]
    made += [("dir", name, "755") for name in ("/etc", "/proc", "/tmp", mounts.BOX, "/dev")]
    for name in mounts.system_places():
        made.append(("link", os.readlink(name), name) if os.path.islink(name) else ("ro", name, name))
    made += [("ro", stands, shown) for stands, shown in view.folders]
    made += [("tmpfs", name, "mode=755,size=4k") for name in view.hidden]
    made += [("dev", f"/dev/{name}", f"/dev/{name}") for name in _DEVICES]
    made += [("link", target, f"/dev/{name}") for name, target in _LINKS.items()]
    made += [("dir", "/dev/shm", "755"), ("dir", OUTSIDE, "700"), ("tmpfs", OUTSIDE, "mode=700,size=1m")]
    made += [("rw", str(scratch), f"{OUTSIDE}/scratch"), ("ro", str(cache), f"{OUTSIDE}/cache")]
    if os.geteuid():  # in a user namespace the kernel allows a new /proc only where one is to be seen
        made.append(("dev", "/proc", f"{OUTSIDE}/proc"))
    return [*made, ("pivot", "", ""), ("close", "/", "")]


def program(limits: Limits, scratch: Path, binds: Iterable[tuple[str, Path, str]]) -> list[Operation]:
    """Return the operations for one program's scratch, /proc and binds: ("ro" or "rw", host path, path inside)."""
    binds = list(binds)
    size = f"size={limits.scratch_mb * MEGABYTE},nr_inodes={_INODES}"
    made: list[Operation] = [("proc", "/proc", ""), ("tmpfs", "/dev/shm", f"mode=1777,{size}")]
    made.append(("tmpfs", "/tmp", f"mode=1777,{size}"))
    if not any(inside == mounts.BOX for _, _, inside in binds):
        made.append(("tmpfs", mounts.BOX, f"mode=777,{size}"))
    return made + [(mode, outside(place, scratch), inside) for mode, place, inside in binds]


def let_read(place: Path) -> None:
    """Let the user that programs run as read a file or folder of ours, whatever umask it was made with."""
    if os.geteuid():
        return  # they run as the user who made it
    for path in [place, *place.rglob("*")] if place.is_dir() else [place]:
        info = path.lstat()
        wanted = info.st_mode | (info.st_mode & 0o500) >> 3 | (info.st_mode & 0o500) >> 6
        if wanted != info.st_mode and info.st_uid == 0 and not stat.S_ISLNK(info.st_mode):
            path.chmod(stat.S_IMODE(wanted))


def closing() -> list[Operation]:
    """Return the operations that come last, when a program's files are in place."""
    return [("detach", OUTSIDE, "")]


def outside(place: Path, scratch: Path) -> str:
    """Return the path at which the zygote sees a file of the host. Raises BadInput for a file that it does not see."""
    for folder, name in ((scratch, "scratch"), (mounts.cache_folder(), "cache")):
        if place.is_relative_to(folder):
            return f"{OUTSIDE}/{name}/{place.relative_to(folder)}"
    raise BadInput(f"{place}: the sandbox shows files of its scratch and of {mounts.cache_folder()} only")
