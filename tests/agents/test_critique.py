"""Objections of peers: what stands is what running code shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.agents.books import SEED, SENDING, Make, Ran
from tests.agents.oracle import OWN
from xinstruct.agents.critique import Objection, parse
from xinstruct.agents.tasks import request_seed
from xinstruct.code.types import Signature, cases_from_json

TWO = ["python", "javascript"]
# results are whole numbers, so that a narrow answer's -99 shows
WHOLE = [replace(problem, name=f"{problem.name}_{word}") for problem in OWN[:2] for word in ("one", "two", "three")]
SHARES = {"right": 1, "narrow": 1}
OBJECTS = " answer\nReason: large numbers\nInput: [123, 45]"


def kinds(ran: Ran, thread: str) -> list[str]:
    """What the oracle gave as first answer and as revision ("" where it was not asked)."""
    calls = [ran.oracle.calls.get(request_seed(SEED, f"{thread}-{i}") % SENDING) for i in range(2)]
    return [call.kind if call else "" for call in calls]


@pytest.mark.slow
def test_without_critique_a_narrow_answer_is_kept(oracle_run: Make) -> None:
    ran = oracle_run(WHOLE, TWO, shares=SHARES, rounds=1)
    assert not ran.rejected or {row.reason for row in ran.rejected} == {"exact_duplicate"}
    assert not any(turn.kind in ("critique", "evidence") for turn in ran.turns)
    assert {kinds(ran, thread)[0] for thread in ran.threads()} == {"right", "narrow"}


@pytest.mark.slow
def test_an_objection_stands_by_its_failing_case_and_lets_the_author_revise(oracle_run: Make) -> None:
    ran = oracle_run(WHOLE, TWO, shares=SHARES, rounds=1, critique_turns=1, objection=OBJECTS)
    rejected = {row.id: row for row in ran.rejected}
    seen: Counter[tuple[str, ...]] = Counter()
    for thread, turns in ran.threads().items():
        first, revised = kinds(ran, thread)
        seen[first, revised] += 1
        evidence = [turn for turn in turns if turn.kind == "evidence"]
        assert len(evidence) == 1 and [t.kind for t in turns].count("critique") == 1
        assert evidence[0].value == (first == "narrow")
        if first == "right":
            assert revised == "" and "no failing case" in evidence[0].text
        else:
            assert "expected" in evidence[0].text and "got -99" in evidence[0].text
        good = "right" in (first, revised)
        reason = rejected[thread].reason if thread in rejected else ""
        assert reason in (("", "exact_duplicate") if good else ("wrong_answer",))
        if not good:
            assert rejected[thread].detail.startswith("a peer's case: ")
    assert {("right", ""), ("narrow", "right"), ("narrow", "narrow")} <= set(seen), seen
    by_thread = {turn.sample: turn.thread for turn in ran.turns if turn.kind == "score"}
    for sample in ran.samples:
        revised = kinds(ran, by_thread[sample.id])[1] == "right"
        assert len(cases_from_json(sample.cases)) == 3 + revised, "the failing input is a case from then on"


@pytest.mark.slow
def test_the_author_sees_the_failing_case(oracle_run: Make) -> None:
    ran = oracle_run(WHOLE, TWO, shares={"narrow": 1}, rounds=1, critique_turns=1, objection=OBJECTS)
    for thread, turns in ran.threads().items():
        evidence = next(turn.text for turn in turns if turn.kind == "evidence")
        revision = ran.oracle.calls[request_seed(SEED, f"{thread}-1") % SENDING].messages
        assert evidence in revision[-2]["content"] and "fails (wrong answer)" in revision[-2]["content"]
        question = ran.oracle.calls[request_seed(SEED, f"{thread}-critique0") % SENDING].messages[0]["content"]
        assert question.startswith("You are an expert") and "[Problem]" in question and "when it was run" in question


def test_an_objection_to_the_problem_has_it_reworded(oracle_run: Make) -> None:
    words = " problem\nReason: it says nothing of negative numbers\nInput: [-7]"
    ran = oracle_run(OWN[:1], TWO, shares={"right": 1}, rounds=1, critique_turns=1, objection=words)
    threads = {turn.sample: turn.thread for turn in ran.turns if turn.kind == "score"}
    assert ran.samples
    for sample in ran.samples:
        ident = request_seed(SEED, f"{threads[sample.id]}-revision0") % SENDING
        assert f"does what number {ident} wants" in sample.instruction
        shown = ran.oracle.calls[ident].messages[0]["content"]
        assert "it says nothing of negative numbers" in shown and "(-7) returned -14" in shown


def test_a_single_agent_has_no_peer(oracle_run: Make) -> None:
    ran = oracle_run(WHOLE, TWO, shares={"right": 1}, rounds=1, critique_turns=1, agents=1, objection=OBJECTS)
    assert ran.samples and not any(turn.kind == "critique" for turn in ran.turns)


def test_words_that_are_no_objection_change_nothing() -> None:
    two = Signature.of("int", a="int", b="string")
    assert parse(" none\nReason: fine", two) == Objection("")
    assert parse("banana answer", two) == Objection("")
    assert parse(' Answer\nReason: off by one.\nInput: [1, "x"]', two) == Objection("answer", "off by one.", (1, "x"))
    assert parse(" problem\nInput: [1]", two) == Objection("problem")
    assert parse(" problem\nInput: [1, 2", two) == Objection("problem")


@pytest.mark.parametrize(
    ("text", "about", "args"),
    [
        (" The answer is wrong.\nReason: repeats\nInput: [[3, 3, 1], 2]", "answer", ([3, 3, 1], 2)),
        (" **answer**\n**Reason:** repeats\n**Input:** `[[], 0]`", "answer", ([], 0)),
        (" the problem\nReason: repeats\n- Input: [[2], [3]]", "problem", None),
        (" Answer.\nReason: repeats\ninput = [[[1]], 3]", "answer", None),
        (" I see no problem here\nReason: none\nInput: [[1], 3]", "", None),
    ],
)
def test_objections_are_read_as_peers_write_them(text: str, about: str, args: tuple[object, ...] | None) -> None:
    found = parse(text, Signature.of("int", xs="list<int>", k="int"))
    assert (found.about, found.args) == (about, args) and found.reason == ("repeats" if about else "")
