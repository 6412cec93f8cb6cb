"""Scoring many completions over eight languages: how much the evaluator adds to the judge, in the same run.

    make bench NAME=scoring                        10,000 completions
    python -m bench.scoring --completions 800      fewer
    python -m bench.scoring --keep                 write docs/results/scoring.md from this run

Completions are McEval's own solutions, repeated with a comment that differs each time, so that no verdict comes from
the cache. They are written to a file and scored from it as `xinstruct score` does; the seconds
inside the judge are taken apart from the rest: reading problems and answers, extraction, programs, rates.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.verdicts import canonical
from bench.verdicts.document import page, table, write_page
from bench.verdicts.places import PAGES, RESULTS
from xinstruct.benchmarks.problems import About, ProgramProblem, about, load
from xinstruct.benchmarks.score import judge_params, score_file
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.execution.verdicts import Verdict
from xinstruct.files import write_json
from xinstruct.languages import EIGHT, get
from xinstruct.records import PASSED

BENCHMARK = "mceval"
KEPT = RESULTS / "scoring.json"


class Timed(Judge):
    """A judge that adds up the seconds of its calls."""

    seconds = 0.0

    def judge(self, jobs: Sequence[Job], desc: str = "judging", bar: Any = None) -> list[Verdict]:
        """See Judge.judge."""
        began = time.monotonic()
        try:
            return super().judge(jobs, desc, bar)
        finally:
            self.seconds += time.monotonic() - began


def main() -> int:
    """Score what was asked for and print a line per language and their sum. Returns 1 without the problem files."""
    args = _parser().parse_args()
    if not canonical.DATA.is_dir():
        print(f"{canonical.DATA}: no benchmark data here", file=sys.stderr)
        return 1
    languages = [name for name in args.languages if available(name)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for i, language in enumerate(languages):
            count = args.completions // len(languages) + (i < args.completions % len(languages))
            rows.append(measured(language, count, Path(folder), args.workers))
            show(rows[-1])
    rows.append(figured("all", *(sum(row[key] for row in rows) for key in ("n", "passed", "judge", "total"))))
    show(rows[-1])
    if args.keep:
        write_json(KEPT, rows)
        write_page(PAGES / "scoring.md", scoring_page())
    return 0


def scoring_page(path: Path = KEPT) -> str:
    """A line for each language of the run that was kept last."""
    head = ("language", "completions", "completions/s", "judge s", "evaluator s", "overhead")
    rows = [_cells(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    return page("What scoring adds to judging", "python -m bench.scoring --keep", table(head, rows))


def _cells(row: dict[str, Any]) -> list[object]:
    figures = [f"{row['rate']:.1f}", f"{row['judge']:.2f}", f"{row['evaluator']:.2f}"]
    return [row["language"], row["n"], *figures, f"{row['overhead']:.2f} %"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=10_000, help="over all languages")
    parser.add_argument("--languages", nargs="*", default=list(EIGHT), choices=EIGHT)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="keep the rows and write docs/results/scoring.md")
    return parser


def measured(language: str, count: int, folder: Path, workers: int) -> dict[str, Any]:
    """Seconds of scoring `count` completions, and those inside the judge."""
    declared = about(BENCHMARK, language)
    samples, judges = folder / f"{language}.jsonl", []

    def judge_for(one: About) -> Judge:
        judges.append(Timed(judge_params(one, canonical.PARAMS, workers), cache=folder / "verdicts.sqlite"))
        return judges[-1]

    with Judge(judge_params(declared, canonical.PARAMS, workers)) as judge:
        problems = load(declared, canonical.DATA, judge)
        _write(samples, problems, language, count)
        judge.judge([problems[0].job("first", "")])  # what is made once per machine
    began = time.monotonic()
    score = score_file(BENCHMARK, language, samples, canonical.DATA, judge_for, rule_set="completion", partial=True)
    score.summary()
    total, passed = time.monotonic() - began, sum(row.verdict == PASSED for row in score.rows)
    return figured(language, count, passed, judges[0].seconds, total)


def figured(language: str, count: int, passed: int, judge: float, total: float) -> dict[str, Any]:
    """A row: counts, seconds inside the judge, and what the evaluator adds to them."""
    seconds = {"judge": judge, "total": total, "evaluator": total - judge}
    rates = {"rate": count / total, "overhead": 100 * (total - judge) / judge}
    return {"language": language, "n": count, "passed": passed, **seconds, **rates}


def _write(samples: Path, problems: list[Any], language: str, count: int) -> None:
    leader = get(language).comment
    solved = [one for one in problems if isinstance(one, ProgramProblem) and one.solution]
    with samples.open("w", encoding="utf-8") as handle:
        for i in range(count):
            one = solved[i % len(solved)]
            row = {"task_id": one.task_id, "completion": f"{one.solution.rstrip()}\n{leader} {i}\n"}
            handle.write(json.dumps(row) + "\n")


def show(row: dict[str, Any]) -> None:
    """One line."""
    print(
        f"{row['language']:<12} {row['n']:>6} completions, {row['passed']:>6} passed  {row['rate']:8.2f}/s  "
        f"judge {row['judge']:8.2f} s  evaluator {row['evaluator']:6.2f} s  overhead {row['overhead']:.2f} %",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
