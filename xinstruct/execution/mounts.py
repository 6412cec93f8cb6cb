"""The command line of bubblewrap, which decides what little of the host a program sees.

A program sees the toolchains read-only, an empty /tmp, a working folder /box of limited size in memory, its own /proc
and a minimal /dev; no network, no other process, no variable of ours. Tools that do not belong to the system (a Python
or node in somebody's home, the TypeScript packages of this checkout) are shown below /opt/xi, so that no path reveals
their place. Started by root, a program runs under an unused user id (a user namespace would map it onto root, whom
NPROC does not limit and whose files it would own); started by anyone else it runs in a user namespace.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xinstruct.execution import chance, relocation
from xinstruct.execution.limits import MEGABYTE, Limits
from xinstruct.languages import typescript
from xinstruct.surroundings import cache_folder as cache_folder  # where others look for what is shown

BOX = "/box"
_PYTHON, _NODE = "/opt/xi/python", "/opt/xi/node"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache")
_SETTINGS = ("/etc/mono", "/etc/php", "/etc/ld.so.conf", "/etc/ld.so.conf.d")  # no /etc/localtime: it is UTC inside
# NPROC has to be set inside: it counts per user namespace. dash says -p where bash says -u.
_START = 'ulimit -u "$0" 2>/dev/null || ulimit -p "$0"; "$@"; exit $?'
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class View:
    """The parts of the host that the program sees beyond the system folders."""

    path: tuple[str, ...]  # folders of PATH, as programs see them
    folders: tuple[tuple[str, str], ...]  # where a further folder or file stands, and where it is shown, read-only
    hidden: tuple[str, ...] = ()  # folders inside those that stay empty

    def outside(self, text: str) -> str:
        """Replace paths that programs see by paths of the host in a text."""
        for stands, shown in self.folders:
            text = stands.join(re.split(rf"{re.escape(shown)}(?![\w.-])", text))
        return text

    def search_path(self) -> str:
        """Return the PATH, on the host, of the commands that programs can start."""
        return ":".join(map(self.outside, self.path))

    def find(self, binary: str) -> str:
        """Return the path at which programs see a binary of that name or path, or "" when they cannot start it."""
        places = (os.path.join(folder, binary) for folder in self.path)
        return next((place for place in places if os.access(self.outside(place), os.X_OK)), "")


def bubblewrap() -> str:
    """Return the path of bwrap, or "" when it is not installed."""
    return shutil.which("bwrap") or ""


@cache
def python_prefix() -> Path:
    """Return the installation prefix of the real interpreter below any virtual environment or shim."""
    return Path(os.path.realpath(sys.base_prefix))


def interpreter() -> str:
    """Return the path at which programs see the Python in use."""
    prefix = python_prefix()
    return f"{prefix if _of_system(prefix) else _PYTHON}/bin/python3"


@cache
def default_view() -> View:
    """Return the view of the Python in use, node where it really is installed, and the TypeScript packages."""
    folders: list[tuple[Path, str]] = []
    prefix = python_prefix()
    if not _of_system(prefix):
        folders += [(prefix, _PYTHON), *relocation.binds(prefix, _PYTHON, cache_folder())]
    node = shutil.which("node")
    if node and not _of_system(place := Path(os.path.realpath(node)).parents[1]):
        folders.append((place, _NODE))
    path = [f"{shown}/bin" for _, shown in folders if shown in (_PYTHON, _NODE)]
    if typescript.tools().exists():
        folders.append((typescript.tools(), typescript.SHOWN))
    shown = tuple((str(stands), shown) for stands, shown in folders)
    return View((*path, "/usr/local/bin", "/usr/bin", "/bin"), shown, _installed_packages())


def closed() -> str:
    """Return how to make the tools readable for programs, or "": root runs programs as another user."""
    for stands, _ in default_view().folders:
        if os.geteuid() == 0 and os.stat(stands).st_mode & 0o005 != 0o005:
            return f"{stands} is closed to the user that programs run as: chmod -R go+rX {shlex.quote(stands)}"
    return ""


def _of_system(prefix: Path) -> bool:
    return prefix.is_relative_to("/usr")


def _installed_packages() -> tuple[str, ...]:
    """Return the host's Python packages, to hide them: programs get the standard library and no .pth files."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = python_prefix()
    own = prefix / "lib" / name / "site-packages"
    shown = [str(own) if _of_system(prefix) else f"{_PYTHON}/lib/{name}/site-packages"] if own.is_dir() else []
    places = (Path("/usr/lib/python3/dist-packages"), Path("/usr/local/lib") / name / "dist-packages")
    return (*shown, *(str(place) for place in places if place.is_dir()))


def environment(view: View, env: dict[str, str], seed: int = 0) -> dict[str, str]:
    """Return all variables that a program gets. seed: see chance.py."""
    base = {"PATH": ":".join(view.path), "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "box"}
    return base | {"TZ": "UTC"} | chance.variables(seed) | env


def command(
    argv: tuple[str, ...], view: View, limits: Limits, uid: int, env: dict[str, str], shown: list[tuple[str, str, str]]
) -> list[str]:
    """Return bwrap's arguments for a program. The worker replaces `{files}` by the files that it passes in.

    env: all its variables. shown: (flag, source, destination) of further binds, e.g. ("--ro-bind", "/x/Main.class",
    "/box/Main.class").
    """
    root = os.geteuid() == 0
    own_box = any(dest == BOX for _, _, dest in shown)
    line = [bubblewrap(), *_namespaces(root), *_system(), *_memory(limits, own_box), *_folders(view.folders)]
    for name in view.hidden:
        line += ["--size", "4096", "--tmpfs", name]
    for flag, source, dest in shown:
        line += [flag, source, dest]
    line += ["{files}", "--remount-ro", "/", "--remount-ro", "/dev"]
    for name, value in env.items():
        line += ["--setenv", name, value]
    line += ["--chdir", BOX]
    if root:
        line += ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all"]
        line += ["--inh-caps=-all", "--pdeathsig=KILL"]  # changing the user clears the parent-death signal
    return [*line, _SHELL, "-c", _START, str(limits.processes), *argv]


@cache
def _namespaces(root: bool) -> tuple[str, ...]:
    names = ("--unshare-ipc", "--unshare-net", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
    common = (*names, "--die-with-parent", "--new-session", "--clearenv", "--as-pid-1", "--hostname", "box")
    if root:
        keep = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")  # until setpriv has changed the user
        return (*common, "--cap-drop", "ALL", *(word for cap in keep for word in ("--cap-add", cap)))
    return ("--unshare-user", "--uid", "1000", "--gid", "1000", *common)


@cache
def _system() -> tuple[str, ...]:
    line: list[str] = ["--perms", "0755", "--dir", "/etc"]
    for name in system_places():
        line += ["--symlink", os.readlink(name), name] if os.path.islink(name) else ["--ro-bind", name, name]
    return tuple(line)


@cache
def system_places() -> tuple[str, ...]:
    """Return the system's files, folders and links that programs see at their own paths."""
    java = sorted(str(p) for p in Path("/etc").glob("java*"))
    return tuple(name for name in (*_SYSTEM, *_SETTINGS, *java) if os.path.lexists(name))


@cache
def _folders(folders: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return binds of further folders, each parent made readable first."""
    line: list[str] = []
    there = [Path("/usr")]
    for stands, shown in folders:
        for parent in reversed(Path(shown).parents[:-1]):
            if parent not in there and not any(map(parent.is_relative_to, there)):
                line += ["--perms", "0755", "--dir", str(parent)]
        there.append(Path(shown))
        line += ["--ro-bind", stands, shown]
    return tuple(line)


def _memory(limits: Limits, own_box: bool) -> list[str]:
    """Return arguments for scratch in memory of limited size, with /dev/shm and /tmp, which would evade the limit."""
    size = ["--perms", "1777", "--size", str(limits.scratch_mb * MEGABYTE), "--tmpfs"]
    line = ["--proc", "/proc", "--dev", "/dev", *size, "/dev/shm", *size, "/tmp"]
    return line if own_box else [*line, "--perms", "0777", *size[2:], BOX]
