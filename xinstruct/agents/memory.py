"""m of the agent: a priority queue of verified samples with a similarity gate (paper section 2.3).

A new sample enters only when its similarity to every stored one is under a threshold; when the
memory is over capacity, the sample with the lowest score goes. Similarity is the exact Jaccard of
word shingles: a memory holds a handful of samples, so no sketch is needed. Forgets nothing by time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from xinstruct.records import Sample

SHINGLE = 3
_WORD = re.compile(r"\w+|[^\w\s]")


def shingles(text: str, size: int = SHINGLE) -> frozenset[tuple[str, ...]]:
    """Runs of `size` words or signs; a shorter text is one shingle."""
    words = _WORD.findall(text.lower())
    return frozenset(tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def jaccard(left: frozenset[tuple[str, ...]], right: frozenset[tuple[str, ...]]) -> float:
    """Shared shingles over all shingles, 0 to 1."""
    return len(left & right) / len(left | right)


def sample_text(sample: Sample) -> str:
    """What of a sample is compared: the question and the answer."""
    return f"{sample.instruction}\n{sample.response}"


@dataclass(frozen=True)
class Change:
    """What happened on an insert: kind is insert, refusal or eviction; value is similarity or score."""

    kind: str
    sample: Sample
    value: float
    detail: str = ""


@dataclass
class Memory:
    """At most `capacity` (T) samples; `threshold` is the similarity at which one is refused."""

    capacity: int
    threshold: float
    samples: list[Sample] = field(default_factory=list)  # oldest first

    def insert(self, sample: Sample) -> list[Change]:
        """Try to store a sample. Returns the changes in order; capacity 0 stores nothing, silently."""
        if self.capacity <= 0:
            return []
        likest, similarity = self.most_similar(sample)
        if likest is not None and similarity >= self.threshold:
            return [Change("refusal", sample, similarity, f"like {likest.id}")]
        self.samples.append(sample)
        changes = [Change("insert", sample, sample.score)]
        while len(self.samples) > self.capacity:
            changes.append(self._evict())
        return changes

    def most_similar(self, sample: Sample) -> tuple[Sample | None, float]:
        """The stored sample most like this one, and how like it is."""
        words = shingles(sample_text(sample))
        pairs = [(jaccard(words, shingles(sample_text(old))), old) for old in self.samples]
        best = max(pairs, key=lambda pair: pair[0], default=None)
        return (best[1], best[0]) if best else (None, 0.0)

    def _evict(self) -> Change:
        """Drop the lowest score; of equals, the oldest."""
        worst = min(self.samples, key=lambda sample: sample.score)
        self.samples.remove(worst)
        return Change("eviction", worst, worst.score)
