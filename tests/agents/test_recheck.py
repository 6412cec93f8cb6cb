"""Verified answers against fresh ones: what the cases let through shows, and what the words leave open is no error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.helpers import BODIES, EXECUTION, Oracle, sample
from tests.agents.test_synthesize import language_of
from xinstruct.agents.problem import Problem
from xinstruct.agents.recheck import Recheck, recheck, summary
from xinstruct.code.types import Case, cases_to_json
from xinstruct.execution.judge import Judge
from xinstruct.llm.client import Request
from xinstruct.records import Sample

RUN = ["python", "javascript", "php", "bash"]
POSITIVE = cases_to_json([Case((1, 2), 3), Case((4, 7), 11), Case((0, 7), 7)])
WORDS = Problem("Given two whole numbers, return their sum.", ("A negative second number is taken away.",))


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


def added(code: str) -> Sample:
    words = WORDS.to_json()
    return sample("python", response=code, problem=words, style="prose", cases=POSITIVE)


def checked(judge: Judge, body: object, *samples: Sample) -> tuple[list[Recheck], Oracle]:
    oracle = Oracle(body if callable(body) else lambda request: BODIES[language_of(request)])
    return recheck(samples, oracle, judge, RUN, 1), oracle


def test_an_answer_that_is_wrong_where_no_case_looks_disagrees(judge: Judge) -> None:
    right, wrong = added("def add(a, b):\n    return a + b\n"), added("def add(a, b):\n    return a + abs(b)\n")
    found, oracle = checked(judge, None, right, wrong)
    assert [one.outcome for one in found] == ["agrees", "disagrees"]
    assert found[0].decided >= 20 and not found[0].differs and 0 < found[1].differs < found[1].decided
    assert sorted(found[0].languages) == ["bash", "javascript", "php"], "each in a language of its own"
    asked = [request.messages[-1]["content"] for request in oracle.asked]
    assert all(WORDS.text in text and "returns" not in text and "abs" not in text for text in asked)
    told = summary(found)
    assert "2 samples: 1 agree, 1 disagree, 0 undecided" in told and "50.0 % of 2 decided samples" in told
    assert f"{wrong.id} (python" in told and "add(" in told and ", others " in told


def test_what_the_words_leave_open_is_undecided(judge: Judge) -> None:
    def apart(request: Request) -> str:
        language = language_of(request)
        return BODIES[language].replace("b", f"b + {1000 * RUN.index(language)}", 1)

    [found], _ = checked(judge, apart, added("def add(a, b):\n    return a + b\n"))
    assert (found.outcome, found.decided, found.differs) == ("undecided", 0, 0) and len(found.languages) == 3
    [alone], _ = checked(judge, lambda request: "", added("def add(a, b):\n    return a + b\n"))
    assert alone.outcome == "undecided" and not alone.languages
