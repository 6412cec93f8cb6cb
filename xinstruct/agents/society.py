"""The society: all agents, and the discussions drawn among them with their languages and operations.

Every draw has a seed derived from the run's seed, the round and the number of the discussion, so a re-run
with the same answers replays the same society, and no state of it is stored. A round is bulk-synchronous:
all prompts, then all answers, all verdicts, all scores, then memories.

A run may have several groups of agents, each a society of its own that shares no memory, reflection or
count with another. The seeds of a group depend on the seeds and on the number of groups, never on how
the groups are spread over shards, so one shard and many write the same rows.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from xinstruct.agents import shapes
from xinstruct.agents.agent import LanguageAgent
from xinstruct.agents.discussion import Discussion, Topology
from xinstruct.agents.operations import Operation
from xinstruct.agents.operations import draw as draw_operation
from xinstruct.agents.similarity import gate
from xinstruct.agents.tasks import declarable, supports
from xinstruct.code.types import Signature
from xinstruct.files import BadInput
from xinstruct.languages import get, names
from xinstruct.languages.header import difficulty
from xinstruct.params import SynthesizeParams, nearest
from xinstruct.records import Sample, content_id

TRIES = 50  # redraws before a discussion is given up for want of a new (base, target)


@dataclass(frozen=True)
class Group:
    """The group `number` (from 0) of `count`."""

    number: int
    count: int

    @property
    def name(self) -> tuple[str, ...]:
        """The part of its discussions' ids that tells groups apart; empty when a run has one group."""
        return (f"group {self.number}",) if self.count > 1 else ()

    def share(self, total: int) -> int:
        """Return its part of the run's discussions per round; the first groups take the remainder."""
        return total // self.count + (self.number < total % self.count)

    def seeds(self, seeds: Sequence[Sample]) -> list[Sample]:
        """Return its part of the seeds; those of each language are dealt out in the order of a hash."""
        if self.count == 1:
            return list(seeds)
        found: list[Sample] = []
        for language in sorted({sample.language for sample in seeds}):
            own = [sample for sample in seeds if sample.language == language]
            own.sort(key=lambda sample: content_id("group", sample.id))
            found += own[self.number :: self.count]
        return found


class Society:
    """The agents of a run, the samples they have made and the pairs of problem and target they have tried."""

    def __init__(
        self,
        seeds: Sequence[Sample],
        params: SynthesizeParams,
        languages: Sequence[str],
        seed: int,
        group: Group | None = None,
    ) -> None:
        self.group = group or Group(0, 1)
        if len({sample.language for sample in seeds}) < params.agents:
            raise BadInput(
                f"data/seed: seeds in {len({s.language for s in seeds})} language(s), but synthesize.agents is "
                f"{params.agents}, each of another language; lower it or mine more (params.yaml: seed)"
            )
        shapes.check(params)
        _check_names(params)
        self.params, self.languages, self.seed = params, list(languages), seed
        self.meetings = self.group.share(params.discussions)
        self.not_drawn = 0  # meetings for which no untried (base, target) was left
        self.known = {sample.id: sample for sample in sorted(seeds, key=lambda s: s.id)}
        shared = gate(params.gate)
        self.agents = [LanguageAgent.of(sample, params, shared) for sample in self.known.values()]
        self.tried: set[tuple[str, str, str]] = set()  # (roots, target, operation) that were discussed
        self.carried: Counter[str] = Counter()  # task -> verified translations
        self.failed: Counter[str] = Counter()
        self.planned: Counter[str] = Counter(sample.language for sample in seeds)

    def plan(self, round_number: int) -> list[Discussion]:
        """Draw this round's discussions; there are fewer than requested when no new (base, target) is left."""
        found = [self.draw(round_number, index) for index in range(self.meetings)]
        self.not_drawn += found.count([])
        return [discussion for parts in found for discussion in parts]

    def draw(self, round_number: int, index: int) -> list[Discussion]:
        """Draw one meeting (agents, topology, base, operation, type, target) and the parts that its shape adds."""
        ident = content_id("discussion", str(self.seed), *self.group.name, str(round_number), str(index))
        rng = random.Random(int(ident, 16))
        for _ in range(TRIES):
            agents = self._meet(rng)
            central = rng.random() < self.params.centralized_share
            communicated = [agent.contribute(round_number, rng) for agent in agents]
            base = 0 if central else rng.choices(range(len(agents)), [self.weight(s) for s in communicated])[0]
            operation = draw_operation(agents[base].operations, rng)
            types = shapes.fitting(self.params, operation)
            task = shapes.draw(ident, "type", types) if types else ""
            aim = partial(self._aim, [agent.language for agent in agents], rng)
            target = aim(communicated[base], operation, task) if task else None
            if target is None:
                continue
            topology: Topology = "centralized" if central else "parallel"
            speech = (agents, communicated, base, target, operation)
            first = Discussion(ident, round_number, topology, *speech, task=task)
            shape = shapes.draw(ident, "shape", self.params.shapes)
            return shapes.parts(first, shape, self.params, aim)
        return []

    def _aim(
        self, present: Sequence[str], rng: random.Random, source: Sample, operation: Operation, task: str
    ) -> str | None:
        """Draw a target for a base, an operation and a type, and book it as tried; None when none is left."""
        work = operation.name if task == "generation" else f"{operation.name} {task}"
        target = self._target(source, present, work, operation.keeps_behaviour, rng)
        if target is not None:
            self.tried.add((_roots(source), target, work))
            self.planned[target] += 1
        return target

    def weight(self, sample: Sample) -> float:
        """Return the weight with which a sample is drawn as a base.

        random: all weights are equal. simplest: samples that are easy to translate weigh more. proven: the same, times
        the ratio of the task's successful and failed translations so far.
        """
        if self.params.base == "random":
            return 1.0
        ease = 1.0 / (40 + difficulty(sample.code, sample.function)) ** 2
        if self.params.base == "simplest":
            return ease
        task = _roots(sample)
        # one failure halves the chance, one success doubles it
        return ease * (1 + self.carried[task]) / (1 + self.failed[task])

    def _meet(self, rng: random.Random) -> list[LanguageAgent]:
        """Draw d agents of different languages; a centralized discussion is about the first one's sample."""
        main = rng.choices(self.agents, [self.weight(agent.seed) for agent in self.agents])[0]
        others = sorted({agent.language for agent in self.agents} - {main.language})
        chosen = rng.sample(others, self.params.agents - 1)
        groups = [[agent for agent in self.agents if agent.language == language] for language in chosen]
        return [main, *(rng.choices(group, [self.weight(agent.seed) for agent in group])[0] for group in groups)]

    def _target(self, source: Sample, present: Sequence[str], work: str, kept: bool, rng: random.Random) -> str | None:
        """Draw the target language among those that can express the types and are new for this base."""
        signature = Signature.from_json(source.signature)
        pool = [
            language
            for language in self.languages
            if language != source.language
            and (_roots(source), language, work) not in self.tried
            and declarable(language, get(language).identifier(source.function))
            and supports(language, get(language).identifier(source.function), signature)
        ]
        mode = self.params.targets
        if mode == "own":  # not cross-lingual: a new problem in the base's own language
            own = (_roots(source), source.language, work) not in self.tried
            return source.language if own and not kept else None
        if mode == "existing":
            pool = [language for language in pool if language in present]
        if mode == "new":
            pool = [language for language in pool if language not in present]
        if not pool:
            return None
        weights = [self._scarcity(language) if mode == "balanced" else 1.0 for language in pool]
        return rng.choices(pool, weights)[0] if sum(weights) > 0 else None

    def _scarcity(self, language: str) -> float:
        share = self.params.target_weights.get(language, 1.0)
        return share / (1 + self.planned[language]) ** 2

    def count(self, discussion: Discussion, verified: bool) -> None:
        """Count whether a task was carried over successfully."""
        (self.carried if verified else self.failed)[_roots(discussion.source)] += 1

    def learn(self, discussion: Discussion, sample: Sample) -> None:
        """Offer a verified sample to the memories of the learners; changes are written to the transcript."""
        self.known[sample.id] = sample
        for agent in discussion.learners:
            for change in agent.remember(sample):
                discussion.thread.add(
                    change.kind,
                    change.detail,
                    agent=agent.id,
                    language=agent.language,
                    sample=change.sample.id,
                    value=change.value,
                )


def groups(count: int) -> list[Group]:
    """Return all groups of a run."""
    return [Group(number, count) for number in range(count)]


def merged(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return (samples, repeats) without samples made by two groups; which one stays does not depend on the order."""
    kept: dict[str, Sample] = {}
    repeats: list[Sample] = []
    for sample in sorted(samples, key=lambda s: (s.id, json.dumps(asdict(s), sort_keys=True))):
        if sample.id in kept:
            repeats.append(sample)
        else:
            kept[sample.id] = sample
    return list(kept.values()), repeats


def _check_names(params: SynthesizeParams) -> None:
    for name in params.target_weights:
        if name not in names():
            raise BadInput(f"params.yaml: synthesize.target_weights.{name} is no language; {nearest(name, [*names()])}")


def _roots(sample: Sample) -> str:
    """Return the key of a problem across its translations: its roots and its types."""
    return " ".join(sample.roots()) + sample.signature
