"""Instructions in every style and language: well defined, and worded as people of the language write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.agents.helpers import EXECUTION
from xinstruct.agents.answers import Task
from xinstruct.agents.discussion import TaskMaterial
from xinstruct.agents.examples import Worked, worked
from xinstruct.agents.problem import Problem
from xinstruct.agents.tasks import Thread, declaration, header
from xinstruct.agents.wording import Wording, calls, draw_style
from xinstruct.code.types import Case, Signature
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.languages import EIGHT, get
from xinstruct.languages.header import python_imports
from xinstruct.llm.client import Answer
from xinstruct.prompts import table

STYLES = tuple(table("styles"))
TEXT = "Given a value and two bounds, return the value, or the bound that it is beyond, and never anything else."
RULES = ("A value that equals a bound is returned as it is.", "Bounds are never exchanged.")
PROBLEM = Problem(TEXT, RULES)
CLAMP = next(item for item in worked() if item.name == "clamp")


def worded(style: str, language: str, problem: Problem = PROBLEM, item: Worked = CLAMP) -> str:
    name = item.function(language)
    declared = header(language, name, item.signature).rstrip()
    return Wording(problem, style, language, name, declared, item.signature).instruction(list(item.cases))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("language", EIGHT)
def test_every_style_states_the_problem_and_the_whole_declaration(language: str, style: str) -> None:
    text, row = worded(style, language), table("styles")[style]
    said = " ".join(text.replace(f"{get(language).comment} ", " ").split())
    assert TEXT.lower() in said.lower() and all(rule in said for rule in RULES)
    assert get(language).title in text and CLAMP.function(language) in text
    if row["declaration"] == "words":
        assert str(CLAMP.signature) in text and "```" not in text
    else:
        assert text.count("```") == 2 and f"```{get(language).fence}\n" in text
        assert all(param.name in text.split("```")[1] for param in CLAMP.signature.params)
    assert (
        len([line for line in text.splitlines() if line.startswith("- clamp") or line.startswith("- Clamp")])
        == row["calls"]
    )
    assert ("## Problem" in text) == row["headings"] and "\n\n\n" not in text


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


@pytest.mark.slow
def test_an_answer_to_every_style_is_judged(judge: Judge) -> None:
    """The style `docstring` gives the first lines below a comment: an answer may repeat them as they stand."""
    jobs = []
    for language in (name for name in EIGHT if available(name)):
        block = worded("docstring", language).split("```", 2)[1].split("\n", 1)[1].rstrip()
        spoken, name = get(language), CLAMP.function(language)
        code = f"{block}\n{CLAMP.bodies[language].rstrip()}\n{spoken.footer()}"
        task = Task(language, language, name, CLAMP.signature, "q", CLAMP.cases, Thread("seed", "00"))
        answer = Answer("x", f"Here:\n```{spoken.fence}\n{code}\n```", "stop", 1, 1, False)
        found = task.take(0, answer, prefill=False)
        assert not found.failure, (language, code)
        jobs.append(task.job(found, CLAMP.cases))
    assert {(v.id, v.verdict) for v in judge.judge(jobs)} == {(job.id, "passed") for job in jobs}


def test_styles_are_drawn_by_weight_and_a_sentence_has_its_own() -> None:
    drawn = Counter(draw_style(f"{number:016x}", "json") for number in range(2000))
    for name, row in table("styles").items():
        assert abs(drawn[name] / 2000 - row["weight"]) < 0.04
    assert {draw_style(f"{number:016x}", "text") for number in range(20)} == {"sentence"}
    assert worded("sentence", "php", Problem("clamps a value.")).startswith(
        "Write a PHP function `clamp` that clamps a"
    )


@pytest.mark.parametrize("kind", ["completion", "repair", "translation", "explanation"])
@pytest.mark.parametrize("style", STYLES)
def test_a_type_of_task_shows_its_code_in_any_style(style: str, kind: str) -> None:
    name = CLAMP.function("javascript")
    declared = header("javascript", name, CLAMP.signature).rstrip()
    task = Wording(PROBLEM, style, "javascript", name, declared, CLAMP.signature)
    material = TaskMaterial("the_code", "python" if kind == "translation" else "", "wrong answer")
    text = task.instruction(list(CLAMP.cases), kind, material)
    assert f"```{'python' if kind == 'translation' else 'javascript'}\nthe_code\n```" in text
    if kind != "explanation":
        assert PROBLEM.text in text and f"Types of arguments and result: {CLAMP.signature}" in text
        assert text.count("\n- clamp(") == 2 and "## " not in text


def test_calls_are_spelled_as_the_language_writes_them() -> None:
    kinds = Signature.of("optional<bool>", x="float", m="dict<string,list<float>>", t="tuple<int,string>", y="float")
    case = [Case((49, [["a", [1, "NaN"]]], [2, "b"], "Infinity"), False), Case((0.5, [], [0, ""], 1e300), None)]
    python, other = (calls(case, kinds, language) for language in ("python", "javascript"))
    assert python[0] == {
        "args": '49.0, {\'a\': [1.0, float("nan")]}, (2, \'b\'), float("inf")', "expected": "False",
    }  # fmt: skip
    assert other[0] == {"args": '49.0, {"a": [1.0, NaN]}, [2, "b"], Infinity', "expected": "false"}
    assert (python[1]["expected"], other[1]["expected"]) == ("None", "null")
    for language in EIGHT:
        assert calls([Case((2,), 49)], Signature.of("float", n="int"), language) == [{"args": "2", "expected": "49.0"}]


def test_a_mined_function_keeps_its_own_types_in_every_style() -> None:
    own = "public static int clamp(int value, short low, short high) {"
    for style in set(STYLES) - {"brief"}:
        text = Wording(PROBLEM, style, "java", "clamp", own, CLAMP.signature).instruction([])
        assert own in text and "long" not in text.split("```")[1]


def test_long_calls_are_left_out_and_different_results_come_first() -> None:
    kinds = Signature.of("int", text="string")
    cases = [Case(("x" * 200,), 1), Case(("a",), 2), Case(("b",), 2), Case(("c",), 3)]
    assert [row["args"] for row in calls(cases, kinds, "php", 9)] == ['"a"', '"c"', '"b"']


def test_a_template_is_declared_with_its_parameters() -> None:
    code = "#include <vector>\n\ntemplate <typename T>\nstatic T larger(T a, T b) {\n    return a > b ? a : b;\n}\n"
    assert declaration(code, "cpp", "larger", CLAMP.signature) == "template <typename T>\nstatic T larger(T a, T b) {"
    plain = code.replace("template <typename T>\n", "")
    assert declaration(plain, "cpp", "larger", CLAMP.signature) == "static T larger(T a, T b) {"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("return Counter(text).most_common(1)[0][1]", "from collections import Counter\n\n\n"),
        ("return sorted(text, key=cmp_to_key(less))", "from functools import cmp_to_key\n\n\n"),
        ("seen: List[int] = []\n    return math.floor(reduce(less, seen))",
         "import math\nfrom functools import reduce\nfrom typing import List\n\n\n"),
        ("@lru_cache\n    def g(k):\n        return k\n    return g(1)", "from functools import lru_cache\n\n\n"),
        ("from collections import Counter\n    return Counter(text)", ""),
        ("import math\n    return math.floor(1.5)", ""),
        ("product = [1]\n    return product[0]", ""),
        ("def floor(x):\n        return x\n    return floor(1)", ""),
        ("return [product(1) for product in text]", ""),
        ('return "Counter(x)"  # deque(x)', ""),
        ("return text.reduce(1)", ""),
    ],
)  # fmt: skip
def test_a_started_python_answer_gets_the_imports_it_cannot_write(body: str, wanted: str) -> None:
    assert python_imports(f"def f(text: str) -> int:\n    {body}\n") == wanted
