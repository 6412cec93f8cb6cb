"""Score the files of published.yaml and write docs/results/published.md: ``make published``.

--published is the folder of the answer files, --data that of the problem files, --only a part of file names. What
became of a row is kept in results/published, its verdicts under work/published; the page is written anew from all
results that are kept, so that a run of some rows replaces these and no others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.verdicts.document import page, table, write_page
from bench.verdicts.peers import refuted_there
from bench.verdicts.places import HERE, PAGES, PUBLISHED, RESULTS, SHARED
from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.score import score_file
from xinstruct.files import BadInput, read_yaml, write_json
from xinstruct.plan import work_root

ROWS = HERE / "published.yaml"
HEAD = ("answers", "benchmark", "rules", "published %", "here %", "passed", "verdicts that agree")


def declared_rows() -> list[dict[str, Any]]:
    """The rows of published.yaml with their defaults, in order."""
    declared = read_yaml(ROWS)
    return [{**declared["defaults"], **row} for row in declared["rows"]]


def main(argv: list[str] | None = None) -> int:
    """Score what is asked for, then write the page. Returns 1 when a row's files are missing."""
    args = _parser().parse_args(argv)
    missing = 0
    for row in declared_rows():
        if args.only in row["file"] and (not args.benchmark or row["benchmark"].startswith(args.benchmark)):
            try:
                _score(row, args)
            except BadInput as error:
                missing += 1
                print(f"{row['file']}: {error}", file=sys.stderr)
    write_page(args.out, published_page(args.results, args.reference))
    return 1 if missing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, default=PUBLISHED, help="folder of answer files")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of problem files")
    parser.add_argument("--only", default="", help="part of the file names to score")
    parser.add_argument("--benchmark", default="", help="start of the benchmark names to score")
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--verdicts", type=Path, default=work_root() / "published", help="folder of all verdicts")
    parser.add_argument("--results", type=Path, default=RESULTS / "published", help="folder of results")
    parser.add_argument("--reference", type=Path, default=RESULTS / "reference", help="results of make reference")
    parser.add_argument("--out", type=Path, default=PAGES / "published.md", help="page that is written anew")
    return parser


def _score(row: dict[str, Any], args: argparse.Namespace) -> None:
    score = score_file(
        row["benchmark"],
        row["language"],
        args.published / f"{row['file']}.jsonl.gz",
        args.data,
        lambda one: make_judge(one, None, args.workers),
        rule_set=row["rules"],
        reference=row["reference"],
        field=row["field"],
    )
    found = score.summary()
    write_json(result_path(args.verdicts, row), found | {"rows": [dataclasses.asdict(one) for one in score.rows]})
    write_json(result_path(args.results, row), found)
    print(f"{row['file']} {row['benchmark']}: {100 * found['score']:.2f} (published {row['published']})", flush=True)


def result_path(folder: Path, row: dict[str, Any]) -> Path:
    """Return the file of a declared row's result."""
    name = "-".join([row["file"], row["benchmark"].replace(":", "-"), row["rules"].replace("+", "-"), row["field"]])
    return folder / f"{name}.json"


# ---- the page


def published_page(results: Path = RESULTS / "published", reference: Path = RESULTS / "reference") -> str:
    """The table and, below it, each differing task with its cause. reference: what bench/verdicts/reference.py left."""
    causes = read_yaml(ROWS)["causes"] or {}
    cells, notes = [], []
    told: set[tuple[str, str, str]] = set()
    for row in declared_rows():
        path = result_path(results, row)
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            cells.append(_cells(row, found))
            if row["field"] == "completion":
                notes += _notes(row, found, causes.get(f"{row['file']} {row['benchmark']}", {}), told)
    differing = "\nWhere verdicts or rates differ:\n\n" + "".join(notes) if notes else ""
    body = table(HEAD, cells) + _sums(results, reference) + differing
    return page("Published answers, scored here", "make published", body)


def _sums(results: Path, reference: Path) -> str:
    """Agreement with published verdicts over each benchmark's files, and over all files by two choices of rules.

    Then over all by publishers' rules without refuted verdicts: those of which plain python, given the publisher's own
    code and tests, says otherwise (`make reference`).
    """
    rows = [row for row in declared_rows() if row["reference"] and result_path(results, row).exists()]
    found = [(row, json.loads(result_path(results, row).read_text(encoding="utf-8"))["reference"]) for row in rows]
    whole = [(row, there) for row, there in found if row["field"] == "completion"]
    theirs = list({_answers(row): (row, there) for row, there in reversed(whole)}.values())  # a file's first row
    ours = list({_answers(row): (row, there) for row, there in whole}.values())  # its last one
    parts: dict[str, dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]] = {}
    for row, there in found:
        parts.setdefault(f"{row['benchmark']}, field {row['field']}", {}).setdefault(_answers(row), (row, there))
    lines = [_sum(name, list(part.values())) for name, part in parts.items()]
    both = {"all answers, by their publishers' rules": theirs, "all answers, by our own extraction and runner": ours}
    lines += [_sum(name, part) for name, part in both.items() if part]
    wrong = {row["file"]: refuted_there(reference, row["file"]) for row, _ in theirs}
    refuted = sum(one["task_id"] in wrong[row["file"]] for row, there in theirs for one in there["differing"])
    if refuted:
        name = f"all answers, by their publishers' rules, without {refuted} verdicts that plain python refutes"
        lines.append(_sum(name, theirs, refuted))
    return "\n" + "".join(lines) if lines else ""


def _answers(row: dict[str, Any]) -> tuple[str, str]:
    """Return the key of a row's answers and tests, whatever the rules."""
    return row["file"], row["reference"]


def _sum(name: str, part: Sequence[tuple[dict[str, Any], dict[str, Any]]], without: int = 0) -> str:
    agree, n = sum(there["agree"] for _, there in part), sum(there["n"] for _, there in part) - without
    files = len({_answers(row) for row, _ in part})
    return f"- {name}: {agree} of {n} verdicts agree ({100 * agree / n:.2f} %) over {files} files\n"


def _cells(row: dict[str, Any], found: dict[str, Any]) -> list[str]:
    there = found.get("reference")
    agree = f"{there['agree']} of {there['n']} ({100 * there['agree'] / there['n']:.2f} %)" if there else ""
    field = "" if row["field"] == "completion" else f" ({row['field']})"
    shown = [
        f"{row['file']}{field}",
        f"{found['benchmark']}, {row['language']}",
        row["rules"],
        f"{row['published']:.2f}",
    ]
    shown += [f"{100 * found['score']:.2f}", f"{found['passed']} of {found['judged']}"]
    return [*shown, agree]


def _notes(
    row: dict[str, Any], found: dict[str, Any], causes: dict[str, str], told: set[tuple[str, str, str]]
) -> list[str]:
    """A line for each cause, with the tasks that it explains; `told` by another row of the same answers already."""
    name = f"{row['file']} ({found['benchmark']})"
    grouped: dict[str, list[str]] = {}
    differing = found.get("reference", {}).get("differing", [])
    for one in differing:
        there = "passed" if one["reference"] else "failed"
        cause = causes.get(one["task_id"]) or f"{one['detail'][:90] or 'not looked into'}"
        grouped.setdefault(f"{one['ours']} here, {there} there: {cause}", []).append(one["task_id"])
    known = {one["task_id"] for one in differing}
    for task, cause in causes.items():
        if task not in known and not found.get("reference"):
            grouped.setdefault(cause, []).append(task)
    lines = []
    for cause, tasks in grouped.items():
        new = [task for task in tasks if (name, task, cause) not in told]
        told.update((name, task, cause) for task in tasks)
        lines += [f"- {name}, {', '.join(new)}: {cause.replace('|', '/')}\n"] if new else []
    return lines


if __name__ == "__main__":
    sys.exit(main())
