"""Verdicts of reference evaluators beside ours: what reference.py keeps of a run, and the page of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.verdicts.document import page, table
from bench.verdicts.places import HERE, RESULTS
from xinstruct.files import read_yaml
from xinstruct.records import PASSED

CAUSES = HERE / "reference.yaml"
HEAD = ("evaluator", "completions", "n", "passed there", "passed here", "verdicts that agree")


def compared(evaluator: str, completions: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the kept figures of rows (task, ours, theirs): how many each side passed, and those that differ."""
    here, there = ([row[side] == PASSED for row in rows] for side in ("ours", "theirs"))
    differing = [dict(row) for row, mine, other in zip(rows, here, there, strict=True) if mine != other]
    counts = {"n": len(rows), "here": sum(here), "there": sum(there)}
    return {"evaluator": evaluator, "completions": completions, **counts, "differing": differing}


def reference_page(results: Path = RESULTS / "reference") -> str:
    """A line for each result, and below the table each difference with its cause."""
    causes = read_yaml(CAUSES) or {}
    rows: list[list[object]] = []
    notes: list[str] = []
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["n"]:
            rows.append(_cells(found))
            notes += _notes(found, causes.get(path.stem) or {})
    body = table(HEAD, rows) + "\n" + "".join(notes)
    return page("Reference evaluators on the same completions", "make reference", body)


def _cells(found: Mapping[str, Any]) -> list[object]:
    n = found["n"]
    alike = n - len(found["differing"])
    cells = [found["evaluator"], found["completions"], n, found["there"], found["here"]]
    return [*cells, f"{alike} ({100 * alike / n:.2f} %)"]


def _notes(found: Mapping[str, Any], causes: Mapping[str, str]) -> list[str]:
    """A line for each cause: the tasks that it explains; those without one say what each side said."""
    grouped: dict[str, list[str]] = {}
    for row in found["differing"]:
        said = f"{row['ours']} here, {row['theirs'][:90]} there".replace("|", "/")
        grouped.setdefault(causes.get(row["task"], said), []).append(row["task"])
    return [f"- {found['completions']}: {', '.join(tasks)}: {cause}\n" for cause, tasks in grouped.items()]


def refuted_there(results: Path, file: str) -> set[str]:
    """Tasks of a published file whose published verdict is not what plain python says of the published code."""
    path = results / f"mapcoder-{file}.json"
    if not path.exists():
        return set()
    return {row["task"] for row in json.loads(path.read_text(encoding="utf-8"))["differing"]}
