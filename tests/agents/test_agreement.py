"""When two languages agree on a new problem: everywhere, by majority, and on something worth knowing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.helpers import ADD
from xinstruct.agents.agreement import Agreed, Question, common, copies, witness_of
from xinstruct.agents.answers import Candidate, Task
from xinstruct.agents.tasks import Thread
from xinstruct.code.types import Case, Signature
from xinstruct.execution.verdicts import Verdict
from xinstruct.records import Reason

INPUTS = [[i, i + 1] for i in range(15)]
NEW = [7 * i + 3 if i % 2 else 100 + i for i in range(15)]
OLD = [7 * i + 3 for i in range(15)]
KNOWN = [Case((i, i + 1), 7 * i + 3) for i in range(4)]


def ran(values: list[Any], thrown: tuple[int, ...] = ()) -> Verdict:
    errors = ["ZeroDivisionError" if i in thrown else "" for i in range(len(values))]
    left = [None if i in thrown else value for i, value in enumerate(values)]
    return Verdict("x", "passed", values=left, errors=errors)


def answered(*verdicts: Verdict) -> Task:
    task = Task("t", "python", "f", ADD, "q", (), Thread("synthesize", "00"))
    task.candidates = [Candidate(i, f"t{i}", f"c{i}", 1, "", verdict) for i, verdict in enumerate(verdicts)]
    return task


def settled(ones: list[Verdict], twos: list[Verdict], known: list[Case] | None = None) -> Question:
    question = Question(answered(*ones), answered(*twos), INPUTS, known or [])
    question.settle()
    return question


def why(question: Question) -> Reason:
    assert isinstance(question.outcome, tuple)
    return question.outcome[0]


def agreed(question: Question) -> Agreed:
    assert isinstance(question.outcome, Agreed), question.outcome
    return question.outcome


def test_an_answer_that_throws_on_one_side_disagrees() -> None:
    assert why(settled([ran(NEW, (14,))], [ran(NEW)])) == Reason.NO_AGREEMENT
    assert why(settled([ran(NEW)], [ran(NEW, tuple(range(3, 14)))])) == Reason.NO_AGREEMENT


@pytest.mark.parametrize(("thrown", "enough"), [(0, True), (3, True), (4, False)])
def test_both_may_throw_on_a_fifth_of_the_inputs_at_most(thrown: int, enough: bool) -> None:
    both = ran(NEW, tuple(range(thrown)))
    question = settled([both], [both])
    if enough:
        assert [case.args for case in agreed(question).cases] == [tuple(args) for args in INPUTS[thrown:]]
    else:
        assert why(question) == Reason.NO_AGREEMENT


def test_a_result_of_another_type_counts_as_thrown() -> None:
    text = ran([str(value) if i == 3 else value for i, value in enumerate(NEW)])
    assert why(settled([text], [ran(NEW)])) == Reason.NO_AGREEMENT
    assert len(agreed(settled([text], [text])).cases) == len(INPUTS) - 1


def test_integers_that_some_language_does_not_hold_say_nothing() -> None:
    one = [2**62 + 1 if i == 5 else value for i, value in enumerate(NEW)]
    two = [2**62 if i == 5 else value for i, value in enumerate(NEW)]
    cases = agreed(settled([ran(one)], [ran(two)])).cases
    assert len(cases) == len(INPUTS) - 1 and all(case.args != (5, 6) for case in cases)


def test_the_pair_with_most_support_gives_the_answer() -> None:
    lonely, twin = ran([value + 1 for value in NEW]), ran(NEW)
    found = agreed(settled([lonely, twin, twin], [lonely, twin, lonely, twin, twin]))
    assert (found.answer.index, found.witness.index, found.support) == (1, 1, 5)
    assert [case.expected for case in found.cases] == NEW
    first = agreed(settled([lonely, twin], [twin, lonely]))
    assert (first.answer.index, first.witness.index) == (0, 1), "of equals the first"


@pytest.mark.parametrize(("lacking", "enough"), [(1, True), (3, True), (4, False)])
def test_inputs_on_which_no_result_has_a_majority_are_left_open(lacking: int, enough: bool) -> None:
    """What the words do not say everybody takes otherwise; what most read alike one must not miss."""

    def other(by: int) -> Verdict:
        return ran([value + by if i < lacking else value for i, value in enumerate(NEW)])

    question = settled([other(1), other(2)], [other(3), other(4)])
    if enough:
        assert [case.args for case in agreed(question).cases] == [tuple(args) for args in INPUTS[lacking:]]
    else:
        assert why(question) == Reason.NO_AGREEMENT
    most = settled([other(1)], [other(2), other(2), other(2)])
    assert why(most) == Reason.NO_AGREEMENT, "three of four agree there, and the one that differs is wrong"
    assert why(settled([other(1)], [other(2)])) == Reason.NO_AGREEMENT, "two runs show nothing about the words"
    split = settled([other(1), other(1)], [other(2), other(2)])
    assert why(split) == Reason.NO_AGREEMENT, "the languages differ there, not those who read the words"


def test_copies_of_the_base_are_refused_without_ending_the_search() -> None:
    new, copy = ran(NEW), ran(OLD)
    for order in ([copy, new, new], [new, copy, new], [new, new, copy]):
        assert [case.expected for case in agreed(settled(order, order, KNOWN)).cases] == NEW
    assert why(settled([copy], [copy], KNOWN)) == Reason.TOO_SIMILAR
    assert agreed(settled([copy], [copy]))


def test_constants_are_refused_as_weak_without_ending_the_search() -> None:
    constant, same = ran([1] * 15), ran([args[0] for args in INPUTS])
    assert why(settled([constant], [constant])) == why(settled([same], [same])) == Reason.WEAK_CASES
    assert agreed(settled([constant, ran(NEW)], [constant, ran(NEW)])).answer.index == 1


def test_what_nobody_answered_has_the_reason_of_its_own_answers() -> None:
    question = settled([], [ran(NEW)])
    question.target.candidates = [Candidate(0, "t", "c", 1, Reason.WRONG_LANGUAGE)]
    question.settle()
    assert why(question) == Reason.WRONG_LANGUAGE and question.open
    assert why(settled([ran(NEW)], [])) == Reason.NO_AGREEMENT


def test_only_inputs_that_both_have_are_compared_with_the_base() -> None:
    cases = [Case((1, 2), 10), Case((8, 9), 59)]
    assert copies(ADD, cases, KNOWN) and not copies(ADD, cases, [Case((1, 2), 11)])
    assert not copies(ADD, cases, []) and not copies(ADD, cases, [Case((5, 5), 1)])


def test_floats_agree_within_a_tolerance() -> None:
    kind, inputs = Signature.of("float", n="int"), [[i] for i in range(5)]
    one, two = ran([i / 3 for i in range(5)]), ran([i / 3 + 1e-9 for i in range(5)])
    assert common(kind, inputs, one, two) is not None and common(kind, inputs, one, ran([1.0] * 5)) is None
    assert common(kind, inputs, one, None) is None


def test_the_witness_speaks_another_language_of_the_run() -> None:
    run = ["python", "javascript", "php"]
    assert witness_of("php", "python", run) == "python"
    assert witness_of("python", "python", run, ["php"]) == "php"
    assert witness_of("python", "python", run) == "javascript"
    assert witness_of("php", "python", ["javascript", "php"], ["bash"]) == "javascript"
    assert witness_of("php", "python", ["php"]) == "python", "a run of one language has it outside"
