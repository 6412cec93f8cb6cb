"""New problems: nobody knows their results, so two languages must agree on them.

A problem is answered in its target language and by a witness, each time from its words alone. All candidates run on
the same inputs: those that the teacher proposed, boundaries of the types and random ones. Candidates that return the
same everywhere, and throw only where the other language throws, too, agree; the pair with which most candidates agree
gives the answer and the cases. Where no result has a majority of all candidates the words leave the input open: two
that differ there may still agree, and it is no case of theirs. Cases that tell too little, and copies of the base's
behaviour, are refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from xinstruct.agents.answers import Candidate, Task, Tries, ask, record
from xinstruct.agents.discrimination import Answered, JudgeProtocol, strengthen, weak
from xinstruct.agents.inputs import holds, largest_int
from xinstruct.code.types import Case, Signature, Type, conforms, same
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import EIGHT
from xinstruct.languages.header import FunctionHeader
from xinstruct.llm.chat_model import ChatModel
from xinstruct.params import SeedParams, SynthesizeParams
from xinstruct.records import Reason

MIN_RETURNED = 0.8  # share of the inputs on which both must return
MIN_VOTERS = 4  # candidates that must have run before an input can count as left open


@dataclass(frozen=True)
class Agreed:
    """Two answers in two languages, the cases on which they agree, and how many candidates agree with them."""

    answer: Candidate
    witness: Candidate
    cases: list[Case]
    support: int


@dataclass
class Question:
    """A new problem as two tasks in two languages, and the inputs that all answers run on.

    `known` is what the base returns, if its types are the same. `outcome` is the agreement, or why there is none.
    """

    target: Task
    witness: Task
    inputs: list[list[Any]]
    known: list[Case] = field(default_factory=list)
    proposals: Sequence[Sequence[Any]] = ()  # calls that the problem's writer named
    outcome: Agreed | tuple[Reason, str] = (Reason.NO_AGREEMENT, "not asked")

    @property
    def open(self) -> bool:
        """True while no two answers agree."""
        return not isinstance(self.outcome, Agreed)

    def settle(self) -> None:
        """Look for the pair with most support among all candidates so far."""
        ones, twos = _ran(self.target), _ran(self.witness)
        left, right = ([c.verdict for c in side if c.verdict is not None] for side in (ones, twos))
        open_inputs = undecided(self.target.signature, left, right, len(self.inputs))
        found: list[Agreed] = []
        refused = (Reason.NO_AGREEMENT, f"{len(ones)} and {len(twos)} answers ran, no two agree")
        for one, two in ((one, two) for one in ones for two in twos):
            cases = common(self.target.signature, self.inputs, one.verdict, two.verdict, open_inputs)
            if cases is not None and (why := self._useless(cases)):
                refused = why
            elif cases is not None:
                found.append(Agreed(one, two, cases, self._support(one, ones) + self._support(two, twos)))
        best = max(found, key=lambda a: (a.support, -a.answer.index, -a.witness.index), default=None)
        self.outcome = best or (refused if ones else self.target.failure)

    def _useless(self, cases: list[Case]) -> tuple[Reason, str] | None:
        signature = self.target.signature
        if weakness := weak(signature, cases):
            return Reason.WEAK_CASES, weakness
        if copies(signature, cases, self.known):
            return Reason.TOO_SIMILAR, "behaves as the problem it started from"
        return None

    def _support(self, one: Candidate, others: list[Candidate]) -> int:
        signature = self.target.signature
        return sum(common(signature, self.inputs, one.verdict, other.verdict) is not None for other in others)


def witness_of(target: str, wanted: str, languages: Sequence[str], spoken: Sequence[str] = ()) -> str:
    """Return the second language of an agreement: the wanted one; else one of those spoken, of the run's `languages`.

    A run of one language has its witness outside of it.
    """
    ranked = [language for language in (wanted, *spoken, *languages) if language in languages]
    return next(language for language in (*ranked, wanted, *EIGHT) if language != target)


def agree(questions: Sequence[Question], teacher: ChatModel, judge: JudgeProtocol, asked: Tries, seed: int) -> None:
    """Ask for answers in waves, run them on the inputs, and fill in each question's outcome."""
    for first in range(0, asked.candidates, asked.wave):
        active = [question for question in questions if question.open]
        inputs = {id(task): q.inputs for q in active for task in (q.target, q.witness)}
        tasks = [task for q in active for task in (q.target, q.witness)]
        fresh = ask(tasks, range(first, min(first + asked.wave, asked.candidates)), teacher, asked, seed)
        runnable = [(task, candidate) for task, candidate in fresh if not candidate.failure]
        jobs = [task.job(c, [Case(tuple(args)) for args in inputs[id(task)]]) for task, c in runnable]
        verdicts = judge.observe(jobs, "running answers to new problems") if jobs else []
        for (task, candidate), verdict in zip(runnable, verdicts, strict=True):
            task.settle(candidate, verdict)
        for task, candidate in fresh:
            record(task, candidate)
        for question in active:
            question.settle()


def keep_telling(questions: Sequence[Question], judge: JudgeProtocol, params: SeedParams | SynthesizeParams) -> None:
    """Select the telling cases of each agreed problem; one whose cases tell too little loses its agreement."""
    items = [(q, q.outcome, _answered(q, q.outcome, params.cases)) for q in questions if isinstance(q.outcome, Agreed)]
    strengthen([item for _, _, item in items], judge, params.mutants, params.kill_share)
    for question, agreed, item in items:
        if item.reason is not None:
            question.outcome = (item.reason, item.detail)
            continue
        cases = proposed_first(item.cases, question.proposals)
        question.outcome = Agreed(agreed.answer, agreed.witness, cases, agreed.support)
        for task in (question.target, question.witness):
            task.cases = tuple(cases)


def proposed_first(cases: Sequence[Case], proposals: Collection[Sequence[Any]]) -> list[Case]:
    """Return the cases with those first whose calls the writer proposed: they are what an instruction shows."""
    known = {json.dumps(list(row)) for row in proposals}
    return sorted(cases, key=lambda case: json.dumps(list(case.args)) not in known)


def _answered(question: Question, agreed: Agreed, count: int) -> Answered:
    task, code, cases = question.target, agreed.answer.code, list(agreed.cases)
    function = FunctionHeader.of(task.language, task.name, task.signature).alone(code)
    return Answered(task.language, task.name, task.signature, code, function, cases, count, rival=question.known)


def _ran(task: Task) -> list[Candidate]:
    return [candidate for candidate in task.candidates if candidate.outcome == "passed"]


def common(
    signature: Signature,
    inputs: Sequence[Sequence[Any]],
    one: Verdict | None,
    two: Verdict | None,
    left_open: Collection[int] = (),
) -> list[Case] | None:
    """Return the cases on which two runs agree; None when they do not agree.

    They agree when both return the same, or both throw, on every input but those `left_open` (by position), and return
    the same on at least MIN_RETURNED of all. An input whose result is an integer that some language does not hold
    exactly says nothing, and is no case.
    """
    if one is None or two is None:
        return None
    cases: list[Case] = []
    rows = zip(inputs, one.values, two.values, one.errors, two.errors, strict=True)
    for place, (args, left, right, e1, e2) in enumerate(rows):
        if any(
            conforms(signature.returns, v) and not holds(signature.returns, v, largest_int(EIGHT))
            for v in (left, right)
        ):
            continue
        threw = [_threw(signature.returns, value, error) for value, error in ((left, e1), (right, e2))]
        if all(threw):
            continue
        if any(threw) or not same(signature.returns, left, right):
            if place not in left_open:
                return None
            continue
        cases.append(Case(tuple(args), left))
    return cases if len(cases) >= MIN_RETURNED * len(inputs) else None


def _threw(kind: Type, value: Any, error: str) -> bool:
    """Tell whether a call threw; a result of another type counts as thrown."""
    return bool(error) or not conforms(kind, value)


def undecided(signature: Signature, ones: Sequence[Verdict], twos: Sequence[Verdict], count: int) -> set[int]:
    """Return the inputs on which no outcome (a result, or throwing) is that of more than half of all runs.

    Of fewer than MIN_VOTERS runs none is: two that differ show no more than that one of them is wrong. Nor is one on
    which each language is of one mind, since there the languages differ (in what a text's length is), not the readers.
    """
    kind, ran = signature.returns, [*ones, *twos]
    if len(ran) < MIN_VOTERS:
        return set()

    def split_by_language(place: int) -> bool:
        return majority(kind, ones, place) is not None and majority(kind, twos, place) is not None

    return {at for at in range(count) if majority(kind, ran, at) is None and not split_by_language(at)}


def majority(kind: Type, runs: Sequence[Verdict], place: int) -> Verdict | None:
    """Return a run whose outcome on an input is that of more than half of all runs, None when there is none."""
    counts = [sum(alike(kind, one, two, place) for two in runs) for one in runs] or [0]
    return runs[counts.index(max(counts))] if 2 * max(counts) > len(runs) else None


def alike(kind: Type, one: Verdict, two: Verdict, place: int) -> bool:
    """Tell whether two runs return the same on an input, or both throw."""
    threw = [_threw(kind, verdict.values[place], verdict.errors[place]) for verdict in (one, two)]
    return all(threw) or (not any(threw) and same(kind, one.values[place], two.values[place]))


def copies(signature: Signature, cases: Sequence[Case], known: Sequence[Case]) -> bool:
    """Tell whether the cases repeat the base's known results (only inputs that both have are compared)."""
    results = [(k.expected, c.expected) for k in known for c in cases if c.args == k.args]
    return bool(results) and all(same(signature.returns, old, new) for old, new in results)
