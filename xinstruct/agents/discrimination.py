"""Cases that tell a right program from a wrong one: which are taken, and when they are too weak to prove anything.

Broken variants of the function run on all its cases. Those that are taken must catch most variants, have several
results, none of them in most cases, and fail a constant and an identity. The rule is the same for mined functions and
for agreed answers to new problems.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from xinstruct.agents.selection import COMMONEST, by_result, select_cases
from xinstruct.code.mutants import make_mutants
from xinstruct.code.statements import count_statements
from xinstruct.code.types import Case, Signature, Type, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.records import Reason, content_id

MIN_MUTANTS = 8  # that must run, of a function of several statements
SEVERAL = 3  # statements
MIN_KEPT = 6  # cases: up to three are shown to whoever answers, the others are not
MIN_OUTPUTS = 3
_SAYS_NOTHING = (Reason.COMPILE_ERROR, Reason.INFRASTRUCTURE, Reason.UNSUPPORTED)


class JudgeProtocol(Protocol):
    """The interface of the judge that agents use."""

    def judge(self, jobs: Sequence[Job], desc: str = ...) -> list[Verdict]:
        """Return the verdicts in the order of the jobs."""
        ...

    def observe(self, jobs: Sequence[Job], desc: str = ...) -> list[Verdict]:
        """Return values and errors per case, whatever was expected."""
        ...


@dataclass
class Answered:
    """A function with cases that it passes; `strengthen` selects among them or says why they are too weak.

    code: the whole of what runs. function: the part of it that is changed. count: cases wanted. rival: results of
    another function, the base of a new problem, from which the cases must tell this one.
    """

    language: str
    name: str
    signature: Signature
    code: str
    function: str
    cases: list[Case]
    count: int
    rival: Sequence[Case] = ()
    reason: Reason | None = None
    detail: str = ""

    def job(self, code: str, tag: str) -> Job:
        """Return a job that runs `code` on the cases."""
        ident = content_id(self.language, self.name, self.code)
        return Job(f"{ident}-{tag}", self.language, code, self.name, self.signature, tuple(self.cases))

    @property
    def apart(self) -> set[int]:
        """The places of the cases whose result is not the rival's."""
        results = {json.dumps(case.args): case.expected for case in self.rival}
        rows = ((at, case, json.dumps(case.args)) for at, case in enumerate(self.cases))
        kind = self.signature.returns
        return {at for at, case, key in rows if key in results and not same(kind, results[key], case.expected)}

    def variants(self, count: int) -> list[str]:
        """Return up to `count` broken variants of the code, changed in its function if that is found there."""
        seed = int(content_id(self.language, self.name, self.function), 16)
        before, indent, after = self._around()
        inner = self.function.strip() if before or after else self.code
        found = make_mutants(self.language, inner, count, seed)
        return [before + textwrap.indent(text, indent) + after for text in found]

    def _around(self) -> tuple[str, str, str]:
        """Return what stands before the function, its indentation, and what stands after it."""
        inner = self.function.strip()
        first = re.search(rf"^[ \t]*(?={re.escape(inner.partition(chr(10))[0])})", self.code, re.M)
        for indent in ("", first.group() if first else ""):
            before, found, after = self.code.partition(textwrap.indent(inner, indent))
            if found:
                return before, indent, after or "\n"
        return "", "", ""


@dataclass(frozen=True)
class Discrimination:
    """The cases that were taken, and what they tell; `weakness` says why that is too little, "" when it is enough."""

    cases: list[Case]
    ran: int
    caught: int
    weakness: str


@dataclass
class _Tried:
    """An item with its variants: the rows of those that ran, by the cases on which each differs."""

    item: Answered
    variants: list[str]
    differs: list[set[int]] = field(default_factory=list)


def strengthen(items: Sequence[Answered], judge: JudgeProtocol, mutants: int, kill_share: float) -> None:
    """Select telling cases of each item, or fill in why there are none.

    Up to `mutants` broken variants of each run on all its cases; others take the place of those that do not compile.
    With none asked for, only the results are looked at, and these first: what they make weak needs no variants.
    """
    for item in items:
        _settle(item, judged_cases(item.signature, item.cases, [], item.count, kill_share, 0))
    tried = [_Tried(item, item.variants(2 * mutants)) for item in items if item.reason is None]
    _run(tried, judge, 0, mutants)
    _run([t for t in tried if len(t.differs) < min(mutants, MIN_MUTANTS)], judge, mutants, 2 * mutants)
    for own in tried:
        item = own.item
        least = min(mutants, MIN_MUTANTS if count_statements(item.language, item.function) >= SEVERAL else 1)
        found = judged_cases(item.signature, item.cases, own.differs, item.count, kill_share, least, item.apart)
        if _settle(item, found):
            item.cases = found.cases


def _settle(item: Answered, found: Discrimination) -> bool:
    """Tell whether cases are strong enough; else fill in why not, unless there is a reason already."""
    if found.weakness and item.reason is None:
        item.reason, item.detail = Reason.WEAK_CASES, found.weakness
    return not found.weakness


def _run(tried: Sequence[_Tried], judge: JudgeProtocol, start: int, stop: int) -> None:
    """Run each one's variants from `start` to `stop`."""
    jobs = [(own, own.item.job(own.variants[at], f"mutant{at}")) for own in tried for at in _places(own, start, stop)]
    verdicts = judge.observe([job for _, job in jobs], "running broken variants") if jobs else []
    for (own, _), verdict in zip(jobs, verdicts, strict=True):
        if verdict.verdict not in _SAYS_NOTHING:
            own.differs.append(differs(own.item.signature.returns, own.item.cases, verdict))


def _places(own: _Tried, start: int, stop: int) -> range:
    return range(start, min(stop, len(own.variants)))


def differs(kind: Type, cases: Sequence[Case], verdict: Verdict) -> set[int]:
    """Return the cases on which a variant differs: of a run that broke off, up to the one where it did."""
    found: set[int] = set()
    for index, (case, value, error) in enumerate(zip(cases, verdict.values, verdict.errors, strict=True)):
        if error or not same(kind, case.expected, value):
            found.add(index)
            if verdict.verdict != "passed" and value is None and not error:
                break
    return found or ({0} if verdict.verdict != "passed" else set())


def judged_cases(
    signature: Signature,
    cases: Sequence[Case],
    caught: Sequence[set[int]],
    count: int,
    kill_share: float,
    min_mutants: int,
    apart: Collection[int] = (),
) -> Discrimination:
    """Select at most `count` cases, and judge them. `caught` has the cases that catch each variant that ran.

    `apart` are those that tell the function from a rival: one at least is selected.
    """
    kept = select_cases(signature, cases, caught, count, apart)
    chosen = {index for index, case in enumerate(cases) if any(case is other for other in kept)}
    ran, dead = len(caught), sum(bool(own & chosen) for own in caught)
    weakness = weak(signature, cases)
    if not weakness and len(kept) < min(MIN_KEPT, count):
        weakness = f"too few cases of different results: {len(kept)} of {len(cases)}"
    weakness = weakness or weak(signature, kept) or monotonous(signature.returns, kept)
    if not weakness and ran < min_mutants:
        weakness = f"too few variants: {ran} of {min_mutants} run"
    elif not weakness and dead < kill_share * ran:
        weakness = f"{ran - dead} of {ran} broken variants pass"
    return Discrimination(kept, ran, dead, weakness)


def weak(signature: Signature, cases: Sequence[Case]) -> str:
    """Return why a constant or an identity would pass these cases, or "" when neither would."""
    kind, distinct = signature.returns, by_result(signature.returns, cases)
    if len(distinct) < 2:
        return f"{len(cases)} cases, {len(distinct)} distinct result(s)"
    for index, param in enumerate(signature.params):
        if all(same(kind, case.args[index], case.expected) for case in cases):
            return f"returning {param.name} passes"
    return ""


def monotonous(kind: Type, cases: Sequence[Case]) -> str:
    """Return why the results vary too little, or ""."""
    groups = by_result(kind, cases)
    if len(groups) < (2 if kind.head == "bool" else MIN_OUTPUTS):
        return f"{len(cases)} cases, {len(groups)} distinct result(s)"
    most = max(map(len, groups))
    return f"{most} of {len(cases)} cases have the same result" if most > COMMONEST * len(cases) else ""
