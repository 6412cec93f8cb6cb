"""The translated HumanEval beside other tests on the same completions: ``make agreement``.

Completions are HumanEval-X's canonical answers and variants of them with one operator or constant changed
(completions.py), and with --answers a model's answers to MultiPL-E; the other tests are HumanEval-X's own and
MultiPL-E's. A canonical answer is compared where it passes the other tests, with its types spelled as those have
them. Results are kept in results/agreement, and docs/results/agreement.md is written anew from all.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.verdicts.completions import Completion, answered, canonical, numbered
from bench.verdicts.document import page, table, write_page
from bench.verdicts.places import BENCHMARKS, HERE, PAGES, RESULTS
from xinstruct.benchmarks.answers import answers_file
from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.problems import BenchmarkProblem, about, load
from xinstruct.benchmarks.rules import rules
from xinstruct.benchmarks.samples import read_answers
from xinstruct.benchmarks.translate import expressible, read_suite
from xinstruct.execution.judge import Judge
from xinstruct.execution.verdicts import Verdict
from xinstruct.files import BadInput, read_yaml, write_json
from xinstruct.languages import EIGHT
from xinstruct.records import PASSED

ANSWERS = {"javascript": "javascript", "typescript": "javascript", "java": "java", "cpp": "cpp"}  # of HumanEval-X
TESTS = ("humaneval_x", "multipl_e")
CANONICAL = "HumanEval-X"
LIMITS = {"cpu_seconds": 3}  # a broken variant may loop for ever
CAUSES = HERE / "agreement.yaml"
# kinds of disagreement
REFUSED = "right answer refused here"
FOLLOWS = "variant of an answer refused here"
STRICTER = "variant caught here alone"
LOOSER = "variant caught there alone"
PASSES = "answer passes here alone"
FAILS = "answer fails here alone"


@dataclass(frozen=True)
class Row:
    """Both verdicts on a completion."""

    number: int
    variant: int
    ours: str
    theirs: str
    detail: str  # of the verdict here

    @property
    def agree(self) -> bool:
        """True if both pass it or both fail it."""
        return (self.ours == PASSED) == (self.theirs == PASSED)


def compared(found: Sequence[Completion], judge: Judge, desc: str) -> list[Row]:
    """Return both sides' verdicts on each completion."""
    theirs = judge.judge([one.theirs for one in found], f"{desc}: other tests")
    ours = judge.judge([one.ours for one in found], f"{desc}: translated")
    return [
        Row(one.number, one.variant, mine.verdict, other.verdict, _line(mine))
        for one, mine, other in zip(found, ours, theirs, strict=True)
    ]


def fitting(found: Sequence[Completion], judge: Judge, desc: str) -> tuple[list[Completion], dict[int, str]]:
    """The completions of problems whose canonical answer passes the other tests, and why the others' does not."""
    first = [one for one in found if one.variant == 0]
    unfit = {
        one.number: f"{verdict.verdict}: {_line(verdict)}"
        for one, verdict in zip(first, judge.judge([one.theirs for one in first], f"{desc}: fit"), strict=True)
        if verdict.verdict != PASSED
    }
    return [one for one in found if one.number not in unfit], unfit


def _line(verdict: Verdict) -> str:
    return " ".join(verdict.detail.split())[:160]


def kind(row: Row, refused: set[int], of_model: bool = False) -> str:
    """Return the kind of a row's disagreement; refused: problems whose canonical answer fails here."""
    if of_model:
        return PASSES if row.ours == PASSED else FAILS
    if row.number in refused:
        return FOLLOWS if row.variant else REFUSED
    return STRICTER if row.theirs == PASSED else LOOSER


# ---- command and page


def main(argv: list[str] | None = None) -> int:
    """Compare what is asked for, then write the page. Returns 1 when files are missing."""
    args = _parser().parse_args(argv)
    try:
        for language in args.languages or (EIGHT if args.answers else ANSWERS):
            _compare(language, args)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1
    write_page(args.out, agreement_page(args.results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=BENCHMARKS, help="folder of problem files")
    parser.add_argument("--languages", nargs="*", default=[], choices=EIGHT, help="all that there are answers in")
    parser.add_argument("--tests", nargs="*", default=list(TESTS), choices=TESTS)
    parser.add_argument("--variants", type=int, default=1, help="broken variants of each answer")
    parser.add_argument(
        "--answers", type=Path, help="folder of a model's answers (answers.py) instead of HumanEval-X's"
    )
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--results", type=Path, default=RESULTS / "agreement", help="folder of results")
    parser.add_argument("--out", type=Path, default=PAGES / "agreement.md", help="page that is written anew")
    return parser


def _compare(language: str, args: argparse.Namespace) -> None:
    with make_judge(dataclasses.replace(about("multipl_e", language), limits=LIMITS), None, args.workers) as judge:
        ours = numbered(expressible(read_suite("humaneval", args.data, judge), language)[0])
        if args.answers:
            return _compare_answers(language, ours, args, judge)
        answers = numbered(load(about(TESTS[0], ANSWERS[language]), args.data, judge))
        for tests in (name for name in args.tests if name != TESTS[0] or language == ANSWERS[language]):
            theirs = answers if tests == TESTS[0] else numbered(load(about(tests, language), args.data, judge))
            found = canonical(answers, ours, theirs, args.variants)
            kept, _ = fitting(found, judge, f"{language} {tests}")
            rows = compared(kept, judge, f"{language} {tests}")
            about_it = {"language": language, "tests": tests, "of": CANONICAL}
            _keep(args.results / f"{language}-{tests}.json", about_it, found, rows)


def _compare_answers(language: str, ours: dict[int, BenchmarkProblem], args: argparse.Namespace, judge: Judge) -> None:
    problems = load(about("multipl_e", language), args.data, judge)
    answers = read_answers(answers_file(args.answers, "multipl_e", language), problems, partial=True)
    found = answered(answers, ours, rules("chat"))
    rows = compared(found, judge, f"{language} multipl_e, {args.answers.name}")
    about_it = {"language": language, "tests": "multipl_e", "of": args.answers.name}
    _keep(args.results / f"{language}-multipl_e-{args.answers.name}.json", about_it, found, rows)


def _keep(path: Path, about_it: dict[str, Any], found: Sequence[Completion], rows: Sequence[Row]) -> None:
    problems = {"problems": len({one.number for one in found}), "fit": len({row.number for row in rows})}
    write_json(path, about_it | problems | summary(rows))


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the kept figures of rows: their number, how many both pass or both fail, and those that differ."""
    both = [row.ours == PASSED for row in rows if row.agree]
    counts = {"completions": len(rows), "both_pass": sum(both), "both_fail": len(both) - sum(both)}
    return counts | {"differing": [dataclasses.asdict(row) for row in rows if not row.agree]}


HEAD = ("language", "other tests", "answers of", "problems that fit", "completions", "both pass", "both fail",
        "agreement", "disagreements")  # fmt: skip


def agreement_page(results: Path = RESULTS / "agreement") -> str:
    """The table, and below it each disagreement with its kind and cause."""
    causes = read_yaml(CAUSES) or {}
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    notes = "".join(note for one in found for note in _notes(one, causes))
    body = table(HEAD, map(_cells, found)) + "\n" + notes
    return page("The translated HumanEval beside other tests", "make agreement", body)


def _differing(found: dict[str, Any]) -> list[tuple[Row, str]]:
    """The rows on which both sides differ, each with its kind."""
    rows = [Row(**row) for row in found["differing"]]
    refused = {row.number for row in rows if row.variant == 0}
    return [(row, kind(row, refused, found["of"] != CANONICAL)) for row in rows]


def _cells(found: dict[str, Any]) -> list[str]:
    kinds = Counter(name for _, name in _differing(found))
    passing, failing, n = found["both_pass"], found["both_fail"], found["completions"]
    cells = [
        found["language"],
        found["tests"],
        found["of"],
        f"{found['fit']} of {found['problems']}",
    ]
    cells += [str(n), str(passing), str(failing)]
    cells.append(f"{100 * (passing + failing) / n:.2f} %" if n else "")
    return [*cells, "; ".join(f"{n} {name}" for name, n in kinds.most_common())]


def _notes(found: dict[str, Any], causes: dict[str, dict[Any, str]]) -> list[str]:
    own = causes.get(f"{found['language']} {found['tests']} {found['of']}", {})
    return [
        f"- {found['language']}, {found['tests']}, HumanEval/{row.number}"
        f"{f', variant {row.variant}' if row.variant else ''}: {name}: "
        f"{(own.get(f'{row.number}.{row.variant}') or own.get(row.number) or row.detail[:100] or row.ours)}\n".replace(
            "|", "/"
        )
        for row, name in _differing(found)
        if name != FOLLOWS
    ]


if __name__ == "__main__":
    sys.exit(main())
