"""Answers to a task: the teacher writes several candidates and the judge selects.

The help that a weak teacher needs is built in and costs a strong one nothing: worked examples before the
question, a prefilled signature, several candidates, execution as the only arbiter. Candidates are
requested in waves; a task that has its answer is not asked again. Tasks without cases are handled in
agreement.py, the wording of a task in wording.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xinstruct.agents.answer_checks import SUSPECT, fence_language, rejection_reason
from xinstruct.agents.cases import JudgeProtocol
from xinstruct.agents.prefill import uses_prefill
from xinstruct.agents.tasks import Thread, call_failure, request_seed
from xinstruct.agents.wording import failed_call
from xinstruct.code.completion import body_of, complete, stops, whole_answer
from xinstruct.code.lexical import comments
from xinstruct.code.trailing import without_tests
from xinstruct.code.types import Case, Signature
from xinstruct.code.unused import without_unused_imports
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get
from xinstruct.languages.header import FunctionHeader
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import assistant, render, user
from xinstruct.records import Reason

# How far a failed candidate came; the furthest one speaks for its task.
PROGRESS = (
    Reason.INFRASTRUCTURE, Reason.BUDGET, Reason.LLM_ERROR, Reason.EMPTY_ANSWER, Reason.TRUNCATED, Reason.UNSUPPORTED,
    Reason.COPIED_PROMPT, Reason.WRONG_LANGUAGE, Reason.COMPILE_ERROR, Reason.FORGED, Reason.OUTPUT_LIMIT,
    Reason.MEMORY, Reason.TIMEOUT, Reason.RUNTIME_ERROR, Reason.WRONG_ANSWER,
)  # fmt: skip

FENCE_END = "\n```\n"  # of an answer without prefill: what follows its code is not wanted
FEEDBACK_CHARS = 400  # of what the judge said


@dataclass(frozen=True)
class Tries:
    """How many answers are requested, how many of them at a time (`wave`), and with which sampling settings."""

    candidates: int
    wave: int
    feedback_turns: int  # further ones, each shown the failed answer before
    max_tokens: int
    temperature: float
    prefill: bool
    top_p: float = 1.0


def tries(params: SynthesizeParams) -> Tries:
    """Return the settings of the synthesize section."""
    waves = (params.candidates, params.wave or params.candidates, params.feedback_turns)
    return Tries(*waves, params.max_tokens, params.temperature, uses_prefill(params), params.top_p)


@dataclass
class Candidate:
    """One answer of the teacher to a task: its code, or the reason why it has none (`failure`)."""

    index: int
    text: str
    code: str
    tokens: int
    failure: str = ""
    verdict: Verdict | None = None
    body: str | None = None  # of an answer without prefill: its code without the function's first line

    @property
    def outcome(self) -> str:
        """ "passed" or the reason why it failed."""
        return self.failure or (self.verdict.verdict if self.verdict else Reason.INFRASTRUCTURE)

    @property
    def detail(self) -> str:
        """The judge's message, "" when there is none."""
        return self.verdict.detail if self.verdict else ""


@dataclass
class Task:
    """A question in one language. `question` is the last user turn; `examples` are shown before it as turns."""

    id: str
    language: str
    name: str
    signature: Signature
    question: str
    cases: tuple[Case, ...]
    thread: Thread
    examples: list[tuple[str, str]] = field(default_factory=list)
    max_tokens: int = 0  # 0: what the params say; a translation needs no more than about twice its source
    candidates: list[Candidate] = field(default_factory=list)
    feedback: tuple[dict[str, str], ...] = ()  # a failed answer and what running it said, as further turns
    partial: FunctionHeader | None = None  # a header followed by a part of the body

    @property
    def best(self) -> Candidate | None:
        """The first passing candidate, one with comments before one without."""
        passing = [c for c in self.candidates if c.outcome == "passed"]
        return min(passing, key=lambda c: (not has_comments(self.language, c.code), c.index), default=None)

    @property
    def failure(self) -> tuple[Reason, str]:
        """The outcome and detail of the failed candidate that got furthest."""
        if not self.candidates:
            return Reason.EMPTY_ANSWER, "no candidate"
        furthest = self.furthest
        return Reason(furthest.outcome), furthest.detail

    @property
    def furthest(self) -> Candidate:
        """The failed candidate that got furthest. The task must have a candidate."""
        return max(self.candidates, key=lambda c: (PROGRESS.index(Reason(c.outcome)), -c.index))

    @property
    def header(self) -> FunctionHeader:
        """The header that an answer continues, with the code around it."""
        return self.partial or FunctionHeader.of(self.language, self.name, self.signature)

    def request(self, index: int, tries: Tries, seed: int) -> Request:
        """Return the prompt of one candidate: worked examples as turns, the question, the prefill."""
        turns = [message for q, a in self.examples for message in (user(q), assistant(a))]
        ident, most = f"{self.id}-{index}", tries.max_tokens
        first_of_several = index == 0 and tries.candidates > 1 and not tries.prefill
        request = Request(
            id=ident,
            messages=(*turns, user(self.question), *self.feedback),
            max_tokens=min(most, self.max_tokens or most) if tries.prefill else most,
            # a capable teacher's likeliest answer is the best one to try first
            temperature=0.0 if first_of_several or tries.candidates == 1 else tries.temperature,
            top_p=tries.top_p,
            stop=stops(self.language) if tries.prefill else (FENCE_END,),
            keep_stop=not tries.prefill,
            seed=request_seed(seed, ident),
        )
        # no line break at the end: the model's own tokens for "line break and indent" must stay possible
        prefill = f"```{get(self.language).fence}\n{self.header.bare}" if tries.prefill else ""
        return replace(request, prefill=prefill)

    def job(self, candidate: Candidate, cases: Sequence[Case]) -> Job:
        """Return a job that runs one candidate."""
        return Job(
            id=f"{self.id}-{candidate.index}",
            language=self.language,
            code=candidate.code,
            function=self.name,
            signature=self.signature,
            cases=tuple(cases),
        )

    def take(self, index: int, answer: Answer, prefill: bool = True) -> Candidate:
        """Turn an answer into a candidate with completed code, or with the reason why it has none."""
        if not prefill:
            return self._take_whole(index, answer)
        function, closed = complete(self.language, self.header.bare, answer.text, answer.finish_reason)
        code = self.header.whole(function)
        failure = ""
        if answer.error or answer.finish_reason == "error":
            failure = call_failure(answer.error)
        elif not answer.text.split("```")[0].strip():
            other = fence_language(answer.text) not in ("", self.language)
            failure = Reason.WRONG_LANGUAGE if other else Reason.EMPTY_ANSWER
        elif answer.finish_reason == "length" and not closed:
            failure = Reason.TRUNCATED
        return Candidate(index, answer.text, code, answer.completion_tokens, failure)

    def _take_whole(self, index: int, answer: Answer) -> Candidate:
        """Turn an answer without prefill into a candidate; its code stands in a fenced block."""
        code, failure = self._needed(whole_answer(self.language, self.name, answer.text)), ""
        if answer.error or answer.finish_reason == "error":
            failure = call_failure(answer.error)
        elif not code.strip():
            failure = Reason.EMPTY_ANSWER
        elif answer.finish_reason == "length" and answer.text.count("```") % 2:
            failure = Reason.TRUNCATED
        return Candidate(index, answer.text, code, answer.completion_tokens, failure, body=body_of(code, self.name))

    def _needed(self, code: str) -> str:
        """Return code without the imports, tests and main programs that it seems not to need; judging tells."""
        return without_unused_imports(self.language, without_tests(self.language, code, self.name))

    def add_feedback(self) -> bool:
        """Show the next try the failed answer that got furthest and its error. Returns False when no answer ran."""
        ran = [c for c in self.candidates if c.verdict is not None]
        if not ran:
            return False
        shown = max(ran, key=lambda c: (PROGRESS.index(Reason(c.outcome)), c.index))
        code, title = fenced(self.language, self.header.alone(shown.code)), get(self.language).title
        detail = failed_call(shown.detail, self.cases, self.name, self.signature, self.language)[:FEEDBACK_CHARS]
        words = render("feedback", verdict=shown.outcome.replace("_", " "), detail=detail, title=title)
        self.feedback = (assistant(code), user(words))
        return True

    def settle(self, candidate: Candidate, verdict: Verdict) -> None:
        """Store the judge's verdict; an answer that did not run is also checked for copies and other languages."""
        candidate.verdict = verdict
        if verdict.verdict in SUSPECT:
            text, body = candidate.text, candidate.body
            if body is None:
                body = text.split("```")[0]
            else:  # what it says before its code is no part of it
                text = text[max(0, text.find("```")) :]
            candidate.failure = (
                rejection_reason(text, body, self.question, self.language, self.name, self.signature) or ""
            )


def translation(language: str, code: str, target: str) -> str:
    """Return the question that asks for a translation of a function."""
    source = get(language)
    title = get(target).title
    return render(
        "translate", source_title=source.title, source_fence=source.fence, target_title=title, code=code.strip()
    )


def generation(instruction: str, language: str, reflection: str = "") -> str:
    """Return the question that asks for a solution of a problem; `reflection` says what failed before."""
    return render("respond", instruction=instruction, title=get(language).title, reflection=reflection)


def has_comments(language: str, code: str) -> bool:
    """Tell whether code has a comment."""
    return bool(comments(language, code))


def fenced(language: str, code: str) -> str:
    """Format code as the answer that is expected: one fenced block."""
    return render("answer", fence=get(language).fence, code=code.strip())


def answer(tasks: Sequence[Task], teacher: ChatModel, judge: JudgeProtocol, tries: Tries, seed: int) -> None:
    """Fill in the tasks' candidates and verdicts, wave by wave, until each task is solved or out of tries."""
    total, wave = tries.candidates, tries.wave
    waves = [range(first, min(first + wave, total)) for first in range(0, total, wave)]
    waves += [range(turn, turn + 1) for turn in range(total, total + tries.feedback_turns)]
    for indices in waves:
        unsolved = [task for task in tasks if task.best is None]
        if indices.start >= total:
            unsolved = [task for task in unsolved if task.add_feedback()]
        purpose = "feedback" if indices.start >= total else "answers"
        fresh = ask(unsolved, indices, teacher, tries, seed, purpose)
        jobs = [(task, candidate) for task, candidate in fresh if not candidate.failure]
        verdicts = judge.judge([task.job(c, task.cases) for task, c in jobs]) if jobs else []
        for (task, candidate), verdict in zip(jobs, verdicts, strict=True):
            task.settle(candidate, verdict)
        for task, candidate in fresh:
            record(task, candidate)


def first_requests(tasks: Sequence[Task], tries: Tries, seed: int) -> list[Request]:
    """Return the requests of the tasks' first wave, for asking several steps at once (chat_model.ask_ahead)."""
    return [task.request(index, tries, seed) for task in tasks for index in range(tries.wave)]


def ask(
    tasks: Sequence[Task], indices: range, teacher: ChatModel, tries: Tries, seed: int, purpose: str = "answers"
) -> list[tuple[Task, Candidate]]:
    """Request these candidates of each task. Returns those with new code; repeated code only costs tokens."""
    wanted = [(task, index, task.request(index, tries, seed)) for task in tasks for index in indices]
    answers = teacher.ask([request for _, _, request in wanted], purpose) if wanted else []
    fresh: list[tuple[Task, Candidate]] = []
    for (task, index, request), reply in zip(wanted, answers, strict=True):
        if index == 0 or task.feedback:
            task.thread.prompt(request, language=task.language)
        task.thread.tokens += reply.completion_tokens
        candidate = task.take(index, reply, tries.prefill)
        if candidate.code not in {c.code for c in task.candidates}:
            task.candidates.append(candidate)
            fresh.append((task, candidate))
        else:
            task.thread.note(candidate.text, candidate.tokens, language=task.language)
    return fresh


def record(task: Task, candidate: Candidate) -> None:
    """Write a candidate and its outcome into the thread of its task."""
    task.thread.note(candidate.text, candidate.tokens, language=task.language)
    verdict = candidate.verdict
    share = verdict.passed / verdict.total if verdict and verdict.total else 0.0
    text = f"{candidate.outcome}: {candidate.detail}" if candidate.detail else candidate.outcome
    task.thread.add("verdict", text[:2000], language=task.language, value=share)
