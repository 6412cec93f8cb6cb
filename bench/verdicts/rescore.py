"""Score kept answers of models without any model: ``make rescore``.

Every folder under answers/ is a model's; `xinstruct answer` fills it. Each of its files is scored as
`xinstruct score --rules chat` does. Results are kept in results/rescored, and docs/results/rescored.md is written
anew from all that are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.verdicts.document import page, table, write_page
from bench.verdicts.places import ANSWERS, BENCHMARKS, PAGES, RESULTS
from xinstruct.benchmarks.answers import answers_file
from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.fetch import rows
from xinstruct.benchmarks.problems import about
from xinstruct.benchmarks.score import NO_CODE, score_file
from xinstruct.files import BadInput, write_json
from xinstruct.languages import EIGHT

RULES = "chat"


def main(argv: list[str] | None = None) -> int:
    """Score what is asked for, then write the page. Returns 1 when files are missing or not usable."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path, default=ANSWERS, help="folder of models' folders")
    parser.add_argument("--data", type=Path, default=BENCHMARKS, help="folder of problem files")
    parser.add_argument("--benchmark", default="multipl_e", help="NAME[:VARIANT]")
    parser.add_argument("--languages", nargs="*", default=list(EIGHT), choices=EIGHT)
    parser.add_argument("--partial", action="store_true", help="allow files that do not answer every problem")
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--results", type=Path, default=RESULTS / "rescored", help="folder of results")
    parser.add_argument("--out", type=Path, default=PAGES / "rescored.md", help="page that is written anew")
    args = parser.parse_args(argv)
    try:
        for model in sorted(path for path in args.answers.glob("*") if path.is_dir()):
            for language in args.languages:
                _score(model, language, args)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1
    write_page(args.out, rescored_page(args.results))
    return 0


def _score(model: Path, language: str, args: argparse.Namespace) -> None:
    path = answers_file(model, args.benchmark, language)
    if not path.exists():
        return
    score = score_file(
        args.benchmark,
        language,
        path,
        args.data,
        lambda one: make_judge(one, None, args.workers),
        rule_set=RULES,
        partial=args.partial,
    )
    cut = sum(not row["finished"] for row in rows(path))
    found = score.summary() | {"model": model.name, "cut": cut, "asked": about(args.benchmark, language).problems}
    write_json(args.results / f"{model.name}-{path.name.removesuffix('.jsonl.gz')}.json", found)
    print(f"{model.name} {score.benchmark} {language}: {found['passed']} of {found['judged']}", flush=True)


HEAD = ("model", "benchmark", "language", "problems", "passed", "pass@1 %", "95 % interval", "no code", "cut off")


def rescored_page(results: Path = RESULTS / "rescored") -> str:
    """A line for each model, benchmark and language, and the mean over the languages where all eight are there."""
    rows: list[list[str]] = []
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        groups.setdefault((found["model"], found["benchmark"]), []).append(found)
    for group in groups.values():
        by_language = sorted(group, key=lambda found: EIGHT.index(found["language"]))
        rows += [*map(_cells, by_language), *_mean(by_language)]
    return page("Kept answers of models, scored", "make rescore", table(HEAD, rows))


def _cells(found: dict[str, Any]) -> list[str]:
    low, high = found["interval"]
    cells = [found["model"], found["benchmark"], found["language"], f"{found['problems']} of {found['asked']}"]
    cells += [str(found["passed"]), f"{100 * found['score']:.2f}", f"{100 * low:.2f} to {100 * high:.2f}"]
    return [*cells, str(found["verdicts"].get(NO_CODE, 0)), str(found["cut"])]


def _mean(group: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The true mean over the eight languages; none unless every problem of each was answered."""
    if len(group) < len(EIGHT) or any(found["problems"] < found["asked"] for found in group):
        return []
    mean = 100 * sum(found["score"] for found in group) / len(group)
    passed = sum(found["passed"] for found in group)
    return [[group[0]["model"], group[0]["benchmark"], "mean of eight", "", str(passed), f"{mean:.2f}", "", "", ""]]


if __name__ == "__main__":
    sys.exit(main())
