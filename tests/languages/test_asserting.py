"""Whole programs with their own assertions: the end is reported only when it was reached honestly."""

from __future__ import annotations

import pytest

from tests.languages.conftest import need
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import names

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
    "go": 'package add_test\n\nimport (\n\t"os"\n\t"runtime"\n\t"testing"\n)\n\n'
    "func add(a int, b int) int {{ return a + b }}\n\nfunc TestAdd(t *testing.T) {{\n\t_, _ = os.Exit, runtime.Goexit\n"
    "\t{}\n}}\n",
    "rust": "fn add(a: isize, b: isize) -> isize {{ a + b }}\n\nfn main() {{\n    {}\n}}\n",
    "c": "#include <assert.h>\n#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    "int add(int a, int b) {{ return a + b; }}\nint main(void) {{\n  {}\n}}\n",
    "ruby": "require 'test/unit'\ndef add(a, b)\n  a + b\nend\nclass TestAdd < Test::Unit::TestCase\n  def test_add\n"
    "    {}\n  end\nend\n",
    "lua": "lu = require('luaunit')\nlocal function add(a, b)\n  return a + b\nend\nfunction test_add()\n  {}\nend\n\n"
    "os.exit(lu.LuaUnit.run())\n",
    "perl": "use Test::Deep;\nsub add {{ my ($a, $b) = @_; return $a + $b; }}\nsub testall {{\n  {}\n}}\ntestall();\n",
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
    "go": 'if add(1, 2) != 3 { t.Errorf("wrong") }',
    "rust": "assert_eq!(add(1, 2), 3);",
    "c": "assert(add(1, 2) == 3);",
    "ruby": "assert_equal(3, add(1, 2))",
    "lua": "lu.assertEquals(add(1, 2), 3)",
    "perl": 'if (eq_deeply(add(1, 2), 3)) { print "ok!" } else { exit 1; }',
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
    "go": [
        "os.Exit(0)",
        "runtime.Goexit()",
        "t.SkipNow()",
        "t.FailNow()",
        "panic(1)",
        "main()",
        "go os.Exit(0); for {}",
    ],
    "rust": [
        *("std::process::exit(0);", "std::process::abort();", "panic!();"),
        'extern "C" { fn _exit(code: i32) -> !; } unsafe { _exit(0) }',
        "std::thread::spawn(|| std::process::exit(0)).join().unwrap();",
        'extern "C" { fn __wrap_main(n: i32, v: usize, e: usize) -> i32; } unsafe { __wrap_main(0, 0, 0); }',
    ],
    "c": [
        *("exit(0);", "_exit(0);", "quick_exit(0);", "return 1;", "abort();", "raise(SIGKILL);"),
        *('execl("/bin/true", "true", (char *)0);', "exit(__wrap_main(0, 0, 0));"),
    ],
    "ruby": [
        "exit",
        "exit!(0)",
        "exec 'true'",
        "abort",
        "omit('x')",
        "pend('x')",
        "throw :done",
        "at_exit { exit!(0) }; exit",
    ],
    "lua": ["os.exit(0)", "os.exit(true)", "lu.unregisterCurrentSuite() os.exit(0)", "lu.skip('x')", "error()"],
    "perl": ["exit 0;", "use POSIX; POSIX::_exit(0);", "exec 'true';", "die;", "kill 9, $$;", "END { $? = 0 } exit 0;"],
}
# Programs that leave before their tests are even there.
EARLY = {
    "ruby": [
        *("exit\n", "return\n", "__END__\n", "at_exit { exit!(0) }; exit\n", "raise SystemExit\n"),
        "class TestNone < Test::Unit::TestCase; def test_none; end; end\nexit Test::Unit::AutoRunner.run\n",
    ],
    "lua": [
        *("os.exit(0)\n", "do return end\n", "--[[\n", "debug = nil\nos.exit()\n"),
        "function test_none() end\nos.exit(require('luaunit').LuaUnit.run())\n",
        "function test_none() end\nrequire('luaunit').LuaUnit.run()\ndo return end\n",
    ],
    "perl": ["exit 0;\n", "return;\n", "__END__\n", "BEGIN { exit 0 }\n", "=pod\n"],
    "go": [],
    "javascript": ["return;\n", "/*\n", "process.once('beforeExit', () => process.exit(0)); return;\n"],
}
PLAIN = {
    "javascript": (
        "const { promises } = require('fs');\npromises.readdir('/').then(() => console.assert(1 + 1 === 2));\n",
        "const { promises } = require('fs');\npromises.readdir('/').then(() => console.assert(1 + 1 === 3));\n",
    ),
    "ruby": ("raise 'wrong' unless 1 + 1 == 2\n", "raise 'wrong' unless 1 + 1 == 3\n"),
    "lua": ("assert(1 + 1 == 2)\n", "assert(1 + 1 == 3)\n"),
    "perl": (
        "use Test::More tests => 1;\nis(1 + 1, 2);\n",
        "use Test::More tests => 1;\nis(1 + 1, 3);\n",
    ),
    "go": (
        'package main\n\nfunc main() {\n\tif 1+1 != 2 {\n\t\tpanic("wrong")\n\t}\n}\n',
        'package main\n\nfunc main() {\n\tif one := 1; one+1 != 3 {\n\t\tpanic("wrong")\n\t}\n}\n',
    ),
}


def fails(language: str) -> list[str]:
    wrong = (
        HOLDS[language]
        .replace("add(1, 2", "add(1, 3")
        .replace("candidate(1, 2", "candidate(1, 3")
        .replace("add 1 2", "add 1 3")
    )
    quiet = ["console.assert(add(1, 1) === 3);"] if language in ("javascript", "typescript") else []
    return [wrong, *quiet]


@pytest.mark.slow
@pytest.mark.parametrize("language", names())
def test_only_an_honest_end_passes(language: str, judge: Judge) -> None:
    need(language)
    parts = [HOLDS[language], *fails(language), *LEAVES[language]]
    jobs = [Job(part, language, program=SHELLS[language].format(part)) for part in parts]
    verdicts = [verdict.verdict for verdict in judge.judge(jobs)]
    assert verdicts[0] == "passed"
    assert "passed" not in verdicts[1:], list(zip(parts, verdicts, strict=True))
    assert "infrastructure" not in verdicts


@pytest.mark.parametrize("language", EARLY)
def test_a_program_without_its_end_does_not_pass(language: str, judge: Judge) -> None:
    need(language)
    shell = SHELLS[language].format(HOLDS[language])
    at = shell.index("\n") + 1
    early = [shell[:at] + text + shell[at:] for text in EARLY[language]]
    programs = [*PLAIN[language], *early]
    verdicts = [verdict.verdict for verdict in judge.judge([Job(text, language, program=text) for text in programs])]
    assert verdicts[0] == "passed"
    assert "passed" not in verdicts[1:], list(zip(programs, verdicts, strict=True))
    assert not {"infrastructure", "compile_error"} & set(verdicts)


def test_modules_of_javascript_reach_their_end(judge: Judge) -> None:
    good = "import assert from 'node:assert';\nawait Promise.resolve();\nassert.equal(1 + 1, 2);\n"
    programs = [good, good.replace(", 2)", ", 3)"), good.replace("await", "process.exit(0); await"), "return;\n" + good]
    jobs = [Job(text, "javascript", program=text) for text in programs]
    verdicts = [verdict.verdict for verdict in judge.judge(jobs)]
    assert verdicts[0] == "passed" and "passed" not in verdicts[1:]


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_completion_does_not_take_the_tests_words(language: str, judge: Judge) -> None:
    need(language)
    start, end = "#include <assert.h>\nint add(int a, int b) {\n", "int main() { assert(add(1, 2) == 3); return 0; }\n"
    completions = [
        "return a + b;\n}\n#define twice(x) ((x) + (x))\n",
        "return a - b;\n}\n",
        "return a - b;\n}\n#undef assert\n#define assert(x) ((void)(x))\n",
        "return a - b;\n}\n#define NDEBUG\n#include <assert.h>\n",
        "return a - b;\n}\n#define main unused_(void) { return 0; }\\\nint main\n",
        "return a - b;\n}\n#define add(a, b) 3\n",
        '#pragma pop_macro("assert")\nreturn a - b;\n}\n',
    ]
    jobs = [
        Job(text, language, program=start + text + end, completion=(len(start), len(start) + len(text)))
        for text in completions
    ]
    verdicts = [verdict.verdict for verdict in judge.judge(jobs)]
    assert verdicts[0] == "passed" and "passed" not in verdicts[1:], verdicts
    assert verdicts[-1] == "unsupported"
