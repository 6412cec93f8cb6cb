"""Programs that find the names of those before them, as in a runner with one process for all."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.test_score import answers, judge_for, lines, small  # noqa: F401
from xinstruct.benchmarks.score import score_file
from xinstruct.benchmarks.shared import Names
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge


def after(programs: list[str], program: str) -> str:
    names = Names()
    for one in programs:
        names.ran(one)
    return names.found(program)


def test_a_program_gets_what_it_uses_and_what_that_needs() -> None:
    before = [
        "import math\nimport os\nROOT = 2\ndef root(x):\n    return math.sqrt(x) + ROOT\n",
        "ROOT = 3\n",
        "def f(:",
    ]
    text = after(before, "print(root(4))\n")
    assert "import math" in text and "ROOT = 3" in text and "def root" in text
    assert "os" not in text and "ROOT = 2" not in text
    assert after(before, "print(1)\n") == ""
    assert "from typing import *" in after(["if True:\n    from typing import *\n"], "x: List = []\n")


def test_what_was_defined_before_stands_in_for_builtins_and_imports(judge: Judge) -> None:
    names = Names()
    names.ran("import math\ndef sum(a, b):\n    return a\nraise SystemExit\n")
    programs = {
        "sum": "assert sum([1, 2]) == 3\n",
        "math": "assert math.pi > 3\n",
        "own": "def sum(a):\n    return 3\nassert sum([1]) == 3\n",
    }
    jobs = [Job(name, "python", program=names.found(text) + text) for name, text in programs.items()]
    assert [verdict.verdict for verdict in judge.judge(jobs)] == ["runtime_error", "passed", "passed"]


def test_the_order_is_that_of_the_file(small: Path, tmp_path: Path) -> None:  # noqa: F811
    helped = answers(**{"0": "    return None if b is None else helper(a, b)\n"})
    helped[1]["completion"] += "\ndef helper(a, b):\n    return a + b\n"

    def passed(rows: list[dict[str, str]]) -> int:
        file = lines(tmp_path / "a.jsonl", rows)
        return score_file("humaneval_python:shared", "python", file, small, judge_for).summary()["passed"]

    assert passed(helped) == 8
    assert passed(helped[::-1]) == 9
