"""The failing programs of failing.yaml as jobs, and what became of them as text: all of it that is ever kept.

``python -m tests.execution.failing WORKERS`` judges them, last ones first, and prints that.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.execution.conftest import PARAMS
from xinstruct.code.types import Case, Signature
from xinstruct.execution import toolchains
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.verdicts import Verdict
from xinstruct.files import read_yaml

SIGNATURE = Signature.of("string", n="int")
CASES = (Case((1,), "something else"), Case((7,), "something else"))
LIMITS = replace(PARAMS, cpu_seconds=3, wall_factor=6)
# Where the kernel does not let addresses be fixed, these differ from run to run.
_BY_ADDRESS = {
    "python": ("id", "hash of object", "set of objects"),
    "cpp": (
        *("pointer decimal", "unordered pointers", "char array", "out of bounds stack", "dangling pointer"),
        *("heap overflow", "uninitialised max"),
    ),
    "csharp": ("hash",),
    "bash": ("python",),
}


def programs() -> dict[str, dict[str, str]]:
    """Language -> name -> code, of the languages that are here."""
    raw: dict[str, dict[str, str]] = read_yaml(Path(__file__).with_suffix(".yaml"))
    return {language: found for language, found in raw.items() if toolchains.available(language)}


def function(language: str) -> str:
    """What is called."""
    return "F" if language == "csharp" else "f"


def jobs(addresses: bool) -> list[Job]:
    """All of them; those that show addresses in numbers only where these are fixed."""
    return [
        Job(f"{language}: {name}", language, code, function(language), SIGNATURE, CASES)
        for language, found in programs().items()
        for name, code in found.items()
        if addresses or name not in _BY_ADDRESS.get(language, ())
    ]


def kept(verdict: Verdict) -> dict[str, Any]:
    """What records and reports are made of."""
    names = ("verdict", "detail", "passed", "total", "errors", "separation", "stdout", "stderr")
    return {name: getattr(verdict, name) for name in names}


def main() -> None:
    """See the module."""
    with Judge(replace(LIMITS, workers=int(sys.argv[1]))) as judge:
        verdicts = judge.judge(jobs(judge.sandbox.guarantees["addresses"])[::-1])
    print(json.dumps({verdict.id: kept(verdict) for verdict in verdicts}))


if __name__ == "__main__":
    main()
