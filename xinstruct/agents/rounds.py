"""A round from plan to memory: prompts, answers, verdicts, scores, samples.

One batch for the teacher or the judge per phase. What comes out of each discussion is a sample or a
reason, never both and never neither; the caller does the book-keeping. Leaves out what is drawn
(society.py) and what an answer prompt looks like (answers.py, examples.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.agents.agreement import agree
from xinstruct.agents.answers import Candidate, Task, answer, generation, translation
from xinstruct.agents.cases import Observer
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.examples import shown, solutions, translations
from xinstruct.agents.operations import Operation
from xinstruct.agents.reflection import note_text
from xinstruct.agents.scorer import Asker, Scorer
from xinstruct.agents.society import Society
from xinstruct.agents.tasks import Thread, call_failure, supports
from xinstruct.languages import get
from xinstruct.languages.types import Case, cases_to_json
from xinstruct.records import Reason, Sample, content_id

ROOM = 32  # tokens a translation may take beyond twice its source
CHARS_PER_TOKEN = 3


@dataclass
class Outcome:
    """What a discussion came to: `reason` is None for a sample that is kept."""

    discussion: Discussion
    sample: Sample | None = None
    reason: Reason | None = None
    detail: str = ""
    rated: float | None = None  # the scorer's total, of failed answers too where synthesize.rate_failures says so


def run_round(society: Society, number: int, teacher: Asker, judge: Observer, scorer: Scorer) -> list[Outcome]:
    """All discussions of a round, in the order they were drawn."""
    params, seed = society.params, society.seed
    discussions = society.plan(number)
    _create(discussions, teacher, params, seed)
    answered = [d for d in discussions if d.reason is None]
    kept = [d for d in answered if d.operation.keeps_behaviour]
    new = [d for d in answered if not d.operation.keeps_behaviour]
    chosen = _translate(kept, society, teacher, judge) | _invent(new, society, teacher, judge)
    outcomes = [_outcome(d, chosen.get(d.id)) for d in discussions]
    _score(outcomes, scorer, teacher)
    _rate_failures(outcomes, scorer, teacher, int(params.get("rate_failures", 0)))
    for outcome in outcomes:
        _remember(outcome, society)
    return outcomes


def _create(discussions: Sequence[Discussion], teacher: Asker, params: dict[str, Any], seed: int) -> None:
    """The created prompts."""
    requests = [d.prompt(params, seed) for d in discussions]
    answers = teacher.ask(requests, "created prompts") if requests else []
    for discussion, request, reply in zip(discussions, requests, answers, strict=True):
        speaker = discussion.speaker
        discussion.thread.prompt(request, agent=speaker.id, language=discussion.target)
        discussion.thread.answer(reply, agent=speaker.id, language=discussion.target)
        if reply.error:
            discussion.fail(call_failure(reply.error), reply.error)
        else:
            discussion.accept(reply.text, params)


Chosen = dict[str, tuple[Candidate, list[Case]]]


def _translate(discussions: list[Discussion], society: Society, teacher: Asker, judge: Observer) -> Chosen:
    """Answers that the base's cases check."""
    params = society.params
    tasks = [_translation_task(d, society.known, params) for d in discussions]
    answer(tasks, teacher, judge, params, society.seed)
    chosen: Chosen = {}
    for discussion, task in zip(discussions, tasks, strict=True):
        if task.best:
            chosen[discussion.id] = (task.best, discussion.cases)
        else:
            discussion.fail(*task.failure)
            ran = bool(task.candidates) and task.furthest.verdict is not None
            discussion.attempt = task.furthest if ran else None
    return chosen


def _translation_task(discussion: Discussion, known: dict[str, Sample], params: dict[str, Any]) -> Task:
    source = discussion.source
    code = shown(source)
    return Task(
        id=discussion.id,
        language=discussion.target,
        name=discussion.name,
        signature=discussion.signature,
        question=translation(source.language, code, discussion.target),
        max_tokens=ROOM + len(code) * 2 // CHARS_PER_TOKEN,
        cases=tuple(discussion.cases),
        thread=discussion.thread,
        examples=translations(discussion, known, params),
    )


def _invent(discussions: list[Discussion], society: Society, teacher: Asker, judge: Observer) -> Chosen:
    """Answers of new problems, checked by the agreement of two languages."""
    params, usable, pairs = society.params, [], []
    for discussion in discussions:
        witness = _witness(discussion)
        if not all(supports(name, discussion.name, discussion.signature) for name in (witness, discussion.target)):
            discussion.fail(Reason.UNSUPPORTED, f"cannot express {discussion.signature}")
            continue
        usable.append(discussion)
        pairs.append((_new_task(discussion, discussion.target, params), _new_task(discussion, witness, params)))
    if not pairs:
        return {}
    results = agree(pairs, [d.cases for d in usable], teacher, judge, params, society.seed)
    chosen: Chosen = {}
    for discussion, (first, second) in zip(usable, results, strict=True):
        if isinstance(first, Candidate) and isinstance(second, list):
            chosen[discussion.id] = (first, second)
        else:
            discussion.fail(str(first), str(second))
    return chosen


def _witness(discussion: Discussion) -> str:
    """The second language of an agreement: the base's, or a peer's where the base's is the target itself."""
    spoken = [discussion.source.language, *(agent.language for agent in discussion.agents), "python", "javascript"]
    return next(language for language in spoken if language != discussion.target)


def _new_task(discussion: Discussion, language: str, params: dict[str, Any]) -> Task:
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
        examples=list(solutions(language, int(params["examples"]))),
    )


def _outcome(discussion: Discussion, chosen: tuple[Candidate, list[Case]] | None) -> Outcome:
    if chosen is None or discussion.reason is not None:
        return Outcome(discussion, reason=discussion.reason or Reason.EMPTY_ANSWER, detail=discussion.detail)
    return Outcome(discussion, make_sample(discussion, *chosen))


def make_sample(discussion: Discussion, candidate: Candidate, cases: list[Case]) -> Sample:
    """The D_s3 record of a verified answer, before it is scored."""
    text = discussion.full_instruction(cases)
    base = discussion.source
    others = [s for i, s in enumerate(discussion.communicated) if i != discussion.base]
    everyone = [base, *others]  # the base first: it is what the sample was made from
    return Sample(
        id=content_id("Ds3", discussion.target, text, candidate.code),
        kind="Ds3",
        language=discussion.target,
        instruction=text,
        response=candidate.code,
        function=discussion.name,
        signature=discussion.signature.to_json(),
        cases=cases_to_json(cases),
        parents=[sample.id for sample in everyone],
        snippets=sorted({root for sample in everyone for root in sample.snippets}),
        task_roots=_task_roots(discussion.operation, everyone),
        source_language=base.language,
        operation=discussion.operation.name,
        topology=discussion.topology,
        agents=[agent.id for agent in discussion.agents],
        round=discussion.round,
        licenses=sorted({name for sample in everyone for name in sample.licenses}),
        verdict="passed",
    )


def _task_roots(operation: Operation, parents: list[Sample]) -> list[str]:
    """Roots whose behaviour the new sample repeats: the base's where it is kept, else possibly all."""
    repeated = parents[:1] if operation.keeps_behaviour else parents
    return sorted({root for sample in repeated for root in sample.roots()})


def _score(outcomes: Sequence[Outcome], scorer: Scorer, teacher: Asker) -> None:
    """Rate what was verified; a sample below the cut-off or without a rating is rejected."""
    found = [(o, o.sample) for o in outcomes if o.sample is not None]
    threads = [o.discussion.thread for o, _ in found]
    ratings = scorer.rate([sample for _, sample in found], teacher, threads)
    for (outcome, sample), rating in zip(found, ratings, strict=True):
        sample.score, sample.scores = rating.total, rating.to_json()
        outcome.rated = None if rating.problem else rating.total
        sample.tokens_spent = outcome.discussion.thread.tokens
        if rating.problem:
            outcome.reason, outcome.detail = Reason.BAD_FORMAT, f"scorer: {rating.problem}"
        elif rating.total < scorer.cutoff:
            outcome.reason, outcome.detail = Reason.LOW_SCORE, f"{rating.total} < {scorer.cutoff}"
        subject = f"the {get(sample.language).title} problem `{sample.function}`"
        for agent in outcome.discussion.learners:
            note = agent.reflection.reflect(subject, list(rating.scores))
            words = note_text([note])
            outcome.discussion.thread.add("reflection", words, agent=agent.id, sample=sample.id, value=rating.total)


def _rate_failures(outcomes: Sequence[Outcome], scorer: Scorer, teacher: Asker, count: int) -> None:
    """Rate code that failed by running, so that it shows what a score is worth. It changes no memory."""
    failed = [(o, o.discussion.attempt) for o in outcomes if o.discussion.attempt is not None][:count]
    samples = [make_sample(o.discussion, attempt, o.discussion.cases) for o, attempt in failed if attempt]
    threads = [Thread("synthesize", f"{o.discussion.id}-failed", o.discussion.round) for o, _ in failed]
    for (outcome, _), rating in zip(failed, scorer.rate(samples, teacher, threads), strict=True):
        outcome.rated = None if rating.problem else rating.total


def _remember(outcome: Outcome, society: Society) -> None:
    """A kept sample goes to the memories; a failure goes to the reflections."""
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
