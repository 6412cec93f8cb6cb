"""Benchmark problems that a sample's answer solves: the problem's own tests run on it, in whatever language it is.

A problem fits when its cases are values of the sample's types. All fitting problems are screened at once by a few of
their cases; the rest of the tests decides. How much passing says is counted in bits: little for a truth value, an empty
result or one of the arguments, more for anything else, and more again when the function has the problem's name.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.code.types import Case, Signature, conforms, same
from xinstruct.dedup.behaviour import kinds, passable, signature_of
from xinstruct.dedup.problems import Problem
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.records import Sample

_SCREENED, _CONFIRMED = 2, 40  # cases of a problem
_STARTS = 4  # of a program that does not end on some inputs
_HELD_UP = ("timeout", "memory", "runtime_error", "output_limit")
_PLAIN, _TELLING, _NAMED = 1.0, 6.0, 8.0  # bits
_SIMPLE = {"0", "1", "-1", '""', "[]", "null", "true", "false", "0.0", "1.0"}


@dataclass(frozen=True)
class Proof:
    """A problem whose tests a sample passes, and how much that says in bits."""

    problem: Problem
    cases: int
    bits: float


@dataclass
class _Pair:
    sample: Sample
    signature: Signature
    problem: Problem
    cases: list[Case]
    bits: float
    named: bool  # the function has the problem's name


_Run = tuple[_Pair, list[Case]]


def proofs(
    samples: Sequence[Sample], problems: Sequence[Problem], least: float, judge: Judge
) -> dict[str, list[Proof]]:
    """Return sample id -> the problems that its answer solves, by at least so many bits."""
    useful = _different(problems)
    pairs = [pair for sample in samples for pair in _fitting(sample, useful) if pair.bits >= least]
    alive = _screened(pairs, judge)
    jobs = [_job(pair.sample, pair.signature, pair.cases[:_CONFIRMED], f"{at}") for at, pair in enumerate(alive)]
    found: dict[str, list[Proof]] = {}
    for pair, verdict in zip(alive, judge.judge(jobs, desc="running benchmarks' tests"), strict=True):
        if verdict.verdict == "passed":
            found.setdefault(pair.sample.id, []).append(Proof(pair.problem, len(pair.cases), round(pair.bits, 1)))
    return found


def _different(problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems with cases; of those with the same function and cases, which benchmarks share, the first."""
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        if len(problem.cases) > 1:
            cases = _written([[case.args, case.expected] for case in problem.cases])
            found.setdefault((problem.function, cases), problem)
    return list(found.values())


def _job(sample: Sample, signature: Signature, cases: Sequence[Case], mark: str) -> Job:
    return Job(f"{sample.id}-{mark}", sample.language, sample.code, sample.function, signature, tuple(cases))


def _fitting(sample: Sample, problems: Sequence[Problem]) -> Iterator[_Pair]:
    """Yield the problems whose cases are of the sample's types."""
    signature = signature_of(sample)
    for problem in problems if signature else ():
        assert signature is not None
        if fits(signature, problem.cases):
            cases = [case for case in problem.cases if passable(sample.language, kinds(signature), _written(case.args))]
            if 2 * len(cases) >= len(problem.cases) and len({_written(case.expected) for case in cases}) > 1:
                named = _plain(sample.function) == _plain(problem.function)
                yield _Pair(sample, signature, problem, cases, _said(cases) + (_NAMED if named else 0), named)


def fits(signature: Signature, cases: Sequence[Case]) -> bool:
    """Tell whether all arguments and results of cases are values of a signature's types."""
    types = [param.type for param in signature.params]
    return all(
        len(case.args) == len(types)
        and all(map(conforms, types, case.args))
        and conforms(signature.returns, case.expected)
        for case in cases
    )


def _written(value: object) -> str:
    return json.dumps(value)


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name).lower()


def _said(cases: Sequence[Case]) -> float:
    """Return what passing all of the cases says: the same result again says little."""
    said, seen = 0.0, set()
    for case in cases:
        result = _written(case.expected)
        is_plain = result in _SIMPLE or result in seen or any(result == _written(arg) for arg in case.args)
        said += _PLAIN if is_plain else _TELLING
        seen.add(result)
    return said


def _screened(pairs: Sequence[_Pair], judge: Judge) -> list[_Pair]:
    """Return the pairs of one name, and those whose sample returns what the first cases of the problem expect."""
    wanted: dict[str, dict[str, Case]] = defaultdict(dict)
    of: dict[str, _Pair] = {}
    for pair in pairs:
        if not pair.named:
            of[pair.sample.id] = pair
            wanted[pair.sample.id] |= {_written(case.args): case for case in first_cases(pair.cases)}
    runs = [(of[ident], sorted(cases.values(), key=_effort)) for ident, cases in wanted.items()]
    known = _results(runs, judge)
    return [pair for pair in pairs if pair.named or all(_agrees(pair, case, known) for case in first_cases(pair.cases))]


def first_cases(cases: Sequence[Case]) -> list[Case]:
    """Return the cases that are tried first: small ones, of different results."""
    different: dict[str, Case] = {}
    for case in sorted(cases, key=_effort):
        different.setdefault(_written(case.expected), case)
    return list(different.values())[:_SCREENED]


def _effort(case: Case) -> tuple[float, str]:
    """Sort key by which inputs come first that other functions of the same types end soon on."""
    text = _written(case.args)
    return (len(text) + sum(min(float(number), 1e9) for number in re.findall(r"\d+", text)), text)


def _agrees(pair: _Pair, case: Case, known: dict[tuple[str, str], Any]) -> bool:
    key = (pair.sample.id, _written(case.args))
    return key in known and same(pair.signature.returns, case.expected, known[key])


def _results(runs: list[_Run], judge: Judge) -> dict[tuple[str, str], Any]:
    """Return (sample id, arguments) -> result; behind an input on which a program does not end, it is started again."""
    found: dict[tuple[str, str], Any] = {}
    for _ in range(_STARTS):
        jobs = [_job(pair.sample, pair.signature, cases, str(at)) for at, (pair, cases) in enumerate(runs)]
        left = []
        for (pair, cases), verdict in zip(
            runs, judge.observe(jobs, desc="screening for benchmarks' tests"), strict=True
        ):
            ended = 0
            for case, value, error in zip(cases, verdict.values, verdict.errors, strict=True):
                if value is None and not error and verdict.verdict != "passed":
                    break
                ended += 1
                if not error:
                    found[pair.sample.id, _written(case.args)] = value
            if verdict.verdict in _HELD_UP and ended + 1 < len(cases):
                left.append((pair, cases[ended + 1 :]))
        runs = left
    return found
