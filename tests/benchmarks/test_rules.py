"""Rules from answer to code: each step, sets by name, and what is refused; the oracle of inputs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from xinstruct.benchmarks.evalplus import shaped
from xinstruct.benchmarks.fetch import HERE
from xinstruct.benchmarks.oracle import agrees, check
from xinstruct.benchmarks.problems import ProgramProblem
from xinstruct.benchmarks.rules import apply, rules
from xinstruct.code.extraction import extract_code
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput

PROMPT = 'from typing import List\n\ndef helper(x):\n    return x\n\ndef add(a, b):\n    """Add."""\n'
PYTHON = ProgramProblem("P/1", "python", PROMPT, "add", "assert add(1, 2) == 3", "{code}\n{tests}\n")
CPP = ProgramProblem("C/1", "cpp", "#include <vector>\n// Add.\nint add(int a, int b) {\n", "add", "", "{code}")
PREAMBLE = "from typing import List\ndef helper(x):\n    return x\n\n"
ASKED = PROMPT.rstrip() + "\n"
CODE = "def add(a, b):\n    return a + b\n"
HEADED = f"```python\nopen = 1\nPython3 code to solve the original problem:\n```python\n{CODE}```\n"
TWO = f"First:\n```python\n{CODE}```\nthen\n```python\nadd(1, 2)\n```\n"


@pytest.mark.parametrize(
    ("name", "answer", "code", "rule"),
    [
        ("completion", "    return a\n", PROMPT + "    return a\n", "whole+prompt"),
        ("completion", "", PROMPT, "whole+prompt"),
        ("function", CODE, CODE, "whole"),
        ("first_fence", TWO, PREAMBLE + CODE, "first_fence+preamble"),
        ("last_fence_bare", TWO, "add(1, 2)\n", "last_fence"),
        ("last_fence_bare", CODE, CODE, "no_fence"),
        ("first_fence", CODE, "", "none"),
        ("last_pair", "- so:\n  ```python\n  x = 1\n  ```\n", "\n  x = 1\n  ", "last_pair"),
        ("last_fence_bare", "- so:\n  ```python\n  x = 1\n  ```\n", "x = 1\n", "last_fence"),
        ("last_pair", CODE, CODE, "no_fence"),
        ("last_pair", HEADED, "\nopen = 1\nPython3 code to solve the original problem:\n", "last_pair"),
        ("headed_pair", HEADED, f"\n{CODE}", "last_pair"),
        ("chat_bare", TWO, CODE, "fence"),
        ("chat", "```python\nreturn a + b\n```", ASKED + "    return a + b\n", "fence_without_function+auto"),
        ("whole+drop_main", f"{CODE}if __name__ == '__main__':\n    add(1, 2)\n\n", CODE, "whole+drop_main"),
        ("stopped", "    return a\n\ndef other():\n    pass\n", f"{PROMPT}    return a\n", "whole+stop+prompt"),
    ],
)  # fmt: skip
def test_rules_in_python(name: str, answer: str, code: str, rule: str) -> None:
    assert apply(rules(name), PYTHON, answer) == (code, rule)


def test_imports_are_a_preset() -> None:
    code, rule = apply(rules("function_imports"), PYTHON, CODE)
    assert rule == "whole+imports"
    assert "math" in code
    assert code.endswith(CODE)


def test_a_main_of_the_answer_goes_and_includes_come() -> None:
    answer = "```cpp\nint add(int a, int b) {\n  return a + b;\n}\nint main() {\n  if (add(1, 2)) { return 0; }\n}\n```"
    code, rule = apply(rules("chat"), CPP, answer)
    assert code == "#include <vector>\n\nint add(int a, int b) {\n  return a + b;\n}\n"
    assert rule == "fence+drop_main+auto"


def test_unknown_rules_are_named() -> None:
    with pytest.raises(BadInput, match="unknown rules 'first_fense'; sets: completion, "):
        rules("first_fense")
    with pytest.raises(BadInput, match="unknown rules"):
        rules("prompt")


def test_a_block_in_a_list_item_loses_its_indentation() -> None:
    answer = "1. So:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n"
    assert extract_code(answer, "python", "add") == (CODE, "fence")


def test_a_tagged_fence_ends_a_block_that_was_left_open() -> None:
    answer = f"```python\ndef other():\n    pass\n\n## So\n```python\n{CODE}```"
    assert extract_code(answer, "python", "add") == (CODE, "fence")


def test_the_last_of_equal_blocks() -> None:
    answer = f"```python\ndef add(a, b):\n    return b\n```\nBetter:\n```python\n{CODE}```"
    assert extract_code(answer, "python", "add", last=True) == (CODE, "fence")
    assert extract_code(answer, "python", "add")[0] != CODE


def test_an_answer_that_is_all_code_keeps_its_helpers() -> None:
    answer = f"def helper(x):\n    return x\n\n{CODE}"
    assert extract_code(answer, "python", "add") == (answer, "whole_code")


# ---- inputs, shapes, comparison


def test_shapes_come_from_the_asserts() -> None:
    record = {"entry_point": "f", "assertion": "assert f((1, 2), [(3, 4)], {1}) == 1\nassert f((), [()], {2}) == 2"}
    assert shaped(record, [[[5], [[6, 7], []], [8, 8]]]) == [[(5,), [(6, 7), ()], {8}]]
    assert shaped({"entry_point": "f"}, [[[5]]]) == [[[5]]]
    complex_ = {"entry_point": "f", "assertion": "assert f(0, 1j) == 1"}
    assert shaped(complex_, [["2", "3j"]]) == [[2.0, 3j]]


@pytest.mark.parametrize(
    ("found", "expected", "special", "atol", "same"),
    [
        (1, 1, "", 0, True),
        (1, 2, "", 0, False),
        (0.1 + 0.2, 0.3, "", 0, True),
        ([1.0, 2.0000001], [1.0, 2.0], "", 0, True),
        ([1.0], [1.0, 2.0], "", 0, False),
        (1, 1.0000001, "", 0, False),
        ("1.0", 1.0, "", 0, False),
        (math.nan, math.nan, "", 0, False),
        ([2, 1], (1, 2), "set", 0, True),
        (None, True, "not_none", 0, False),
        (0, 5, "or_zero", 0, True),
    ],
)
def test_agreement_of_results(found: Any, expected: Any, special: str, atol: float, same: bool) -> None:
    assert agrees(found, expected, [], special, atol) is same


def test_the_first_wrong_input_is_named() -> None:
    check(lambda x: x + 1, lambda x: x + 1, [[1], [2]], "", 0)
    with pytest.raises(AssertionError, match="input 1: expected 3, got 5"):
        check(lambda x: x + 1 if x < 2 else 5, lambda x: x + 1, [[1], [2]], "", 0)


def test_a_stand_in_for_lodash_takes_the_place_of_the_module(judge: Judge) -> None:
    stub = (HERE / "mbxp" / "stubs" / "lodash.js").read_text(encoding="utf-8")
    tests = "const lodash = require('lodash');\nif (!lodash.isEqual(f(), [1, { a: [2] }])) throw new Error();"
    problem = ProgramProblem(
        "J/1", "javascript", "", "f", tests, "{code}\n{stub}\n{tests}\nrequire('assert');", stub=stub
    )
    codes = [f"const f = () => [1, {{ a: [{value}] }}];" for value in (2, 3)]
    verdicts = judge.judge([problem.job(str(i), code) for i, code in enumerate(codes)])
    assert [verdict.verdict for verdict in verdicts] == ["passed", "runtime_error"]
