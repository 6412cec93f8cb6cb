"""Answers of a round's discussions, held against what running code says.

An operation that keeps the behaviour is checked by its base's cases: one set of cases holds in every
language. Any other makes a new problem, which is answered in two languages (agreement.py). Leaves
out what is made of a verified answer (derived.py) and objections to it (critique.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from xinstruct.agents.agreement import Agreed, agree
from xinstruct.agents.answers import Candidate, Task, answer, generation, translation, tries
from xinstruct.agents.cases import Observer
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.examples import shown, solutions, source_for, translations
from xinstruct.agents.society import Society
from xinstruct.agents.tasks import supports
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.languages import EIGHT, get
from xinstruct.llm.chat_model import ChatModel
from xinstruct.params import SynthesizeParams
from xinstruct.records import Reason

ROOM = 32  # tokens a translation may take beyond twice its source
CHARS_PER_TOKEN = 3


@dataclass(frozen=True)
class Reference:
    """Code of the same behaviour in another language: the base's, or the witness's of a new problem."""

    language: str
    function: str
    signature: Signature
    code: str

    def job(self, ident: str, inputs: list[list[object]]) -> Job:
        """A job that runs it on these inputs."""
        cases = tuple(Case(tuple(args)) for args in inputs)
        return Job(ident, self.language, self.code, self.function, self.signature, cases)


@dataclass
class Found:
    """A verified answer: the candidate, the cases it passed, how it was asked for, code it must equal."""

    candidate: Candidate
    cases: list[Case]
    task: Task
    reference: Reference


Chosen = dict[str, Found]  # by discussion


@dataclass(frozen=True)
class Tools:
    """Whom a round asks, who runs code, by which params (the synthesize section) and seed."""

    teacher: ChatModel
    judge: Observer
    params: SynthesizeParams
    seed: int


def verify(discussions: list[Discussion], society: Society, teacher: ChatModel, judge: Observer) -> Chosen:
    """Verified answers of the discussions; every other one is left with its reason."""
    kept = [d for d in discussions if d.operation.keeps_behaviour]
    new = [d for d in discussions if not d.operation.keeps_behaviour]
    return _translate(kept, society, teacher, judge) | _invent(new, society, teacher, judge)


def _translate(discussions: list[Discussion], society: Society, teacher: ChatModel, judge: Observer) -> Chosen:
    """Answers that the base's cases check."""
    params = society.params
    tasks = [_translation_task(d, society) for d in discussions]
    answer(tasks, teacher, judge, tries(params), society.seed)
    chosen: Chosen = {}
    for discussion, task in zip(discussions, tasks, strict=True):
        if task.best:
            base = discussion.source
            reference = Reference(base.language, base.function, Signature.from_json(base.signature), base.code)
            chosen[discussion.id] = Found(task.best, discussion.cases, task, reference)
        else:
            discussion.fail(*task.failure)
            ran = bool(task.candidates) and task.furthest.verdict is not None
            discussion.attempt = task.furthest if ran else None
    return chosen


def _translation_task(discussion: Discussion, society: Society) -> Task:
    source = discussion.source
    code = shown(source)
    return Task(
        id=discussion.id,
        language=discussion.target,
        name=discussion.name,
        signature=discussion.signature,
        question=translation(source.language, source_for(discussion.target, source), discussion.target),
        max_tokens=ROOM + len(code) * 2 // CHARS_PER_TOKEN,
        cases=tuple(discussion.cases),
        thread=discussion.thread,
        examples=translations(discussion, society.known, society.params),
    )


def _invent(discussions: list[Discussion], society: Society, teacher: ChatModel, judge: Observer) -> Chosen:
    """Answers of new problems, checked by the agreement of two languages."""
    params, usable, pairs = society.params, [], []
    for discussion in discussions:
        witness = _witness(discussion)
        if not all(supports(name, discussion.name, discussion.signature) for name in (witness, discussion.target)):
            discussion.fail(Reason.UNSUPPORTED, f"cannot express {discussion.signature}")
            continue
        usable.append(discussion)
        count = params.examples
        pairs.append((_new_task(discussion, discussion.target, count), _new_task(discussion, witness, count)))
    if not pairs:
        return {}
    results = agree(pairs, [d.cases for d in usable], teacher, judge, params, society.seed)
    chosen: Chosen = {}
    for discussion, (task, witnessing), result in zip(usable, pairs, results, strict=True):
        if isinstance(result, Agreed):
            other = Reference(witnessing.language, witnessing.name, witnessing.signature, result.witness.code)
            task.cases = tuple(result.cases)
            chosen[discussion.id] = Found(result.answer, result.cases, task, other)
        else:
            discussion.fail(*result)
    return chosen


def _witness(discussion: Discussion) -> str:
    """The second language of an agreement: the base's, or a peer's where the base's is the target itself."""
    spoken = [discussion.source.language, *(agent.language for agent in discussion.agents), *EIGHT]
    return next(language for language in spoken if language != discussion.target)


def _new_task(discussion: Discussion, language: str, examples: int) -> Task:
    """The created problem as a task of one language; the witness gets it under its own title."""
    words = discussion.created.replace(get(discussion.target).title, get(language).title, 1)
    name = get(language).identifier(discussion.name)
    words = words.replace(f"`{discussion.name}`", f"`{name}`", 1)
    return Task(
        id=f"{discussion.id}-{language}",
        language=language,
        name=name,
        signature=discussion.signature,
        question=generation(f"{words}\n\nTypes: {discussion.signature}", language),
        cases=(),
        thread=discussion.thread,
        examples=list(solutions(language, examples)),
    )
