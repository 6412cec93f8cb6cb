"""Score the files of published.yaml and write their table: ``python -m xinstruct.benchmarks.published``.

--published is the folder of the answer files, --data that of the problem files, --only a part of file names. What
became of a row is kept in docs/results/published, its verdicts under work/published; the table in docs/benchmarks.md
is written anew from all results that are kept, so that a run of some rows replaces these and no others.
Needs the files; nothing here writes a figure by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.peers import refuted_there
from xinstruct.benchmarks.score import score_file
from xinstruct.files import BadInput, read_yaml, write_json, write_text
from xinstruct.plan import work_root

HERE = Path(__file__).parent
DOCUMENT = Path("docs/benchmarks.md")
RESULTS = Path("docs/results")  # what the document's tables are written from, a folder for each
_ALL = "all answers"  # their verdicts together; cut-out code, which is the same answers again, is left out


def declared_rows() -> list[dict[str, Any]]:
    """The rows of published.yaml with their defaults, in order."""
    declared = read_yaml(HERE / "published.yaml")
    return [{**declared["defaults"], **row} for row in declared["rows"]]


def main(argv: list[str] | None = None) -> int:
    """Score what is asked for, then write the table. Returns 1 when a row's files are missing."""
    args = _parser().parse_args(argv)
    missing = 0
    for row in declared_rows():
        if args.only in row["file"] and (not args.benchmark or row["benchmark"].startswith(args.benchmark)):
            try:
                _score(row, args)
            except BadInput as error:
                missing += 1
                print(f"{row['file']}: {error}", file=sys.stderr)
    write_table(args.out, "published", table(args.results, args.reference))
    return 1 if missing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, default=Path("../shared/published"), help="folder of answer files")
    parser.add_argument("--data", type=Path, default=Path("../shared"), help="folder of problem files")
    parser.add_argument("--only", default="", help="part of the file names to score")
    parser.add_argument("--benchmark", default="", help="start of the benchmark names to score")
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--verdicts", type=Path, default=work_root() / "published", help="folder of all verdicts")
    parser.add_argument("--results", type=Path, default=RESULTS / "published", help="folder of results")
    parser.add_argument("--reference", type=Path, default=RESULTS / "reference", help="results of make reference")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="document whose table is written anew")
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
    """Where the result of a declared row is kept."""
    name = "-".join([row["file"], row["benchmark"].replace(":", "-"), row["rules"].replace("+", "-"), row["field"]])
    return folder / f"{name}.json"


# ---- the table


def write_table(document: Path, name: str, table: str) -> None:
    """Replace what stands between the document's two markers of that name. Raises BadInput without them."""
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text or end not in text:
        raise BadInput(f"{document}: no place for the table ({begin} ... {end})")
    head, tail = text.split(begin)[0], text.split(end)[1]
    write_text(document, f"{head}{begin}\n{table}{end}{tail}")


def table(results: Path, reference: Path) -> str:
    """The table and, below it, each differing task with its cause. reference: what bench/reference.py left."""
    causes = read_yaml(HERE / "published.yaml")["causes"] or {}
    names = (
        "answers",
        "benchmark",
        "rules",
        "published %",
        "here %",
        "passed",
        "verdicts that agree",
    )
    head = f"| {' | '.join(names)} |\n{'|---' * len(names)}|\n"
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
    return head + "".join(cells) + _sums(results, reference) + differing


def _sums(results: Path, reference: Path) -> str:
    """Agreement with published verdicts over each benchmark's files and over all; then without refuted ones.

    Of a file that is scored by several rules the first row counts. A published verdict is refuted where plain python,
    given the publisher's own code and tests, says otherwise (`make reference`).
    """
    sums: dict[str, list[int]] = {}
    seen: set[tuple[str, str, str]] = set()
    refuted = 0
    for row in (row for row in declared_rows() if row["reference"] and result_path(results, row).exists()):
        key = (row["file"], row["benchmark"], row["field"])
        there = json.loads(result_path(results, row).read_text(encoding="utf-8"))["reference"]
        if key not in seen:
            whole = row["field"] == "completion"
            wrong = refuted_there(reference, row["file"]) if whole else set()
            refuted += sum(one["task_id"] in wrong for one in there["differing"])
            for name in (f"{row['benchmark']}, field {row['field']}", *([_ALL] if whole else [])):
                total = sums.setdefault(name, [0, 0, 0])
                total[:] = [total[0] + 1, total[1] + there["agree"], total[2] + there["n"]]
        seen.add(key)
    lines = [
        f"- {name}: {agree} of {n} verdicts agree ({100 * agree / n:.2f} %) over {files} files\n"
        for name, (files, agree, n) in sorted(sums.items(), key=lambda item: item[0] == _ALL)
    ]
    if refuted:
        _, agree, n = sums[_ALL]
        lines.append(
            f"- {_ALL}, without {refuted} published verdicts that plain python refutes: {agree} of {n - refuted} "
            f"({100 * agree / (n - refuted):.2f} %)\n"
        )
    return "\n" + "".join(lines) if lines else ""


def _cells(row: dict[str, Any], found: dict[str, Any]) -> str:
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
    shown.append(agree)
    return f"| {' | '.join(shown)} |\n"


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
