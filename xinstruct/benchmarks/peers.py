"""Verdicts of reference evaluators beside ours: the table of what bench/reference.py left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.score import PASSED
from xinstruct.files import read_yaml

CAUSES = Path(__file__).parent / "reference.yaml"


def reference_table(results: Path) -> str:
    """A line for each result, and below the table each difference with its cause."""
    names = ("evaluator", "completions", "n", "passed there", "passed here", "verdicts that agree")
    lines = [f"| {' | '.join(names)} |\n", "|---" * len(names) + "|\n"]
    causes = read_yaml(CAUSES) or {}
    notes: list[str] = []
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if not found["rows"]:
            continue
        lines.append(_line(found))
        notes += _notes(found, causes.get(path.stem) or {})
    return "".join(lines) + ("\n" + "".join(notes) if notes else "")


def _line(found: Mapping[str, Any]) -> str:
    both = [(row["theirs"] == PASSED, row["ours"] == PASSED) for row in found["rows"]]
    alike, n = sum(there == here for there, here in both), len(both)
    cells = [
        found["evaluator"],
        found["completions"],
        n,
        sum(there for there, _ in both),
        sum(here for _, here in both),
    ]
    cells.append(f"{alike} ({100 * alike / n:.2f} %)")
    return f"| {' | '.join(map(str, cells))} |\n"


def _notes(found: Mapping[str, Any], causes: Mapping[str, str]) -> list[str]:
    """A line for each cause: the tasks that it explains; those without one say what each side said."""
    grouped: dict[str, list[str]] = {}
    for row in found["rows"]:
        if (row["theirs"] == PASSED) != (row["ours"] == PASSED):
            said = f"{row['ours']} here, {row['theirs'][:90]} there".replace("|", "/")
            grouped.setdefault(causes.get(row["task"], said), []).append(row["task"])
    return [f"- {found['completions']}: {', '.join(tasks)}: {cause}\n" for cause, tasks in grouped.items()]


def passed_there(results: Path, language: str, ours: Sequence[Mapping[str, Any]]) -> int | None:
    """How many answers to MBXP pass by exit status alone; those that were not run so are taken from our rows.

    None when nothing was run.
    """
    path = results / f"mbxp-{language}.json"
    if not path.exists():
        return None
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    passed = {str(row["task_id"]): bool(row["verdict"] == PASSED) for row in ours}
    passed |= {row["task"]: bool(row["theirs"] == PASSED) for row in rows}
    return sum(passed.values())


def refuted_there(results: Path, file: str) -> set[str]:
    """Tasks of a published file whose published verdict is not what plain python says of the published code."""
    path = results / f"mapcoder-{file}.json"
    if not path.exists():
        return set()
    found = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {row["task"] for row in found if (row["theirs"] == PASSED) != (row["ours"] == PASSED)}
