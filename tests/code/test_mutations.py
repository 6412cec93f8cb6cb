"""Whatever fences, prose and thinking a model puts around its code: the code is found, right or wrong, as it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from tests.code.mutations import Mutated, answers
from tests.params import execution
from xinstruct.code.extraction import extract_code
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge

LOST = 0.005  # of all answers
CASES = (Case((1, 2), 3), Case((7, 5), 12))


def extracted(count: int) -> list[tuple[Mutated, str]]:
    found: list[tuple[Mutated, str]] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(answers())
    def take(one: Mutated) -> None:
        found.append((one, extract_code(one.text, one.language, "add")[0]))

    take()
    return found


def check(found: list[tuple[Mutated, str]]) -> None:
    lost = [(one, code) for one, code in found if code.strip() != one.code.strip()]
    kinds = Counter((one.language, one.fence) for one, _ in lost)
    shown = "\n".join(f"{one.text!r} -> {code!r}" for one, code in lost[:3])
    assert len(lost) <= LOST * len(found), f"{len(lost)} of {len(found)}: {kinds.most_common(12)}\n{shown}"
    for one, code in found:
        other = one.code.replace("+", "-") if one.right else one.code.replace("-", "+")
        assert code.strip() != other.strip(), f"the draft was taken: {one.text!r}"


def test_the_code_of_mutated_answers_is_found() -> None:
    check(extracted(400))


@pytest.mark.long
@pytest.mark.slow
def test_ten_thousand_mutated_answers_are_judged_as_they_are() -> None:
    found = extracted(10_000)
    check(found)
    signature = Signature.of("int", x="int", y="int")
    codes = sorted({(one.language, code, one.right) for one, code in found if code})
    jobs = [Job(str(i), language, code, "add", signature, CASES) for i, (language, code, _) in enumerate(codes)]
    with Judge(execution(workers=2, cpu_seconds=5)) as judge:
        verdicts = judge.judge(jobs)
    for (language, code, right), verdict in zip(codes, verdicts, strict=True):
        assert right or verdict.verdict != "passed", f"{language}: a wrong answer passed: {code}"
