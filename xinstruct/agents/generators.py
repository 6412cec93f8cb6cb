"""I-Generator and R-Generator: who writes instructions and responses of the seed samples (paper section 2.2).

In which order they are asked, and which of several wordings of a problem is taken, is in seeding.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xinstruct.agents.answers import Task, Tries, answer, first_requests, generation
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.examples import solutions
from xinstruct.agents.prefill import blind, uses_prefill
from xinstruct.agents.seeds import Draft
from xinstruct.agents.tasks import declarable, supports
from xinstruct.agents.verification import insufficient
from xinstruct.agents.wording import calls, draw_style, failed_call
from xinstruct.agents.writing import Form, Unwritten
from xinstruct.languages import get
from xinstruct.languages.header import without_imports
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SeedParams
from xinstruct.prompts import render

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
        return Tries(*waves, own.max_tokens, own.temperature, uses_prefill(own), own.top_p)

    @property
    def tries_of_wording(self) -> Tries:
        """The settings of answers to one of several wordings."""
        count = max(1, self.params.candidates // self.params.wordings)
        return replace(self.tries, candidates=count, wave=min(self.tries.wave, count))


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
        likeliest = not (draft.wording or draft.brief or turn)  # the first description of a function
        temperature = 0.0 if likeliest else self.params.instruction_temperature
        ident = f"{snippet.id}-instruction{turn or ''}{draft.mark}"
        prefill = uses_prefill(self.params)
        return form.request(ident, text, temperature, self.context.seed, prefill, self.params.top_p)

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
        self._answer(tasks, self._tries(drafts))
        for draft, task in zip(drafts, tasks, strict=True):
            if task.best:
                draft.response = task.best.code
            else:
                draft.fail(*insufficient(task, shown=draft.problem is None))

    def requests(self, drafts: Sequence[Draft]) -> list[Request]:
        """Return what is asked first for the responses of these drafts."""
        if self.params.response == "function":
            return []
        return first_requests(self._tasks(drafts), self._tries(drafts), self.context.seed)

    def check(self, drafts: Sequence[Draft], turn: int = 0) -> None:
        """Ask for answers from the final instructions alone; a draft without a passing one is insufficient."""
        self._check(drafts, self._checks(drafts, turn))

    def check_in(self, drafts: Sequence[Draft], number: int, turn: int = 0) -> None:
        """Ask for answers in a further language, the witness being the first: words that one language takes otherwise.

        A language that cannot express a draft says nothing about it.
        """
        found = [(draft, task) for draft in drafts if (task := self._elsewhere(draft, number, turn)) is not None]
        self._check([draft for draft, _ in found], [task for _, task in found])

    def check_requests(self, drafts: Sequence[Draft], turn: int = 0) -> list[Request]:
        """Return what `check` asks first."""
        return first_requests(self._checks(drafts, turn), self.context.tries_of_wording, self.context.seed)

    def check_in_requests(self, drafts: Sequence[Draft], number: int, turn: int = 0) -> list[Request]:
        """Return what `check_in` asks first."""
        tasks = [task for draft in drafts if (task := self._elsewhere(draft, number, turn)) is not None]
        return first_requests(tasks, self.context.tries_of_wording, self.context.seed)

    def _check(self, drafts: Sequence[Draft], tasks: list[Task]) -> None:
        self._answer(tasks, self.context.tries_of_wording)
        for draft, task in zip(drafts, tasks, strict=True):
            if not task.best:
                draft.fail(*insufficient(task))

    def _answer(self, tasks: list[Task], tries: Tries) -> None:
        answer(tasks, self.context.teacher, self.context.judge, tries, self.context.seed)

    def _tries(self, drafts: Sequence[Draft]) -> Tries:
        """Return the settings of drafts that all have a problem, or none."""
        worded = bool(drafts) and drafts[0].problem is not None
        return self.context.tries_of_wording if worded else self.context.tries

    def _tasks(self, drafts: Sequence[Draft], turn: int = 0) -> list[Task]:
        mark = str(turn or "")
        return [self.task(draft, mark) if draft.problem else self._rewriting(draft) for draft in drafts]

    def _checks(self, drafts: Sequence[Draft], turn: int = 0) -> list[Task]:
        return [self.task(draft, f"-check{turn or ''}") for draft in drafts]

    def _elsewhere(self, draft: Draft, number: int, turn: int = 0) -> Task | None:
        languages, own = self.context.languages, draft.snippet.language
        others = [
            name for name in dict.fromkeys([self.params.witness, *languages]) if name in languages and name != own
        ]
        if number >= len(others):
            return None
        language = others[number]
        name = get(language).identifier(draft.name)
        if not (supports(language, name, draft.signature) and declarable(language, name)):
            return None
        return self.task(draft, f"-in-{language}{turn or ''}", language)

    def task(self, draft: Draft, mark: str = "", language: str = "") -> Task:
        """Return the task of answering a draft's instruction, in its own language or in a witness's."""
        spoken = language or draft.snippet.language
        name = get(spoken).identifier(draft.name) if language else draft.name
        return Task(
            id=f"{draft.snippet.id}-response{mark}{draft.mark}",
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
