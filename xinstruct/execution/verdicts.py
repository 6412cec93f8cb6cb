"""Verdicts from a program's output: the protocol is read and values are compared here, outside the sandbox.

A driver prints ``nonce TAB i TAB json`` per case and ``nonce TAB end`` at last (languages/base.py). The nonce is new
for every run, so nothing that a program prints by itself can pass for a result; output with the nonce but not the
right shape, or that stops short although the exit was clean, is "forged". Nothing here depends on the nonce's value,
so that verdicts are the same in every run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from xinstruct.code.types import Case, Signature, same
from xinstruct.execution import normal
from xinstruct.execution.sandbox import Result

PASSED = "passed"
_TEXT = 2000  # characters of stdout and stderr that are kept
_MEMORY = ("memory", "over the limit of memory")  # whether the runtime refused it or the kernel is the machine's doing
_NO_MEMORY = re.compile(
    r"MemoryError|bad_alloc|OutOfMemory|heap out of memory|Allowed memory size of|[Cc]annot allocate memory"
    r"|os::commit_memory\(.*failed|insufficient memory for the Java"
)
_ASSERTION = re.compile(r"AssertionError|[Aa]ssertion\b.*\bfailed")


@dataclass
class Verdict:
    """The outcome of a job. cpu, wall (seconds) and peak_mb differ from run to run: keep them out of data.

    verdict: "passed" or a Reason's text. tier: the isolation of the run. values, errors: one per case, the JSON value
    returned (None where it raised) and the error's text ("" where it returned). separation: how the code under test was
    separated from its tests: "values", "process" or "none" (languages/base.py, Program). flaky: a first run ended
    otherwise; this is the verdict of the second one, alone.
    """

    id: str
    verdict: str
    detail: str = ""
    tier: str = ""
    passed: int = 0
    total: int = 0
    values: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    compile_cpu: float = 0.0
    compile_wall: float = 0.0
    run_cpu: float = 0.0
    run_wall: float = 0.0
    peak_mb: float = 0.0
    stdout: str = ""
    stderr: str = ""
    separation: str = ""
    flaky: bool = False


@dataclass
class Protocol:
    """The driver's parsed lines: results in the order of the cases, whether the end was reached, any error in them."""

    values: list[Any]
    errors: list[str]
    seen: int
    ended: bool
    flaw: str
    rest: str  # what the program itself printed
    again: str = ""  # why the program has to run in one process


def read_protocol(stdout: bytes, nonce: str, total: int) -> Protocol:
    """Split a program's output into the driver's lines and its own."""
    found = Protocol([None] * total, [""] * total, 0, False, "", "")
    own: list[str] = []
    for line in stdout.decode("utf-8", "replace").split("\n"):
        if line.startswith(nonce + "\t"):
            found.flaw = found.flaw or _take(
                found, line[len(nonce) + 1 :].rstrip("\r").replace(nonce, "<nonce>"), total
            )
        else:
            own.append(line)
    found.rest = "\n".join(own).strip("\n")
    return found


def _take(found: Protocol, body: str, total: int) -> str:
    """Parse one line of the driver; returns what is wrong with it."""
    if found.ended:
        return "a result after the end"
    if body.startswith("again\t"):
        found.again = body.removeprefix("again\t")
        return ""
    if body == "end":
        found.ended = True
        return "" if found.seen == total else f"the end after {found.seen} of {total} results"
    index, _, text = body.partition("\t")
    if index != str(found.seen) or found.seen >= total:
        return f"result {index[:20]!r} where {found.seen} was due"
    if text.startswith("!"):
        found.errors[found.seen] = normal.error(text[1:])
    else:
        try:
            found.values[found.seen] = json.loads(text, parse_constant=_constant)
        except (ValueError, RecursionError):
            return f"result {index} is not JSON"
    found.seen += 1
    return ""


def _constant(name: str) -> str:
    return name


def decide(
    job_id: str, tier: str, result: Result, nonce: str, total: int, by_status: bool = False
) -> tuple[Verdict, Protocol]:
    """Return the verdict as far as it follows from the program's end; "passed" when it reached its end.

    by_status: also when it ended with status 0 elsewhere.
    """
    protocol = read_protocol(result.stdout, nonce, total)
    stderr = normal.stable(result.stderr.decode("utf-8", "replace"), nonce)
    verdict = Verdict(job_id, PASSED, tier=tier, total=total, values=protocol.values, errors=protocol.errors)
    verdict.run_cpu, verdict.run_wall, verdict.peak_mb = result.cpu, result.wall, result.peak_mb
    verdict.stdout, verdict.stderr = normal.stable(protocol.rest, nonce)[:_TEXT], stderr[-_TEXT:]
    verdict.verdict, verdict.detail = _outcome(result, protocol, stderr, by_status)
    return verdict, protocol


def _outcome(result: Result, protocol: Protocol, stderr: str, by_status: bool) -> tuple[str, str]:
    if result.reason:
        return _over_limit(result.reason, stderr)
    if protocol.flaw:
        return "forged", protocol.flaw
    if result.status == 0:
        ended = protocol.ended or by_status
        return (PASSED, "") if ended else ("forged", "it exited with status 0 before the last test")
    if _NO_MEMORY.search(stderr):
        return _MEMORY
    said = normal.last_words(stderr, result.signal) or f"exit status {result.status}"
    if not protocol.seen and _ASSERTION.search(stderr):
        return "wrong_answer", said
    return "runtime_error", said


def _over_limit(reason: str, stderr: str) -> tuple[str, str]:
    texts = {
        "cpu": ("timeout", "over the limit of CPU time"),
        "wall": ("timeout", "over the limit of wall time"),
        "memory": _MEMORY,
        "output": ("output_limit", "over the limit of output"),
    }
    return texts.get(reason, ("infrastructure", normal.last_words(stderr) or reason))


def compare(verdict: Verdict, signature: Signature, cases: tuple[Case, ...], tolerance: float) -> None:
    """Compare a finished program's results with the expected ones; sets verdict, detail and passed."""
    first = ""
    for i, case in enumerate(cases):
        if verdict.errors[i]:
            kind, said = "runtime_error", f"case {i}: {verdict.errors[i]}"
        elif same(signature.returns, case.expected, verdict.values[i], tolerance):
            verdict.passed += 1
            continue
        else:
            expected, got = normal.shown(case.expected), normal.shown(verdict.values[i], said=True)
            kind, said = "wrong_answer", f"case {i}: expected {expected}, got {got}"
        if not first:
            first, verdict.verdict, verdict.detail = kind, kind, said
    if any(map(_NO_MEMORY.search, verdict.errors)):  # it might as well have been ended there
        verdict.verdict, verdict.detail = _MEMORY
