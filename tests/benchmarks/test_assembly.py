"""Right chat answers of every shape pass, in the forms of MultiPL-E, HumanEval-X and McEval; wrong ones fail."""

from __future__ import annotations

import pytest

from tests.benchmarks.shapes import PROBLEMS, SHAPES
from xinstruct.benchmarks.rules import apply, rules
from xinstruct.code.names import fence
from xinstruct.execution.judge import Judge


@pytest.mark.slow
@pytest.mark.parametrize("form", PROBLEMS)
def test_every_shape_passes_when_right_and_fails_when_wrong(judge: Judge, form: str) -> None:
    problem = PROBLEMS[form]
    jobs = []
    for name, code in SHAPES[problem.language].items():
        for sign in "+-" if "MultiPL-E" in form else "+":
            answer = f"Here it is:\n\n```{fence(problem.language)}\n{code.replace('OP', sign)}```\n\nIt adds.\n"
            jobs.append(problem.job(f"{name} {sign}", apply(rules("chat"), problem, answer)[0]))
    verdicts = judge.judge(jobs)
    failed = [f"{verdict.id}: {verdict.verdict}: {verdict.detail[:200]}" for verdict in verdicts
              if (verdict.verdict == "passed") != verdict.id.endswith("+")]  # fmt: skip
    broken = [f"{verdict.id}: {verdict.verdict}: {verdict.detail[:200]}" for verdict in verdicts
              if verdict.verdict not in ("passed", "wrong_answer", "runtime_error")]  # fmt: skip
    assert not failed + broken, "\n".join(failed + broken)
