"""Worked examples of an answer prompt: from memory, from peers, from a fixed set.

Before a problem: problems of the discussing agents' memories with their verified answers in the target language.
Before a translation: the same function in the source's language and in the target's. The fixed functions of
prompts/worked_examples.yaml exist in every language and are checked by a test. `example_order` in params.yaml sets
which come first, `examples` how many are shown: a capable teacher needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.agents.answers import fenced, generation, translation
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.problem import Problem
from xinstruct.agents.wording import Wording
from xinstruct.code.types import Case, Signature, Type
from xinstruct.code.types import Parameter as Param
from xinstruct.languages import Unsupported, get
from xinstruct.languages.header import bare, spelled_for, without_imports
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import table
from xinstruct.records import Sample

MAX_CHARS = 700  # a longer example crowds out the question


@dataclass(frozen=True)
class Worked:
    """A fixed function in every language; `code(language)` writes it with that language's header."""

    name: str
    sentence: str
    signature: Signature
    cases: tuple[Case, ...]
    bodies: dict[str, str]
    targets: tuple[str, ...] = ()  # languages that it is shown for; empty: all

    def function(self, language: str) -> str:
        """Return its name in the language's naming style."""
        return get(language).identifier(self.name)

    def code(self, language: str) -> str:
        """Return the complete code: header, body, footer."""
        spoken = get(language)
        opened = spoken.header(self.function(language), self.signature)
        return f"{opened}{self.bodies[language].rstrip()}\n{spoken.footer()}".rstrip() + "\n"

    def bare(self, language: str) -> str:
        """Return the function without the code around it."""
        return bare(language, self.function(language), self.signature, self.code(language))


def worked() -> list[Worked]:
    """Return all fixed examples in the order of the file."""
    return [_worked(row) for row in table("worked_examples")]


def _worked(row: dict[str, Any]) -> Worked:
    params = tuple(Param(name, Type.parse(kind)) for name, kind in row["params"].items())
    cases = tuple(Case(tuple(case["args"]), case["expected"]) for case in row["cases"])
    signature, targets = Signature(params, Type.parse(row["returns"])), tuple(row.get("targets", ()))
    return Worked(row["name"], row["sentence"], signature, cases, row["bodies"], targets)


def translations(discussion: Discussion, known: dict[str, Sample], params: SynthesizeParams) -> list[tuple[str, str]]:
    """Return the question and answer pairs shown before a translation, the most similar ones last."""
    sources = {
        "memory": lambda: _from_memory(discussion, known),
        "fixed": lambda: _fixed(discussion),
        "peers": lambda: _peers(discussion),
    }
    found = [pair for name in params.example_order for pair in sources[name]()]
    # the model leans on what it read last, so the preferred ones stand nearest to the question
    return found[: params.examples][::-1]


def neighbours(discussion: Discussion, known: dict[str, Sample], params: SynthesizeParams) -> list[tuple[str, str]]:
    """Return answered problems in the target language, shown before a problem; the preferred ones last."""
    sources = {
        "memory": lambda: _answered(_remembered(discussion), discussion),
        "fixed": lambda: list(solutions(discussion.target, params.examples)),
        "peers": lambda: _answered(discussion.communicated, discussion),
    }
    found = [pair for name in params.example_order for pair in sources[name]()] if params.examples else []
    return found[: params.examples][::-1]


def _answered(samples: Sequence[Sample], discussion: Discussion) -> list[tuple[str, str]]:
    own = [s for s in samples if s.language == discussion.target and s.task == "generation" and _fits(s)]
    return [
        (generation(s.instruction, s.language), fenced(s.language, shown(s)))
        for s in own
        if Problem.of(s) != discussion.problem
    ]


def _from_memory(discussion: Discussion, known: dict[str, Sample]) -> list[tuple[str, str]]:
    target = discussion.target
    pairs = []
    for sample in _remembered(discussion):
        if sample.language != target or sample.task != "translation":
            continue
        base = known.get(sample.parents[0])
        if base is not None and _fits(sample) and _fits(base) and base.id != discussion.source.id:
            question = translation(base.language, source_for(target, base), target)
            pairs.append((base.language == discussion.source.language, question, fenced(target, shown(sample))))
    pairs.sort(key=lambda pair: not pair[0])
    return [(question, reply) for _, question, reply in pairs]


def _remembered(discussion: Discussion) -> list[Sample]:
    found: dict[str, Sample] = {}
    for agent in discussion.agents:
        found |= {sample.id: sample for sample in agent.memory.samples}
    return list(found.values())


def _fixed(discussion: Discussion) -> list[tuple[str, str]]:
    """Return fixed pairs; those that share most types with the task come first."""
    wanted = discussion.signature.heads()
    source, target = discussion.source.language, discussion.target
    usable = [w for w in worked() if target in w.bodies and source in w.bodies and target in (w.targets or [target])]
    usable.sort(key=lambda w: (-len(wanted & w.signature.heads()), len(w.signature.heads() - wanted), not w.targets))
    shown_as = [spelled_for(target, source, w.bare(source), w.signature) for w in usable]
    return [
        (translation(source, text, target), fenced(target, w.bare(target)))
        for w, text in zip(usable, shown_as, strict=True)
    ]


def _peers(discussion: Discussion) -> list[tuple[str, str]]:
    return _answered(discussion.communicated, discussion)


def shown(sample: Sample) -> str:
    """Return a sample's answer as prompts show it: the function without the code around it."""
    return _function(sample.language, sample.function, Signature.from_json(sample.signature), sample.code)


def source_for(target: str, sample: Sample) -> str:
    """Return a sample's function as shown before a translation, with the names that the target's style gives it."""
    signature = Signature.from_json(sample.signature)
    return shown_for(target, sample.language, sample.function, signature, sample.code)


def shown_for(target: str, language: str, name: str, signature: Signature, code: str) -> str:
    """Return code's function as shown before a translation to `target`; to its own language, as it is."""
    return spelled_for(target, language, _function(language, name, signature, code), signature)


def _function(language: str, name: str, signature: Signature, code: str) -> str:
    try:
        return bare(language, name, signature, code)
    except Unsupported:
        return without_imports(code)


def _fits(sample: Sample) -> bool:
    return len(sample.code) <= MAX_CHARS


def solutions(language: str, count: int) -> Sequence[tuple[str, str]]:
    """Return fixed problems with their answers in one language, as examples of tasks that translate nothing."""
    pairs = []
    for item in [w for w in worked() if language in w.bodies and language in (w.targets or [language])][:count]:
        name = item.function(language)
        declared = get(language).header(name, item.signature).rstrip()
        task = Wording(Problem(item.sentence), "prose", language, name, declared, item.signature)
        pairs.append((generation(task.instruction(list(item.cases)), language), fenced(language, item.bare(language))))
    return pairs
