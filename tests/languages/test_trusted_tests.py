# ruff: noqa: E501 (programs are easier to read on one line)
"""Programs with a marked completion: tests are run whatever the completion ends in, and may end as they like.

What else a wrong answer may leave open is in the corpus of attacks (tests/execution/test_evil.py).
"""

from __future__ import annotations

import itertools

import pytest

from tests.languages.conftest import need
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available

# language -> text before, a function that is right where {} is "+" and wrong where it is "-"
FUNCTIONS = {
    "python": ("", "def f(n):\n    return n {} 1\n"),
    "javascript": ("", "function f(n) {{ return n {} 1; }}\n"),
    "typescript": ("declare var require: any;\n", "function f(n: number): number {{ return n {} 1; }}\n"),
    "java": ("import java.util.*;\nclass Problem {\n", "static int f(int n) {{ return n {} 1; }}\n"),
    "cpp": ("#include <cassert>\n#include <cstdlib>\n", "int f(int n) {{ return n {} 1; }}\n"),
    "csharp": (
        "using System;\nusing System.Diagnostics;\nclass Problem {\n",
        "static int F(int n) {{ return n {} 1; }}\n",
    ),
    "php": ("<?php\n", "function f($n) {{ return $n {} 1; }}\n"),
    "bash": ("", "f() {{ echo $(($1 {} 1)); }}\n"),
    "c": ("#include <assert.h>\n#include <stdlib.h>\n", "int f(int n) {{ return n {} 1; }}\n"),
    "go": ('package main\n\nimport "os"\n', "func f(n int) int {{ return n {} 1 }}\n"),
    "lua": ("", "local function f(n)\n  return n {} 1\nend\n"),
    "perl": ("", "sub f {{ my ($n) = @_; return $n {} 1; }}\n"),
    "ruby": ("", "def f(n)\n  n {} 1\nend\n"),
    "rust": ("", "fn f(n: i32) -> i32 {{ n {} 1 }}\n"),
}
# What a completion may end in, closed: it is nothing to a right answer.
CLOSED = {
    "python": ["# end", '"""x"""\n', "x = '''\n'''\n"],
    "javascript": ["// end", "/* x */", "const t = `a`;\n", "module.exports = { f };\n"],
    "typescript": ["// end", "/* x */", "const t = `a`;\n"],
    "java": ["// end", "/** x */", 'static String s = """\n x""";\n'],
    "cpp": ["// end", "#if 0\nx\n#endif\n", '#ifdef X\n#else\n#endif\nconst char* s = R"(a)";\n'],
    "csharp": ["// end", "#region x\n#endregion\n", 'static string s = @"a";\n'],
    "php": ["// end", "?>", "?>\n\n", "return;", "__halt_compiler();\nabc"],
    "bash": ["# end", "cat <<A >/dev/null\nx\nA\n", "cat <<USAGE >/dev/null\nusage: f n\n", "return 0\n"],
    "c": ["// end", "#if 0\nx\n#endif\n", "/* x */"],
    "go": ["// end", "/* x */", "var t = `a`\n"],
    "lua": ["-- end", "--[[ x ]]", "local s = [[a]]\n"],
    "perl": ["# end", "=pod\n\nx\n\n=cut\n", "1;\n"],
    "ruby": ["# end", "=begin\nx\n=end\n", 'x = "a"\n'],
    "rust": ["// end", "/* x */", 'const T: &str = r#"a"#;\n'],
}
# What a wrong answer may end in, so that its tests would be part of it, would not count or would not come.
OPEN = {
    "python": ["'''", "x = (", "if 0:", "class A:\n    \"\"\"", "import os; os._exit(0)", "raise SystemExit"],
    "javascript": ["/*", "const t = `${", "if (0)", "return;", "0 &&", "<!--", "import 'fs'; /*"],
    "typescript": ["/**", "const t = `", "if (0)", "type A = {", "0 ?", "namespace X {"],
    "java": ["/*", 'static String s = """', "static {", "static class A {", "@Deprecated /*", "// \\u000a /*"],
    "cpp": ["/*", "#if 0", "#ifdef X\n#else", 'const char* s = R"(', "// \\", "#define main g", "#undef assert\n#define assert(x)"],
    "csharp": ["/*", "#if X", 'static string s = @"', "#region", '[Conditional("X")]', "static void Main() {}\n#if X"],
    "php": ["?>", "?> <?php if (0): ?>", "/*", "$x = <<<'A'", "if (0):", "__halt_compiler();", "namespace X;", "#[A"],
    "bash": ["cat <<A", "cat <<-'A B'", "x=$(", "if false; then", "exit 0", "set -n", "true ||", "g() {"],
    "c": ["/*", "#if 0", "#if 1\n#else", "// \\", "int main(void) { return 0; }\n#if 0", "#define NDEBUG\n#include <assert.h>"],
    "go": ["/*", "var x = `", "func g() {", "func init() { os.Exit(0) }", "func main() {}\n/*", "var _ ="],
    "lua": ["--[[", "local s = [==[", "--[=====[", "if false then", "do return end", "os.exit(0)", "function g()"],
    "perl": ["=pod", "\n=begin x", "__END__", 'my $x = <<"";', "my $x = q;", "1 ||", "0 and", "exit 0;", "format ="],
    "ruby": ["=begin", "__END__", "x = <<~A", "x = %q(", "false and", "if false", "exit", "BEGIN {", "alias raise puts"],
    "rust": ["/*", 'const X: &str = r#"', "fn main() {}\n#[cfg(any())]", "fn main() {}\n#[test] // x", "mod x {",
             "macro_rules! assert_eq { ($($t:tt)*) => {}; }"],
}  # fmt: skip
# Where a mark may end: before the end of the completion's last line, behind it, behind an empty line and blanks.
ENDS = (("", "\n"), ("\n", ""), ("\n\n  ", ""), ("", "\n\n"))
# Suites that end by themselves: with an exit of their own, from a handler, whatever they were told.
SUITES = {
    "python": [
        "import sys\nassert f(1) == 2\nsys.exit(0)\n",
        "import inspect, sys\nsys.exit(0 if f(1) == 2 else 1)\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(1), 2)\nunittest.main(argv=[''], exit=False)\nprint('done')\n",
    ],
    "javascript": [
        "const assert = require('assert');\nassert.equal(f(1), 2);\nprocess.exit(0);\n",
        "process.exit(f(1) === 2 ? 0 : 1);\n",
        "(async () => { await null; if (f(1) !== 2) throw new Error('x'); process.exit(); })();\n",
        "if (f(1) !== 2) process.exitCode = 1;\nprocess.exit();\n",
        "process.on('exit', () => { if (f(1) !== 2) process.exitCode = 1; });\nprocess.exit(0);\n",
    ],
    "typescript": [
        "const assert = require('assert');\nassert.equal(f(1), 2);\nprocess.exit(0);\n",
        "process.exit(f(1) === 2 ? 0 : 1);\n",
        "const g = () => 3\nif (f(1) !== 2) process.exit(1)\nconst h = g\nprocess.exit(0)\n",
        "const a = f(1)\nconsole.assert(a === 2)\nconst b = a\nconsole.log('end')\n",
        "console.assert(f(1) === 2);\nif ('console.log require(1)'.length !== 22) throw new Error('changed');\n",
        "import assert = require('assert');\nassert.equal(f(1), 2);\n",
    ],
    "java": [
        "public static void main(String[] args) { assert f(1) == 2; System.exit(0); }\n}\n",
        "public static void main(String[] args) throws Exception { if (f(1) == 2) System.exit(0); else System.exit(1); }\n}\n",
        "public static void main(String[] args) { int bad = f(1) == 2 ? 0 : 1; System.exit(bad); System.out.println(1); }\n}\n",
    ],
    "cpp": [
        "int main() { assert(f(1) == 2); std::exit(EXIT_SUCCESS); }\n",
        "int main() { if (f(1) != 2) { exit(1); } else { exit(0); } }\n",
        "int main() { auto run = [](auto g) { g(); }; run([&] { if (f(1) != 2) exit(1); }); exit(0); }\n",
        "static void done(int bad) { if (bad) exit(1); }\nint main() { done(f(1) != 2); exit(0); }\n",
    ],
    "csharp": [
        "static void Main() { if (F(1) != 2) throw new Exception(); Environment.Exit(0); }\n}\n",
        "static int Main() { if (F(1) == 2) { Environment.Exit(0); } return 1; }\n}\n",
        "static void Main() { Trace.Assert(F(1) == 2); }\n}\n",
        "static void Main() { Debug.Assert(F(1) == 2); System.Environment.Exit(0); }\n}\n",
    ],
    "php": [
        "assert(f(1) === 2);\nexit(0);\n",
        "exit(f(1) === 2 ? 0 : 1);\n",
        "f(1) === 2 or die('bad');\necho 'exit(3)';\nexit();\n",
        "class T { function exit($x) { return $x; } }\nassert((new T)->exit(f(1)) === 2);\ndie;\n",
    ],
    "bash": [
        'fails=0\n[ "$(f 1)" = 2 ] || fails=1\nexit $fails\n',
        'if [ "$(f 1)" = 2 ]; then exit 0; else exit 1; fi\n',
        'run() {\n  [ "$(f 1)" = 2 ] || exit 1\n  exit 0\n}\nrun\n',
        "trap 'exit 1' ERR\n[ \"$(f 1)\" = 2 ]\necho done\n",
        "fails=0; trap '[ $fails = 0 ] || exit 1' EXIT\n[ \"$(f 1)\" = 2 ] || fails=1\necho done\n",
    ],
    "c": [
        "int main(void) { assert(f(1) == 2); exit(EXIT_SUCCESS); }\n",
        "int main(void) { if (f(1) == 2) exit(0); exit(1); }\n",
    ],
    "go": ["func main() {\n\tif f(1) != 2 {\n\t\tos.Exit(1)\n\t}\n\tos.Exit(0)\n}\n"],
    "lua": ["assert(f(1) == 2)\nos.exit(0)\n", "os.exit(f(1) == 2)\n"],
    "perl": ["die 'x' unless f(1) == 2;\nexit 0;\n", "my $bad = f(1) == 2 ? 0 : 1;\nexit($bad);\n"],
    "ruby": [
        "raise 'x' unless f(1) == 2\nexit 0\n",
        "exit(f(1) == 2)\n",
        "at_exit { abort 'bad' unless f(1) == 2 }\n",
        "begin\n  raise ArgumentError, 'raise' if f(1) == 2\n  abort\nrescue ArgumentError => e\n  raise unless e.message == 'raise'\nend\n",
        "require 'minitest/autorun'\nclass TestF < Minitest::Test\n  def test_f\n    assert_equal 2, f(1)\n  end\nend\n",
    ],
    "rust": [
        "fn main() { assert_eq!(f(1), 2); std::process::exit(0); }\n",
        'fn main() { let said = "assert!(x)"; if f(1) != 2 || said.len() != 10 { panic!("panic!()") } assert!(true); }\n',
    ],
}
# The same exit, made by the function under test before its tests were through.
LEAVING = {
    "python": ("import sys\ndef f(n): sys.exit(0)\n", "import sys\nassert f(1) == 2\nsys.exit(0)\n"),
    "javascript": (
        "function f(n) { for (const a of f.caller.arguments) if (a.exit) a.exit(0); process.exit(0); }\n",
        SUITES["javascript"][0],
    ),
    "cpp": ("int f(int n) { std::exit(0); }\n", SUITES["cpp"][0]),
    "java": ("static int f(int n) { System.exit(0); return 2; }\n", SUITES["java"][0]),
    "csharp": ("static int F(int n) { Environment.Exit(0); return 2; }\n", SUITES["csharp"][0]),
    "php": ("function f($n) { exit(0); }\n", SUITES["php"][0]),
    "bash": ("f() { exit 0; }\n", "f 1\n" + SUITES["bash"][0]),
    "ruby": ("def f(n)\n  exit 0\nend\n", SUITES["ruby"][0]),
    "perl": ("sub f { exit 0; }\n", SUITES["perl"][0]),
}


def job(language: str, code: str, tests: str) -> Job:
    before = FUNCTIONS[language][0]
    span = (len(before), len(before) + len(code))
    return Job(f"{language}: {code}|{tests}", language, program=f"{before}{code}\n{tests}", completion=span)


def verdicts(judge: Judge, jobs: list[Job]) -> list[str]:
    found = [verdict.verdict for verdict in judge.judge(jobs)]
    assert "infrastructure" not in found and "timeout" not in found
    return found


def closed(language: str, sign: str) -> list[Job]:
    code, tests = FUNCTIONS[language][1].format(sign), SUITES[language][0]
    return [job(language, code + end, tests) for end in CLOSED[language]]


def left_open(language: str) -> list[Job]:
    before, code, tests = FUNCTIONS[language][0], FUNCTIONS[language][1].format("-"), SUITES[language][0]
    found = []
    for end, (inside, outside) in itertools.product(OPEN[language], ENDS):
        text = code + end + inside
        span = (len(before), len(before) + len(text))
        name = f"{language}: {end}|{inside!r}"
        found.append(Job(name, language, program=f"{before}{text}{outside}{tests}", completion=span))
    return found


def suites(language: str, sign: str) -> list[Job]:
    return [job(language, FUNCTIONS[language][1].format(sign), tests) for tests in SUITES[language]]


@pytest.fixture(scope="module")
def found(judge: Judge) -> dict[str, str]:
    """Verdicts by job, of all languages in one batch."""
    here = [language for language in FUNCTIONS if available(language)]
    jobs = [one for language in here for sign in "+-" for one in (*closed(language, sign), *suites(language, sign))]
    jobs += [one for language in here for one in left_open(language)]
    jobs += [job(language, *LEAVING[language]) for language in LEAVING if language in here]
    return dict(zip((one.id for one in jobs), verdicts(judge, jobs), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("language", FUNCTIONS)
def test_the_tests_decide_whatever_a_completion_ends_in(language: str, found: dict[str, str]) -> None:
    need(language)
    assert {one.id: found[one.id] for one in closed(language, "+") if found[one.id] != "passed"} == {}
    assert {one.id: found[one.id] for one in closed(language, "-") if found[one.id] == "passed"} == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", OPEN)
def test_nothing_left_open_takes_the_tests_in_wherever_the_mark_ends(language: str, found: dict[str, str]) -> None:
    need(language)
    assert {one.id: found[one.id] for one in left_open(language) if found[one.id] == "passed"} == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", SUITES)
def test_a_suite_may_end_with_its_own_status(language: str, found: dict[str, str]) -> None:
    need(language)
    assert {one.id: found[one.id] for one in suites(language, "+") if found[one.id] != "passed"} == {}
    assert {one.id: found[one.id] for one in suites(language, "-") if found[one.id] == "passed"} == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", LEAVING)
def test_the_function_under_test_may_not(language: str, found: dict[str, str]) -> None:
    need(language)
    assert found[job(language, *LEAVING[language]).id] in ("forged", "runtime_error")


def test_a_text_that_ends_early_does_not_pass_unmarked(judge: Judge) -> None:
    page = "<?php\nfunction f($n) { return $n - 1; }\n@@\nassert(f(1) === 2);\n"
    ends = ["?>", "?>\n<!--", "__halt_compiler();", "return;", "exit;"]
    shell = "f() { echo $(($1 - 1)); }\n@@\n[ $(f 1) = 2 ]\n"
    jobs = [Job(end, "php", program=page.replace("@@", end)) for end in ends]
    jobs += [
        Job(end, "bash", program=shell.replace("@@", end)) for end in ("cat <<A", ": <<'A B'", "cat <<-A", "exit 0")
    ]
    assert "passed" not in verdicts(judge, jobs)
    whole = ["<?php\nassert(1 + 1 === 2);\n?>\n", "<?php $x = 2; ?>\n<?php assert($x === 2);"]
    assert set(verdicts(judge, [Job(text, "php", program=text) for text in whole])) == {"passed"}
    assert verdicts(judge, [Job("x", "bash", program="cat <<A\nx\nA\n[ 1 = 1 ]\n")]) == ["passed"]


def test_an_unmarked_suite_of_unittest_is_no_forgery(judge: Judge) -> None:
    suite = "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(1), 2)\n"
    ends = [
        "unittest.main()\n",
        "unittest.main(exit=False)\n",
        "if __name__ == '__main__':\n    unittest.main(verbosity=2)\n",
    ]
    right, wrong = "def f(n): return n + 1\n", "def f(n): return n - 1\n"
    assert set(verdicts(judge, [Job(end, "python", program=right + suite + end) for end in ends])) == {"passed"}
    skips = "import unittest\ndef f(n): raise unittest.SkipTest\n"
    programs = [wrong + suite + end for end in ends] + [skips + suite + ends[0], "import unittest\nunittest.main()\n"]
    programs.append(f"import sys\nsys.exit(0)\n{wrong}{suite}{ends[0]}")
    assert "passed" not in verdicts(judge, [Job(text, "python", program=text) for text in programs])
