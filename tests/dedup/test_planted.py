"""Benchmark problems planted as samples are found, whatever was done to them; ordinary functions are not."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache

import pytest

from bench.verdicts.places import SHARED
from tests.params import execution, own
from tests.stages.helpers import REPO, sample
from xinstruct.code.facts import parse
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Signature
from xinstruct.dedup.contamination import Contamination, Evidence
from xinstruct.dedup.problems import Problem, problems
from xinstruct.execution.judge import Judge
from xinstruct.records import Sample

_PLACES = (SHARED, REPO.parent / "shared", REPO.parent.parent / "shared")
BENCHMARKS = next((place / "benchmarks" for place in _PLACES if place.exists()), SHARED)
FOLDERS = [BENCHMARKS / "humaneval", BENCHMARKS / "mbpp"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BENCHMARKS.exists(), reason="no benchmark files"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@cache
def planted() -> list[Problem]:
    return list(problems(FOLDERS))


@cache
def index() -> Contamination:
    return Contamination(planted(), own("deduplicate").contamination)


class Renamed(ast.NodeTransformer):
    """Renames everything that a module binds, and takes the doc strings away."""

    def __init__(self, module: ast.Module) -> None:
        names = {node.arg for node in ast.walk(module) if isinstance(node, ast.arg)}
        names |= {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
        names |= {n.id for n in ast.walk(module) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.names = {name: f"renamed_{at}" for at, name in enumerate(sorted(names))}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names[node.name]
        self.generic_visit(node)
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            del node.body[0]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.names[node.arg]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node


def renamed(code: str) -> str:
    module = ast.parse(code)
    return ast.unparse(Renamed(module).visit(module))


def recommented(code: str) -> str:
    code = re.sub(r'^(    )"""[A-Z\s].*?"""', r'\1"""Other words stand here."""', code, flags=re.S | re.M)
    return "# an own heading\n" + code.rstrip().replace("\n\n", "\n# and between\n\n") + "  # and an end\n"


def answers(change: Callable[[str], str], problems: list[Problem]) -> dict[str, Sample]:
    """Samples by the item they were made of, which say nothing in their instruction and cannot be run."""
    made = {}
    for at, one in enumerate(problems):
        fields = {"instruction": "Do what the code does.", "function": "", "signature": ""}
        made[one.item] = sample(at, change(one.solution), **fields)
    return made


def found(made: dict[str, Sample], judge: Judge | None = None) -> list[str]:
    evidence = index().evidence(list(made.values()), judge)
    numbers = {item: {number(one) for one in evidence.get(own.id, [])} for item, own in made.items()}
    return [item for item in made if item.rpartition("/")[2] in numbers[item]]


def number(evidence: Evidence) -> str:
    return evidence.item.rpartition("/")[2]


@pytest.mark.parametrize(
    ("change", "least"),
    [(str, 1.0), (lambda code: ast.unparse(ast.parse(code)), 1.0), (recommented, 1.0), (renamed, 0.98)],
    ids=["verbatim", "reformatted", "recommented", "renamed"],
)
def test_canonical_answers_are_found(change: Callable[[str], str], least: float) -> None:
    made = answers(change, planted()[::6])
    assert len(made) > 200
    assert len(found(made)) >= least * len(made), sorted(made.keys() - set(found(made)))


def test_every_problem_is_found_by_its_text_in_an_instruction() -> None:
    made = {}
    for at, one in enumerate(planted()[::2]):
        text = dict(one.texts).get("text") or dict(one.texts)["prompt"]
        made[one.item] = sample(at, "x = 1", instruction=f"Here is a task for you. {text} Thank you.", function="")
    assert len(found(made)) == len(made)


def test_functions_of_this_project_are_no_benchmark_problems() -> None:
    functions = []
    for path in sorted((REPO / "xinstruct").rglob("*.py")):
        facts = parse(traits_of("python"), path.read_bytes())
        functions += [facts.text(one.node) for one in facts.functions]
    chosen = enumerate(functions[::4])
    samples = [sample(at, code, function="", instruction="An own task.") for at, code in chosen]
    assert len(samples) > 400
    assert len(index().evidence(samples, None)) <= 0.005 * len(samples)


def test_answers_in_other_languages_and_under_other_names_are_known_by_the_problems_tests() -> None:
    ints = Signature.of("list<int>", values="list<int>").to_json()
    text = Signature.of("string", text="string", shift="string").to_json()
    samples = {
        # HumanEval/53: the sum of two numbers; 42: a list with every number one higher; 11: xor of bits as texts
        "53": sample(1, "static int total(int left, int right) { return right + left; }", language="java"),
        "42": sample(2, "function up(v) { return v.map((x) => x + 1); }", language="javascript", signature=ints),
        "11": sample(3, "function f($a, $b) { $r = ''; for ($i = 0; $i < strlen($a); $i++) "
                        "{ $r .= $a[$i] === $b[$i] ? '0' : '1'; } return $r; }", language="php", signature=text),
        "none": sample(4, "function down(v) { return v.map((x) => x - 7); }", language="javascript", signature=ints),
    }  # fmt: skip
    for one, name in zip(samples.values(), ("total", "up", "f", "down"), strict=True):
        one.function = name
    with Judge(execution()) as judge:
        evidence = index().evidence(list(samples.values()), judge)
    assert samples["none"].id not in evidence
    for item in ("53", "42", "11"):
        tests = [one for one in evidence.get(samples[item].id, []) if one.kind == "tests"]
        assert f"HumanEval/{item}" in {one.item for one in tests}, (item, evidence)
