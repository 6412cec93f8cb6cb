"""New problems of discussions: agreed by two languages before anything is carried over.

What agreement means is in agreement.py; how a created prompt becomes its two tasks is here.
"""

from __future__ import annotations

from collections.abc import Sequence

from xinstruct.agents.agreement import Agreed, Question, agree, keep_telling, witness_of
from xinstruct.agents.answers import Task, generation, tries
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.examples import neighbours
from xinstruct.agents.inputs import draw_inputs
from xinstruct.agents.tasks import declarable, supports
from xinstruct.agents.verification import Reference, RoundContext, VerifiedAnswer, VerifiedAnswers
from xinstruct.code.types import Case, Signature, cases_from_json, conforms
from xinstruct.languages import get
from xinstruct.records import Reason, Sample


def invent(
    asked: Sequence[tuple[Discussion, Question]], context: RoundContext
) -> tuple[VerifiedAnswers, VerifiedAnswers]:
    """Return the verified answers to the questions of `asking` and their witnesses', by discussion; others fail."""
    questions, params = [question for _, question in asked], context.params
    _run_bases(asked, context)
    agree(questions, context.teacher, context.judge, tries(params), context.seed)
    keep_telling(questions, context.judge, params)
    verified: VerifiedAnswers = {}
    witnesses: VerifiedAnswers = {}
    for discussion, question in asked:
        if isinstance(question.outcome, Agreed):
            discussion.cases = list(question.outcome.cases)
            verified[discussion.id], witnesses[discussion.id] = _answers(question, question.outcome)
        else:
            discussion.fail(*question.outcome)
    return verified, witnesses


def _run_bases(asked: Sequence[tuple[Discussion, Question]], context: RoundContext) -> None:
    """Run bases of the same signature on a new problem's inputs: what an operation changed must show in a result."""
    kept = [(d, q) for d, q in asked if Signature.from_json(d.source.signature).types == q.target.signature.types]
    jobs = [Reference.of(d.source).job(f"{d.id}-base", q.inputs) for d, q in kept]
    verdicts = context.judge.observe(jobs, "running bases") if jobs else []
    for (_, question), verdict in zip(kept, verdicts, strict=True):
        rows = zip(question.inputs, verdict.values, verdict.errors, strict=True)
        question.known = [Case(tuple(args), value) for args, value, error in rows if not error]


def asking(discussions: Sequence[Discussion], context: RoundContext) -> list[tuple[Discussion, Question]]:
    """Return the new problems as questions; a discussion that a language cannot express fails."""
    return [(d, question) for d in discussions if (question := _question(d, context)) is not None]


def _question(discussion: Discussion, context: RoundContext) -> Question | None:
    """Return a new problem as a question; None, with its reason, where a language cannot express it."""
    signature = discussion.signature
    spoken = [discussion.source.language, *(agent.language for agent in discussion.agents)]
    both = (discussion.target, witness_of(discussion.target, context.params.witness, context.languages, spoken))
    for language in both:
        own = get(language).identifier(discussion.name)
        if not (supports(language, own, signature) and declarable(language, own)):
            discussion.fail(Reason.UNSUPPORTED, f"{get(language).title} cannot express {own}{signature}")
            return None
    fitting = _fitting(discussion.source, signature)
    proposed = [*discussion.proposals, *(case.args for case in fitting)]
    count, seed = context.params.agreement_inputs, int(discussion.id, 16)
    rows = draw_inputs(signature, count, seed, proposals=proposed, languages=context.languages).rows
    one, two = (_task(discussion, language, context) for language in both)
    return Question(one, two, rows, proposals=discussion.proposals)


def _fitting(source: Sample, signature: Signature) -> list[Case]:
    """Return the base's cases whose arguments suit the signature: inputs that a problem near it can be tried on."""
    kinds = [param.type for param in signature.params]
    rows = cases_from_json(source.cases)
    return [c for c in rows if len(c.args) == len(kinds) and all(map(conforms, kinds, c.args))]


def _task(discussion: Discussion, language: str, context: RoundContext) -> Task:
    """Return the created problem as a task of one language, in that language's own words."""
    own = discussion.in_language(language)
    return Task(
        id=f"{discussion.id}-{language}",
        language=language,
        name=own.name,
        signature=discussion.signature,
        question=generation(own.full_instruction([]), language, discussion.reflection),
        cases=(),
        thread=discussion.thread,
        examples=neighbours(own, context.known, context.params),
    )


def _answers(question: Question, agreed: Agreed) -> tuple[VerifiedAnswer, VerifiedAnswer]:
    """Return the target's answer and the witness's, each with the other as its reference."""
    one, two = question.target, question.witness
    left = Reference(one.language, one.name, one.signature, agreed.answer.code)
    right = Reference(two.language, two.name, two.signature, agreed.witness.code)
    cases = list(agreed.cases)
    return VerifiedAnswer(agreed.answer, cases, one, right), VerifiedAnswer(agreed.witness, [*cases], two, left)
