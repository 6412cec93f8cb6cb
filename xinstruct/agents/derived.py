"""Task types beyond generation, derived from a verified answer and verified by running again.

completion: a function that breaks off in its body is completed. repair: a real attempt or a broken variant that
fails the cases is shown with its error. explanation: the answer is explained, and code written from the explanation
alone must pass. A translation needs nothing here: it is asked for with the code that it shows (verification.py). Each
discussion keeps its cases. The type of a discussion is drawn in shapes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xinstruct.agents.answers import Task, answer, first_requests, generation, tries
from xinstruct.agents.discussion import Discussion, TaskMaterial
from xinstruct.agents.examples import solutions
from xinstruct.agents.tasks import call_failure, request_seed
from xinstruct.agents.verification import RoundContext, VerifiedAnswer, VerifiedAnswers
from xinstruct.agents.wording import failed_call
from xinstruct.code.completion import first_part
from xinstruct.code.mutants import make_mutants
from xinstruct.code.types import Case
from xinstruct.code.uncommented import uncommented
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages.header import FunctionHeader
from xinstruct.llm.chat_model import ask_ahead
from xinstruct.llm.client import Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render, user
from xinstruct.records import Reason

MUTANTS = 6  # broken variants tried before a repair is given up
ERROR_CHARS = 200  # of what running a broken variant said
MIN_LINE = 12  # characters without blanks; a shorter line of code may stand in an explanation
PREFERRED = ("wrong_answer", "runtime_error", "timeout", "compile_error")  # how a variant to repair should fail


def derive(discussions: Sequence[Discussion], verified: VerifiedAnswers, context: RoundContext) -> None:
    """Replace verified answers by those of the discussion's task type; a discussion without such an answer fails."""
    active = [d for d in discussions if d.id in verified and d.reason is None]
    tasks: dict[str, Task] = {}
    for discussion in active:
        if discussion.task == "completion":
            tasks |= _completion(discussion, verified[discussion.id], context.params)
    tasks |= _repairs([d for d in active if d.task == "repair"], verified, context)
    explained = [d for d in active if d.task == "explanation"]
    requests, asked = _explaining(explained, verified, context), tries(context.params)
    ask_ahead(context.teacher, [*requests, *first_requests(list(tasks.values()), asked, context.seed)], "answers")
    tasks |= _explanations(explained, requests, verified, context)
    answer(list(tasks.values()), context.teacher, context.judge, asked, context.seed)
    for discussion in active:
        task = tasks.get(discussion.id)
        if task is not None and task.best:
            verified[discussion.id].candidate = task.best
        elif task is not None:
            reason, detail = task.failure
            discussion.fail(reason, f"{discussion.task}: {detail}")


def _asked(
    discussion: Discussion, found: VerifiedAnswer, question: str, params: SynthesizeParams, **fields: Any
) -> Task:
    """Return the task that asks the further question about a verified answer, with fixed worked examples."""
    return Task(
        id=f"{discussion.id}-{discussion.task}",
        language=discussion.target,
        name=discussion.name,
        signature=discussion.signature,
        question=generation(question, discussion.target),
        cases=tuple(found.cases),
        thread=discussion.thread,
        examples=list(solutions(discussion.target, params.examples)),
        **fields,
    )


def _header(discussion: Discussion, code: str) -> FunctionHeader:
    """Return the header of the answer's function; without surrounding code when the answer brought its own."""
    header = FunctionHeader.of(discussion.target, discussion.name, discussion.signature)
    return header if code.startswith(header.prefix + header.indent) else FunctionHeader("", header.bare, "", "")


def _completion(discussion: Discussion, found: VerifiedAnswer, params: SynthesizeParams) -> dict[str, Task]:
    header = _header(discussion, found.candidate.code)
    function = header.alone(found.candidate.code)
    head = len(header.bare) if function.startswith(header.bare) else function.find("\n") + 1
    part = first_part(discussion.target, function, head)
    if not part:
        discussion.fail(Reason.TRIVIAL, "completion: the answer cannot be cut in two")
        return {}
    discussion.material = TaskMaterial(part)
    partial = FunctionHeader(header.prefix, part, header.indent, header.footer)
    return {discussion.id: _asked(discussion, found, discussion.full_instruction(found.cases), params, partial=partial)}


def _repairs(discussions: list[Discussion], verified: VerifiedAnswers, context: RoundContext) -> dict[str, Task]:
    """Run wrong code and ask for a repair of what fails in the preferred way, shown with its error."""
    jobs, shown_as = [], {}
    for discussion in discussions:
        found = verified[discussion.id]
        for index, (function, code) in enumerate(_wrong(discussion, found)):
            job = found.task.job(found.candidate, found.cases)
            job = replace(job, id=f"{discussion.id}-wrong{index}", code=code)
            jobs.append(job)
            shown_as[job.id] = (discussion, function)
    verdicts = context.judge.judge(jobs, "running wrong code") if jobs else []
    failing = [(shown_as[v.id], v) for v in verdicts if v.verdict in PREFERRED]
    tasks = {}
    for discussion in discussions:
        own = [(PREFERRED.index(v.verdict), function, v) for (d, function), v in failing if d is discussion]
        if not own:
            discussion.fail(Reason.WEAK_CASES, "repair: no wrong code fails the cases")
            continue
        _, function, verdict = min(own, key=lambda row: row[0])
        found = verified[discussion.id]
        discussion.material = TaskMaterial(function, error=_said(discussion, found.cases, verdict))
        discussion.thread.add("verdict", f"wrong code: {discussion.material.error}", language=discussion.target)
        tasks[discussion.id] = _asked(discussion, found, discussion.full_instruction(found.cases), context.params)
    return tasks


def _wrong(discussion: Discussion, found: VerifiedAnswer) -> list[tuple[str, str]]:
    """Return code that may be wrong, each as its function and whole: real attempts, then variants of the answer."""
    header = _header(discussion, found.candidate.code)
    tried = [c.code for c in found.task.candidates if c is not found.candidate and not c.failure]
    variants = make_mutants(discussion.target, header.alone(found.candidate.code), MUTANTS, int(discussion.id, 16))
    attempts = [(_header(discussion, code).alone(code), code) for code in tried]
    return [*attempts, *((variant, header.whole(variant)) for variant in variants)]


def _said(discussion: Discussion, cases: Sequence[Case], verdict: Verdict) -> str:
    words = verdict.verdict.replace("_", " ")
    detail = failed_call(verdict.detail, cases, discussion.name, discussion.signature, discussion.target).strip()
    return f"{words}: {detail[:ERROR_CHARS]}" if detail else words


def _explaining(discussions: list[Discussion], verified: VerifiedAnswers, context: RoundContext) -> list[Request]:
    """Return what is asked for explanations of verified answers, which are shown without their comments."""
    requests = []
    for discussion in discussions:
        code = verified[discussion.id].candidate.code
        discussion.material = TaskMaterial(uncommented(discussion.target, _header(discussion, code).alone(code)))
        ident = f"{discussion.id}-explain"
        requests.append(
            Request(
                id=ident,
                messages=(user(discussion.full_instruction([])),),
                max_tokens=context.params.max_tokens,
                temperature=context.params.prompt_temperature,
                top_p=context.params.top_p,
                stop=("```",),
                seed=request_seed(context.seed, ident),
            )
        )
    return requests


def _explanations(
    discussions: list[Discussion], requests: list[Request], verified: VerifiedAnswers, context: RoundContext
) -> dict[str, Task]:
    """Ask for explanations, then for code that is written from nothing but each explanation."""
    replies = context.teacher.ask(requests, "explanations") if requests else []
    tasks = {}
    for discussion, request, reply in zip(discussions, requests, replies, strict=True):
        speaker = discussion.speaker.id
        discussion.thread.prompt(request, agent=speaker, language=discussion.target)
        discussion.thread.answer(reply, agent=speaker, language=discussion.target)
        if reply.error:
            discussion.fail(call_failure(reply.error), reply.error)
        elif problem := _no_explanation(reply.text, discussion):
            discussion.fail(*problem)
        else:
            discussion.explanation = reply.text.strip()
            header = FunctionHeader.of(discussion.target, discussion.name, discussion.signature).bare
            words = {"name": discussion.name, "header": header, "signature": discussion.signature}
            question = render("from_explanation", explanation=discussion.explanation, **words)
            tasks[discussion.id] = _asked(discussion, verified[discussion.id], question, context.params)
    return tasks


def _no_explanation(text: str, discussion: Discussion) -> tuple[Reason, str] | None:
    """Return why a text is no explanation (it is empty or contains a line of the code), or None."""
    if not text.strip():
        return Reason.EMPTY_ANSWER, "the explanation is empty"
    folded = "".join(text.split())
    code = discussion.material.code if discussion.material else ""
    lines = ("".join(line.split()) for line in code.splitlines()[1:])
    if copied := next((line for line in lines if len(line) >= MIN_LINE and line in folded), ""):
        return Reason.COPIED_PROMPT, f"the explanation repeats the code: {copied}"
    return None
