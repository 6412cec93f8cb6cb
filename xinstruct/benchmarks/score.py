"""Scoring of answers to a benchmark: extraction by named rules, verdicts, rates with intervals, agreement.

Verdicts of the judge stay as they are; ``no_code`` is an answer in which no code was found (it counts as failed and
is reported separately), ``infrastructure`` says nothing about the answer and does not count in n.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.passk import bootstrap, mean_pass_at_k
from xinstruct.benchmarks.problems import About, BenchmarkProblem, ProgramProblem, about, load
from xinstruct.benchmarks.rates import VOID, PassRate
from xinstruct.benchmarks.rules import Rules, apply, rules
from xinstruct.benchmarks.samples import Answer, read_answers
from xinstruct.benchmarks.shared import Names
from xinstruct.code.extraction import NONE
from xinstruct.code.programs import behind_what_comes_first
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput
from xinstruct.params import ExecutionParams
from xinstruct.records import PASSED

NO_CODE = "no_code"
KS = (1, 5, 10, 100)


@dataclass(frozen=True)
class Row:
    """The outcome of one answer."""

    task_id: str
    sample: int
    verdict: str
    detail: str
    rule: str  # how the code was found
    reference: bool | None


@dataclass(frozen=True)
class Score:
    """The rows of a file of answers under one benchmark, language and set of rules."""

    benchmark: str
    language: str
    rules: Rules
    rows: list[Row]

    @property
    def judged(self) -> list[Row]:
        """The rows with a verdict about the answer."""
        return [row for row in self.rows if row.verdict != VOID]

    def summary(self) -> dict[str, Any]:
        """Return everything except the rows, as JSON."""
        counts = self._counts()
        n, passed = sum(n for n, _ in counts), sum(good for _, good in counts)
        fewest = min((n for n, _ in counts), default=0)
        found: dict[str, Any] = {"benchmark": self.benchmark, "language": self.language}
        found |= {"rules": self.rules.name, "steps": list(self.rules.steps)}
        found |= {"problems": len(counts), "answers": len(self.rows), "judged": n, "passed": passed}
        found["score"] = mean_pass_at_k(counts, 1) if counts else None
        found["interval"] = PassRate(passed, n).interval if fewest == 1 and n == len(counts) else bootstrap(counts)
        found["pass_at_k"] = {str(k): mean_pass_at_k(counts, k) for k in KS if 1 < k <= fewest}
        found["verdicts"] = dict(Counter(row.verdict for row in self.rows).most_common())
        found["extraction"] = dict(Counter(row.rule for row in self.rows).most_common())
        if any(row.reference is not None for row in self.rows):
            found["reference"] = self.agreement()
        return found

    def _counts(self) -> list[tuple[int, int]]:
        """Return (answers, passed) of each problem that was judged."""
        found: dict[str, list[str]] = defaultdict(list)
        for row in self.judged:
            found[row.task_id].append(row.verdict)
        return [(rate.n, rate.passed) for rate in map(PassRate.of, found.values())]

    def agreement(self) -> dict[str, Any]:
        """Compare with the reference's verdicts: how many agree, the reference's own rate, where they differ."""
        both = [row for row in self.judged if row.reference is not None]
        differing = [row for row in both if (row.verdict == PASSED) != row.reference]
        return {
            "n": len(both),
            "agree": len(both) - len(differing),
            "passed": sum(bool(row.reference) for row in both),
            "differing": [
                {"task_id": row.task_id, "sample": row.sample, "ours": row.verdict, "reference": row.reference}
                | {"detail": row.detail}
                for row in differing
            ],
        }


def judge_params(one: About, params: ExecutionParams, workers: int | None = None) -> ExecutionParams:
    """Return the judge's params with a benchmark's own limits."""
    return replace(params, **(one.limits | ({"workers": workers} if workers else {})))


def score_file(
    benchmark: str,
    language: str,
    samples: Path | None,
    data: Path,
    judge_for: Any,
    rule_set: str = "",
    reference: str = "",
    partial: bool = False,
    field: str = "completion",
) -> Score:
    """Score one file, or with no file the benchmark's own solutions. Raises BadInput.

    `judge_for` makes a Judge (a context manager) for an About.
    """
    one = about(benchmark, language)
    own = "function" if one.raw.get("complete") else "completion"
    chosen = rules(rule_set or (one.rules if samples else own))
    with judge_for(one) as judge:
        problems = load(one, data, judge)
        answers = read_answers(samples, problems, reference, partial, field) if samples else canonical(problems)
        rows = judged(answers, chosen, judge, f"{one.name} {language}", one.raw.get("names") == "shared")
    return Score(f"{one.name}:{one.variant}" if one.variant else one.name, language, chosen, rows)


def canonical(problems: Sequence[BenchmarkProblem]) -> list[Answer]:
    """Return the benchmark's own solutions as answers. Raises BadInput when its files have none."""
    found = [Answer(one, one.solution, 0) for one in problems if isinstance(one, ProgramProblem) and one.solution]
    if not found:
        raise BadInput("this benchmark's files hold no solutions; give --samples")
    return found


def judged(answers: Sequence[Answer], chosen: Rules, judge: Judge, desc: str, shared: bool = False) -> list[Row]:
    """Return a row for each answer. shared: a program sees the names of those before it in the file (shared.py)."""
    codes = [apply(chosen, answer.problem, answer.text) for answer in answers]
    jobs = [
        answer.problem.job(str(i), code)
        for i, (answer, (code, rule)) in enumerate(zip(answers, codes, strict=True))
        if rule != NONE
    ]
    if shared:
        jobs = _in_one_process(jobs, answers)
    verdicts = {verdict.id: verdict for verdict in judge.judge(jobs, desc=desc)}
    found = []
    for i, (answer, (_, rule)) in enumerate(zip(answers, codes, strict=True)):
        verdict = verdicts.get(str(i))
        name, detail = (verdict.verdict, verdict.detail) if verdict else (NO_CODE, "no code in the answer")
        found.append(Row(answer.problem.task_id, answer.place, name, detail, rule, answer.reference))
    return found


def _in_one_process(jobs: Sequence[Job], answers: Sequence[Answer]) -> list[Job]:
    """Return the jobs, each behind the definitions of those before it in the file of answers."""
    names, found = Names(), []
    for job in sorted(jobs, key=lambda job: answers[int(job.id)].row):
        earlier = names.found(job.program)
        span = (0, len(earlier) + job.completion[1]) if job.completion else None  # answers, all of it
        program = behind_what_comes_first(job.language, earlier, job.program)
        found.append(replace(job, program=program, completion=span))
        names.ran(job.program)
    return found
