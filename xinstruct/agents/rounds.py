"""A round of discussions: prompts, answers, verdicts, scores, samples, memories.

Each phase is one batch for the teacher or the judge. Every discussion ends as either a sample or a reason,
which the caller books. Discussions are drawn in society.py; answer prompts are built in answers.py and
examples.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xinstruct.agents.answers import Candidate
from xinstruct.agents.cases import JudgeProtocol
from xinstruct.agents.critique import critique
from xinstruct.agents.derived import derive
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.operations import Operation
from xinstruct.agents.reflection import note_text
from xinstruct.agents.scorer import AnsweredQuestion, Scorer
from xinstruct.agents.shapes import families, follow
from xinstruct.agents.society import Society
from xinstruct.agents.tasks import call_failure
from xinstruct.agents.verification import RoundContext, VerifiedAnswer, verify
from xinstruct.code.types import Case, cases_to_json
from xinstruct.languages import get
from xinstruct.llm.chat_model import ChatModel
from xinstruct.records import Reason, Sample, content_id


@dataclass
class Outcome:
    """The outcome of a discussion; `reason` is None for a sample that is kept."""

    discussion: Discussion
    sample: Sample | None = None
    reason: Reason | None = None
    detail: str = ""
    rated: float | None = None  # the scorer's total, of failed answers too where synthesize.rate_failures says so


def run_round(society: Society, number: int, teacher: ChatModel, judge: JudgeProtocol, scorer: Scorer) -> list[Outcome]:
    """Run all discussions of a round and return their outcomes in the order in which they were drawn."""
    context = RoundContext(teacher, judge, society.params, society.seed, society.known)
    discussions = society.plan(number)
    _create(discussions, context)
    verified = verify([d for d in discussions if d.reason is None], context)
    critique(discussions, verified, context)
    derive(discussions, verified, context)
    outcomes = [_outcome(d, verified.get(d.id)) for d in discussions]
    _rate_failures(outcomes, scorer, teacher, society.params.rate_failures)
    _score(outcomes, scorer, teacher)
    for outcome in outcomes:
        _remember(outcome, society)
    return outcomes


def _create(discussions: Sequence[Discussion], context: RoundContext) -> None:
    """Ask for the created prompts; parts of a meeting that share one take it over."""
    own, shared = families(discussions)
    requests = [d.prompt(context.params, context.seed) for d in own]
    answers = context.teacher.ask(requests, "created prompts") if requests else []
    for discussion, request, reply in zip(own, requests, answers, strict=True):
        speaker = discussion.speaker
        discussion.thread.prompt(request, agent=speaker.id, language=discussion.target)
        discussion.thread.answer(reply, agent=speaker.id, language=discussion.target)
        if reply.error:
            discussion.fail(call_failure(reply.error), reply.error)
        else:
            discussion.accept(reply.text, context.params)
    for discussion in shared:
        follow(discussion)


def _outcome(discussion: Discussion, verified: VerifiedAnswer | None) -> Outcome:
    if verified is None or discussion.reason is not None:
        return Outcome(discussion, reason=discussion.reason or Reason.EMPTY_ANSWER, detail=discussion.detail)
    return Outcome(discussion, make_sample(discussion, verified.candidate, verified.cases))


def _score(outcomes: Sequence[Outcome], scorer: Scorer, teacher: ChatModel) -> None:
    """Rate the verified samples; one is rejected for its rating as far as the ratings so far mean something."""
    found = [(o, o.sample) for o in outcomes if o.sample is not None]
    threads = [o.discussion.thread for o, _ in found]
    ratings = scorer.rate([sample for _, sample in found], teacher, threads)
    if scorer.calibration:
        scorer.calibration.add(passed=[rating.total for rating in ratings if not rating.problem])
    for (outcome, sample), rating in zip(found, ratings, strict=True):
        sample.score, sample.scores = rating.total, rating.to_json()
        outcome.rated = None if rating.problem else rating.total
        sample.tokens_spent = outcome.discussion.thread.tokens
        if why := scorer.refusal(rating):
            outcome.reason, outcome.detail = Reason.LOW_SCORE, why
        subject = f"the {get(sample.language).title} problem `{sample.function}`"
        for agent in outcome.discussion.learners:
            note = agent.reflection.reflect(subject, rating.scores)
            words = note_text([note])
            outcome.discussion.thread.add("reflection", words, agent=agent.id, sample=sample.id, value=rating.total)


def _rate_failures(outcomes: Sequence[Outcome], scorer: Scorer, teacher: ChatModel, count: int) -> None:
    """Rate code that failed by running, as a calibration of the scores. It changes no memory."""
    failed = [(o, o.discussion.attempt) for o in outcomes if o.discussion.attempt is not None][:count]
    samples = [make_sample(o.discussion, attempt, o.discussion.cases) for o, attempt in failed if attempt]
    ratings = scorer.rate_answers([AnsweredQuestion.of(sample) for sample in samples], teacher)
    for (outcome, _), rating in zip(failed, ratings, strict=True):
        outcome.rated = None if rating.problem else rating.total
    if scorer.calibration:
        scorer.calibration.add(failed=[rating.total for rating in ratings if not rating.problem])


def _remember(outcome: Outcome, society: Society) -> None:
    """Offer a kept sample to the memories, or note a failure in the reflections."""
    discussion = outcome.discussion
    society.count(discussion, outcome.sample is not None)
    if outcome.sample is not None and outcome.reason is None:
        if outcome.sample.id in society.known:
            outcome.reason, outcome.detail = Reason.EXACT_DUPLICATE, "made by an earlier discussion"
            return
        society.learn(discussion, outcome.sample)
    elif outcome.sample is None and outcome.reason is not None:
        subject = f"the attempt to bring `{discussion.source.function}` to {get(discussion.target).title}"
        for agent in discussion.learners:
            note = agent.reflection.regret(subject, outcome.reason, outcome.detail)
            discussion.thread.add("reflection", note_text([note]), agent=agent.id, language=agent.language)


def make_sample(discussion: Discussion, candidate: Candidate, cases: list[Case]) -> Sample:
    """Return the D_s3 record of a verified answer, before it is scored."""
    told = discussion.explanation
    text = discussion.full_instruction(cases)
    base = discussion.source
    others = [s for i, s in enumerate(discussion.communicated) if i != discussion.base]
    everyone = [base, *others]  # the base first: it is what the sample was made from
    return Sample(
        id=content_id("Ds3", discussion.target, text, told or candidate.code),
        kind="Ds3",
        language=discussion.target,
        task=discussion.task,
        instruction=text,
        response=told or candidate.code,
        proof=candidate.code if told else "",
        function=discussion.name,
        signature=discussion.signature.to_json(),
        cases=cases_to_json(cases),
        parents=[sample.id for sample in everyone],
        snippets=sorted({root for sample in everyone for root in sample.snippets}),
        task_roots=_task_roots(discussion.operation, everyone),
        source_language=base.language,
        operation=discussion.operation.name,
        topology=discussion.topology,
        shape=discussion.shape,
        agents=[agent.id for agent in discussion.agents],
        round=discussion.round,
        licenses=sorted({name for sample in everyone for name in sample.licenses}),
        verdict="passed",
    )


def _task_roots(operation: Operation, parents: list[Sample]) -> list[str]:
    """Return the roots whose behaviour the sample may repeat: the base's if it is kept, else those of all parents."""
    repeated = parents[:1] if operation.keeps_behaviour else parents
    return sorted({root for sample in repeated for root in sample.roots()})
