"""One discussion F of d agents: its speakers, its prompt in the paper's block order, its outcome.

Centralized, F(A1; A2..Ad): A1 is the main agent, the new problem starts from its sample and goes to its
memory. Parallel, F(A1, .., Ad): all agents are equal, the new problem starts from all samples and every memory
gets it. The created prompt is a problem; answers are written from nothing else. Discussions are drawn in society.py and
answered in verification.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from xinstruct.agents.agent import LanguageAgent
from xinstruct.agents.operations import Operation
from xinstruct.agents.prefill import uses_prefill
from xinstruct.agents.problem import Problem
from xinstruct.agents.tasks import Thread, header
from xinstruct.agents.wording import Wording, draw_style
from xinstruct.agents.writing import Brief, Form, Unwritten, draw_rule
from xinstruct.code.types import Case, Signature, cases_from_json
from xinstruct.languages import get
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render
from xinstruct.records import Reason, Sample

if TYPE_CHECKING:
    from xinstruct.agents.answers import Candidate

Topology = Literal["centralized", "parallel"]


@dataclass(frozen=True)
class TaskMaterial:
    """Code that a task shows: part of an answer, a broken variant with its error, or the same function elsewhere."""

    code: str
    language: str = ""  # where it is not the target's
    error: str = ""


@dataclass
class Discussion:
    """One discussion, as it was drawn. `base` is an index into `agents` and `communicated`."""

    id: str
    round: int
    topology: Topology
    agents: list[LanguageAgent]
    communicated: list[Sample]
    base: int
    target: str
    operation: Operation
    shape: str = "one_to_one"
    task: str = "generation"
    lead: Discussion | None = None  # of one_to_many: the part whose problem and cases this one carries over
    others: tuple[str, ...] = ()  # further target languages of the same meeting
    problem: Problem | None = None  # the created prompt
    proposals: tuple[tuple[Any, ...], ...] = ()  # argument lists that the teacher named
    name: str = ""
    signature: Signature = field(init=False)
    style: str = ""
    reason: Reason | None = None  # why it came to nothing
    detail: str = ""
    attempt: Candidate | None = None  # of a task that failed: the code that came furthest
    material: TaskMaterial | None = None  # what its task type shows; None until there is something
    explanation: str = ""
    cases: list[Case] = field(init=False)  # that check its answers; a new problem has none before its agreement

    def __post_init__(self) -> None:
        self.thread = Thread("synthesize", self.id, self.round)
        self.name = self.name or get(self.target).identifier(self.source.function)
        self.signature = Signature.from_json(self.source.signature)
        self.cases = cases_from_json(self.source.cases) if self.operation.keeps_behaviour else []

    @property
    def source(self) -> Sample:
        """The sample that the new problem starts from."""
        return self.communicated[self.base]

    @property
    def speaker(self) -> LanguageAgent:
        """The agent whose sample is the base; it is A1 when there is a main agent."""
        return self.agents[self.base]

    @property
    def central(self) -> bool:
        """True if there is a main agent."""
        return self.topology == "centralized"

    @property
    def learners(self) -> list[LanguageAgent]:
        """The agents whose memory and reflection get the outcome."""
        return [self.speaker] if self.central else self.agents

    @property
    def reflection(self) -> str:
        """What the learners remember of their latest samples and failures, "" when they remember nothing."""
        return "\n".join(filter(None, dict.fromkeys(agent.reflection.text for agent in self.learners)))

    def fail(self, reason: Reason | str, detail: str = "") -> None:
        """Record why the discussion failed; the first reason stays."""
        if self.reason is None:
            self.reason, self.detail = Reason(reason), detail

    def form(self, params: SynthesizeParams) -> Form:
        """Return the form in which the teacher is asked for the problem."""
        words = (self.target, self.name, self.signature, params.prompt_tokens)
        if params.form == "text":
            return Form("sentence", *words)
        if self.operation.form != "new" or params.new_signature == "keep":
            kind = "rule" if self.operation.form == "new" else self.operation.form
            return Form(
                kind,
                *words,
                Problem.of(self.source),
                rule=draw_rule(self.id, self.signature, self.operation.changes),
                calls=False,
            )
        brief = Brief.draw(self.id, unlike=self.signature if self.operation.retypes else None)
        own = params.new_signature == "teacher"
        return Form("own" if own else "new", self.target, self.name, brief.signature, params.prompt_tokens, brief=brief)

    def prompt(self, params: SynthesizeParams, seed: int) -> Request:
        """Build F's request: role, [Memory], [Reflection], [Communication], [Goal], [Guidelines], [Created Prompt]."""
        form = self.form(params)
        words = {"title": get(self.target).title, "base": self.base + 1, "signature": self.signature}
        keeps = form.name in ("sentence", "rule")
        titles = ", ".join(get(name).title for name in self.others)
        goal, guidelines = self.operation.words(self.central, keeps, self.shape, others=titles, **words)
        text = render(
            "discussion",
            role=self.speaker.profile,
            memory=self._memory(params),
            reflection=self.reflection,
            communication=self._communication(params.block_chars),
            goal=goal,
            guidelines=guidelines,
            closing=form.closing,
        )
        return self.created_request(f"{self.id}-prompt", text, form, params, seed)

    def created_request(self, ident: str, text: str, form: Form, params: SynthesizeParams, seed: int) -> Request:
        """Return a request whose answer is a created prompt."""
        prefill = uses_prefill(params)
        return form.request(ident, text, params.prompt_temperature, seed, prefill, params.top_p)

    def _memory(self, params: SynthesizeParams) -> list[dict[str, str]]:
        """Return title and problem of the learners' latest remembered samples that are not communicated anyway."""
        shown = {sample.id for sample in self.communicated}
        found: dict[str, Sample] = {}
        for agent in self.learners:
            found |= {sample.id: sample for sample in agent.memory.samples if sample.id not in shown}
        latest = list(found.values())[-params.memory_shown :] if params.memory_shown else []
        return [{"title": get(s.language).title, "text": first_words(Problem.of(s).text)} for s in latest]

    def _communication(self, limit: int) -> list[dict[str, Any]]:
        rows = zip(self.agents, self.communicated, strict=True)
        return [
            {
                "title": get(sample.language).title,
                "fence": get(sample.language).fence,
                "text": clip(Problem.of(sample).statement, 2 * limit),
                "code": clip(sample.code.strip(), limit),
                "main": self.central and agent is self.speaker,
            }
            for agent, sample in rows
        ]

    def accept(self, reply: Answer, params: SynthesizeParams) -> None:
        """Store the problem that the teacher created, with name, signature and calls of a new one."""
        try:
            written = self.form(params).read(reply, uses_prefill(params))
        except Unwritten as error:
            return self.fail(error.reason, error.detail)
        self.problem, self.proposals = written.problem, written.calls
        self.signature = written.signature or self.signature
        if written.name:
            self.name = get(self.target).identifier(written.name)
        self.style = draw_style(self.id, params.form)
        return None

    def takes_base_words(self) -> bool:
        """Take the base's own words, which an answer has passed from, where its rewording proved insufficient."""
        base = Problem.of(self.source)
        if self.reason is not Reason.INSUFFICIENT_INSTRUCTION or self.problem == base:
            return False
        self.problem, self.reason, self.attempt = base, None, None
        self.thread.add("answer", base.statement, agent=self.speaker.id, language=self.target)
        return True

    def in_language(self, language: str) -> Discussion:
        """Return the same problem as a task of another language, in a discussion that has no turns of its own."""
        if language == self.target:
            return self
        twin = replace(self, target=language, name=get(language).identifier(self.name), material=None)
        twin.signature, twin.cases = self.signature, self.cases
        return twin

    def full_instruction(self, cases: list[Case]) -> str:
        """Return the final question: the created prompt in its style, with signature and example calls."""
        if self.problem is None:
            raise ValueError(f"discussion {self.id} has no created prompt")
        declared = header(self.target, self.name, self.signature).rstrip()
        kind = self.task if self.material else "generation"
        worded = Wording(self.problem, self.style, self.target, self.name, declared, self.signature)
        return worded.instruction(cases, kind, self.material)


def first_words(text: str, limit: int = 140) -> str:
    """Return a problem's beginning, by which a writer recognises it."""
    return text if len(text) <= limit else f"{text[:limit].rsplit(' ', 1)[0]} ..."


def clip(text: str, limit: int) -> str:
    """Cut a text longer than `limit` characters at the end of a line and mark the cut."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit("\n", 1)[0] + "\n..."
