"""A round of discussions: created prompts, answers, verdicts, scores, samples, memories.

Each phase is one batch for the teacher or the judge. A new problem is agreed first and then carried over its cases to
further languages; the witness's answer is a sample of its own. Every discussion ends as either a sample or a reason,
which the caller books. Discussions are drawn in society.py; what their answers are asked and how they are checked is in
verification.py and agreement.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xinstruct.agents.answers import Candidate, Task, first_requests, tries
from xinstruct.agents.critique import critique
from xinstruct.agents.derived import derive
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.invention import asking, invent
from xinstruct.agents.operations import Operation
from xinstruct.agents.problem import Problem
from xinstruct.agents.reflection import note_text
from xinstruct.agents.scorer import AnsweredQuestion, Scorer
from xinstruct.agents.shapes import families, follow
from xinstruct.agents.similarity import jaccard, shingles
from xinstruct.agents.society import Society
from xinstruct.agents.tasks import declarable, supports
from xinstruct.agents.verification import Reference, RoundContext, VerifiedAnswer, VerifiedAnswers, carry_over, carrying
from xinstruct.agents.wording import draw_style
from xinstruct.code.types import Case, cases_to_json
from xinstruct.languages import get
from xinstruct.llm.chat_model import ChatModel, ask_ahead
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
    context = RoundContext(teacher, judge, society.params, society.seed, society.known, society.languages)
    discussions = society.plan(number)
    _create(discussions, context)
    verified, witnesses = _verify(discussions, context)
    discussions += witnesses
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
    seen = [shingles(Problem.of(sample).text) for sample in context.known.values()]
    for discussion, request, reply in zip(own, requests, answers, strict=True):
        speaker = discussion.speaker
        discussion.thread.prompt(request, agent=speaker.id, language=discussion.target)
        discussion.thread.answer(reply, agent=speaker.id, language=discussion.target)
        discussion.accept(reply, context.params)
        _refuse_copy(discussion, seen, context.params.similarity)
    for discussion in shared:
        follow(discussion, context.params.form)


def _refuse_copy(discussion: Discussion, seen: list[frozenset[tuple[str, ...]]], most: float) -> None:
    """Refuse a whole new problem whose words are those of an earlier one, before anything is spent on answers."""
    if discussion.problem is None or discussion.operation.form != "new":
        return
    own = shingles(discussion.problem.text)
    if any(jaccard(own, other) >= most for other in seen):
        discussion.fail(Reason.TOO_SIMILAR, "the created prompt repeats an earlier problem")
    seen.append(own)


def _verify(discussions: list[Discussion], context: RoundContext) -> tuple[VerifiedAnswers, list[Discussion]]:
    """Return the verified answers by discussion, and the discussions of witnesses, each with its answer among them.

    Known behaviours are carried over by their cases, new problems agreed and then carried over likewise.
    """
    live = [d for d in discussions if d.reason is None]
    known = [d for d in live if d.operation.keeps_behaviour]
    new = [d for d in live if not d.operation.keeps_behaviour and d.lead is None]
    sources = {d.id: Reference.of(d.source) for d in known}
    asked = asking(new, context)
    both = [task for _, question in asked for task in (question.target, question.witness)]
    _ask_ahead([*carrying(known, sources, context), *both], context)
    verified = carry_over(known, sources, context)
    agreed, witnesses = invent(asked, context)
    verified |= agreed
    reworded = [d for d in known if context.params.insufficient == "base" and d.takes_base_words()]
    parts = [d for d in live if d.lead in new and _takes_cases(d)]
    leads = {d.id: agreed[d.lead.id].as_reference() for d in parts if d.lead}
    _ask_ahead([*carrying(reworded, sources, context, "-base"), *carrying(parts, leads, context)], context)
    verified |= carry_over(reworded, sources, context, "-base")
    verified |= carry_over(parts, leads, context)
    _refuse_outvoted(new, parts, verified)
    taken = {(d.lead.id, d.target) for d in parts if d.lead and d.id in verified}
    twins = {d.id: _witness(d, found) for d in new if (found := witnesses.get(d.id))}
    own = {lead: twin for lead, twin in twins.items() if twin.target in context.languages}
    kept = {lead: twin for lead, twin in own.items() if lead in verified and (lead, twin.target) not in taken}
    return verified | {twin.id: witnesses[lead] for lead, twin in kept.items()}, list(kept.values())


def _refuse_outvoted(leads: Sequence[Discussion], parts: Sequence[Discussion], verified: VerifiedAnswers) -> None:
    """Drop a new problem with all its answers where most further languages, reading its words alone, return otherwise.

    Two languages that agree may both miss a rule; of those that ran at least as many must pass as fail.
    """
    for lead in leads:
        own = [part for part in parts if part.lead is lead and part.task != "translation"]
        passed = sum(part.id in verified for part in own)
        otherwise = sum(part.reason is Reason.INSUFFICIENT_INSTRUCTION for part in own)
        if otherwise > passed:
            why = f"{otherwise} of {passed + otherwise} further languages take its words otherwise"
            for one in (lead, *(part for part in parts if part.lead is lead)):
                verified.pop(one.id, None)
                one.fail(Reason.NO_AGREEMENT, why)


def _ask_ahead(tasks: Sequence[Task], context: RoundContext) -> None:
    """Ask for the first answers of several steps at once."""
    ask_ahead(context.teacher, first_requests(tasks, tries(context.params), context.seed), "answers")


def _takes_cases(part: Discussion) -> bool:
    """Give a part the cases of its lead; it fails with its lead, or where its language cannot express the problem."""
    lead = part.lead
    if lead is None or lead.reason is not None:
        part.fail(lead.reason if lead and lead.reason else Reason.EMPTY_ANSWER, "of the shared problem")
    elif not (supports(part.target, part.name, part.signature) and declarable(part.target, part.name)):
        part.fail(Reason.UNSUPPORTED, f"{get(part.target).title} cannot express {part.name}{part.signature}")
    else:
        part.cases = list(lead.cases)
    return part.reason is None


def _witness(lead: Discussion, found: VerifiedAnswer) -> Discussion:
    """Return the discussion of a witness: its answer to a new problem is a sample of the witness's language."""
    ident = content_id("part", lead.id, "witness")
    twin = replace(lead, id=ident, target=found.task.language, name=found.task.name, task="generation", lead=lead)
    twin.signature, twin.cases, twin.material, twin.attempt = lead.signature, list(lead.cases), None, None
    twin.style = "sentence" if lead.style == "sentence" else draw_style(ident, "json")
    return twin


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
        problem=_problem(discussion).to_json(),
        style=discussion.style,
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


def _problem(discussion: Discussion) -> Problem:
    """Return the problem that the answer proves: of a translation the base's, whose words it did not need."""
    if discussion.task == "translation" and discussion.operation.keeps_behaviour:
        return Problem.of(discussion.source)
    return discussion.problem or Problem.of(discussion.source)


def _task_roots(operation: Operation, parents: list[Sample]) -> list[str]:
    """Return the roots whose behaviour the sample may repeat: the base's if it is kept, else those of all parents."""
    repeated = parents[:1] if operation.keeps_behaviour else parents
    return sorted({root for sample in repeated for root in sample.roots()})
