"""Task types beyond generation, made of a verified answer and verified by running again.

completion: a function that breaks off in its body is completed. repair: a broken variant that fails
the cases is given with what running it said. explanation: the answer is explained, and code written
from the explanation alone must pass. translation: the base's code is given; it needs no further
answer. Each discussion keeps its cases. Leaves out who draws the type (shapes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xinstruct.agents.answers import Task, answer, generation, tries
from xinstruct.agents.discussion import Discussion, Given
from xinstruct.agents.examples import shown, solutions
from xinstruct.agents.tasks import call_failure, request_seed
from xinstruct.agents.verification import Chosen, Found, Tools
from xinstruct.code.completion import first_part
from xinstruct.code.mutants import make_mutants
from xinstruct.languages.header import FunctionHeader
from xinstruct.llm.client import Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render, user
from xinstruct.records import Reason

MUTANTS = 6  # broken variants tried before a repair is given up
ERROR_CHARS = 200  # of what running a broken variant said
MIN_LINE = 12  # characters without blanks; a shorter line of code may stand in an explanation
PREFERRED = ("wrong_answer", "runtime_error", "timeout", "compile_error")  # how a variant to repair should fail


def derive(discussions: Sequence[Discussion], chosen: Chosen, tools: Tools) -> None:
    """Put the answer of each discussion's task type into `chosen`; one that does not hold up fails its discussion."""
    held = [d for d in discussions if d.id in chosen and d.reason is None]
    tasks: dict[str, Task] = {}
    for discussion in held:
        if discussion.task == "translation":
            discussion.given = Given(shown(discussion.source), discussion.source.language)
        elif discussion.task == "completion":
            tasks |= _completion(discussion, chosen[discussion.id], tools.params)
    tasks |= _repairs([d for d in held if d.task == "repair"], chosen, tools)
    tasks |= _explanations([d for d in held if d.task == "explanation"], chosen, tools)
    answer(list(tasks.values()), tools.teacher, tools.judge, tries(tools.params), tools.seed)
    for discussion in held:
        task = tasks.get(discussion.id)
        if task is not None and task.best:
            chosen[discussion.id].candidate = task.best
        elif task is not None:
            reason, detail = task.failure
            discussion.fail(reason, f"{discussion.task}: {detail}")


def _asked(discussion: Discussion, found: Found, question: str, params: SynthesizeParams, **fields: Any) -> Task:
    """The further question about a verified answer; its worked examples are fixed ones."""
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


def _opening(discussion: Discussion, code: str) -> FunctionHeader:
    """What stands around the function; nothing where the answer was no started one and brought its own."""
    opening = FunctionHeader.of(discussion.target, discussion.name, discussion.signature)
    return opening if code.startswith(opening.prefix + opening.indent) else FunctionHeader("", opening.bare, "", "")


def _completion(discussion: Discussion, found: Found, params: SynthesizeParams) -> dict[str, Task]:
    opening = _opening(discussion, found.candidate.code)
    function = opening.alone(found.candidate.code)
    head = len(opening.bare) if function.startswith(opening.bare) else function.find("\n") + 1
    part = first_part(discussion.target, function, head)
    if not part:
        discussion.fail(Reason.TRIVIAL, "completion: the answer cannot be cut in two")
        return {}
    discussion.given = Given(part)
    begun = FunctionHeader(opening.prefix, part, opening.indent, opening.footer)
    return {discussion.id: _asked(discussion, found, discussion.full_instruction(found.cases), params, begun=begun)}


def _repairs(discussions: list[Discussion], chosen: Chosen, tools: Tools) -> dict[str, Task]:
    """Broken variants run first; the one that fails most tellingly is given with its error."""
    jobs, shown_as = [], {}
    for discussion in discussions:
        found = chosen[discussion.id]
        opening = _opening(discussion, found.candidate.code)
        function = opening.alone(found.candidate.code)
        variants = make_mutants(discussion.target, function, MUTANTS, int(discussion.id, 16))
        for index, variant in enumerate(variants):
            job = found.task.job(found.candidate, found.cases)
            job = replace(job, id=f"{discussion.id}-mutant{index}", code=opening.whole(variant))
            jobs.append(job)
            shown_as[job.id] = (discussion, variant)
    verdicts = tools.judge.judge(jobs, "running broken variants") if jobs else []
    failing = [(shown_as[v.id], v) for v in verdicts if v.verdict in PREFERRED]
    tasks = {}
    for discussion in discussions:
        own = [(PREFERRED.index(v.verdict), variant, v) for (d, variant), v in failing if d is discussion]
        if not own:
            discussion.fail(Reason.WEAK_CASES, "repair: no broken variant fails the cases")
            continue
        _, variant, verdict = min(own, key=lambda row: row[0])
        discussion.given = Given(variant, error=_said(verdict.verdict, verdict.detail))
        discussion.thread.add("verdict", f"a broken variant: {discussion.given.error}", language=discussion.target)
        found = chosen[discussion.id]
        tasks[discussion.id] = _asked(discussion, found, discussion.full_instruction(found.cases), tools.params)
    return tasks


def _said(verdict: str, detail: str) -> str:
    words = verdict.replace("_", " ")
    return f"{words}: {detail[:ERROR_CHARS].strip()}" if detail.strip() else words


def _explanations(discussions: list[Discussion], chosen: Chosen, tools: Tools) -> dict[str, Task]:
    """The explanations, each as the only thing that the next answer is told."""
    requests = []
    for discussion in discussions:
        code = chosen[discussion.id].candidate.code
        discussion.given = Given(_opening(discussion, code).alone(code))
        text = discussion.full_instruction([])
        ident = f"{discussion.id}-explain"
        requests.append(
            Request(
                id=ident,
                messages=(user(text),),
                max_tokens=tools.params.max_tokens,
                temperature=tools.params.prompt_temperature,
                stop=("```",),
                seed=request_seed(tools.seed, ident),
            )
        )
    replies = tools.teacher.ask(requests, "explanations") if requests else []
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
            tasks[discussion.id] = _asked(discussion, chosen[discussion.id], question, tools.params)
    return tasks


def _no_explanation(text: str, discussion: Discussion) -> tuple[Reason, str] | None:
    """Why a text explains nothing: it is empty, or holds a line of the code itself."""
    if not text.strip():
        return Reason.EMPTY_ANSWER, "the explanation is empty"
    folded = "".join(text.split())
    given = discussion.given.code if discussion.given else ""
    lines = ("".join(line.split()) for line in given.splitlines()[1:])
    if copied := next((line for line in lines if len(line) >= MIN_LINE and line in folded), ""):
        return Reason.COPIED_PROMPT, f"the explanation repeats the code: {copied}"
    return None
