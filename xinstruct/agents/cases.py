"""Cases of a mined function, made by running it and kept only when they discriminate.

The function runs twice in its own language on more inputs than are needed (inputs.py); an input that returned a value
of the right type and the same value both times may become a case. discrimination.py takes those that tell broken
variants apart. Cases of new problems come from agreement (verification.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xinstruct.agents.discrimination import Answered, JudgeProtocol, strengthen, weak
from xinstruct.agents.inputs import draw_inputs, gentle, holds, largest_int
from xinstruct.code.types import Case, Signature, conforms, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import EIGHT, get
from xinstruct.records import Reason, Snippet

__all__ = ["MIN_CASES", "JudgeProtocol", "Probe", "find_cases", "probe", "standalone", "weak"]

MIN_CASES = 3
POOL = 8  # inputs tried for each case that is kept
_OVER_LIMIT = (Reason.TIMEOUT, Reason.MEMORY, Reason.OUTPUT_LIMIT, Reason.RUNTIME_ERROR)


@dataclass
class Probe:
    """A snippet that may become a seed, with its inputs and cases."""

    snippet: Snippet
    signature: Signature
    code: str  # stands alone: helpers + definition
    inputs: list[list[Any]]
    count: int  # cases wanted
    largest: int  # integer that every language of the run holds exactly
    cases: list[Case] = field(default_factory=list)
    reason: Reason | None = None
    detail: str = ""

    def fail(self, reason: Reason | str, detail: str = "") -> None:
        """Record why it cannot be a seed; the first reason stays."""
        if self.reason is None:
            self.reason, self.detail = Reason(reason), detail

    def job(self, code: str, cases: Sequence[Case], tag: str) -> Job:
        """Return a job that runs `code` under this snippet's name and signature."""
        return Job(
            id=f"{self.snippet.id}-{tag}",
            language=self.snippet.language,
            code=code,
            function=self.snippet.name,
            signature=self.signature,
            cases=tuple(cases),
        )


def standalone(snippet: Snippet) -> str:
    """Return the snippet's code with its helpers above it."""
    return f"{snippet.helpers.rstrip()}\n\n{snippet.code}" if snippet.helpers.strip() else snippet.code


def probe(snippet: Snippet, count: int, languages: Sequence[str] = EIGHT) -> Probe:
    """Return a probe for `count` cases, with POOL times as many inputs, all expressible in the languages of the run."""
    signature, code = Signature.from_json(snippet.signature), standalone(snippet)
    seed, lines = int(snippet.id, 16), {"code": code, "language": snippet.language}
    inputs = draw_inputs(signature, count * POOL, seed, languages=languages, **lines).rows
    return Probe(snippet, signature, code, inputs, count, largest_int(tuple(languages)))


def find_cases(probes: list[Probe], judge: JudgeProtocol, mutants: int, kill_share: float) -> None:
    """Fill in `cases` of each probe, or its reason, in a few batches for the judge.

    A function that some input makes run too long is tried again with small inputs only.
    """
    _observe(probes, judge)
    items = {id(p): _answered(p) for p in probes if p.reason is None}
    strengthen(list(items.values()), judge, mutants, kill_share)
    for item in probes:
        if found := items.get(id(item)):
            item.cases, item.reason, item.detail = found.cases, found.reason, found.detail


def _answered(item: Probe) -> Answered:
    own = item.snippet
    return Answered(own.language, own.name, item.signature, item.code, own.code, item.cases, item.count)


def _observe(probes: list[Probe], judge: JudgeProtocol) -> None:
    first = judge.observe(_jobs(probes, ""), "running functions")
    long = [at for at, verdict in enumerate(first) if verdict.verdict in _OVER_LIMIT and gentle(probes[at].inputs)]
    for at, verdict in zip(long, _on_small([probes[at] for at in long], judge), strict=True):
        first[at] = verdict
    ran = [(item, one) for item, one in zip(probes, first, strict=True) if _ended(item, one)]
    second = judge.observe(_jobs([item for item, _ in ran], "again"), "running them again")
    for (item, one), two in zip(ran, second, strict=True):
        if _ended(item, two):
            _keep_stable(item, one, two)


def _on_small(probes: Sequence[Probe], judge: JudgeProtocol) -> list[Verdict]:
    """Run each on its small inputs, negative ones apart, and keep the inputs of the parts that ended."""
    parts = [(item, rows) for item in probes for rows in gentle(item.inputs)]
    jobs = [p.job(p.code, [Case(tuple(args)) for args in rows], f"part{at}") for at, (p, rows) in enumerate(parts)]
    verdicts = judge.observe(jobs, "running functions on small inputs") if jobs else []
    found = []
    for item in probes:
        own = [(rows, one) for (other, rows), one in zip(parts, verdicts, strict=True) if other is item]
        ended = [(rows, one) for rows, one in own if one.verdict == "passed"] or own[:1]
        item.inputs = [row for rows, _ in ended for row in rows]
        values = [value for _, one in ended for value in one.values]
        errors = [error for _, one in ended for error in one.errors]
        found.append(replace(ended[0][1], values=values, errors=errors))
    return found


def _jobs(probes: Sequence[Probe], salt: str) -> list[Job]:
    """Return jobs on all inputs; a comment makes a second run a program of its own, never a cached first one."""
    blank = [(p, [Case(tuple(args)) for args in p.inputs]) for p in probes]
    return [p.job(p.code + (salt and f"\n{get(p.snippet.language).comment} {salt}"), c, salt) for p, c in blank]


def _ended(item: Probe, verdict: Verdict) -> bool:
    if verdict.verdict != "passed":
        item.fail(verdict.verdict, verdict.detail)
    return verdict.verdict == "passed"


def _keep_stable(item: Probe, one: Verdict, two: Verdict) -> None:
    kind = item.signature.returns
    for args, *results in zip(item.inputs, one.values, two.values, one.errors, two.errors, strict=True):
        left, right, *errors = results
        if any(errors) or not conforms(kind, left):
            continue
        if not same(kind, left, right):
            # not the values: they differ from run to run, and records must not
            return item.fail(Reason.NONDETERMINISTIC, "the same arguments gave different results")
        if holds(kind, left, item.largest):
            item.cases.append(Case(tuple(args), left))
    if len(item.cases) < MIN_CASES:
        error = next((text for text in one.errors if text), f"{one.values[:1]}")
        item.fail(Reason.NO_CASES, f"{len(item.cases)} of {len(item.inputs)} inputs returned a usable {kind}; {error}")
    return None
