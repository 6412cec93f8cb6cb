"""Answered calls of the teacher: their number and cost, and moving them between machines.

xinstruct journal stats                      by stage and model: calls, tokens, retries, latencies
xinstruct journal failures                   failed calls with their errors
xinstruct journal export data/calls.parquet  all answered calls (then: dvc add data/calls.parquet)
xinstruct journal import data/calls.parquet  add them to this journal; nothing is overwritten
xinstruct journal export --recorded NAME     this run's calls and what was run into recorded/NAME (docs/recorded.md)
xinstruct journal import recorded/NAME       the calls of a recording; `xinstruct recorded NAME` reruns it, too
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.llm.about import record
from xinstruct.llm.accounting import percentile
from xinstruct.llm.exchange import export_calls, import_calls
from xinstruct.llm.journal import Journal
from xinstruct.llm.recording import import_recording
from xinstruct.models.recorded import place
from xinstruct.plan import work_root

_COUNTS = """
    count(*), sum(imported), sum(finish_reason = 'length'), sum(attempts > 1),
    sum(prompt_tokens), sum(completion_tokens)
"""
_NAMES = ("calls", "imported", "cut_at_length", "retried", "prompt_tokens", "completion_tokens")


def stats(journal: Journal) -> list[dict[str, Any]]:
    """Return one row per stage and model: counts, tokens, latency percentiles in seconds, failures by class."""
    rows = []
    groups = journal.db.execute(f"select stage, model, {_COUNTS} from calls group by 1, 2 order by 1, 2").fetchall()
    for stage, model, *counts in groups:
        row: dict[str, Any] = {"stage": stage, "model": model} | dict(zip(_NAMES, counts, strict=True))
        query = "select seconds from calls where stage = ? and model = ? and imported = 0"
        seconds = [value for (value,) in journal.db.execute(query, (stage, model))]
        row["seconds"] = {f"p{share}": round(percentile(seconds, share / 100), 3) for share in (50, 90, 99)}
        query = "select kind, count(*) from failures where stage = ? and model = ? group by 1 order by 1"
        row["failures"] = dict(journal.db.execute(query, (stage, model)).fetchall())
        rows.append(row)
    return rows


def _stats(journal: Journal, args: argparse.Namespace) -> None:
    rows = stats(journal)
    if args.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['stage'] or '(no stage)'}: {row['model']}")
        print("  " + ", ".join(f"{row[name]:,} {name.replace('_', ' ')}" for name in _NAMES))
        print(f"  seconds {row['seconds']}" + (f", failures {row['failures']}" if row["failures"] else ""))
    print(f"{len(journal):,} answered calls in {journal.path}")


def _failures(journal: Journal, args: argparse.Namespace) -> None:
    query = "select created, stage, kind, attempts, error, key from failures order by id desc limit ?"
    for created, stage, kind, attempts, error, key in journal.db.execute(query, (args.limit,)):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created))
        print(f"{when} {stage} {kind} ({attempts} attempts) {key[:16]}: {error}")


def _export(journal: Journal, args: argparse.Namespace) -> None:
    if args.recorded is None:
        print(f"{export_calls(journal, args.file):,} answered calls in {args.file}")
        return
    about = record(args.recorded, journal)
    calls, left_out = about["calls"], about["stages_left_out"]
    print(f"{place(args.recorded)}: {calls['answered']:,} answered calls, {calls['failed']:,} failed ones")
    print(f"used by the outputs that are there: {calls['used_by_outputs']}")
    if left_out:
        print(f"without hashes of outputs (not made, or not as dvc.lock says): {', '.join(left_out)}")


def _import(journal: Journal, args: argparse.Namespace) -> None:
    new, known = (import_recording if args.file.is_dir() else import_calls)(journal, args.file)
    print(f"{new:,} calls are new in {journal.path}, {known:,} were there and stay as they were")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct journal`."""
    parser.add_argument("--journal", type=Path, help="the SQLite file (default: work/journal.sqlite)")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    shown = actions.add_parser("stats", help="what was asked and what it took")
    shown.add_argument("--json", action="store_true", help="as JSON")
    shown.set_defaults(action=_stats)
    failures = actions.add_parser("failures", help="calls that were set aside")
    failures.add_argument("--limit", type=int, default=20, help="the latest so many (default 20)")
    failures.set_defaults(action=_failures)
    exported = actions.add_parser("export", help="write a Parquet file, or a recording of this run")
    target = exported.add_mutually_exclusive_group(required=True)
    target.add_argument("file", type=Path, nargs="?", help="the Parquet file, for all answered calls")
    target.add_argument("--recorded", metavar="NAME", help="this run's calls and facts into recorded/NAME")
    exported.set_defaults(action=_export)
    imported = actions.add_parser("import", help="add a Parquet file, or a recording")
    imported.add_argument("file", type=Path, help="the Parquet file, or a folder below recorded/")
    imported.set_defaults(action=_import)


def main(args: argparse.Namespace) -> int:
    """Run `xinstruct journal`. Returns 0; raises BadInput on files that cannot be used."""
    path = args.journal or work_root() / "journal.sqlite"
    if args.action is not _import and not path.exists():
        raise BadInput(f"{path}: no such journal; nothing was asked yet, or name it with --journal")
    with Journal(path) as journal:
        args.action(journal, args)
    return 0
