"""Completions for two sets of tests at once: the same code, called and typed as each set has it.

From HumanEval-X's canonical answers and variants of them with one operator or constant changed (JavaScript's are
TypeScript's too, unchecked), and from a model's answers to MultiPL-E. What the two sides get differs in the
function's name only; in Java MultiPL-E's tests call a canonical answer through an adapter of its number types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xinstruct.benchmarks.problems import BenchmarkProblem, ProgramProblem
from xinstruct.benchmarks.rules import Rules, apply, preamble
from xinstruct.benchmarks.samples import Answer
from xinstruct.code.extraction import NONE
from xinstruct.code.mutants import make_mutants
from xinstruct.execution.jobs import Job

_ADAPTER = Path(__file__).with_name("adapter.java")
_BOXED = {"long": "Long", "boolean": "Boolean", "float": "Float", "double": "Double", "int": "Integer"}
UNCHECKED = "// @ts-nocheck\n"  # JavaScript states no types that a compiler could hold it to


@dataclass(frozen=True)
class Completion:
    """One completion for both sides."""

    number: int  # of the HumanEval problem
    variant: int  # of a canonical answer, 0: itself; else the place among a model's answers to the problem
    ours: Job
    theirs: Job


def number(problem: BenchmarkProblem) -> int:
    """A problem's number in HumanEval, which is the first one in each benchmark's task id."""
    return int(re.findall(r"\d+", problem.task_id)[0])


def numbered(problems: Sequence[BenchmarkProblem]) -> dict[int, BenchmarkProblem]:
    """Problems by their number in HumanEval."""
    return {number(one): one for one in problems}


def canonical(
    answers: Mapping[int, BenchmarkProblem],
    ours: Mapping[int, BenchmarkProblem],
    theirs: Mapping[int, BenchmarkProblem],
    variants: int,
) -> list[Completion]:
    """The canonical answers and `variants` broken ones of each problem that all three have."""
    found = []
    for place in sorted(answers.keys() & ours.keys() & theirs.keys()):
        answer = answers[place]
        assert isinstance(answer, ProgramProblem)
        bodies = [answer.solution, *make_mutants(answer.language, answer.solution, variants, seed=place)]
        for variant, body in enumerate(bodies):
            code = spelled(answer.prompt + body, answer, theirs[place])
            found.append(_both(place, variant, code, answer.function, ours[place], theirs[place]))
    return found


def answered(answers: Sequence[Answer], ours: Mapping[int, BenchmarkProblem], chosen: Rules) -> list[Completion]:
    """A model's answers to the other tests' problems, those in which there is code and that both sides have."""
    found = []
    for answer in answers:
        code, rule = apply(chosen, answer.problem, answer.text)
        place = number(answer.problem)
        if rule != NONE and place in ours:
            found.append(_both(place, answer.place, code, answer.problem.function, ours[place], answer.problem))
    return found


def _both(
    place: int, variant: int, code: str, name: str, ours: BenchmarkProblem, theirs: BenchmarkProblem
) -> Completion:
    jobs = [side.job(f"{place}.{variant}", renamed(code, name, side.function)) for side in (ours, theirs)]
    return Completion(place, variant, *jobs)


def renamed(code: str, old: str, new: str) -> str:
    """The code with its function called otherwise."""
    return re.sub(rf"(?<![\w$]){re.escape(old)}(?![\w$])", new, code)


def spelled(code: str, answer: BenchmarkProblem, other: BenchmarkProblem) -> str:
    """The code with types and class as the other tests have them; as it is for those of its own benchmark."""
    if answer is other:
        return code
    if answer.language == "cpp":
        code = re.sub(r"(?<![\w.<])int\b|(?<=[<,])int\b", "long", re.sub(r"\bdouble\b", "float", code))
    if answer.language == "java":
        return adapted(code, answer.function, other)
    if other.language == "typescript":
        code = UNCHECKED + code
    head = preamble(other)
    return f"{head}\n{code}" if head else code


def adapted(code: str, function: str, other: BenchmarkProblem) -> str:
    """A class Problem, as the other tests' prompt opens it, that calls the class Solution with numbers of its types.

    Java converts neither int to long nor lists of the one to lists of the other.
    """
    head = other.prompt.rstrip().splitlines()[-1]
    match = re.search(r"static\s+(.+?)\s+\w+\s*\((.*)\)", head)
    assert match is not None, other.task_id
    kind, params = match.groups()
    while "<" in params:  # types of their own that hold commas
        params = re.sub(r"<[^<>]*>", "", params)
    names = [each.split()[-1] for each in params.split(",") if each.strip()]
    call = ", ".join([f'"{function}"', *names])
    body = f"        return ({_BOXED.get(kind, kind)}) XinstructAdapter.call({call});\n    }}\n}}"
    return f"{preamble(other)}\n{code}\n{_ADAPTER.read_text(encoding='utf-8')}\nclass Problem {{\n{head}\n{body}\n"
