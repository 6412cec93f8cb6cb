"""Cases of mined functions, worked examples: everything here runs for real."""

from collections.abc import Iterator

import pytest

from tests.agents.helpers import EXECUTION, snippet
from xinstruct.agents.cases import find_cases, probe
from xinstruct.agents.examples import worked
from xinstruct.code.types import Signature, conforms
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.languages import EIGHT
from xinstruct.records import Reason


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


# an answer that does not parse, in a language that is not compiled
BROKEN = Reason.RUNTIME_ERROR
INT = Signature.of("int", n="int")


def test_only_deterministic_telling_functions_become_cases(judge: Judge) -> None:
    functions = {
        "double": ("def double(n):\n    return n * 2 + 1", None),
        "constant": ("def constant(n):\n    return 4", Reason.WEAK_CASES),
        "identity": ("def identity(n):\n    return n", Reason.WEAK_CASES),
        "lucky": ("import random\ndef lucky(n):\n    return random.randint(0, 10**12)", Reason.NONDETERMINISTIC),
        "raises": ("def raises(n):\n    raise ValueError(n)", Reason.NO_CASES),
        "wrong_type": ("def wrong_type(n):\n    return 'text'", Reason.NO_CASES),
        "broken": ("def broken(n)\n    return", BROKEN),
        # whatever is changed in it is never noticed
        "dead": ("def dead(n):\n    spare = n < 7\n    return -n", Reason.WEAK_CASES),
    }
    probes = [probe(snippet("python", name, code, INT), 6) for name, (code, _) in functions.items()]
    find_cases(probes, judge, mutants=12, kill_share=0.7)
    reasons = {p.snippet.name: p.reason for p in probes}
    assert reasons == {name: reason for name, (_, reason) in functions.items()}
    good = probes[0]
    assert len(good.cases) >= 3 and all(c.expected == c.args[0] * 2 + 1 for c in good.cases)
    assert all(conforms(INT.returns, c.expected) for c in good.cases)


def test_inputs_repeat_per_snippet_and_differ_among_snippets() -> None:
    one, two = (snippet("python", name, f"def {name}(n): return n", INT) for name in ("a", "b"))
    assert probe(one, 6).inputs == probe(one, 6).inputs != probe(two, 6).inputs


@pytest.mark.slow
def test_worked_examples_are_right_in_every_language(judge: Judge) -> None:
    jobs = [
        Job(f"{item.name}-{name}", name, item.code(name), item.function(name), item.signature, item.cases)
        for item in worked()
        for name in EIGHT
        if available(name)
    ]
    assert jobs and all(set(item.bodies) == set(EIGHT) for item in worked())
    assert {v.id: v.detail for v in judge.judge(jobs) if v.verdict != "passed"} == {}


def test_strings_that_the_code_names_are_among_the_inputs(judge: Judge) -> None:
    code = "def starred(text):\n    return text == '**zq**' or text.endswith('#%')"
    item = probe(snippet("python", "starred", code, Signature.of("bool", text="string")), 6)
    find_cases([item], judge, mutants=12, kill_share=0.7)
    assert item.reason is None and {case.expected for case in item.cases} == {True, False}
