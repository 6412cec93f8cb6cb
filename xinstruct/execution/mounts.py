"""The command line of bubblewrap: what a program sees of the machine, which is little.

It sees the toolchains read-only, an empty /tmp, a working folder /box of limited size in memory, its
own /proc and a minimal /dev; no network, no other process, no variable of ours. Started by root it runs under a
user id that nobody has (a user namespace would map it onto root, whom NPROC does not bind and whose
files it would own); started by anyone else it runs in a user namespace.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xinstruct.execution import chance
from xinstruct.execution.limits import MEGABYTE, Limits

BOX = "/box"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache")
_SETTINGS = ("/etc/mono", "/etc/php", "/etc/ld.so.conf", "/etc/ld.so.conf.d")  # no /etc/localtime: it is UTC inside
# NPROC has to be set inside: it counts per user namespace. dash says -p where bash says -u.
_START = 'ulimit -u "$0" 2>/dev/null || ulimit -p "$0"; "$@"; exit $?'
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class View:
    """What of the machine is shown to the program, beyond the system folders."""

    path: tuple[str, ...]  # folders of PATH
    folders: tuple[str, ...]  # further read-only folders, shown where they are
    hidden: tuple[str, ...] = ()  # folders inside those that stay empty


def bubblewrap() -> str:
    """The path of bwrap, or "" where there is none."""
    return shutil.which("bwrap") or ""


def cache_folder() -> Path:
    """What is made once per machine and shown to programs: $XDG_CACHE_HOME/xinstruct or ~/.cache/xinstruct."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xinstruct"


@cache
def python_prefix() -> Path:
    """Installation prefix of the real interpreter below any virtual environment or shim."""
    return Path(os.path.realpath(sys.base_prefix))


@cache
def default_view() -> View:
    """The Python in use, node where it really lives, and the TypeScript packages."""
    from xinstruct.languages.typescript import tools

    prefixes = [python_prefix()]
    if node := shutil.which("node"):
        prefixes.append(Path(os.path.realpath(node)).parents[1])
    outside = [p for p in prefixes if not p.is_relative_to("/usr")]
    path = [str(p / "bin") for p in outside] + ["/usr/local/bin", "/usr/bin", "/bin"]
    folders = [str(p) for p in dict.fromkeys(outside)]
    folders += [str(place) for place in (tools(), tools().resolve()) if place.exists()]
    return View(tuple(dict.fromkeys(path)), tuple(dict.fromkeys(folders)), _installed_packages())


def _installed_packages() -> tuple[str, ...]:
    """Python packages of this machine: programs get the standard library, and start without .pth files."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [python_prefix() / "lib" / name / "site-packages", Path("/usr/lib/python3/dist-packages")]
    return tuple(str(place) for place in (*places, Path("/usr/local/lib") / name / "dist-packages") if place.is_dir())


def environment(view: View, env: dict[str, str], seed: int = 0) -> dict[str, str]:
    """All variables that a program gets. seed: see chance.py."""
    base = {"PATH": ":".join(view.path), "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "box"}
    return base | {"TZ": "UTC"} | chance.variables(seed) | env


def command(
    argv: tuple[str, ...], view: View, limits: Limits, uid: int, env: dict[str, str], shown: list[tuple[str, str, str]]
) -> list[str]:
    """bwrap's arguments for a program. `{files}` stands where the worker puts what it hands in.

    env: all its variables. shown: (flag, source, destination) of further binds, e.g. ("--ro-bind", "/x/Main.class",
    "/box/Main.class").
    """
    root = os.geteuid() == 0
    own_box = any(dest == BOX for _, _, dest in shown)
    # /tmp before the folders: a project may lie below it, and its tools must stay visible
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
    """Files and folders of the system that programs see where they are, links among them."""
    java = sorted(str(p) for p in Path("/etc").glob("java*"))
    return tuple(name for name in (*_SYSTEM, *_SETTINGS, *java) if os.path.lexists(name))


@cache
def _folders(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Binds of further folders, each parent made readable first."""
    line: list[str] = []
    made: set[Path] = {Path("/tmp")}
    for name in folders:
        for parent in reversed(Path(name).parents[:-1]):
            if parent not in made and not parent.is_relative_to("/usr"):
                line += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        line += ["--ro-bind", name, name]
    return tuple(line)


def _memory(limits: Limits, own_box: bool) -> list[str]:
    """Scratch in memory, sizes limited; /dev/shm and /tmp too, or they would be the way around."""
    size = ["--perms", "1777", "--size", str(limits.scratch_mb * MEGABYTE), "--tmpfs"]
    line = ["--proc", "/proc", "--dev", "/dev", *size, "/dev/shm", *size, "/tmp"]
    return line if own_box else [*line, "--perms", "0777", *size[2:], BOX]
