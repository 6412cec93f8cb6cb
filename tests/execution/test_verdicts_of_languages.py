"""Every language gives every verdict, from real compilers and runtimes in the sandbox."""

from __future__ import annotations

import pytest

from xinstruct.code.types import Case, Signature
from xinstruct.execution import toolchains
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.tiers import SAFE
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import names

SIGNATURE = Signature.of("int", a="int", b="int")
CASES = (Case((7, 2), 9), Case((-7, 2), -5), Case((0, 0), 0))

# body of a function of a and b
RIGHT = {
    "python": "return a + b",
    "javascript": "return a + b;",
    "typescript": "return a + b;",
    "java": "return a + b;",
    "cpp": "return a + b;",
    "csharp": "return a + b;",
    "php": "return $a + $b;",
    "bash": "echo $(($1 + $2))",
    "go": "return a + b",
    "rust": "return a + b;",
    "ruby": "return a + b",
    "c": "return a + b;",
    "lua": "return a + b",
    "perl": "return $_[0] + $_[1];",
}
WRONG = {name: body.replace("+", "-") for name, body in RIGHT.items()}
RAISING = {
    "python": "raise ValueError('odd')",
    "javascript": "throw new Error('odd');",
    "typescript": "throw new Error('odd');",
    "java": 'throw new IllegalStateException("odd");',
    "cpp": 'throw std::runtime_error("odd");',
    "csharp": 'throw new System.Exception("odd");',
    "php": "throw new Exception('odd');",
    "bash": "echo odd >&2; return 3",
    "go": 'panic("odd")',
    "rust": 'panic!("odd")',
    "ruby": "raise 'odd'",
    "c": 'fputs("odd", stderr); abort();',
    "lua": "error('odd')",
    "perl": "die 'odd';",
}
ENDLESS = {
    "python": "while True: pass",
    "javascript": "for (;;) {}",
    "typescript": "for (;;) {}",
    "java": "while (a * 0 == 0) { b++; } return b;",
    "cpp": "volatile int x = 0; for (;;) x = x + 1; return x;",
    "csharp": "while (true) {}",
    "php": "while (true) {}",
    "bash": "while :; do :; done",
    "go": "for {}",
    "rust": "loop {}",
    "ruby": "loop {}",
    "c": "volatile int x = 0; for (;;) x = x + 1; return x;",
    "lua": "while true do end",
    "perl": "1 while 1;",
}
LEAVING = {
    "python": "import os; os._exit(0)",
    "javascript": "process.exit(0);",
    "typescript": "process.exit(0);",
    "java": "System.exit(0); return 0;",
    "cpp": "std::_Exit(0);",
    "csharp": "System.Environment.Exit(0); return 0;",
    "php": "exit(0);",
    "bash": "kill -9 $PPID; exit 0",
    "go": "os.Exit(0); return 0",
    "rust": "std::process::exit(0)",
    "ruby": "exit!(0)",
    "c": "exit(0); return 0;",
    "lua": "os.exit(0)",
    "perl": "exit 0;",
}
BROKEN = {
    "typescript": "return a + ;",
    "java": "return a + undefined_name;",
    "cpp": "return a + undefined_name;",
    "csharp": "return a + undefined_name;",
    "go": "return a + undefined_name",
    "rust": "return a + undefined_name;",
    "c": "return a + undefined_name;",
}
HEADS = {
    "python": "def add(a, b):\n    {}\n",
    "javascript": "function add(a, b) {{ {} }}\n",
    "typescript": "function add(a: number, b: number): number {{ {} }}\n",
    "java": "static int add(int a, int b) {{ {} }}\n",
    "cpp": "int add(int a, int b) {{ {} }}\n",
    "csharp": "static int Add(int a, int b) {{ {} }}\n",
    "php": "<?php\nfunction add($a, $b) {{ {} }}\n",
    "bash": "add() {{ {}\n}}\n",
    "go": "func add(a, b int) int {{ {} }}\n",
    "rust": "fn add(a: i64, b: i64) -> i64 {{ {} }}\n",
    "ruby": "def add(a, b)\n  {}\nend\n",
    "c": "int add(int a, int b) {{ {} }}\n",
    "lua": "local function add(a, b)\n  {}\nend\n",
    "perl": "sub add {{ {} }}\n",
}
KINDS = {"right": RIGHT, "wrong": WRONG, "raising": RAISING, "endless": ENDLESS, "leaving": LEAVING, "broken": BROKEN}


def job(kind: str, language: str) -> Job:
    code = HEADS[language].format(KINDS[kind][language])
    return Job(f"{kind} {language}", language, code, "Add" if language == "csharp" else "add", SIGNATURE, CASES)


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    jobs = [job(kind, language) for kind, bodies in KINDS.items() for language in bodies]
    found = judge.judge([j for j in jobs if toolchains.available(j.language)])
    return {verdict.id: verdict for verdict in found}


def of(verdicts: dict[str, Verdict], kind: str, language: str) -> Verdict:
    if not toolchains.available(language):
        pytest.skip(f"{language} is not installed: {toolchains.missing(language)}")
    return verdicts[f"{kind} {language}"]


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_right_answer_passes(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "right", language)
    assert (verdict.verdict, verdict.passed, verdict.total) == ("passed", 3, 3), verdict
    assert verdict.values == [9, -5, 0]
    assert verdict.errors == ["", "", ""]
    assert verdict.tier in [kind.name for kind in SAFE]
    assert verdict.run_cpu > 0


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_wrong_answer_is_told_with_the_case(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "wrong", language)
    assert (verdict.verdict, verdict.passed) == ("wrong_answer", 1), verdict
    assert verdict.detail == "case 0: expected 9, got 5"


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_a_case_that_raises_is_a_runtime_error(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "raising", language)
    assert verdict.verdict == "runtime_error", verdict
    assert verdict.detail.startswith("case 0: ")
    assert all(verdict.errors)
    assert language in ("bash", "c") or "odd" in verdict.errors[0]


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_an_endless_loop_is_a_timeout(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "endless", language)
    assert (verdict.verdict, verdict.detail) == ("timeout", "over the limit of time"), verdict


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_leaving_early_never_passes(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "leaving", language)
    assert verdict.verdict in ("forged", "runtime_error", "wrong_answer"), verdict
    assert verdict.passed == 0


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(BROKEN))
def test_what_does_not_compile_is_a_compile_error(verdicts: dict[str, Verdict], language: str) -> None:
    verdict = of(verdicts, "broken", language)
    assert verdict.verdict == "compile_error", verdict
    assert "error" in verdict.detail


ASSERTING = {
    "python": ("assert 1 + 1 == 2\n", "assert 1 + 1 == 3\n"),
    "javascript": ("require('assert').equal(1 + 1, 2);\n", "require('assert').equal(1 + 1, 3);\n"),
    "cpp": (
        "#include <cassert>\nint main() { assert(1 + 1 == 2); }\n",
        "#include <cassert>\nint main() { assert(1 + 1 == 3); }\n",
    ),
    "bash": ("[[ $((1 + 1)) == 2 ]] || exit 1\n", "[[ $((1 + 1)) == 3 ]] || exit 1\n"),
}


@pytest.mark.parametrize("language", sorted(ASSERTING))
def test_whole_programs_with_assertions(judge: Judge, language: str) -> None:
    good, bad = ASSERTING[language]
    verdicts = judge.judge([Job("good", language, program=good), Job("bad", language, program=bad)])
    assert (verdicts[0].verdict, verdicts[0].passed, verdicts[0].total) == ("passed", 1, 1), verdicts[0]
    assert verdicts[1].verdict in ("wrong_answer", "runtime_error"), verdicts[1]
    assert verdicts[1].passed == 0
