"""The toolchains of this machine: which languages can be run, in which version, and how to install a missing one.

The version is part of every verdict's cache key: another compiler may give another verdict. Versions are read once
per process. Nothing is installed here.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import cache

from xinstruct.execution import mounts
from xinstruct.files import BadInput
from xinstruct.languages import Program, get, names


def known() -> tuple[str, ...]:
    """Return the names of all languages. Raises BadInput when the user's own folder of languages is unusable."""
    try:
        return names()
    except ValueError as error:
        raise BadInput(str(error)) from None


def find(binary: str) -> str:
    """Return the path of a binary on this machine that programs can use, or "": their PATH counts, not ours.

    Shims and virtual environments are not visible inside.
    """
    view = mounts.default_view()
    return view.outside(view.find(binary))


@cache
def available(language: str) -> str | None:
    """Return the first line of the toolchain's version, or None when a binary is missing."""
    chain = get(language).toolchain
    if not all(map(find, chain.binaries)):
        return None
    if (said := ask(chain.version)) is None:
        return None
    lines = [line.strip() for line in (said.stdout + said.stderr).splitlines() if line.strip()]
    return lines[0] if lines and said.returncode == 0 else None


def ask(command: tuple[str, ...]) -> subprocess.CompletedProcess[str] | None:
    """Run a toolchain's command with the PATH of programs and no variable of ours; None when it cannot be run."""
    env = {"PATH": mounts.default_view().search_path(), "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    line = [find(command[0]) or command[0], *command[1:]]
    try:
        return subprocess.run(
            line, capture_output=True, encoding="utf-8", errors="replace", timeout=60, env=env, cwd="/", check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


@cache
def _mold() -> bool:
    return bool(find("mold"))


def linked(program: Program) -> Program:
    """Return the program with its compile command for this machine: linking with mold if that is installed."""
    if not (program.mold and _mold()):
        return program
    return replace(program, compile=(*program.compile, *program.mold), mold=())


def missing(language: str) -> str:
    """Return the one command that installs a language."""
    return get(language).toolchain.install


class Missing(Exception):
    """A language's toolchain is missing; the text tells how to install it."""


def version(language: str) -> str:
    """Like available(), but raises Missing with the install command."""
    found = available(language)
    if found is None:
        raise Missing(f"{language} cannot be run here; install it: {missing(language)}")
    return found
