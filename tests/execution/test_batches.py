"""A batch never changes a verdict: what is compiled beside others comes out as it does alone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.execution.conftest import PARAMS
from xinstruct.agents.examples import Worked, worked
from xinstruct.code.types import Case, Signature
from xinstruct.execution import toolchains
from xinstruct.execution.compiling import BATCH, batches, compile_batch
from xinstruct.execution.jobs import Job, build
from xinstruct.execution.judge import Judge
from xinstruct.execution.prepared import digest, shown
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get

pytestmark = pytest.mark.slow

COMPILED = ("java", "csharp", "typescript", "cpp")
BATCHED = ("java", "csharp", "typescript")
SIGNATURE = Signature.of("int", a="int")
HEADS = {
    "java": "static long f(long a) {{ {} }}\n",
    "csharp": "static long f(long a) {{ {} }}\n",
    "typescript": "function f(a: number): number {{ {} }}\n",
    "cpp": "long long f(long long a) {{ {} }}\n",
}
# Makes the compiler itself fail, or leaves it without an end.
NESTED = "return " + "(" * 20_000 + "a" + ")" * 20_000 + ";"
CRASHING = {
    "java": "int[] none = new int[1]; return none[(int) a + 7];",
    "csharp": "var none = new int[1]; return none[a + 7];",
    "typescript": "return (null as any).length;",
    "cpp": "return *(volatile int*) 8;",
}


def one(language: str, ident: str, body: str, expected: int = 1) -> Job:
    return Job(ident, language, HEADS[language].format(body), "f", SIGNATURE, (Case((1,), expected),))


def spoiled(example: Worked, language: str, kind: str) -> Job:
    """A job of a worked example, as it is or with one thing wrong."""
    code, cases = example.code(language), list(example.cases)
    if kind == "broken":
        code = code.replace("return", "return return", 1) if "return" in code else code + "}"
    if kind == "wrong":
        code = code.replace("return", "{ } return", 1)
        cases = [*cases[:-1], dataclasses.replace(cases[-1], expected=cases[0].expected)]
    ident = f"{example.name} {kind}"
    return Job(ident, language, code, example.function(language), example.signature, tuple(cases))


def members(language: str) -> list[Job]:
    """A seeded sample of worked examples, good and bad, and programs that crash or break the compiler."""
    rng = random.Random(f"batch {language}")
    examples = rng.sample([example for example in worked() if language in example.bodies], 2)
    jobs = [spoiled(example, language, kind) for example in examples for kind in ("right", "wrong", "broken")]
    jobs += [one(language, "crashing", CRASHING[language]), one(language, "nested", NESTED)]
    rng.shuffle(jobs)
    return jobs


def outcome(verdict: Verdict) -> tuple[Any, ...]:
    if verdict.id == "nested":  # the compiler's own stack trace is another each time
        return verdict.id, verdict.verdict
    return verdict.id, verdict.verdict, verdict.detail, verdict.values, verdict.errors, verdict.stdout, verdict.stderr


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(replace(PARAMS, cpu_seconds=6)) as made:
        yield made


def need(language: str) -> None:
    if not toolchains.available(language):
        pytest.skip(f"{language} is not installed: {toolchains.missing(language)}")


@pytest.mark.parametrize("language", COMPILED)
def test_a_batch_gives_the_verdicts_of_compiling_alone(language: str, judge: Judge) -> None:
    need(language)
    jobs = members(language)
    together = judge.judge(jobs)
    alone = [judge.judge([job])[0] for job in jobs]
    assert [outcome(v) for v in together] == [outcome(v) for v in alone]
    seen = {v.verdict for v in together}
    assert {"passed", "compile_error"} <= seen and "infrastructure" not in seen
    assert all(v.verdict == "passed" for v in together if v.id.endswith("right"))


@pytest.mark.parametrize("language", BATCHED)
def test_what_breaks_the_compiler_costs_only_itself(language: str, judge: Judge) -> None:
    need(language)
    jobs = [one(language, str(i), NESTED if i == 1 else "return a;") for i in range(5)]
    found = {verdict.id: verdict.verdict for verdict in judge.judge(jobs)}
    assert [found[ident] for ident in "0234"] == ["passed"] * 4


@pytest.mark.parametrize("language", BATCHED)
def test_a_batch_compiles_all_that_it_can(language: str, judge: Judge) -> None:
    need(language)
    bodies = ["return a;", "return missing;", "return a + 1;"]
    programs = [build(one(language, "x", body), "0" * 32) for body in bodies]
    built = compile_batch(judge.sandbox, language, programs, judge.limits)
    assert [one.verdict for one in built if one] == ["", "compile_error", ""]
    for made in built:
        assert made and made.folder and not list(made.folder.glob("compile.*"))
        made.discard()


def test_batches_are_of_one_size_and_hold_every_program_once() -> None:
    program = get("java").driver("static long f(long a) { return a; }", "f", SIGNATURE, [[1]], "0" * 32)
    for count in (0, 1, 2, 3, 95, 192, 193, 1000):
        groups = batches("java", [program] * count, 2)
        assert sorted(i for group in groups for i in group) == (list(range(count)) if count > 1 else [])
        sizes = [len(group) for group in groups]
        assert not sizes or (max(sizes) - min(sizes) <= 1 and max(sizes) <= BATCH and min(sizes) > 1)
    assert batches("cpp", [get("cpp").driver("int f(int a);", "f", SIGNATURE, [[1]], "0" * 32)] * 3, 2) == []


def test_typescript_that_reaches_out_of_its_module_is_compiled_alone(judge: Judge) -> None:
    need("typescript")
    reaching = "declare global { interface Array<T> { first(): T } }\nexport {};\n"
    jobs = [
        Job("declares", "typescript", program=reaching + "const a = 1;\n"),
        Job("uses", "typescript", program="if ([1].length) { const x: number = [1].first(); }\n"),
        Job("neighbour", "typescript", program='import { a } from "../p0/program";\n'),
    ]
    together = {v.id: v.verdict for v in judge.judge(jobs)}
    assert together == {"declares": "passed", "uses": "compile_error", "neighbour": "compile_error"}


def test_a_syntax_error_hides_no_error_of_another_typescript_program(judge: Judge) -> None:
    need("typescript")
    wrong = ("const a = ;\n", 'const a: number = "";\n', "return;\n", "/* left open\n")
    jobs = [Job(str(i), "typescript", program=text) for i, text in enumerate((*wrong, "const a: number = 1;\n"))]
    together = {v.id: (v.verdict, v.detail) for v in judge.judge(jobs)}
    assert [together[job.id][0] for job in jobs] == [*["compile_error"] * len(wrong), "passed"]
    assert together == {job.id: (found.verdict, found.detail) for job in jobs for found in judge.judge([job])}


@pytest.mark.parametrize(
    ("code", "few"),
    [
        ("#include <vector>\n#include<stdio.h>\nint f();", True),
        ("int f();", True),
        ("#include <bits/stdc++.h>\n", False),
        ("  #  include <regex>\n", False),
        ('#include "other.h"\n', False),
        ("#inc\\\nlude <regex>\n", False),
        ("#define X <regex>\n#include X\n", False),
    ],
)
def test_few_headers_only_where_no_other_is_included(code: str, few: bool) -> None:
    from xinstruct.languages.cpp_headers import does_with_few

    assert does_with_few(code) is few


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("/* a\n#include <map>\n*/\n#include<stdio.h>\n#include <vector> // b\nint f();", ("vector",)),
        ("#include <string>\nusing namespace std;\n#include <algorithm>\nint f();", ("algorithm", "string")),
        ("#include <assert.h>\n#include <bits/stdc++.h>\n#include <vector>\n", ("bits/stdc++.h",)),
        ("#define vector map\n#include <vector>\n", ()),
        ("int f();\n#include <vector>\n", ()),
        ("// a \\\n#include <vector>\n#include <map>\n", ()),
        ("#if 0\n#include <vector>\n#endif\n", ()),
    ],
)
def test_a_program_gets_the_headers_that_it_begins_with(program: str, names: tuple[str, ...]) -> None:
    from xinstruct.languages.cpp_headers import included

    assert included(program) == names


def test_a_program_sees_no_name_that_it_did_not_include(judge: Judge) -> None:
    need("cpp")
    rest = "int main() { return std::max(f({1, 2}), 0) - 3; }\n"
    total = "int f(std::vector<int> v) { int s = 0; for (int x : v) s += x; return s; }\n"
    jobs = [
        Job("few", "cpp", program="#include <vector>\nint sort(int x) { return x; }\nint main() { return sort(0); }\n"),
        Job("map", "cpp", program="#include <vector>\nint main() { std::map<int, int> m; return m.size(); }\n"),
        Job("all", "cpp", program="#include <bits/stdc++.h>\n" + total + rest),
        Job("wrong", "cpp", program="#include <bits/stdc++.h>\n" + total + rest.replace("- 3", "- 4")),
    ]
    verdicts = {v.id: v.verdict for v in judge.judge(jobs)}
    assert verdicts == {"few": "passed", "map": "compile_error", "all": "passed", "wrong": "runtime_error"}


def test_a_forgotten_header_is_no_error(judge: Judge) -> None:
    need("cpp")
    body = 'return std::regex_match("a", std::regex("[a-c]"));'
    assert judge.judge([one("cpp", "regex", body)])[0].verdict == "passed"


def test_prepared_files_are_made_once_and_change_with_their_text(judge: Judge) -> None:
    need("java")
    program = build(one("java", "x", "return a;"), "0" * 32)
    first, second = (shown(judge.sandbox, program.run_with) for _ in range(2))
    assert first == second and set(first) == {"driver.jar", "driver.jsa"}
    jar = program.run_with[0]
    changed = dataclasses.replace(jar, files=((jar.files[0][0], jar.files[0][1] + "\n"),))
    assert digest(changed) != digest(jar)


def test_a_class_in_a_library_s_package_stays_with_its_program(judge: Judge) -> None:
    """The compiler of a batch keeps what it knows of the library from one program to the next."""
    need("java")
    own = "\\u0070ackage org.javatuples;\npublic class Pair { public static void main(String[] a) { } }\n"
    use = "import org.javatuples.Pair;\nclass M%d { public static void main(String[] a) { assert Pair.with(1, 2)"
    use += ".getValue1() == 2; } }\n"
    texts = [use % 0, own, own.replace("void main", "int with(int a, int b) { return 7; } static void main"), use % 1]
    batch = judge.judge([Job(str(i), "java", program=text) for i, text in enumerate(texts)])
    alone = [judge.judge([Job(str(i), "java", program=text)])[0] for i, text in enumerate(texts)]
    assert [verdict.verdict for verdict in batch] == [verdict.verdict for verdict in alone]
    assert batch[0].verdict == batch[3].verdict == "passed"
