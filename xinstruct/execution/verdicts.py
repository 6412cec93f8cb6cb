"""From what a program printed to a verdict: the protocol is read here, outside, and values compared here.

A driver prints ``nonce TAB i TAB json`` per case and ``nonce TAB end`` at last (languages/base.py). The
nonce is new for every run, so what a program prints by itself cannot pass for a result; whatever has the
nonce but not the right shape, or stops short although the exit was clean, is "forged". Nothing here
depends on the nonce's value, so that verdicts are the same in every run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from xinstruct.code.types import Case, Signature, same
from xinstruct.execution.sandbox import Result

PASSED = "passed"
_TEXT = 2000  # characters of stdout and stderr that are kept
_NO_MEMORY = re.compile(
    r"MemoryError|bad_alloc|OutOfMemory|heap out of memory|Allowed memory size of|[Cc]annot allocate memory"
    r"|os::commit_memory\(.*failed|insufficient memory for the Java"
)
_ASSERTION = re.compile(r"AssertionError|[Aa]ssertion\b.*\bfailed")
# A line that names an error: as most write it, a panic of Go and of Rust, an exception of Ruby.
_TELLING = re.compile(
    r"(?:PHP )?[\w.\\ ]*(?:Error|Exception|error|Fatal|terminate)\b|panic: |thread '.*' panicked|\S+:\d+:in .*\(\w+\)$"
)
# What differs between two runs of the same program: addresses, thread and process ids, scratch names.
_UNSTABLE = (
    (re.compile(r"0x[0-9a-fA-F]{5,}"), "0x..."),
    (re.compile(r"(?<=[\w\]>])@[0-9a-f]{5,8}\b"), "@..."),
    (re.compile(r"<[0-9a-f]{32}>"), "<...>"),
    (re.compile(r"\(node:\d+\)"), "(node)"),
    (re.compile(r"\bpid[ =:]\s?\d+"), "pid ..."),
    (re.compile(r"^ +at .*\bnode:internal/.*\n?", re.M), ""),  # a forked node came to the program another way
    (re.compile(r"/tmp/xinstruct-[\w./-]*"), "/tmp/..."),
)


@dataclass
class Verdict:
    """What became of a job. cpu, wall in seconds; these and peak_mb differ from run to run: keep them out of data.

    verdict: "passed" or a Reason's text. tier: the isolation it was made under. values, errors: one per case,
    the JSON value returned (None where it raised) and the error's text ("" where it returned). separation: what kept
    the code under test from its tests when it ran: "values", "process" or "none" (languages/base.py, Program).
    flaky: a first run ended otherwise; this is the verdict of the second, alone.
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
    """The driver's lines, read: results in order of the cases, whether the end came, what is wrong with them."""

    values: list[Any]
    errors: list[str]
    seen: int
    ended: bool
    flaw: str
    rest: str  # what the program itself printed


def stable(text: str, nonce: str = "") -> str:
    """Text without what differs from run to run."""
    if nonce:
        text = text.replace(nonce, "<nonce>")
    for pattern, replacement in _UNSTABLE:
        text = pattern.sub(replacement, text)
    return text


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
    """Take in one line of the driver; returns what is wrong with it."""
    if found.ended:
        return "a result after the end"
    if body == "end":
        found.ended = True
        return "" if found.seen == total else f"the end after {found.seen} of {total} results"
    index, _, text = body.partition("\t")
    if index != str(found.seen) or found.seen >= total:
        return f"result {index[:20]!r} where {found.seen} was due"
    if text.startswith("!"):
        found.errors[found.seen] = stable(text[1:]).strip() or "error"
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
    """The verdict as far as it follows from how the program ended; "passed" when it came to its end.

    by_status: also when it ended with status 0 elsewhere.
    """
    protocol = read_protocol(result.stdout, nonce, total)
    stderr = stable(result.stderr.decode("utf-8", "replace"), nonce)
    verdict = Verdict(job_id, PASSED, tier=tier, total=total, values=protocol.values, errors=protocol.errors)
    verdict.run_cpu, verdict.run_wall, verdict.peak_mb = result.cpu, result.wall, result.peak_mb
    verdict.stdout, verdict.stderr = stable(protocol.rest, nonce)[:_TEXT], stderr[-_TEXT:]
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
    said = _last_line(stderr) or f"exit status {result.status}"
    if _NO_MEMORY.search(stderr):
        return "memory", said
    if not protocol.seen and _ASSERTION.search(stderr):
        return "wrong_answer", said
    return "runtime_error", said


def _over_limit(reason: str, stderr: str) -> tuple[str, str]:
    texts = {
        "cpu": ("timeout", "over the limit of CPU time"),
        "wall": ("timeout", "over the limit of wall time"),
        "memory": ("memory", "over the limit of memory"),
        "output": ("output_limit", "over the limit of output"),
    }
    return texts.get(reason, ("infrastructure", _last_line(stderr) or reason))


def _last_line(text: str) -> str:
    """The line of an error output that says most: the last that names an error, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(_TELLING, line)]
    return (telling or lines or [""])[-1][:300]


def compare(verdict: Verdict, signature: Signature, cases: tuple[Case, ...], tolerance: float) -> None:
    """Compare a finished program's results with what was expected; sets verdict, detail and passed."""
    first = ""
    for i, case in enumerate(cases):
        if verdict.errors[i]:
            kind = "memory" if _NO_MEMORY.search(verdict.errors[i]) else "runtime_error"
            said = f"case {i}: {verdict.errors[i]}"
        elif same(signature.returns, case.expected, verdict.values[i], tolerance):
            verdict.passed += 1
            continue
        else:
            kind, said = "wrong_answer", f"case {i}: expected {_short(case.expected)}, got {_short(verdict.values[i])}"
        if not first:
            first, verdict.verdict, verdict.detail = kind, kind, stable(said)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."
