"""Groups of agents: societies of their own, so that they can run beside each other.

The agents of a group meet only each other; no memory, reflection or count is shared between groups.
Which seeds start which group depends on the seeds and on the number of groups, never on how the
groups are spread over shards, so one shard and many write the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from xinstruct.records import Sample, content_id


@dataclass(frozen=True)
class Group:
    """Group `number` (from 0) of `count`."""

    number: int
    count: int

    @property
    def name(self) -> tuple[str, ...]:
        """What sets its discussions' ids apart; a run of one group needs nothing."""
        return (f"group {self.number}",) if self.count > 1 else ()

    def share(self, total: int) -> int:
        """Its part of the run's discussions per round; the first groups take what is left over."""
        return total // self.count + (self.number < total % self.count)

    def seeds(self, seeds: Sequence[Sample]) -> list[Sample]:
        """Its part of the seeds: those of each language are dealt out in the order of a hash."""
        if self.count == 1:
            return list(seeds)
        found: list[Sample] = []
        for language in sorted({sample.language for sample in seeds}):
            own = [sample for sample in seeds if sample.language == language]
            own.sort(key=lambda sample: content_id("group", sample.id))
            found += own[self.number :: self.count]
        return found


def groups(count: int) -> list[Group]:
    """All groups of a run."""
    return [Group(number, count) for number in range(count)]


def merged(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """(samples, repeats): where two groups made the same sample, which one stays does not depend on the order."""
    kept: dict[str, Sample] = {}
    repeats: list[Sample] = []
    for sample in sorted(samples, key=lambda s: (s.id, json.dumps(asdict(s), sort_keys=True))):
        if sample.id in kept:
            repeats.append(sample)
        else:
            kept[sample.id] = sample
    return list(kept.values()), repeats
