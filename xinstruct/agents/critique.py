"""Critique turns: before an answer is accepted, a peer of the discussion may object to it.

The peer states whether it objects to the problem or to the answer, why, and on which input. Its words alone
change nothing. An objection to the answer is upheld when an input, the peer's own or one drawn by type,
gives another result than the reference (the base's code, or the witness's of a new problem); that input
becomes a case, and the author may answer once more. After an objection to the problem the author may reword
it, shown what the reference returned. Critique goes beyond the paper and is off by default.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from xinstruct.agents.agent import LanguageAgent
from xinstruct.agents.answers import Candidate, ask, record, tries
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.prefill import as_asked, continuation, uses_prefill
from xinstruct.agents.tasks import request_seed
from xinstruct.agents.verification import RoundContext, VerifiedAnswer, VerifiedAnswers
from xinstruct.agents.wording import calls
from xinstruct.agents.writing import Form, Unwritten
from xinstruct.code.types import Case, Signature, conforms, same
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get
from xinstruct.languages.generate import random_args
from xinstruct.llm.client import Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render, user
from xinstruct.records import Reason

START = "Objection:"
DRAWN = 4  # inputs drawn by type beside the peer's own
TOKENS = 120  # of an objection
_PART = re.compile(r"^\W*(?:the\s+)?(problem|answer)\b", re.I)
_REASON = re.compile(r"^\W*reason\W+(.+)$", re.I | re.M)
_INPUT = re.compile(r"^[^\w\[]*input[^\w\[]*(\[.*\])", re.I | re.M)


@dataclass(frozen=True)
class Objection:
    """A peer's objection to the "problem" or the "answer" ("": none), its reason, and the arguments that it names."""

    about: str
    reason: str = ""
    args: tuple[Any, ...] | None = None


def parse(text: str, signature: Signature) -> Objection:
    """Read a peer's answer. Text that is not in the requested form counts as no objection."""
    part = _PART.search(text.strip())
    if part is None:
        return Objection("")
    reason, named = _REASON.search(text), _INPUT.search(text)
    try:
        values = json.loads(named[1]) if named else None
    except ValueError:
        values = None
    kinds = [param.type for param in signature.params]
    fits = isinstance(values, list) and len(values) == len(kinds) and all(map(conforms, kinds, values))
    return Objection(part[1].lower(), reason[1].strip() if reason else "", tuple(values) if fits and values else None)


def critique(discussions: Sequence[Discussion], verified: VerifiedAnswers, context: RoundContext) -> None:
    """Run all turns. A discussion fails when its answer fails a peer's case and the author cannot repair it."""
    for turn in range(context.params.critique_turns):
        active = [d for d in discussions if d.id in verified and d.reason is None and len(d.agents) > 1]
        said = _objections(active, verified, turn, context)
        named = _evidence([d for d in active if said[d.id].about], verified, said, turn, context)
        answers = [d for d in active if said[d.id].about == "answer" and not _holds(verified[d.id])]
        _revise_answers(answers, verified, turn, context)
        problems = [d for d in active if said[d.id].about == "problem"]
        shown = {d.id: named.get(d.id, []) + verified[d.id].cases for d in problems}
        _revise_problems(problems, shown, said, turn, context)


def _peer(discussion: Discussion, turn: int) -> LanguageAgent:
    others = [agent for agent in discussion.agents if agent is not discussion.speaker]
    return others[turn % len(others)]


def _objections(
    active: list[Discussion], verified: VerifiedAnswers, turn: int, context: RoundContext
) -> dict[str, Objection]:
    requests = [_question(d, verified[d.id], turn, context) for d in active]
    replies = context.teacher.ask(requests, "objections") if requests else []
    said: dict[str, Objection] = {}
    for discussion, request, reply in zip(active, requests, replies, strict=True):
        peer, thread = _peer(discussion, turn), discussion.thread
        thread.prompt(request, agent=peer.id, language=peer.language)
        tokens = reply.completion_tokens
        thread.add("critique", reply.text, agent=peer.id, language=peer.language, completion_tokens=tokens)
        text = continuation(reply.text, START, uses_prefill(context.params))
        said[discussion.id] = Objection("") if reply.error else parse(text, discussion.signature)
    return said


def _question(discussion: Discussion, found: VerifiedAnswer, turn: int, context: RoundContext) -> Request:
    ident = f"{discussion.id}-critique{turn}"
    text = render(
        "critique",
        role=_peer(discussion, turn).profile,
        problem=discussion.problem.statement if discussion.problem else "",
        signature=discussion.signature,
        title=get(discussion.target).title,
        fence=get(discussion.target).fence,
        code=found.task.header.alone(found.candidate.code),
        name=discussion.name,
        calls=calls(found.cases, discussion.signature, discussion.target),
        start=START,
    )
    request = Request(
        id=ident,
        messages=(user(text),),
        prefill=START,
        max_tokens=TOKENS,
        temperature=context.params.prompt_temperature,
        top_p=context.params.top_p,
        stop=("\n\n", "```"),
        seed=request_seed(context.seed, ident),
    )
    return as_asked(request, uses_prefill(context.params))


def _evidence(
    objecting: list[Discussion], verified: VerifiedAnswers, said: dict[str, Objection], turn: int, context: RoundContext
) -> dict[str, list[Case]]:
    """Run reference and answer on the peer's input and on drawn inputs; a difference becomes a case.

    Returns, by discussion, the reference's result on the input that the peer named.
    """
    jobs, inputs = [], {}
    for discussion in objecting:
        found, own = verified[discussion.id], said[discussion.id]
        drawn = random_args(discussion.signature, random.Random(int(discussion.id, 16) + turn), DRAWN)
        inputs[discussion.id] = ([list(own.args)] if own.args is not None else []) + drawn
        blank = [Case(tuple(args)) for args in inputs[discussion.id]]
        jobs.append(found.reference.job(f"{discussion.id}-reference{turn}", inputs[discussion.id]))
        jobs.append(replace(found.task.job(found.candidate, blank), id=f"{discussion.id}-objected{turn}"))
    verdicts = context.judge.observe(jobs, "running objections") if jobs else []
    named: dict[str, list[Case]] = {}
    for discussion, ran, answered in zip(objecting, verdicts[::2], verdicts[1::2], strict=True):
        objection, found = said[discussion.id], verified[discussion.id]
        case, text = _difference(discussion, inputs[discussion.id], ran, answered)
        if objection.args is not None and ran.verdict == "passed" and not ran.errors[0]:
            named[discussion.id] = [Case(objection.args, ran.values[0])]
        upheld = objection.about == "answer" and case is not None
        if upheld and case is not None:
            _upset(found, case, text)
        discussion.thread.add("evidence", text, language=discussion.target, value=float(upheld))
    return named


def _difference(
    discussion: Discussion, inputs: list[list[Any]], ran: Verdict, answered: Verdict
) -> tuple[Case | None, str]:
    """Return the first input on which the answer does not return the reference's value, with a description."""
    kind = discussion.signature.returns
    if ran.verdict != "passed":
        return None, f"the reference did not run: {ran.verdict}"
    values = answered.values if answered.verdict == "passed" else [None] * len(inputs)
    errors = answered.errors if answered.verdict == "passed" else [answered.verdict] * len(inputs)
    for args, right, fault, value, error in zip(inputs, ran.values, ran.errors, values, errors, strict=True):
        if fault or not conforms(kind, right):
            continue
        if error or not same(kind, right, value):
            got = error or json.dumps(value, ensure_ascii=False)
            shown = ", ".join(json.dumps(arg, ensure_ascii=False) for arg in args)
            want = json.dumps(right, ensure_ascii=False)
            return Case(tuple(args), right), f"{discussion.name}({shown}): expected {want}, got {got}"
    return None, f"no failing case among {len(inputs)} inputs"


def _upset(found: VerifiedAnswer, case: Case, text: str) -> None:
    """Add the failing input to the cases; candidates that passed before now count as failing it."""
    found.cases = [*found.cases, case]
    found.task.cases = tuple(found.cases)
    for candidate in found.task.candidates:
        if candidate.outcome == "passed":
            total = len(found.cases)
            candidate.verdict = Verdict(found.task.id, Reason.WRONG_ANSWER.value, text, passed=total - 1, total=total)


def _holds(found: VerifiedAnswer) -> bool:
    return found.candidate.outcome == "passed"


def _revise_answers(objected: list[Discussion], verified: VerifiedAnswers, turn: int, context: RoundContext) -> None:
    """Let each author answer once more, shown the failing case; the new answer must pass all cases."""
    tasks = [verified[d.id].task for d in objected]
    for task in tasks:
        task.add_feedback()
    # the first number that no answer or feedback turn has had, and one more per turn
    number = context.params.candidates + context.params.feedback_turns + turn
    fresh = ask(tasks, range(number, number + 1), context.teacher, tries(context.params), context.seed, "revisions")
    ready = [(task, candidate) for task, candidate in fresh if not candidate.failure]
    verdicts = context.judge.judge([task.job(c, task.cases) for task, c in ready], "judging revisions") if ready else []
    for (task, candidate), verdict in zip(ready, verdicts, strict=True):
        task.settle(candidate, verdict)
    for task, candidate in fresh:
        record(task, candidate)
    for discussion in objected:
        found = verified[discussion.id]
        best: Candidate | None = found.task.best
        if best is None:
            discussion.fail(Reason.WRONG_ANSWER, f"a peer's case: {found.candidate.detail}")
        else:
            found.candidate = best


def _revise_problems(
    objected: list[Discussion],
    shown: dict[str, list[Case]],
    said: dict[str, Objection],
    turn: int,
    context: RoundContext,
) -> None:
    """Let each author reword the problem, shown the objection and real results; otherwise it stays as it was."""
    requests, forms = [], {}
    for discussion in objected:
        ident = f"{discussion.id}-revision{turn}"
        words = render(
            "revise",
            problem=discussion.problem.statement if discussion.problem else "",
            reason=said[discussion.id].reason,
            name=discussion.name,
            calls=calls(shown[discussion.id], discussion.signature, discussion.target),
        )
        forms[discussion.id] = _form(discussion, context.params)
        text = f"{words}\n\n{forms[discussion.id].closing}"
        requests.append(discussion.created_request(ident, text, forms[discussion.id], context.params, context.seed))
    replies = context.teacher.ask(requests, "revised problems") if requests else []
    for discussion, request, reply in zip(objected, requests, replies, strict=True):
        speaker = discussion.speaker.id
        discussion.thread.prompt(request, agent=speaker, language=discussion.target)
        discussion.thread.answer(reply, agent=speaker, language=discussion.target)
        with contextlib.suppress(Unwritten):  # no better words: the old ones stay
            discussion.problem = forms[discussion.id].read(reply, uses_prefill(context.params)).problem


def _form(discussion: Discussion, params: SynthesizeParams) -> Form:
    """Return the form of a rewording: what was verified keeps its name and signature."""
    name: Literal["sentence", "restate"] = "sentence" if params.form == "text" else "restate"
    return Form(name, discussion.target, discussion.name, discussion.signature, params.prompt_tokens, calls=False)
