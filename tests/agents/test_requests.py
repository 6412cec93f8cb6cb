"""What each part of the society puts into requests: without it, the requests of a round are others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.helpers import BODIES, EXECUTION, Oracle, synthesis
from tests.agents.test_discussion import said, talk
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.problem import Problem
from xinstruct.agents.rounds import _refuse_outvoted, _verify
from xinstruct.agents.shapes import follow
from xinstruct.agents.verification import Reference, RoundContext, carry_over, carrying
from xinstruct.execution.judge import Judge
from xinstruct.languages import get
from xinstruct.llm.client import Request
from xinstruct.prompts import table
from xinstruct.records import Reason

WORDS = "counts on from the first number by the second."
WRONG = "    return $a - $b;\n}\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


def written(discussion: Discussion) -> str:
    """What the writer of the problem is asked."""
    return discussion.prompt(synthesis(), 1).messages[0]["content"]


def answered(discussion: Discussion, judge: Judge, task: str = "generation", body: str = BODIES["php"]) -> Request:
    """What the answerer is asked, after the problem was created; the discussion gets its outcome."""
    params = synthesis(examples=0, candidates=1)
    discussion.task = task
    discussion.accept(said(f" {WORDS}"), params)
    oracle = Oracle(lambda request: body)
    context = RoundContext(oracle, judge, params, 1, {}, ["python", "javascript", "php"])
    carry_over([discussion], {discussion.id: Reference.of(discussion.source)}, context)
    [request] = oracle.asked
    return request


def asked(request: Request) -> str:
    return "\n".join(message["content"] for message in request.messages)


def test_memory_changes_what_the_writer_is_asked() -> None:
    with_it, without = written(talk("parallel")), written(talk("parallel", memory_capacity=0))
    assert "[Memory]\n- (Bash) Write `oldjavascript`.\n" in with_it
    assert with_it.replace("\n[Memory]\n- (Bash) Write `oldjavascript`.\n", "") == without


def test_reflection_changes_what_writer_and_answerer_are_asked(judge: Judge) -> None:
    note = "Merits of `old`: code clarity (plain)."
    on, off = talk("parallel"), talk("parallel", reflection=False)
    assert note in written(on) and note not in written(off)
    on_request, off_request = answered(on, judge), answered(off, judge)
    assert note in asked(on_request) and "Remember from earlier work" not in asked(off_request)
    assert asked(on_request).replace(f"\n\nRemember from earlier work:\n{on.reflection}", "") == asked(off_request)
    assert on.reason is off.reason is None


def test_topology_changes_what_the_writer_is_asked() -> None:
    central, parallel = written(talk("centralized")), written(talk("parallel"))
    assert "Agent 1 (Python, main agent):" in central and "Agent 1 (Python):" in parallel
    combine = [written(talk(topology, "combine")) for topology in ("centralized", "parallel")]
    assert "the main agent; the others are material" in combine[0] and "which count alike" in combine[1]


def test_peers_change_what_the_writer_is_asked() -> None:
    whole = talk("parallel")
    alone = replace(whole, agents=whole.agents[:1], communicated=whole.communicated[:1])
    assert "Agent 2 (JavaScript):" in written(whole) and "function add(a, b)" in written(whole)
    assert "JavaScript" not in written(alone) and "Agent 1 (Python):" in written(alone)


def test_an_answer_is_written_from_the_created_problem_alone(judge: Judge) -> None:
    discussion = talk("parallel")
    text = asked(answered(discussion, judge))
    assert f"Write a PHP function `add` that {WORDS}" in text and "add(1, 2) returns 3" in text
    assert "return a + b" not in text and discussion.source.instruction not in text
    assert "return a + b" not in discussion.full_instruction(discussion.cases)


@pytest.mark.parametrize("task", ["generation", "translation"])
def test_a_blind_answer_sees_the_words_without_their_calls(judge: Judge, task: str) -> None:
    discussion, params = talk("parallel"), synthesis(examples=0, candidates=1, form="json", prefill="never")
    whole = f"```php\n{get('php').header('add', discussion.signature)}{BODIES['php']}```\n"
    for style in table("styles"):
        discussion.problem, discussion.style, discussion.task = Problem(WORDS, ("Zero changes nothing.",)), style, task
        context = RoundContext(Oracle(lambda request: whole), judge, params, 1, {}, ["python", "php"])
        sources = {discussion.id: Reference.of(discussion.source)}
        [question] = [one.question for one in carrying([discussion], sources, context)]
        assert "add(1, 2) returns 3" not in question and WORDS in question.replace("\n// ", " ")
        assert ("return a + b" in question) == (task == "translation")
        seen = replace(context, params=replace(params, blind=False))
        [question] = [one.question for one in carrying([discussion], sources, seen)]
        expected = 2 if task == "translation" else min(3, table("styles")[style]["calls"])
        assert question.count(" returns ") == expected
    assert "add(1, 2) returns 3" in discussion.full_instruction(discussion.cases), "whoever learns from it sees them"


def test_a_translation_shows_the_bases_code(judge: Judge) -> None:
    discussion = talk("parallel")
    assert "return $a + $b" in asked(answered(discussion, judge, "translation")), "in the names of its target"
    assert "return a + b" in discussion.full_instruction(discussion.cases)


def test_words_that_no_answer_can_follow_are_insufficient(judge: Judge) -> None:
    told, shown = talk("parallel"), talk("parallel")
    answered(told, judge, body=WRONG)
    answered(shown, judge, "translation", WRONG)
    assert told.reason == Reason.INSUFFICIENT_INSTRUCTION and told.detail.startswith("1 answer(s) differ: ")
    assert shown.reason == Reason.WRONG_ANSWER, "code that is shown says everything"
    assert told.attempt is not None and told.attempt.outcome == "wrong_answer"


@pytest.mark.parametrize("insufficient", ["base", "reject"])
def test_the_bases_own_words_take_the_place_of_words_that_no_answer_follows(judge: Judge, insufficient: str) -> None:
    discussion = talk("parallel")
    discussion.task = "generation"
    params = synthesis(examples=0, candidates=1, insufficient=insufficient)
    discussion.accept(said(f" {WORDS}"), params)
    oracle = Oracle(lambda request: WRONG if WORDS in asked(request) else BODIES["php"])
    context = RoundContext(oracle, judge, params, 1, {}, ["python", "javascript", "php"])
    verified, _ = _verify([discussion], context)
    if insufficient == "base":
        base = Problem.of(discussion.source)
        assert discussion.problem == base and discussion.reason is None and discussion.id in verified
        assert base.text in discussion.full_instruction([]) and WORDS not in discussion.full_instruction([])
        assert base.statement in [turn.text for turn in discussion.thread.turns], "the change is in the transcript"
    else:
        assert discussion.reason is Reason.INSUFFICIENT_INSTRUCTION and not verified and len(oracle.asked) == 1


def test_a_part_takes_over_problem_and_failure_of_its_lead() -> None:
    lead = talk("parallel", "combine")
    lead.accept(said(f" joins as JavaScript's join does and {WORDS}"), synthesis())
    part = replace(talk("parallel", "combine"), id="d2", target="bash", name="", lead=lead)
    follow(part, "text")
    assert part.problem == lead.problem and "JavaScript's join" in part.problem.text
    assert part.full_instruction([]).startswith("Write a Bash function `add` that joins as JavaScript's join does")
    lead.fail(Reason.TOO_SIMILAR, "repeats an earlier problem")
    late = replace(talk("parallel", "combine"), id="d3", target="bash", name="", lead=lead)
    follow(late, "text")
    assert late.reason == Reason.TOO_SIMILAR and late.problem is None


@pytest.mark.parametrize(("otherwise", "passed", "kept"), [(1, 1, True), (2, 1, False), (1, 0, False), (0, 3, True)])
def test_words_that_most_further_languages_take_otherwise_are_refused(otherwise: int, passed: int, kept: bool) -> None:
    lead = talk("parallel", "combine")
    parts = [replace(lead, id=f"p{number}", lead=lead) for number in range(otherwise + passed + 2)]
    for part in parts[:otherwise]:
        part.fail(Reason.INSUFFICIENT_INSTRUCTION)
    parts[-2].fail(Reason.COMPILE_ERROR)  # did not run: says nothing
    parts[-1].task = "translation"  # was shown code: says nothing about the words
    parts[-1].fail(Reason.WRONG_ANSWER)
    verified: Any = {one.id: one for one in (lead, *parts[otherwise : otherwise + passed])}
    _refuse_outvoted([lead], parts, verified)
    assert set(verified) == ({lead.id, *(part.id for part in parts[otherwise:-2])} if kept else set())
    if not kept:
        assert lead.reason is Reason.NO_AGREEMENT and f"{otherwise} of {otherwise + passed} further" in lead.detail
        assert {part.reason for part in parts[otherwise:-2]} <= {Reason.NO_AGREEMENT}
