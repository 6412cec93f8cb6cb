"""How an answer is cut and chosen."""

import pytest

from tests.agents.helpers import ADD, ADD_CASES
from xinstruct.agents.answers import Candidate, Task, Tries, complete
from xinstruct.agents.tasks import Thread, declaration, supports
from xinstruct.agents.wording import calls
from xinstruct.code.types import Case, Signature
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import EIGHT, get
from xinstruct.languages.header import FunctionHeader, spelled_for, without_imports
from xinstruct.llm.client import Answer
from xinstruct.records import Reason


def task(language: str = "python") -> Task:
    return Task("t", language, "add", ADD, "q", tuple(ADD_CASES), Thread("synthesize", "00"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "\n    return a + b\n\nprint(add(1, 2))\n"),
        ("javascript", '\n    // }\n    const s = "}";\n    return a + b;\n}\n\nconsole.log(1);\n'),
        ("java", "\n    return a + b;\n}\n\nstatic int more() { return 1; }\n}"),
        ("csharp", "\n    return a + b;\n}\n\nstatic void Main() { }\n}"),
        ("php", "\n    return $a + $b;\n}\n```\nexplained"),
        ("bash", '\n    echo "${a}"\n}\n\nadd 1 2\n'),
    ],
)
def test_an_answer_ends_where_its_function_does(language: str, text: str) -> None:
    opened = FunctionHeader.of(language, "add", ADD).bare
    code, closed = complete(language, opened, text, "length")
    assert closed and code.startswith(opened)
    assert not any(extra in code for extra in ("print", "console", "more", "Main", "explained", "add 1 2"))
    if language != "python":
        assert code.count("{") == code.count("}") or language == "javascript"


@pytest.mark.parametrize("language", EIGHT)
def test_the_brace_that_the_stop_string_took_is_put_back(language: str) -> None:
    opened = FunctionHeader.of(language, "add", ADD).bare
    code, closed = complete(language, opened, "\n    return a + b", "stop")
    assert closed and code.rstrip().endswith("return a + b" if language == "python" else "}")
    unfinished, closed = complete(language, opened, "\n    return a +", "length")
    assert not closed and unfinished.rstrip().endswith("+")


@pytest.mark.parametrize("language", EIGHT)
def test_what_wraps_a_function_is_left_out_and_put_back(language: str) -> None:
    header = FunctionHeader.of(language, "add", ADD)
    function = f"{header.bare}\n    body\n" + ("" if language == "python" else "}")
    whole = header.whole(function)
    assert whole.startswith(get(language).header("add", ADD).rstrip())
    assert header.alone(whole) == function.strip()
    assert not any(word in function for word in ("import", "#include", "using", "<?php", "class"))


def test_imports_are_no_part_of_what_a_prompt_shows() -> None:
    code = "#include <cassert>\nusing System.Text;\nimport java.util.*;\n\nint f() { return 1; }\n"
    assert without_imports(code) == "int f() { return 1; }"


def test_variables_are_shown_as_php_spells_them() -> None:
    two = Signature.of("int", low="int", text="string")
    code = "int f(int low, String text) {\n    int sum = 0;\n    for (char c : text) {\n        sum += low;\n    }\n"
    shown = spelled_for("php", "java", code + '    return f(sum) + "low" + text.low;\n}', two)
    assert "int f(int $low, String $text) {" in shown and "for (char $c : $text)" in shown
    assert "$sum += $low;" in shown and 'return f($sum) . "low" . $text.low;' in shown
    assert spelled_for("php", "java", shown, two) == shown and spelled_for("java", "java", code, two) == code
    assert spelled_for("php", "python", "def g(low):\n    return low >= 2", two) == "def g($low):\n    return $low >= 2"


def test_outcome_of_unusable_answers() -> None:
    def outcome(text: str, finish: str = "stop", error: str = "") -> str:
        return task("javascript").take(0, Answer("t-0", text, finish, 1, 1, False, error)).outcome

    assert outcome("  \n") == Reason.EMPTY_ANSWER
    assert outcome("    return a", "length") == Reason.TRUNCATED
    assert outcome("", "error", "timed out") == Reason.LLM_ERROR
    assert outcome("", "error", "budget") == Reason.BUDGET


def test_of_passing_answers_one_with_comments_wins_and_the_furthest_failure_speaks() -> None:
    found = task()
    for index, (verdict, code) in enumerate([("compile_error", "x"), ("wrong_answer", "xx"), ("timeout", "xxx")]):
        found.candidates.append(Candidate(index, code, code, 1, verdict=Verdict("t", verdict, f"d{index}")))
    assert found.best is None and found.failure == (Reason.WRONG_ANSWER, "d1")
    for index, code in ((3, "return 1"), (4, "x = 1  # as asked"), (5, "# short")):
        found.candidates.append(Candidate(index, code, code, 1, verdict=Verdict("t", "passed")))
        assert found.best is not None and found.best.index == min(index, 4)


def test_request_has_examples_before_the_question_and_a_started_answer() -> None:
    found = task()
    found.examples = [("q1", "a1")]
    request = found.request(2, Tries(8, 8, 0, 9, 0.4, True), 1)
    assert [m["content"] for m in request.messages] == ["q1", "a1", "q"]
    assert request.prefill == "```python\ndef add(a: int, b: int) -> int:"
    assert request.seed != found.request(1, Tries(8, 8, 0, 9, 0.4, True), 1).seed


def test_words_of_a_task() -> None:
    nested = Signature.of("int", n="int")
    own = "public static int f(int[] a, String s) {\n    return 1;\n}"
    assert declaration(own, "java", "f", nested) == "public static int f(int[] a, String s) {"
    assert declaration("const f = (a) => a + 1;", "javascript", "f", nested) == "const f = (a) =>"
    cases, text = [Case((1,), "a"), Case((2,), "a"), Case((3,), "b")], Signature.of("string", n="int")
    assert calls(cases, text, "javascript")[1] == {"args": "3", "expected": '"b"'}


@pytest.mark.parametrize("language", EIGHT)
def test_a_language_cannot_name_a_parameter_by_a_word_of_its_own(language: str) -> None:
    def speaks(name: str) -> bool:
        return supports(language, "f", Signature.of("list<string>", **{name: "int", "text": "string"}))

    words = {
        "python": "from lambda class", "javascript": "default new with", "typescript": "class function with",
        "java": "char default package", "cpp": "template char default", "csharp": "string ref base",
        "php": "", "bash": "",
    }  # fmt: skip
    assert not any(map(speaks, words[language].split()))
    assert all(map(speaks, ("to", "of", "value", "type", "list", "match", "end", "get", "record", "x1")))
