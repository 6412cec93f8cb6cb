"""A report of what this machine can run: languages with their versions, the sandbox and its guarantees.

The exit status is 0 when the paper's eight languages and the sandbox work; else it is 1, and each missing thing is
named with the one command that installs it. Other languages are listed in a section of their own and do not count.
Nothing is installed or changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from xinstruct.execution import toolchains
from xinstruct.execution.forks.trying import working
from xinstruct.execution.sandbox import Sandbox
from xinstruct.files import BadInput
from xinstruct.languages import EIGHT, get
from xinstruct.params import at_hand
from xinstruct.surroundings import cache_folder, usual_cache

_MEANING = {
    "network": "no connection, not even to this machine",
    "files": "nothing of yours can be read",
    "writes": "nothing outside scratch can be written",
    "processes": "no other process is seen",
    "environment": "no variable of yours is seen",
    "user": "runs as an unprivileged user",
    "privileges": "no capabilities, none to be gained",
    "seccomp": "dangerous system calls refused (else: namespaces only)",
    "cgroup": "memory limited by the kernel (else: watched)",
    "addresses": "the same in every run (else: what reads memory that nobody wrote may differ)",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add no arguments; the subcommand has none."""


def main(args: argparse.Namespace) -> int:
    """Print the table. Returns the exit status."""
    titles = {name: get(name).title for name in toolchains.known()}
    fine = [_language(name, titles[name], "MISSING") for name in EIGHT]
    fine.append(_sandbox())
    print("further languages:")
    for name in (name for name in titles if name not in EIGHT):
        _language(name, titles[name], "not here")
    return 0 if all(fine) else 1


def _language(name: str, title: str, absent: str) -> bool:
    version = toolchains.available(name)
    print(f"{'ok' if version else absent:<8} {title:<11} {version or toolchains.missing(name)}")
    return version is not None


def _sandbox() -> bool:
    wanted = at_hand().execution.forks
    try:
        with Sandbox(forks=wanted != "off") as sandbox:
            guarantees, passed_over = sandbox.guarantees, sandbox.passed_over
            forks = list(_forks(sandbox, wanted))
    except BadInput as error:
        print(f"MISSING  sandbox     {error}")
        return False
    print(f"ok       sandbox     {sandbox.tier}")
    print(f"  caches in {_caches()}")
    for reason in passed_over:
        print(f"  not used: {reason}")
    for name, holds in guarantees.items():
        print(f"  {'holds ' if holds else 'LACKS '} {name:<12} {_MEANING[name]}")
    for line in forks:
        print(f"  {line}")
    return True


def _forks(sandbox: Sandbox, wanted: str) -> Iterator[str]:
    """Yield lines that tell whether commands are forked (docs/forks.md), and of which commands forks work."""
    if sandbox.forks:
        yield "forks on (execution.forks: auto, docs/forks.md)"
        for name, works in working(sandbox):
            yield f"  {'forked ' if works else 'STARTED'} {name}"
    elif wanted == "off":
        yield "forks off (execution.forks: off): every command is started"
    else:
        yield "forks off (they take root and the zygote tier): every command is started"


def _caches() -> str:
    place, usual = cache_folder(), usual_cache()
    if place == usual:
        return str(place)
    return f"{place}, since " + (f"{usual} is not yours to write" if usual else "there is no home")


if __name__ == "__main__":
    sys.exit(main(argparse.Namespace()))
