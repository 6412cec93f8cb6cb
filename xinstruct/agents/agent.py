"""The language agent A = {p, m, r, O}: profile, memory, reflection, operations (paper section 2.3).

Each verified seed initialises one agent of its language. An agent contributes its seed to a discussion in
round one and a random sample of its memory later. It holds no model: the teacher speaks for every agent,
through the prompt of the discussion.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from xinstruct.agents.memory import Change, Memory
from xinstruct.agents.reflection import Reflection
from xinstruct.agents.similarity import Gate, WordGate
from xinstruct.languages import get
from xinstruct.params import SynthesizeParams
from xinstruct.prompts import render
from xinstruct.records import Sample


@dataclass
class LanguageAgent:
    """One agent, which has the id of its seed."""

    id: str
    language: str
    seed: Sample
    profile: str
    memory: Memory
    reflection: Reflection
    operations: Mapping[str, float]

    @staticmethod
    def of(seed: Sample, params: SynthesizeParams, gate: Gate | None = None) -> LanguageAgent:
        """Make an agent from a seed. `params` is the synthesize section, `gate` the one of its memory."""
        memory = Memory(params.memory_capacity, params.similarity, gate=gate or WordGate())
        memory.insert(seed)
        return LanguageAgent(
            id=seed.id,
            language=seed.language,
            seed=seed,
            profile=render("profile", title=get(seed.language).title),
            memory=memory,
            reflection=Reflection(params.reflection_notes if params.reflection else 0),
            operations=params.operations,
        )

    def contribute(self, round_number: int, rng: random.Random) -> Sample:
        """Return the sample that it communicates: its seed in round one, later a random one of its memory."""
        if round_number <= 1 or not self.memory.samples:
            return self.seed
        return rng.choice(self.memory.samples)

    def remember(self, sample: Sample) -> list[Change]:
        """Offer a verified sample to its memory."""
        return self.memory.insert(sample)
