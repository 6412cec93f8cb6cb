"""Memory, m of the agent: a priority queue of verified samples with a similarity gate (paper section 2.3).

A new sample enters only when its similarity to every stored one is under a threshold; when the memory is
over capacity, the sample with the lowest score is evicted. The gate defines similarity (similarity.py).
Nothing is forgotten over time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xinstruct.agents.similarity import Gate, WordGate
from xinstruct.records import Sample


@dataclass(frozen=True)
class Change:
    """One event of an insert: kind is insert, refusal or eviction; value is the similarity or the score."""

    kind: str
    sample: Sample
    value: float
    detail: str = ""


@dataclass
class Memory:
    """At most `capacity` (T) samples; a sample is refused from the similarity `threshold` on."""

    capacity: int
    threshold: float
    samples: list[Sample] = field(default_factory=list)  # oldest first
    gate: Gate = field(default_factory=WordGate)

    def insert(self, sample: Sample) -> list[Change]:
        """Try to store a sample. Returns the changes in order; with capacity 0 nothing is stored and there are none."""
        if self.capacity <= 0:
            return []
        nearest, similarity = self.most_similar(sample)
        if nearest is not None and similarity >= self.threshold:
            return [Change("refusal", sample, similarity, f"like {nearest.id}")]
        self.samples.append(sample)
        changes = [Change("insert", sample, sample.score)]
        while len(self.samples) > self.capacity:
            changes.append(self._evict())
        return changes

    def most_similar(self, sample: Sample) -> tuple[Sample | None, float]:
        """Return the stored sample that is most similar to this one, and its similarity."""
        pairs = [(self.gate.similarity(sample, old), old) for old in self.samples]
        best = max(pairs, key=lambda pair: pair[0], default=None)
        return (best[1], best[0]) if best else (None, 0.0)

    def _evict(self) -> Change:
        """Remove the sample with the lowest score; the oldest one among equals."""
        worst = min(self.samples, key=lambda sample: sample.score)
        self.samples.remove(worst)
        return Change("eviction", worst, worst.score)
