"""I-Generator and R-Generator: who writes instructions and responses of the seed samples (paper section 2.2).

D_s1 runs I then R, D_s2 runs R then I. With `sufficiency`, a sample is kept only if an answer written from its final
instruction alone passes its cases, which are more than the calls printed in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xinstruct.agents.agreement import Agreed, Question, agree, keep_telling, witness_of
from xinstruct.agents.answers import Task, Tries, answer, first_requests, generation
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.examples import solutions
from xinstruct.agents.inputs import draw_inputs
from xinstruct.agents.prefill import blind, uses_prefill
from xinstruct.agents.seeds import Draft
from xinstruct.agents.tasks import declarable, supports
from xinstruct.agents.verification import insufficient
from xinstruct.agents.wording import calls, draw_style, failed_call
from xinstruct.agents.writing import Form, Unwritten
from xinstruct.languages import get
from xinstruct.languages.header import without_imports
from xinstruct.llm.chat_model import ChatModel, ask_ahead
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SeedParams
from xinstruct.prompts import render
from xinstruct.records import Reason

DOC_CHARS, CODE_CHARS = 600, 1500
SHOWN_CALLS = 6  # of a function's recorded calls, to whoever describes it


@dataclass(frozen=True)
class SeedContext:
    """What all steps of making seeds share; `params` is the seed section, `languages` are those of the run."""

    teacher: ChatModel
    judge: JudgeProtocol
    params: SeedParams
    seed: int
    languages: Sequence[str]

    @property
    def tries(self) -> Tries:
        """The settings of answers."""
        own = self.params
        waves = (own.candidates, own.wave or own.candidates, 0)
        return Tries(*waves, own.max_tokens, own.temperature, uses_prefill(own))


class IGenerator:
    """Writes the problem of a draft: describes a known function, or invents one in a snippet's spirit."""

    def __init__(self, context: SeedContext) -> None:
        self.context, self.params = context, context.params

    def form(self, draft: Draft) -> Form:
        """Return the form in which the problem is asked for."""
        words = (draft.snippet.language, draft.name, draft.signature, self.params.instruction_tokens)
        if draft.brief:
            own = self.params.new_signature == "teacher"
            return Form("own" if own else "new", *words, brief=draft.brief)
        return Form("sentence" if self.params.form == "text" else "restate", *words)

    def request(self, draft: Draft, turn: int = 0) -> Request:
        """Return the prompt for one problem. A weak teacher is shown a function's documentation (D_s1) or its code.

        From turn 1 on it shows the text before and on what call an answer to it failed.
        """
        source = "doc" if draft.kind == "Ds1" else "code"
        snippet, form = draft.snippet, self.form(draft)
        # whoever describes a function in full must see what it calls
        whole = draft.reference if self.params.form == "json" and not draft.brief else snippet.code
        language, code = get(snippet.language), draft.response or whole
        evidence = failed_call(draft.detail, draft.cases, draft.name, draft.signature, snippet.language)
        text = render(
            "igenerator",
            mode="inspire" if draft.brief else "describe" if self.params.form == "json" else source,
            context=self.params.context,
            package=snippet.package,
            scope=snippet.scope,
            title=language.title,
            fence=language.fence,
            name=draft.name,
            signature=draft.signature,
            doc=snippet.doc.strip()[:DOC_CHARS],
            code=without_imports(code)[:CODE_CHARS],
            calls=calls(draft.cases, draft.signature, snippet.language, SHOWN_CALLS),
            before=draft.problem.statement if turn and draft.problem else "",
            evidence=evidence if turn else "",
            closing=form.closing,
        )
        temperature, prefill = self.params.instruction_temperature, uses_prefill(self.params)
        ident = f"{snippet.id}-instruction{turn or ''}"
        return form.request(ident, text, temperature, self.context.seed, prefill)

    def requests(self, drafts: Sequence[Draft], turn: int = 0) -> list[Request]:
        """Return what is asked for the problems of these drafts."""
        return [self.request(draft, turn) for draft in drafts]

    def write(self, drafts: Sequence[Draft], turn: int = 0) -> None:
        """Fill in each draft's problem, or its reason; from turn 1 on, anew."""
        requests = self.requests(drafts, turn)
        purpose = "revised problems of seeds" if turn else "problems of seeds"
        answers = self.context.teacher.ask(requests, purpose) if requests else []
        for draft, request, reply in zip(drafts, requests, answers, strict=True):
            draft.thread.prompt(request, agent="I-Generator", language=draft.snippet.language)
            draft.thread.answer(reply, agent="I-Generator", language=draft.snippet.language)
            self._take(draft, reply)

    def _take(self, draft: Draft, reply: Answer) -> None:
        try:
            written = self.form(draft).read(reply, uses_prefill(self.params))
        except Unwritten as error:
            return draft.fail(error.reason, error.detail)
        draft.problem, draft.proposals = written.problem, written.calls
        draft.style = draw_style(draft.snippet.id, self.params.form)
        if draft.brief:
            draft.signature = written.signature or draft.signature
            draft.name = get(draft.snippet.language).identifier(written.name or "solve")
        return None


class RGenerator:
    """Supplies responses: the mined function itself, or the teacher's answer checked by the cases."""

    def __init__(self, context: SeedContext) -> None:
        self.context, self.params = context, context.params

    def write(self, drafts: Sequence[Draft], turn: int = 0) -> None:
        """Fill in each draft's response, or its reason: from its problem if it has one, else from the function."""
        if self.params.response == "function":
            for draft in drafts:
                draft.response, draft.mined = draft.reference, True
                draft.thread.add("answer", draft.response, agent="R-Generator", language=draft.snippet.language)
            return
        tasks = self._tasks(drafts, turn)
        answer(tasks, self.context.teacher, self.context.judge, self.context.tries, self.context.seed)
        for draft, task in zip(drafts, tasks, strict=True):
            if task.best:
                draft.response = task.best.code
            else:
                draft.fail(*insufficient(task, shown=draft.problem is None))

    def requests(self, drafts: Sequence[Draft]) -> list[Request]:
        """Return what is asked first for the responses of these drafts."""
        if self.params.response == "function":
            return []
        return first_requests(self._tasks(drafts), self.context.tries, self.context.seed)

    def _tasks(self, drafts: Sequence[Draft], turn: int = 0) -> list[Task]:
        mark = str(turn or "")
        return [self.task(draft, mark) if draft.problem else self._rewriting(draft) for draft in drafts]

    def check(self, drafts: Sequence[Draft], turn: int = 0) -> None:
        """Ask for answers from the final instructions alone; a draft without a passing one is insufficient."""
        tasks = [self.task(draft, f"-check{turn or ''}") for draft in drafts]
        answer(tasks, self.context.teacher, self.context.judge, self.context.tries, self.context.seed)
        for draft, task in zip(drafts, tasks, strict=True):
            if not task.best:
                draft.fail(*insufficient(task))

    def task(self, draft: Draft, mark: str = "", language: str = "") -> Task:
        """Return the task of answering a draft's instruction, in its own language or in a witness's."""
        spoken = language or draft.snippet.language
        name = get(spoken).identifier(draft.name) if language else draft.name
        return Task(
            id=f"{draft.snippet.id}-response{mark}",
            language=spoken,
            name=name,
            signature=draft.signature,
            question=generation(draft.instruction(spoken, name, blind(self.params)), spoken),
            cases=tuple(draft.cases),
            thread=draft.thread,
            examples=list(solutions(spoken, self.params.examples)),
        )

    def _rewriting(self, draft: Draft) -> Task:
        """Return the task of writing a mined function anew; its signature is the neutral one."""
        snippet, spoken = draft.snippet, get(draft.snippet.language)
        question = render(
            "rgenerator",
            title=spoken.title,
            fence=spoken.fence,
            doc=snippet.doc.strip()[:DOC_CHARS],
            code=without_imports(draft.reference)[:CODE_CHARS],
            header=without_imports(spoken.header(draft.name, draft.signature)).rstrip(),
        )
        words = (f"{snippet.id}-response", snippet.language, draft.name, draft.signature)
        examples = list(solutions(snippet.language, self.params.examples))
        return Task(*words, question, tuple(draft.cases), draft.thread, examples)


def generate(drafts: Sequence[Draft], context: SeedContext) -> None:
    """Run I then R for D_s1 and R then I for D_s2; every draft gets its problem and response, or a reason.

    Problems and answers of all kinds are asked for together where they can be: engines are fastest with many at a time.
    """
    writer, responder, teacher = IGenerator(context), RGenerator(context), context.teacher
    known, new = [d for d in drafts if d.brief is None], [d for d in drafts if d.brief is not None]
    first, second = ([d for d in known if d.kind == kind] for kind in ("Ds1", "Ds2"))
    ask_ahead(teacher, [*writer.requests([*first, *new]), *responder.requests(second)], "problems and answers of seeds")
    writer.write([*first, *new])
    responder.write(second)
    first_alive, second_alive, questions = _alive(first), _alive(second), _questions(_alive(new), context)
    both = [task for _, question in questions for task in (question.target, question.witness)]
    answers = [*responder.requests(first_alive), *first_requests(both, context.tries, context.seed)]
    ask_ahead(teacher, [*answers, *writer.requests(second_alive)], "answers and problems of seeds")
    responder.write(first_alive)
    writer.write(second_alive)
    _agree(questions, context)
    if context.params.sufficiency:
        # an answer of the teacher to D_s1 was written from the instruction alone already
        responder.check(_alive([d for d in known if d.mined or d.kind == "Ds2"]))
        for turn in range(1, context.params.revisions + 1):
            _revise(known, writer, responder, turn)


def _revise(drafts: Sequence[Draft], writer: IGenerator, responder: RGenerator, turn: int) -> None:
    """Have insufficient instructions written anew, shown a call that an answer to them failed, and check them again."""
    lost = [draft for draft in drafts if draft.reason is Reason.INSUFFICIENT_INSTRUCTION]
    for draft in lost:
        draft.reopen()
    writer.write(lost, turn)
    again = [draft for draft in lost if draft.reason is None]
    responder.write([d for d in again if not d.response], turn)
    responder.check([d for d in again if d.response and (d.mined or d.kind == "Ds2")], turn)


def _alive(drafts: Sequence[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.reason is None]


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
    return Question(one, two, drawn.rows)
