"""The account of a stage's calls: counts, tokens, money, latencies; a live line, and a file for later.

Counts that repeat on every run go into the stage's metrics (Client.usage). Everything that depends on the clock or
on the journal's earlier content goes into ``work/STAGE/KEY/calls-NAME.json`` and from there into
``reports/STAGE/calls.json``: metrics are compared byte for byte between runs, these files are not. Other runs are
covered by `xinstruct journal stats`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.files import write_json
from xinstruct.llm.budget import Prices
from xinstruct.llm.calls import Reply, kind_of
from xinstruct.progress import Answers


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank); 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass
class Account:
    """The account of this process's calls. Except for `cached`, it only counts calls to a server."""

    prices: Prices
    cached: int = 0
    asked: int = 0
    repaired: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    busy_seconds: float = 0.0  # wall time with calls in flight
    stopped: str = ""  # the limit that was reached
    seconds: list[float] = field(default_factory=list)
    finished: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, reply: Reply) -> None:
        """Count a reply."""
        self.asked += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        if reply.error:
            self.failed[kind_of(reply.error)] += 1
            return
        self.seconds.append(reply.seconds)
        self.finished[reply.finish_reason] += 1
        if reply.trouble:
            self.retried[reply.trouble] += 1

    @property
    def cost(self) -> float:
        """The cost of this process's calls."""
        return self.prices.cost(self.prompt_tokens, self.completion_tokens)

    def to_json(self) -> dict[str, Any]:
        """Return all counts; seconds are latencies of the attempt that succeeded."""
        spans = {f"p{share}": round(percentile(self.seconds, share / 100), 3) for share in (50, 90, 99)}
        busy = max(self.busy_seconds, 1e-9)
        return {
            "calls": {"asked": self.asked, "cached": self.cached, "repaired": self.repaired},
            "finished": dict(sorted(self.finished.items())),
            "retried": dict(sorted(self.retried.items())),
            "failed": dict(sorted(self.failed.items())),
            "tokens": {"prompt": self.prompt_tokens, "completion": self.completion_tokens},
            "cost": round(self.cost, 6),
            "seconds": spans,
            "busy_seconds": round(self.busy_seconds, 3),
            "tokens_per_second": round(self.completion_tokens / busy, 1),
            "stopped": self.stopped,
        }

    def line(self) -> str:
        """Return the account as one line."""
        total = self.asked + self.cached
        parts = [f"{total} calls, {self.cached} of them from the journal"]
        if self.asked:
            tokens = self.completion_tokens / max(self.busy_seconds, 1e-9)
            parts.append(f"{self.prompt_tokens + self.completion_tokens:,} tokens paid, {tokens:.0f} tokens/s")
            parts.append(f"p50 {percentile(self.seconds, 0.5):.2f} s, p99 {percentile(self.seconds, 0.99):.2f} s")
        parts += [f"cost {self.cost:.4f}"] if self.prices.known else []
        parts += [f"retried {dict(self.retried)}"] if self.retried else []
        parts += [f"failed {dict(self.failed)}"] if self.failed else []
        return "; ".join(parts)

    def write(self, path: Path | None) -> None:
        """Print the line and write the file; do nothing when there were no calls."""
        if self.asked + self.cached:
            print(f"calls: {self.line()}", file=sys.stderr, flush=True)
        if path is not None:
            write_json(path, self.to_json())


class Progress(Answers):
    """The live line of one batch: calls, rate, time left, tokens per second, cost so far."""

    def __init__(self, account: Account, total: int, desc: str) -> None:
        super().__init__(total, desc, "call")
        self.account = account

    def add(self, reply: Reply) -> None:
        """Count one more reply."""
        self.account.add(reply)
        self.note = f", cost {self.account.cost:.4f}" if self.account.prices.known else ""
        self.finished(reply.completion_tokens)

    def __exit__(self, *error: object) -> None:
        self.account.busy_seconds += self.seconds
        super().__exit__(*error)
