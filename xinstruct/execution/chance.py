"""Fixed seeds for what programs leave to chance: the order of hashed things and random numbers.

A judged program gets the same seed in every run and on every machine. An observed program, which is run twice to see
whether it gives the same results, gets a seed from its own text: another comment in it gives another order, which
still is the same in every run. The drivers seed their language by the variable SEED where they can. Addresses are
fixed as well where the kernel allows it (here for whole command lines, in process/starting.py for forks). Clocks and
other properties of the machine are not covered.
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
    """Return a number that depends on a program's text only; its plan, which holds the nonce, is ignored."""
    return zlib.crc32(b"\0".join(content for name, content in sorted(files.items()) if name != PLAN))


def variables(seed: int) -> dict[str, str]:
    """Return the variables that set the seed. 0 is the seed of judged programs."""
    return {SEED: str(seed), "PYTHONHASHSEED": str(seed), "PERL_HASH_SEED": str(seed), "PERL_PERTURB_KEYS": "0"}


def with_fixed_addresses(line: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line under which a command gets the same addresses in every run, if possible here."""
    return (*_FIXING, *line) if _may_fix() else line


@cache
def _may_fix() -> bool:
    try:
        return subprocess.run([*_FIXING, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
