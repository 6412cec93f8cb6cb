"""What programs leave to chance, decided: the order of hashed things and the numbers that are drawn.

A program that is judged meets the same in every run and on every machine. One that is observed, to learn whether it
gives the same twice, meets what its own text decides: another comment in it, another order, and yet the same in every
run. The drivers seed what their language can seed by the variable SEED. Addresses are fixed beside this where the
kernel allows it (here for whole command lines, in process/starting.py for forks). Leaves out clocks, and what a program
reads of the machine.
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Mapping
from functools import cache

from xinstruct.languages.common import PLAN

SEED = "XINSTRUCT_SEED"
_FIXING = ("/usr/bin/setarch", "-R")


def seed_of(files: Mapping[str, bytes]) -> int:
    """A number that a program's text decides; its plan, which holds the nonce, does not count."""
    return zlib.crc32(b"\0".join(content for name, content in sorted(files.items()) if name != PLAN))


def variables(seed: int) -> dict[str, str]:
    """The variables that decide it. 0: what programs that are judged get."""
    return {SEED: str(seed), "PYTHONHASHSEED": str(seed), "PERL_HASH_SEED": str(seed), "PERL_PERTURB_KEYS": "0"}


def with_fixed_addresses(line: tuple[str, ...]) -> tuple[str, ...]:
    """The command line that gives a command the same addresses in every run, where that may be done here."""
    return (*_FIXING, *line) if _may_fix() else line


@cache
def _may_fix() -> bool:
    try:
        return subprocess.run([*_FIXING, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
