"""From drafts to seeds: who is asked what, in which order, and which wording of a problem is taken (paper section 2.2).

D_s1 runs I then R, D_s2 runs R then I. A function's problem is worded several times. With `sufficiency`, a wording
holds up if answers written from its words alone pass the function's cases, in its own language and in further ones;
the first that does is taken. New problems in the spirit of a snippet are agreed by two languages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from xinstruct.agents.agreement import Agreed, Question, agree, keep_telling, witness_of
from xinstruct.agents.answers import first_requests
from xinstruct.agents.generators import IGenerator, RGenerator, SeedContext
from xinstruct.agents.inputs import draw_inputs, fits, largest_int
from xinstruct.agents.seeds import Draft
from xinstruct.agents.tasks import declarable, supports
from xinstruct.code.types import Case, conforms, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get
from xinstruct.llm.chat_model import ask_ahead
from xinstruct.records import Reason

SHOWN = 3  # of the calls that a writer proposed, which become cases and stand in the instruction


def generate(drafts: Sequence[Draft], context: SeedContext) -> None:
    """Fill in each draft's problem and response, or a reason.

    Problems and answers of all kinds are asked for together where they can be: engines are fastest with many at a time.
    """
    writer, responder, teacher = IGenerator(context), RGenerator(context), context.teacher
    known, new = [d for d in drafts if d.brief is None], [d for d in drafts if d.brief is not None]
    second = [draft for draft in known if draft.kind == "Ds2"]
    ones = _worded([draft for draft in known if draft.kind == "Ds1"], context)
    ask_ahead(teacher, [*writer.requests([*ones, *new]), *responder.requests(second)], "problems and answers of seeds")
    writer.write([*ones, *new])
    responder.write(second)
    answerable, twos, questions = _alive(ones), _worded(_alive(second), context), _questions(_alive(new), context)
    both = [task for _, question in questions for task in (question.target, question.witness)]
    answers = [*responder.requests(answerable), *first_requests(both, context.tries, context.seed)]
    ask_ahead(teacher, [*answers, *writer.requests(twos)], "answers and problems of seeds")
    responder.write(answerable)
    writer.write(twos)
    _agree(questions, context)
    if context.params.sufficiency:
        _check(_alive(ones), _alive(twos), context)
    _add_calls(_alive([*ones, *twos]), context)
    _choose(known, [*ones, *twos])
    for turn in range(1, context.params.revisions + 1):
        _revise(known, context, turn)


def _worded(drafts: Sequence[Draft], context: SeedContext) -> list[Draft]:
    return [worded for draft in drafts for worded in draft.wordings(context.params.wordings)]


def _alive(drafts: Sequence[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.reason is None]


def _check(ones: Sequence[Draft], twos: Sequence[Draft], context: SeedContext, turn: int = 0) -> None:
    """Fail wordings from which no answer passes, in their own language or in further ones.

    An answer of the teacher to D_s1 was written from the words alone already.
    """
    responder, further = RGenerator(context), range(context.params.also_in)
    unread = [*(draft for draft in ones if draft.mined), *twos]
    read = [draft for draft in ones if not draft.mined]
    elsewhere = [request for number in further for request in responder.check_in_requests(read, number, turn)]
    ask_ahead(context.teacher, [*responder.check_requests(unread, turn), *elsewhere], "answers")
    responder.check(unread, turn)
    for number in further:
        responder.check_in(_alive([*ones, *twos]), number, turn)


def _choose(drafts: Sequence[Draft], tried: Sequence[Draft]) -> None:
    """Let each draft take the best of its wordings."""
    own: dict[str, list[Draft]] = defaultdict(list)
    for worded in tried:
        own[worded.snippet.id].append(worded)
    for draft in drafts:
        if found := own.get(draft.snippet.id):
            draft.take(found)


def _revise(drafts: Sequence[Draft], context: SeedContext, turn: int) -> None:
    """Have insufficient instructions written anew, shown a call that an answer to them failed, and check them again."""
    writer, responder = IGenerator(context), RGenerator(context)
    lost = [draft for draft in drafts if draft.reason is Reason.INSUFFICIENT_INSTRUCTION]
    for draft in lost:
        draft.reopen()
    writer.write(lost, turn)
    again = _alive(lost)
    ones, twos = ([d for d in again if d.kind == kind] for kind in ("Ds1", "Ds2"))
    responder.write([draft for draft in ones if not draft.mined], turn)
    _check(_alive(ones), twos, context, turn)
    _add_calls(_alive(again), context)


def _add_calls(drafts: Sequence[Draft], context: SeedContext) -> None:
    """Run the calls that a problem's writer proposed; those on which function and answer agree become its first cases.

    They are what somebody would choose who explains it, where drawn inputs are any. Where the two differ the words are
    insufficient.
    """
    largest = largest_int(tuple(context.languages))
    jobs: list[Job] = []
    for draft in drafts:
        rows = [list(row) for row in draft.proposals if fits(draft.signature, row, largest)]
        cases = tuple(Case(tuple(row)) for row in rows)
        for tag, code in (("function", draft.reference), ("answer", draft.response)):
            words = (draft.snippet.language, code, draft.name, draft.signature, cases)
            jobs.append(Job(f"{draft.snippet.id}-{tag}{draft.mark}", *words))
    verdicts = iter(context.judge.observe(jobs, "running proposed calls") if jobs else [])
    for draft, job in zip(drafts, jobs[::2], strict=True):
        _take_calls(draft, job.cases, next(verdicts), next(verdicts))


def _take_calls(draft: Draft, asked: Sequence[Case], function: Verdict, answer: Verdict) -> None:
    if function.verdict != "passed" or answer.verdict != "passed":
        return
    kind, known = draft.signature.returns, [case.args for case in draft.cases]
    fresh: list[Case] = []
    for case, left, right, *errors in zip(
        asked, function.values, answer.values, function.errors, answer.errors, strict=True
    ):
        if errors[0] or not conforms(kind, left):
            continue
        if errors[1] or not same(kind, left, right):
            draft.fail(Reason.INSUFFICIENT_INSTRUCTION, "a call that its writer proposed is answered otherwise")
        elif case.args not in known:
            fresh.append(Case(case.args, left))
    draft.cases = [*fresh[:SHOWN], *draft.cases]


def _questions(drafts: Sequence[Draft], context: SeedContext) -> list[tuple[Draft, Question]]:
    """Return the new problems that two languages can be asked."""
    return [(d, question) for d in drafts if (question := _question(d, context)) is not None]


def _agree(asked: Sequence[tuple[Draft, Question]], context: SeedContext) -> None:
    """Answer new problems in the spirit of snippets; the snippet's language and a witness must agree on the results."""
    questions = [question for _, question in asked]
    agree(questions, context.teacher, context.judge, context.tries, context.seed)
    keep_telling(questions, context.judge, context.params)
    for draft, question in asked:
        if isinstance(question.outcome, Agreed):
            draft.response, draft.cases = question.outcome.answer.code, list(question.outcome.cases)
        else:
            draft.fail(*question.outcome)


def _question(draft: Draft, context: SeedContext) -> Question | None:
    """Return a new problem as a question of two languages; None, with its reason, where one cannot express it."""
    own = draft.snippet.language
    both, responder = (own, witness_of(own, context.params.witness, context.languages)), RGenerator(context)
    for language in both:
        name = get(language).identifier(draft.name)
        if not (supports(language, name, draft.signature) and declarable(language, name)):
            draft.fail(Reason.UNSUPPORTED, f"{get(language).title} cannot express {name}{draft.signature}")
            return None
    count, seed = context.params.agreement_inputs, int(draft.snippet.id, 16)
    drawn = draw_inputs(draft.signature, count, seed, proposals=draft.proposals, languages=context.languages)
    one, two = (responder.task(draft, f"-{language}", language) for language in both)
    return Question(one, two, drawn.rows, proposals=draft.proposals)
