"""The translated HumanEval beside other tests on the same completions: ``python -m xinstruct.benchmarks.agreement``.

Completions are HumanEval-X's canonical answers and variants of them with one operator or constant changed; the other
tests are HumanEval-X's own and MultiPL-E's. A problem is compared where the canonical answer passes the other
tests, with its types spelled as those have them; the completion that both get differs in the function's name only.
Results are kept as JSON under work/agreement, and the table in docs/benchmarks.md is written anew from all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.agents.cases import make_mutants
from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.problems import Problem, ProgramProblem, about, load
from xinstruct.benchmarks.published import DOCUMENT, write_table
from xinstruct.benchmarks.rules import preamble
from xinstruct.benchmarks.score import PASSED
from xinstruct.benchmarks.translate import expressible, read_suite
from xinstruct.execution.judge import Job, Judge
from xinstruct.execution.verdicts import Verdict
from xinstruct.files import BadInput, read_yaml, write_json
from xinstruct.plan import work_root

LANGUAGES = ("javascript", "java", "cpp")
TESTS = ("humaneval_x", "multipl_e")
LIMITS = {"cpu_seconds": 3}  # a broken variant may loop for ever
CAUSES = Path(__file__).parent / "agreement.yaml"
# kinds of disagreement
REFUSED = "right answer refused here"
FOLLOWS = "variant of an answer refused here"
STRICTER = "variant caught here alone"
LOOSER = "variant caught there alone"


@dataclass(frozen=True)
class Completion:
    """One completion for both sides."""

    number: int  # of the HumanEval problem
    variant: int  # 0: the canonical answer
    ours: Job
    theirs: Job


@dataclass(frozen=True)
class Row:
    """What both said of a completion."""

    number: int
    variant: int
    ours: str
    theirs: str
    detail: str  # of the verdict here

    @property
    def agree(self) -> bool:
        """Whether both pass it or both fail it."""
        return (self.ours == PASSED) == (self.theirs == PASSED)


def numbered(problems: Sequence[Problem]) -> dict[int, Problem]:
    """Problems by their number in HumanEval, which is the first one in each benchmark's task id."""
    return {int(re.findall(r"\d+", one.task_id)[0]): one for one in problems}


def completions(
    answers: dict[int, Problem], ours: dict[int, Problem], theirs: dict[int, Problem], variants: int
) -> list[Completion]:
    """The canonical answers and `variants` broken ones of each problem that all three have."""
    found = []
    for number in sorted(answers.keys() & ours.keys() & theirs.keys()):
        answer = answers[number]
        assert isinstance(answer, ProgramProblem)
        bodies = [answer.solution, *make_mutants(answer.solution, variants, seed=number)]
        for variant, body in enumerate(bodies):
            code = spelled(answer.prompt + body, answer, theirs[number])
            jobs = [
                side[number].job(f"{number}.{variant}", renamed(code, answer.function, side[number].function))
                for side in (ours, theirs)
            ]
            found.append(Completion(number, variant, *jobs))
    return found


def renamed(code: str, old: str, new: str) -> str:
    """The code with its function called otherwise."""
    return re.sub(rf"(?<![\w$]){re.escape(old)}(?![\w$])", new, code)


def spelled(code: str, answer: Problem, other: Problem) -> str:
    """The code with types and class as the other tests have them; as it is for those of its own benchmark."""
    if answer is other:
        return code
    if answer.language == "cpp":
        code = re.sub(r"(?<![\w.<])int\b|(?<=[<,])int\b", "long", re.sub(r"\bdouble\b", "float", code))
    if answer.language == "java":
        code = re.sub(r"\bclass Solution\b", "class Problem", code)
        code = re.sub(r"^( {4}(?:public|private)) (?!static)", r"\1 static ", code, flags=re.M)
    head = preamble(other)
    return f"{head}\n{code}" if head else code


def compared(found: Sequence[Completion], judge: Judge, desc: str) -> tuple[list[Row], dict[int, str]]:
    """A row for each completion of a problem that fits, and why the other problems do not."""
    first = [one for one in found if one.variant == 0]
    unfit = {
        one.number: f"{verdict.verdict}: {_line(verdict)}"
        for one, verdict in zip(first, judge.judge([one.theirs for one in first], f"{desc}: fit"), strict=True)
        if verdict.verdict != PASSED
    }
    kept = [one for one in found if one.number not in unfit]
    theirs = judge.judge([one.theirs for one in kept], f"{desc}: other tests")
    ours = judge.judge([one.ours for one in kept], f"{desc}: translated")
    rows = [
        Row(one.number, one.variant, mine.verdict, other.verdict, _line(mine))
        for one, mine, other in zip(kept, ours, theirs, strict=True)
    ]
    return rows, unfit


def _line(verdict: Verdict) -> str:
    return " ".join(verdict.detail.split())[:160]


def kind(row: Row, refused: set[int]) -> str:
    """What sort of disagreement a row is; refused: problems whose canonical answer fails here."""
    if row.number in refused:
        return FOLLOWS if row.variant else REFUSED
    return STRICTER if row.theirs == PASSED else LOOSER


# ---- command and table


def main(argv: list[str] | None = None) -> int:
    """Compare what is asked for, then write the table. Returns 1 when files are missing."""
    args = _parser().parse_args(argv)
    try:
        for language in args.languages:
            _compare(language, args)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1
    write_table(args.out, "agreement", table(args.results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/benchmarks"), help="folder of problem files")
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--tests", nargs="*", default=list(TESTS), choices=TESTS)
    parser.add_argument("--variants", type=int, default=1, help="broken variants of each answer")
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--results", type=Path, default=work_root() / "agreement", help="folder of results")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="document whose table is written anew")
    return parser


def _compare(language: str, args: argparse.Namespace) -> None:
    answers_of = dataclasses.replace(about(TESTS[0], language), limits=LIMITS)
    with make_judge(answers_of, None, args.workers) as judge:
        answers = numbered(load(answers_of, args.data, judge))
        ours = numbered(expressible(read_suite("humaneval", args.data, judge), language)[0])
        for tests in args.tests:
            theirs = answers if tests == TESTS[0] else numbered(load(about(tests, language), args.data, judge))
            found = completions(answers, ours, theirs, args.variants)
            rows, unfit = compared(found, judge, f"{language} {tests}")
            kept = {"language": language, "tests": tests, "problems": len({one.number for one in found})}
            kept |= {"unfit": unfit, "rows": [dataclasses.asdict(row) for row in rows]}
            write_json(args.results / f"{language}-{tests}.json", kept)


def table(results: Path) -> str:
    """The table, and below it each disagreement with its kind and cause."""
    names = ("language", "other tests", "problems that fit", "completions", "both pass", "both fail", "agreement")
    head = f"| {' | '.join((*names, 'disagreements'))} |\n{'|---' * (len(names) + 1)}|\n"
    causes = read_yaml(CAUSES) or {}
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    return head + "".join(map(_cells, found)) + "\n" + "".join(note for one in found for note in _notes(one, causes))


def _differing(found: dict[str, Any]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """All rows, and those on which both sides differ, each with its kind."""
    rows = [Row(**row) for row in found["rows"]]
    refused = {row.number for row in rows if row.variant == 0 and not row.agree}
    return rows, [(row, kind(row, refused)) for row in rows if not row.agree]


def _cells(found: dict[str, Any]) -> str:
    rows, differing = _differing(found)
    agreeing = [row.ours == PASSED for row in rows if row.agree]
    kinds = Counter(name for _, name in differing)
    cells = [found["language"], found["tests"], f"{found['problems'] - len(found['unfit'])} of {found['problems']}"]
    cells += [str(len(rows)), str(sum(agreeing)), str(len(agreeing) - sum(agreeing))]
    cells.append(f"{100 * len(agreeing) / len(rows):.2f} %" if rows else "")
    cells.append("; ".join(f"{n} {name}" for name, n in kinds.most_common()))
    return f"| {' | '.join(cells)} |\n"


def _notes(found: dict[str, Any], causes: dict[str, dict[Any, str]]) -> list[str]:
    own = causes.get(f"{found['language']} {found['tests']}", {})
    return [
        f"- {found['language']}, {found['tests']}, HumanEval/{row.number}"
        f"{f', variant {row.variant}' if row.variant else ''}: {name}: "
        f"{(own.get(f'{row.number}.{row.variant}') or own.get(row.number) or row.detail[:100] or row.ours)}\n".replace(
            "|", "/"
        )
        for row, name in _differing(found)[1]
        if name != FOLLOWS
    ]


if __name__ == "__main__":
    sys.exit(main())
