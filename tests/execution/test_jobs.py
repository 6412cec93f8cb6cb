"""A sample as a job: its own code or another's, never without cases."""

from __future__ import annotations

import pytest

from tests.stages.helpers import ADD, sample
from xinstruct.code.types import Case
from xinstruct.execution.jobs import Job, of_sample

CASES = (Case((1, 2), 3), Case((-4, 4), 0))


def test_a_sample_is_judged_by_its_own_code_or_by_another() -> None:
    one = sample(1, "def add(a, b): ...", proof="def add(a, b): return a + b")
    assert of_sample(one) == Job(one.id, "python", one.proof, "add", ADD, CASES)
    assert of_sample(one, "", "x") == Job("x", "python", "", "add", ADD, CASES)


def test_a_sample_without_cases_or_with_unreadable_ones_is_no_job() -> None:
    with pytest.raises(ValueError, match="no cases"):
        of_sample(sample(1, "code", cases="[]"))
    with pytest.raises(ValueError, match="not a list of cases"):
        of_sample(sample(1, "code", cases="[1]"))
    with pytest.raises(ValueError, match="type"):
        of_sample(sample(1, "code", signature='{"params": [], "returns": "nothing"}'))
