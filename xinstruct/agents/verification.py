"""Verification of a round's answers by running them.

Answers are written from the created instruction alone; the code of another language is shown only where the task type
is translation. A problem whose behaviour is known (the base's, or one that was agreed) is checked by its cases, which
hold in every language: that its answer passes more than the calls printed in its instruction shows that the
instruction is sufficient. New problems are verified in agreement.py. Task types derived from a verified answer are
made in derived.py, objections to it in critique.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xinstruct.agents.answers import Candidate, Task, answer, generation, translation, tries
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.discussion import Discussion, TaskMaterial
from xinstruct.agents.examples import neighbours, shown_for, translations
from xinstruct.agents.prefill import blind, uses_prefill
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.llm.chat_model import ChatModel
from xinstruct.params import SynthesizeParams
from xinstruct.records import Reason, Sample

ROOM = 32  # tokens a translation may take beyond twice its source
CHARS_PER_TOKEN = 3


@dataclass(frozen=True)
class Reference:
    """Code of the same behaviour in another language: the base's, the witness's, or the lead's of a carried problem."""

    language: str
    function: str
    signature: Signature
    code: str

    @staticmethod
    def of(sample: Sample) -> Reference:
        """Return a sample's code as the reference."""
        return Reference(sample.language, sample.function, Signature.from_json(sample.signature), sample.code)

    def job(self, ident: str, inputs: list[list[object]]) -> Job:
        """Return a job that runs it on these inputs."""
        cases = tuple(Case(tuple(args)) for args in inputs)
        return Job(ident, self.language, self.code, self.function, self.signature, cases)

    def shown(self, target: str) -> str:
        """Return the function as it is shown to whoever translates it to `target`."""
        return shown_for(target, self.language, self.function, self.signature, self.code)


@dataclass
class VerifiedAnswer:
    """A candidate that passed, the cases it passed, the task it answers, and code with the same behaviour."""

    candidate: Candidate
    cases: list[Case]
    task: Task
    reference: Reference

    def as_reference(self) -> Reference:
        """Return its own code, for others to be carried over from."""
        return Reference(self.task.language, self.task.name, self.task.signature, self.candidate.code)


VerifiedAnswers = dict[str, VerifiedAnswer]  # by discussion


@dataclass(frozen=True)
class RoundContext:
    """The parts shared by all phases of a round.

    `params` is the synthesize section, `known` has all samples by id, `languages` are those of the run.
    """

    teacher: ChatModel
    judge: JudgeProtocol
    params: SynthesizeParams
    seed: int
    known: dict[str, Sample]
    languages: Sequence[str]


def carry_over(
    discussions: Sequence[Discussion], references: Mapping[str, Reference], context: RoundContext, mark: str = ""
) -> VerifiedAnswers:
    """Answer problems whose cases are known, and check the answers by them; others fail with their reason.

    `mark` tells the answers to other words of the same discussion apart.
    """
    tasks = carrying(discussions, references, context, mark)
    answer(tasks, context.teacher, context.judge, tries(context.params), context.seed)
    verified: VerifiedAnswers = {}
    for discussion, task in zip(discussions, tasks, strict=True):
        if task.best:
            reference = references[discussion.id]
            verified[discussion.id] = VerifiedAnswer(task.best, list(discussion.cases), task, reference)
        else:
            discussion.fail(*insufficient(task, shown=discussion.task == "translation"))
            ran = bool(task.candidates) and task.furthest.verdict is not None
            discussion.attempt = task.furthest if ran else None
    return verified


def carrying(
    discussions: Sequence[Discussion], references: Mapping[str, Reference], context: RoundContext, mark: str = ""
) -> list[Task]:
    """Return the tasks of `carry_over`."""
    return [_task(d, references[d.id], context, mark) for d in discussions]


def insufficient(task: Task, shown: bool = False) -> tuple[Reason, str]:
    """Return why a task has no answer: its instruction says too little if answers ran and returned something else.

    `shown`: the task shows code of the same behaviour, so its words are not to blame.
    """
    reason, detail = task.failure
    if reason is Reason.WRONG_ANSWER and not shown:
        return Reason.INSUFFICIENT_INSTRUCTION, f"{len(task.candidates)} answer(s) differ: {detail}"
    return reason, detail


def _task(discussion: Discussion, reference: Reference, context: RoundContext, mark: str) -> Task:
    """Return the task of a discussion: a translation of the reference, or an answer from the instruction alone."""
    translates, target = discussion.task == "translation", discussion.target
    code, shown = reference.shown(target), [] if blind(context.params) else discussion.cases
    if translates:
        discussion.material = TaskMaterial(reference.shown(reference.language), reference.language)
    text = discussion.full_instruction(shown)
    question, examples = generation(text, target, discussion.reflection), translations if translates else neighbours
    if translates and uses_prefill(context.params):  # the prefill tells how the function is called
        question = translation(reference.language, code, target)
    return Task(
        id=f"{discussion.id}{mark}",
        language=target,
        name=discussion.name,
        signature=discussion.signature,
        question=question,
        max_tokens=ROOM + len(code) * 2 // CHARS_PER_TOKEN if translates else 0,
        cases=tuple(discussion.cases),
        thread=discussion.thread,
        examples=examples(discussion, context.known, context.params),
    )
