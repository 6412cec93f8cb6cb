"""Score a file of answers: ``xinstruct score --benchmark NAME[:VARIANT] --language L --samples FILE``.

FILE holds JSON lines (also .gz) with ``task_id`` and ``completion``; several answers per task are samples, for
which pass@k is estimated without bias. The problem files are in the folder that --data names (their names are in
the README of the benchmark's folder), or are fetched from a declared --source. --rules names the way in which code
is extracted from an answer, and the score reports it. Exit status 1: bad input, nothing scored.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import declared
from xinstruct.benchmarks.problems import About, about
from xinstruct.benchmarks.rates import VOID
from xinstruct.benchmarks.score import Score, judge_params, score_file
from xinstruct.benchmarks.sources import SOURCES, obtain
from xinstruct.code.names import known_as
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput, write_json
from xinstruct.languages import names
from xinstruct.params import at_hand

FETCHED = Path("data/fetch/benchmarks")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("--benchmark", required=True, metavar="NAME[:VARIANT]", help=", ".join(declared()))
    parser.add_argument("--language", required=True, help=", ".join(names()))
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--samples", type=Path, metavar="FILE", help="JSON lines, also .gz")
    what.add_argument("--canonical", action="store_true", help="score the benchmark's own solutions")
    parser.add_argument("--rules", default="", help="a set of benchmarks/rules.yaml, or steps joined by +")
    parser.add_argument("--reference", default="", metavar="FIELD", help="field with another evaluator's true or false")
    parser.add_argument("--field", default="completion", help="the answer's field (completion)")
    add_data(parser)
    parser.add_argument("--workers", type=int, help="programs at a time (params.yaml: execution.workers)")
    parser.add_argument("--cache", type=Path, help="SQLite file of verdicts (work/verdicts.sqlite)")
    parser.add_argument("--partial", action="store_true", help="allow files that do not answer every problem alike")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the summary and each answer's verdict")


def main(args: argparse.Namespace) -> int:
    """Score the file and print the result. Returns 0; 1 when nothing could be judged."""
    if args.workers is not None and args.workers < 1:
        raise BadInput(f"--workers is {args.workers}; at least one is needed")
    try:
        args.language = known_as(args.language, names())
    except ValueError as error:
        raise BadInput(f"--language: {error}") from None
    score = score_file(
        args.benchmark,
        args.language,
        None if args.canonical else args.samples,
        data_folder(about(args.benchmark, args.language), args),
        lambda one: make_judge(one, args.cache, args.workers),
        rule_set=args.rules,
        reference=args.reference,
        partial=args.partial,
        field=args.field,
    )
    found = score.summary()
    print("\n".join(lines(score, found)))
    if args.json:
        write_json(args.json, found | {"rows": [dataclasses.asdict(row) for row in score.rows]})
    return 0 if found["judged"] else 1


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the place of the problem files."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, default=FETCHED, metavar="FOLDER", help=f"problem files ({FETCHED})")
    where.add_argument("--source", choices=list(SOURCES), help="fetch the problem files from there instead")


def data_folder(one: About, args: argparse.Namespace) -> Path:
    """Return the folder with the problem files, fetched when a source is named. Raises BadInput."""
    if not args.source:
        return Path(args.data)
    return obtain(one, args.source, lambda text: print(text, file=sys.stderr, flush=True))


def make_judge(one: About, cache: Path | None = None, workers: int | None = None) -> Judge:
    """Make a judge with params.yaml's execution section, the benchmark's limits and a cache under work/."""
    from xinstruct.plan import work_root

    return Judge(judge_params(one, at_hand().execution, workers), cache=cache or work_root() / "verdicts.sqlite")


def lines(score: Score, found: dict[str, Any]) -> list[str]:
    """Return the summary as lines of text."""
    text = [f"benchmark   {found['benchmark']} in {score.language}", f"rules       {score.rules}"]
    if found["judged"]:
        low, high = found["interval"]
        text.append(
            f"score       {100 * found['score']:.2f} % ({found['passed']} of {found['judged']} answers, "
            f"{found['problems']} problems; 95 % interval {100 * low:.2f} to {100 * high:.2f})"
        )
    else:
        text.append("score       none: nothing could be judged")
    text += [f"pass@{k:<6} {100 * rate:.2f} %" for k, rate in found["pass_at_k"].items()]
    text.append(f"verdicts    {_counts(found['verdicts'])}")
    if void := found["verdicts"].get(VOID):
        text.append(f"not judged  {void} (infrastructure: {_first_void(score)})")
    text.append(f"code found  {_counts(found['extraction'])}")
    return text + _reference(found.get("reference"))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _first_void(score: Score) -> str:
    return next(row.detail for row in score.rows if row.verdict == VOID)


def _reference(found: dict[str, Any] | None) -> list[str]:
    if not found or not found["n"]:
        return []
    rate, own = found["agree"] / found["n"], found["passed"] / found["n"]
    text = [f"reference   {100 * own:.2f} %; {found['agree']} of {found['n']} verdicts agree ({100 * rate:.2f} %)"]
    for row in found["differing"]:
        there = "passed" if row["reference"] else "failed"
        text.append(f"  {row['task_id']}: {row['ours']} here, {there} there; {row['detail'][:100]}")
    return text
