"""What a run against the oracle server left, and whether its books are true."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents.oracle import REASONS, OracleServer
from xinstruct.agents.tasks import request_seed
from xinstruct.files import read_records
from xinstruct.records import Rejection, Sample, Turn

SEED = 11
SENDING = 2**31  # seeds go over the wire modulo this


@dataclass
class Ran:
    """What a run left: its rows by kind, and the oracle that saw its prompts."""

    folder: Path
    samples: list[Sample]
    rejected: list[Rejection]
    turns: list[Turn]
    oracle: OracleServer

    def threads(self) -> dict[str, list[Turn]]:
        found: dict[str, list[Turn]] = defaultdict(list)
        for turn in self.turns:
            found[turn.thread].append(turn)
        return {thread: sorted(turns, key=lambda t: t.step) for thread, turns in found.items()}

    def kinds(self, candidates: int = 1) -> dict[str, list[str]]:
        """What the oracle answered to each discussion, by the seeds that the discussions derive."""
        asked = {}
        for thread in self.threads():
            seeds = [request_seed(SEED, f"{thread}-{i}") % SENDING for i in range(candidates)]
            asked[thread] = [self.oracle.calls[seed].kind for seed in seeds if seed in self.oracle.calls]
        return asked

    def prompt(self, thread: str) -> str:
        """The discussion's prompt as the oracle saw it."""
        return self.oracle.calls[request_seed(SEED, f"{thread}-prompt") % SENDING].messages[0]["content"]


Make = Callable[..., Ran]


def rows_of(part: Path, kind: str) -> list[Any]:
    path = part / f"{kind}.parquet"
    return read_records(path, kind) if path.exists() else []


def check_books(ran: Ran, candidates: int = 1) -> Counter[str]:
    """Kept are exactly the right ones, nothing is lost, each rejection says what the oracle did."""
    kinds = ran.kinds(candidates)
    rejected = {row.id: row for row in ran.rejected}
    by_thread = {turn.thread: turn.sample for turn in ran.turns if turn.kind == "score"}
    kept = {sample.id for sample in ran.samples}
    duplicates = {row.id for row in ran.rejected if row.reason == "exact_duplicate"}
    for thread, answers in kinds.items():
        if "right" in answers:
            assert by_thread[thread] in kept | duplicates, (thread, answers, rejected.get(thread))
        else:
            true = set().union(*(REASONS[kind] for kind in answers))
            assert rejected[thread].reason in true, (answers, rejected[thread])
    right = {thread for thread, answers in kinds.items() if "right" in answers}
    assert set(by_thread) == right and {by_thread[thread] for thread in right} == kept | duplicates
    assert len(ran.samples) + len(ran.rejected) == len(kinds)
    return Counter(kind for answers in kinds.values() for kind in answers)
