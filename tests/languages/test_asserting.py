"""Whole programs with their own assertions: the end is reported only when it was reached honestly."""

from __future__ import annotations

import pytest

from tests.languages.conftest import need
from xinstruct.execution.judge import Job, Judge
from xinstruct.languages import EIGHT

# {} is where the assertions stand: one that holds, one that fails, or an early exit
SHELLS = {
    "python": "def add(a, b):\n    return a + b\n\n{}\n",
    "javascript": "const assert = require('node:assert');\nconst add = (a, b) => a + b;\n{}\n",
    "typescript": "declare var require: any;\nconst assert = require('node:assert');\n"
    "function add(a: number, b: number): number {{ return a + b; }}\n{}\n",
    "java": "import java.util.*;\npublic class Problem {{\n  static long add(long a, long b) {{ return a + b; }}\n"
    "  public static void main(String[] args) {{ {} }}\n}}\n",
    "cpp": "#include <assert.h>\n#include <bits/stdc++.h>\nint add(int a, int b) {{ return a + b; }}\n"
    "int main() {{\n  auto candidate = add;\n  {}\n}}\n",
    "csharp": "using System;\nusing System.Diagnostics;\nclass Problem {{\n"
    "  static int add(int a, int b) {{ return a + b; }}\n  static void Main(string[] args) {{ {} }}\n}}\n",
    "php": "<?php\nfunction add($a, $b) {{ return $a + $b; }}\n{}\n",
    "bash": "add() {{ echo $(($1 + $2)); }}\nset -e\nrun_test() {{\n  {}\n  true\n}}\nrun_test\n",
}
HOLDS = {
    "python": "assert add(1, 2) == 3",
    "javascript": "assert.deepEqual(add(1, 2), 3); console.assert(add(1, 1) === 2);",
    "typescript": "assert.deepEqual(add(1, 2), 3); console.assert(add(1, 1) === 2);",
    "java": "assert(add(1, 2) == 3);",
    "cpp": "assert(candidate(1, 2) == 3);",
    "csharp": "Debug.Assert(add(1, 2) == 3);",
    "php": "assert(add(1, 2) === 3);",
    "bash": '[[ $(add 1 2) = "3" ]]',
}
LEAVES = {
    "python": ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit"],
    "javascript": ["process.exit(0);", "process.exit();", "process.kill(process.pid);"],
    "typescript": ["process.exit(0);"],
    "java": ["System.exit(0);", "Runtime.getRuntime().halt(0);"],
    "cpp": ["exit(0);", "_Exit(0);", "return 1;"],
    "csharp": ["Environment.Exit(0);"],
    "php": ["exit(0);", "die();"],
    "bash": ["exit 0", "exec true"],
}


def fails(language: str) -> list[str]:
    wrong = HOLDS[language].replace("1, 2", "1, 3").replace("add 1 2", "add 1 3")
    quiet = ["console.assert(add(1, 1) === 3);"] if language in ("javascript", "typescript") else []
    return [wrong, *quiet]


@pytest.mark.parametrize("language", EIGHT)
def test_only_an_honest_end_passes(language: str, judge: Judge) -> None:
    need(language)
    parts = [HOLDS[language], *fails(language), *LEAVES[language]]
    jobs = [Job(part, language, program=SHELLS[language].format(part)) for part in parts]
    verdicts = [verdict.verdict for verdict in judge.judge(jobs)]
    assert verdicts[0] == "passed"
    assert "passed" not in verdicts[1:], list(zip(parts, verdicts, strict=True))
    assert "infrastructure" not in verdicts
