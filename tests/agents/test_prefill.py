"""Endpoints that do not continue a prefill: asked in words, read by the usual extraction."""

from __future__ import annotations

import pytest

from tests.agents.books import Make, check_books
from tests.agents.oracle import BEGIN, OWN, WHOLE
from tests.params import own
from xinstruct.agents.prefill import continuation, resolved, uses_prefill
from xinstruct.code.completion import body_of, first_part, whole_answer
from xinstruct.files import BadInput

LANGUAGES = ["python", "javascript", "php", "bash"]


class Endpoint:
    """What `auto` looks at."""

    def __init__(self, continues: bool, capable: bool) -> None:
        self.continues, self.capable = continues, capable


@pytest.mark.slow
def test_books_are_true_without_started_answers(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, continues=False, prefill="auto", rounds=3, max_tokens=300, discussions=20)
    seen = check_books(ran)
    assert set(seen) >= {"right", "wrong", "empty", "nonsense", "copy"}
    for call in ran.oracle.calls.values():
        assert call.messages[-1]["role"] == "user"
    asked = [call.messages[-1]["content"] for call in ran.oracle.calls.values() if call.kind != "score"]
    assert asked and all(BEGIN in text or WHOLE.search(text) for text in asked)
    assert any("must have this signature" in text for text in asked)
    for sample in ran.samples:
        assert "Of course" not in sample.instruction and "does what number" in sample.instruction
        assert "Sure" not in sample.response and "```" not in sample.response


@pytest.mark.slow
def test_feedback_and_types_work_without_started_answers(oracle_run: Make) -> None:
    types = {"completion": 1.0, "repair": 1.0, "explanation": 1.0}
    ran = oracle_run(OWN, LANGUAGES, continues=False, prefill="auto", rounds=1, tasks=types, shares={"right": 1})
    assert {sample.task for sample in ran.samples} == set(types)
    assert {row.reason for row in ran.rejected} <= {"exact_duplicate"}


def test_an_endpoint_that_takes_no_started_answer_fails_when_it_gets_one(oracle_run: Make) -> None:
    with pytest.raises(BadInput, match="the last message must be the user's"):
        oracle_run(OWN, LANGUAGES, continues=False, prefill="always", rounds=1, discussions=20)


def test_auto_follows_the_teacher() -> None:
    for mode, continues, capable, wanted in (
        ("auto", True, False, True), ("auto", True, True, False), ("auto", False, False, False),
        ("always", False, True, True), ("never", True, False, False),
    ):  # fmt: skip
        for section in ("seed", "synthesize"):
            teacher = Endpoint(continues, capable)
            found = resolved(own(section, prefill=mode), teacher)  # type: ignore[arg-type]
            assert uses_prefill(found) is wanted and found.form == ("json" if capable else "text")
            assert resolved(own(section, form="json"), teacher).form == "json"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="auto"):
        uses_prefill(own("seed", prefill="auto"))


def test_what_follows_the_start_is_found_in_a_whole_answer() -> None:
    start = "Write a PHP function `f` that"
    assert continuation(" adds.", start, True) == " adds."
    assert continuation(f'Sure:\n\n"{start} adds."', start, False) == ' adds."'
    assert (
        continuation("```\nIt adds.", start, False) == "It adds."
        or continuation("It adds.", start, False) == "It adds."
    )


def test_code_of_a_whole_answer() -> None:
    text = "Here:\n```go\nfunc f() int { return 1 }\n```\nDone."
    assert whole_answer("go", "f", text) == "func f() int { return 1 }\n"
    assert whole_answer("python", "f", "I cannot do that.") == ""
    assert body_of("function f(a) {\n    return a;\n}", "f").startswith("\n    return a;")


def test_a_function_is_cut_about_its_middle_and_never_in_a_string() -> None:
    python = "def f(a):\n    b = a + 1\n    c = b * 2\n    return c"
    assert first_part("python", python, 9) == "def f(a):\n    b = a + 1"
    assert first_part("python", "def f(a):\n    return a + 'x y z'", 9) == "def f(a):\n    return"
    assert first_part("python", "def f(a):\n    pass", 9) == ""
