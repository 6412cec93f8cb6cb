"""One discussion F of d agents: its speakers, its prompt in the paper's block order, its outcome.

Centralized, F(A1; A2..Ad): A1 is the main agent, the new problem is based on its sample and goes to its
memory. Parallel, F(A1, .., Ad): all agents are equal, the base is drawn among their samples and every memory
gets the new one. Discussions are drawn in society.py and answered in answers.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from xinstruct.agents.agent import LanguageAgent
from xinstruct.agents.operations import Operation
from xinstruct.agents.prefill import as_asked, continuation, uses_prefill
from xinstruct.agents.tasks import Thread, first_sentence, instruction, instruction_start, request_seed
from xinstruct.code.lexical import split_arguments
from xinstruct.code.types import Case, Parameter, Signature, Type, TypeSyntaxError, cases_from_json
from xinstruct.languages import get
from xinstruct.llm.client import Request
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render, user
from xinstruct.records import Reason, Sample

if TYPE_CHECKING:
    from xinstruct.agents.answers import Candidate

Topology = Literal["centralized", "parallel"]
_SIGNATURE = re.compile(r"^\W*signature\W+(\w+)\s*\((.*)\)\s*->\s*([\w<>, ]+?)\W*$", re.I | re.M)


@dataclass(frozen=True)
class TaskMaterial:
    """Code that a task shows: part of an answer, a broken variant with its error, or the base's own code."""

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
    lead: Discussion | None = None  # of one_to_many: the part whose created prompt this one shares
    others: tuple[str, ...] = ()  # further target languages of the same meeting
    created: str = ""  # the created instruction, complete
    name: str = ""
    signature: Signature = field(default_factory=lambda: Signature((), Type("none")))
    reason: Reason | None = None  # why it came to nothing
    detail: str = ""
    attempt: Candidate | None = None  # of a task that failed: the code that came furthest
    material: TaskMaterial | None = None  # what its task type shows; None until an answer was verified
    explanation: str = ""

    def __post_init__(self) -> None:
        self.thread = Thread("synthesize", self.id, self.round)
        self.name = get(self.target).identifier(self.source.function)
        self.signature = Signature.from_json(self.source.signature)

    @property
    def source(self) -> Sample:
        """The sample that the new problem is based on."""
        return self.communicated[self.base]

    @property
    def speaker(self) -> LanguageAgent:
        """The agent whose sample is the base; it is A1 when there is a main agent."""
        return self.agents[self.base]

    @property
    def learners(self) -> list[LanguageAgent]:
        """The agents whose memory and reflection get the outcome."""
        return [self.speaker] if self.topology == "centralized" else self.agents

    @property
    def cases(self) -> list[Case]:
        """The base's cases, which check an answer when the operation keeps the behaviour."""
        return cases_from_json(self.source.cases)

    def fail(self, reason: Reason | str, detail: str = "") -> None:
        """Record why the discussion failed; the first reason stays."""
        if self.reason is None:
            self.reason, self.detail = Reason(reason), detail

    def prompt(self, params: SynthesizeParams, seed: int) -> Request:
        """Build F's request: role, [Memory], [Reflection], [Communication], [Goal], [Guidelines], [Created Prompt]."""
        start = instruction_start(self.target, self.name)
        words = {"title": get(self.target).title, "base": self.base + 1, "start": start, "signature": self.signature}
        own = params.new_signature == "teacher"
        titles = ", ".join(get(name).title for name in self.others)
        goal, guidelines, closing = self.operation.words(own, self.shape, others=titles, **words)
        text = render(
            "discussion",
            role=self.speaker.profile,
            memory=self._memory(params),
            reflection="\n".join(filter(None, (agent.reflection.text for agent in self.learners))),
            communication=self._communication(params.block_chars),
            goal=goal,
            guidelines=guidelines,
            closing=closing,
        )
        return self.created_request(f"{self.id}-prompt", text, params, seed)

    def created_request(self, ident: str, text: str, params: SynthesizeParams, seed: int) -> Request:
        """Return a request whose answer is a created prompt, with its first words as the prefill."""
        own = params.new_signature == "teacher"
        request = Request(
            id=ident,
            messages=(user(text),),
            prefill=instruction_start(self.target, self.name),
            max_tokens=params.prompt_tokens,
            temperature=params.prompt_temperature,
            stop=("```",) if own else ("\n", "```"),
            seed=request_seed(seed, ident),
        )
        return as_asked(request, uses_prefill(params))

    def _memory(self, params: SynthesizeParams) -> list[dict[str, str]]:
        """Return title and first line of the learners' remembered samples that are not communicated anyway."""
        shown = {sample.id for sample in self.communicated}
        found: dict[str, Sample] = {}
        for agent in self.learners:
            found |= {sample.id: sample for sample in agent.memory.samples if sample.id not in shown}
        latest = list(found.values())[-params.memory_shown :] if params.memory_shown else []
        return [{"title": get(s.language).title, "text": s.instruction.split("\n", 1)[0]} for s in latest]

    def _communication(self, limit: int) -> list[dict[str, Any]]:
        rows = zip(self.agents, self.communicated, strict=True)
        return [
            {
                "title": get(sample.language).title,
                "fence": get(sample.language).fence,
                "text": sample.instruction.split("\n", 1)[0],
                "code": clip(sample.code.strip(), limit),
                "main": self.topology == "centralized" and agent is self.speaker,
            }
            for agent, sample in rows
        ]

    def accept(self, text: str, params: SynthesizeParams) -> None:
        """Store the teacher's created prompt and, when new_signature is teacher, the signature that it states."""
        sentence = first_sentence(continuation(text, instruction_start(self.target, self.name), uses_prefill(params)))
        if not sentence:
            return self.fail(Reason.EMPTY_ANSWER, "the created prompt is empty")
        if other := _other_language(sentence, self.target):
            return self.fail(Reason.WRONG_LANGUAGE, f"asks for {other}: {sentence}")
        if not self.operation.keeps_behaviour and params.new_signature == "teacher":
            self._read_signature(text)
        self.created = f"{instruction_start(self.target, self.name)} {sentence}"
        return None

    def _read_signature(self, text: str) -> None:
        match = _SIGNATURE.search(text)
        if match is None:
            return self.fail(Reason.NO_SIGNATURE, f"no signature line in {text!r:.200}")
        try:
            params = [part.split(":", 1) for part in split_arguments(match[2])]
            fields = tuple(Parameter(name.strip(), Type.parse(kind)) for name, kind in params)
            self.signature = Signature(fields, Type.parse(match[3]))
            self.name = get(self.target).identifier(match[1])
        except (TypeSyntaxError, ValueError) as error:
            self.fail(Reason.NO_SIGNATURE, str(error))
        return None

    def full_instruction(self, cases: list[Case]) -> str:
        """Return the final question: the created prompt with signature and two calls."""
        declared = get(self.target).header(self.name, self.signature).rstrip()
        kind = self.task if self.material else "generation"
        return instruction(self.created, self.target, self.name, declared, self.signature, cases, kind, self.material)


def clip(text: str, limit: int) -> str:
    """Cut a text longer than `limit` characters at the end of a line and mark the cut."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit("\n", 1)[0] + "\n..."


def _other_language(sentence: str, target: str) -> str:
    from xinstruct.languages import EIGHT, get

    for language in map(get, EIGHT):
        found = re.search(rf"(?<!\w){re.escape(language.title)} (?:function|program|code|script)\b", sentence)
        if found and language.name != target:
            return language.title
    return ""
