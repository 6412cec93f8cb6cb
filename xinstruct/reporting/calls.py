"""The cost of the teacher's calls per stage and shard: reports/calls.html, beside the page and not part of it.

Times and cache hits differ from run to run, so they are kept out of everything that is compared byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinstruct.reporting.tables import Table

_COLUMNS = [
    "Stage",
    "Asked",
    "From the journal",
    "Asked again for its form",
    "Retries",
    "Failed",
    "Prompt tokens",
    "Answer tokens",
    "Tokens/s",
    "Busy, s",
    "p50, s",
    "p90, s",
    "p99, s",
    "Cost",
    "Ended by",
]


def calls(reports: Path) -> Table:
    """Return a row for each stage that asked (and each of its shards), read from reports/STAGE/calls.json.

    Tokens, seconds and cost are of the calls that this machine made, not of those the journal answered.
    """
    table = Table(_COLUMNS, empty="No stage of this machine has asked a teacher.")
    for path in sorted(reports.glob("*/calls.json")):
        for part in json.loads(path.read_text(encoding="utf-8")):
            table.add(_row(path.parent.name, part))
    return table


def _row(stage: str, part: dict[str, Any]) -> list[str | int | float]:
    counts, seconds = part["calls"], part["seconds"]
    return [
        stage,
        *(int(counts[key]) for key in ("asked", "cached", "repaired")),
        sum(part["retried"].values()),
        sum(part["failed"].values()),
        int(part["tokens"]["prompt"]),
        int(part["tokens"]["completion"]),
        float(part["tokens_per_second"] or 0),
        float(part["busy_seconds"]),
        *(float(seconds[key] or 0) for key in ("p50", "p90", "p99")),
        f"{part['cost']:.2f}",
        part["stopped"] or "itself",
    ]
