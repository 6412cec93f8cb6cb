"""Commands forked at the opening of a file: the same as commands of their own, nothing of one program in the next."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest

from tests.execution.conftest import NEEDS_FORKS
from tests.params import execution
from xinstruct.execution import toolchains
from xinstruct.execution.compiling import compile_one
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get

pytestmark = [pytest.mark.slow, NEEDS_FORKS]
PARAMS = execution(workers=1, cpu_seconds=10, memory_mb=512)
CPP = {
    "passes": "#include <vector>\n#include <cassert>\nint main() { std::vector<int> v{1}; assert(v.size() == 1); }\n",
    "wrong": "#include <vector>\n#include <cassert>\nint main() { std::vector<int> v{1}; assert(v.size() == 2); }\n",
    "syntax": "#include <vector>\nint main() { retrn 0; }\n",
    "missing header": '#include <vector>\n#include "nothing.h"\nint main() {}\n',
    "links nothing": "#include <vector>\nint gone();\nint main() { return gone(); }\n",
    "assembler": '#include <vector>\n__asm__("nonsense");\nint main() {}\n',
    "own hash": "#include <bits/stdc++.h>\nusing namespace std;\nstruct P { int a; bool operator==(const P& o) const "
    "{ return a == o.a; } };\ntemplate <> struct std::hash<P> { size_t operator()(const P& p) const { return 1; } };\n"
    "int main() { unordered_map<P, int> m; m[{1}] = 2; assert(m[P{1}] == 2); }\n",
    "specialized vector": "#include <vector>\n#include <cassert>\nnamespace std { template <> class vector<int> { "
    "public: int size() const { return 3; } }; }\nint main() { std::vector<int> v; assert(v.size() == 3); }\n",
    "specialized less": "#include <bits/stdc++.h>\ntemplate <> struct std::less<std::string> { bool operator()(const "
    "std::string& a, const std::string& b) const { return a > b; } };\n"
    'int main() { std::map<std::string, int> m{{"a", 1}, {"b", 2}}; assert(m.begin()->first == "b"); }\n',
    "names of the library": "#include <string>\n#include <cassert>\nint to_string(int a) { return a; }\n"
    "int main() { assert(to_string(3) == 3 && std::to_string(3).size() == 1); }\n",
    "streams": "#include <bits/stdc++.h>\nstruct S { int a; };\nstd::ostream& operator<<(std::ostream& o, const S& s) "
    '{ return o << s.a; }\nint main() { std::ostringstream o; o << S{4}; assert(o.str() == "4"); }\n',
}
PHP = {
    "surroundings": "<?php echo json_encode([$argc, $argv, __FILE__, getcwd(), getenv(), umask(), $_SERVER['argv']]);",
    "settings": "<?php echo ini_get('memory_limit'), ini_get('assert.exception'), PHP_SAPI, json_encode($_GET);",
    "rights": "<?php echo implode(preg_grep('/^(Cap|NoNew|Seccomp)/', file('/proc/self/status')));",
    "limits": "<?php echo implode(preg_grep('/(cpu|file size|data|files|processes) /', file('/proc/self/limits')));",
    "open files": "<?php echo count(scandir('/proc/self/fd')), json_encode(scandir('/box'));",
    "input": "<?php echo json_encode(fgets(STDIN)); fwrite(STDERR, 'said');",
    "syntax": "<?php function f( {",
    "uncaught": "<?php throw new RangeException('no');",
    "leaves": "<?php exit(0);",
    "assertion": "<?php assert(1 > 2);",
    "files": "<?php file_put_contents('a', 'b'); echo file_get_contents('a');",
    "another process": "<?php echo shell_exec('echo hi; pwd');",
    "killed": "<?php posix_kill(getmypid(), 9);",
    "recursion": "<?php function g($n) { return g($n + 1) + 1; } g(0);",
    "shutdown": "<?php register_shutdown_function(function () { exit(0); }); assert(1 > 2);",
}
LOOK = """<?php
[$memory, $found] = [fopen("/proc/self/mem", "r"), 0];
foreach (file("/proc/self/maps") as $line) {
    if (!preg_match("/^(\\w+)-(\\w+) rw/", $line, $place) || str_contains($line, "[v")) continue;
    [$start, $end] = [hexdec($place[1]), hexdec($place[2])];
    fseek($memory, $start);
    $part = @fread($memory, $end - $start);
    $found += preg_match("/needle-in-a-haystac[k]/", (string) $part);
}
echo $found > 0 ? "seen" : "clean";
"""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(PARAMS) as made:
        yield made


@pytest.fixture(scope="module")
def plain() -> Iterator[Judge]:
    """Every command is run as it stands."""
    with Judge(dataclasses.replace(PARAMS, forks="off")) as made:
        yield made


def judged(judge: Judge, language: str, texts: list[str]) -> list[Verdict]:
    """Each often enough for the template to stand when it counts."""
    jobs = [Job(str(i), language, program=text) for i, text in enumerate(texts)]
    return [judge.judge([job])[0] for job in jobs for _ in range(4)][3::4]


def said(verdict: Verdict) -> tuple[str, str, str, str]:
    """What must not depend on how it was run."""
    return verdict.verdict, verdict.detail, verdict.stdout, re.sub(r"/tmp/cc\w+", "/tmp/object", verdict.stderr)


@pytest.mark.parametrize(("language", "texts"), [("cpp", CPP), ("php", PHP)])
def test_a_fork_says_what_the_command_says(judge: Judge, plain: Judge, language: str, texts: dict[str, str]) -> None:
    if not toolchains.available(language):
        pytest.skip(toolchains.missing(language))
    forked = dict(zip(texts, map(said, judged(judge, language, list(texts.values()))), strict=True))
    own = dict(zip(texts, map(said, judged(plain, language, list(texts.values()))), strict=True))
    assert forked == own


@pytest.mark.skipif(not toolchains.available("php"), reason="php is not installed")
def test_php_is_forked(judge: Judge, plain: Judge) -> None:
    """The template's environment shows in what the kernel keeps of a process's start."""
    look = "<?php echo str_contains(file_get_contents('/proc/self/environ'), 'XINSTRUCT_OPENS') ? 'forked' : 'own';"
    assert judged(judge, "php", [look])[0].stdout == "forked"
    assert judged(plain, "php", [look])[0].stdout == "own"


@pytest.mark.skipif(not toolchains.available("cpp"), reason="g++ is not installed")
def test_compiler_and_linker_are_forked(judge: Judge, plain: Judge) -> None:
    """Both, for programs with and without headers, and not g++ instead; what is left between them is gone."""
    for text in (CPP["passes"], "int main() {}\n"):
        program = toolchains.linked(get("cpp").asserting(text, "0" * 32))
        for one, wanted in ((judge, [True, True] if toolchains.find("mold") else [True]), (plain, [False])):
            tries = [compile_one(one.sandbox, "cpp", program, one.limits) for _ in range(4)]
            assert [built.verdict for built in tries] == [""] * 4
            assert tries[-1].forked == wanted
            assert tries[-1].folder and not (tries[-1].folder / "program.o").exists()
            for built in tries:
                built.discard()


@pytest.mark.skipif(not toolchains.available("php"), reason="php is not installed")
def test_the_request_is_not_left_in_memory(judge: Judge) -> None:
    """The nonce is in the request, as the content of a file that the driver removes and forgets."""
    look = LOOK.replace("/needle-in-a-haystac[k]/", "/box\\/driver\\.ph[p]\\x00c/")  # a file's name and what follows it
    assert judged(judge, "php", [look])[0].stdout == "clean"


@pytest.mark.skipif(not toolchains.available("php"), reason="php is not installed")
def test_a_fork_finds_nothing_of_the_program_before_it(judge: Judge) -> None:
    assert judged(judge, "php", [LOOK + "$kept = 'needle-in-a-haystack';"])[0].stdout == "seen"  # it would be
    for _ in range(2):
        judged(judge, "php", ["<?php echo 'needle-in-a-haystack';"])
        assert judged(judge, "php", [LOOK])[0].stdout == "clean"
