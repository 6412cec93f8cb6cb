"""Cases that tell a right program from a wrong one: which are taken, and when they are too weak to prove anything.

Broken variants of the function run on all its cases. Those that are taken must catch most variants, have several
results, none of them in most cases, and fail a constant and an identity. The rule is the same for mined functions and
for agreed answers to new problems.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from xinstruct.code.mutants import make_mutants
from xinstruct.code.statements import count_statements
from xinstruct.code.types import Case, Signature, Type, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.records import Reason, content_id

MIN_MUTANTS = 8  # that must run, of a function of several statements
SEVERAL = 3  # statements
MIN_KEPT = 6  # cases: two are shown to whoever answers, four are not
MIN_OUTPUTS = 3
COMMONEST = 0.6  # share of the cases that may have the same result
SHOWN = 60  # characters of a case that is shown, if there are such
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

    code: the whole of what runs. function: the part of it that is changed. count: cases wanted.
    """

    language: str
    name: str
    signature: Signature
    code: str
    function: str
    cases: list[Case]
    count: int
    reason: Reason | None = None
    detail: str = ""

    def job(self, code: str, tag: str) -> Job:
        """Return a job that runs `code` on the cases."""
        ident = content_id(self.language, self.name, self.code)
        return Job(f"{ident}-{tag}", self.language, code, self.name, self.signature, tuple(self.cases))

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
    With none asked for, only the results are looked at.
    """
    tried = [_Tried(item, item.variants(2 * mutants)) for item in items if item.reason is None]
    _run(tried, judge, 0, mutants)
    _run([t for t in tried if len(t.differs) < min(mutants, MIN_MUTANTS)], judge, mutants, 2 * mutants)
    for own in tried:
        item = own.item
        least = min(mutants, MIN_MUTANTS if count_statements(item.language, item.function) >= SEVERAL else 1)
        found = judged_cases(item.signature, item.cases, own.differs, item.count, kill_share, least)
        if found.weakness:
            item.reason, item.detail = Reason.WEAK_CASES, found.weakness
        else:
            item.cases = found.cases


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
) -> Discrimination:
    """Select at most `count` cases, and judge them. `caught` has the cases that catch each variant that ran."""
    kept = select_cases(signature, cases, caught, count)
    chosen = {index for index, case in enumerate(cases) if any(case is other for other in kept)}
    dead = sum(bool(own & chosen) for own in caught)
    return Discrimination(
        kept, len(caught), dead, _weakness(signature, kept, len(caught), dead, count, kill_share, min_mutants)
    )


def _weakness(
    signature: Signature, kept: list[Case], ran: int, dead: int, count: int, kill_share: float, min_mutants: int
) -> str:
    if weakness := weak(signature, kept) or monotonous(signature.returns, kept):
        return weakness
    if len(kept) < min(MIN_KEPT, count):
        return f"too few cases of different results: {len(kept)}"
    if ran < min_mutants:
        return f"too few variants: {ran} of {min_mutants} run"
    if dead < kill_share * ran:
        return f"{ran - dead} of {ran} broken variants pass"
    return ""


def weak(signature: Signature, cases: Sequence[Case]) -> str:
    """Return why a constant or an identity would pass these cases, or "" when neither would."""
    kind, distinct = signature.returns, _by_result(signature.returns, cases)
    if len(distinct) < 2:
        return f"{len(cases)} cases, {len(distinct)} distinct result(s)"
    for index, param in enumerate(signature.params):
        if all(same(kind, case.args[index], case.expected) for case in cases):
            return f"returning {param.name} passes"
    return ""


def monotonous(kind: Type, cases: Sequence[Case]) -> str:
    """Return why the results vary too little, or ""."""
    groups = _by_result(kind, cases)
    if len(groups) < (2 if kind.head == "bool" else MIN_OUTPUTS):
        return f"{len(cases)} cases, {len(groups)} distinct result(s)"
    most = max(map(len, groups))
    return f"{most} of {len(cases)} cases have the same result" if most > COMMONEST * len(cases) else ""


def _by_result(kind: Type, cases: Sequence[Case]) -> list[list[int]]:
    """Return the places of the cases, one list for each result."""
    groups: list[list[int]] = []
    for index, case in enumerate(cases):
        own = next((group for group in groups if same(kind, cases[group[0]].expected, case.expected)), None)
        if own is None:
            groups.append([index])
        else:
            own.append(index)
    return groups


def select_cases(signature: Signature, cases: Sequence[Case], caught: Sequence[set[int]], count: int) -> list[Case]:
    """Return at most `count` cases that catch every variant that can be caught, with different results.

    No result takes more than COMMONEST of the places, short cases go before long ones of the same use, and for each
    argument one case is taken whose result differs from it. The two to be shown, short and telling, come first.
    """
    picker = _Picker(signature, cases, [set(own) for own in caught], count)
    chosen = picker.choose()
    first = _shown(signature.returns, cases, caught, chosen)
    return [cases[at] for at in [*first, *(at for at in sorted(chosen) if at not in first)]]


class _Picker:
    """Picks cases one by one, each time the one that adds most."""

    def __init__(self, signature: Signature, cases: Sequence[Case], caught: list[set[int]], count: int) -> None:
        self.cases, self.count = cases, count
        self.groups = _by_result(signature.returns, cases)
        self.group = {at: number for number, group in enumerate(self.groups) for at in group}
        # for each argument, the cases that returning it would fail: they are caught like variants
        apart = [
            {at for at, case in enumerate(cases) if not same(signature.returns, case.args[index], case.expected)}
            for index in range(len(signature.params))
        ]
        self.wanted = [own for own in [*caught, *apart, *_sorts(cases)] if own]
        self.left = list(self.wanted)
        self.cost = {at: len(_text(case)) for at, case in enumerate(cases)}
        self.chosen: list[int] = []

    def choose(self) -> list[int]:
        """Return the places of the chosen cases."""
        cap = int(COMMONEST * self.count)
        while len(self.chosen) < self.count:
            taken = [self.group[at] for at in self.chosen]
            free = [at for at in self.group if at not in self.chosen and taken.count(self.group[at]) < max(1, cap)]
            if not free:
                break
            best = min(free, key=lambda at: (-self._use(at), taken.count(self.group[at]), self.cost[at], at))
            self.chosen.append(best)
            self.left = [own for own in self.left if best not in own] or list(self.wanted)
        return self._balanced()

    def _use(self, at: int) -> int:
        return sum(at in own for own in self.left)

    def _balanced(self) -> list[int]:
        """Leave out the last picked of a result that has too large a share of fewer cases than were wanted."""
        chosen = list(self.chosen)
        while chosen:
            taken = [self.group[at] for at in chosen]
            common = max(set(taken), key=lambda number: (taken.count(number), -number))
            if taken.count(common) <= COMMONEST * len(chosen) or len(set(taken)) == 1:
                break
            del chosen[len(taken) - 1 - taken[::-1].index(common)]
        return chosen


def _sorts(cases: Sequence[Case]) -> list[set[int]]:
    """Return the cases with a large, a negative and an empty or zero argument: variants hardly ever ask for them."""
    sorts: tuple[set[int], ...] = (set(), set(), set())
    for at, case in enumerate(cases):
        values = [value for arg in case.args for value in _scalars(arg)]
        numbers = [value for value in values if isinstance(value, int | float)]
        for sort, found in zip(
            sorts,
            (any(abs(n) >= 2**31 for n in numbers), any(n < 0 for n in numbers), any(not arg for arg in case.args)),
            strict=True,
        ):
            if found:
                sort.add(at)
    return list(sorts)


def _scalars(value: Any) -> list[Any]:
    return [inner for item in value for inner in _scalars(item)] if isinstance(value, list) else [value]


def _shown(kind: Type, cases: Sequence[Case], caught: Sequence[set[int]], chosen: Sequence[int]) -> list[int]:
    """Return the two chosen cases to show: short, of different results, and each telling of some variant."""

    def rank(at: int) -> tuple[bool, bool, int, int]:
        length = len(_text(cases[at]))
        return (length > SHOWN, not any(at in own for own in caught), length, at)

    ranked = sorted(chosen, key=rank)
    other = next((at for at in ranked[1:] if not same(kind, cases[at].expected, cases[ranked[0]].expected)), None)
    return ranked[:1] + ([other] if other is not None else [])


def _text(case: Case) -> str:
    return json.dumps([list(case.args), case.expected], ensure_ascii=True)
