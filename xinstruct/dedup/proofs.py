"""Benchmark problems that a sample's answer solves: the problem's own tests run on it, in whatever language it is.

A problem fits when its cases are values of the sample's types. All fitting problems are screened at once by a few of
their cases; the rest of the tests decides. How much passing says is counted in bits: little for a truth value, an empty
result or one of the arguments, more for anything else, and more again when the function has the problem's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xinstruct.code.types import Case, Signature, conforms, same
from xinstruct.dedup.behaviour import kinds, passable, signature_of
from xinstruct.dedup.problems import Problem
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.records import Sample

_SCREENED, _CONFIRMED = 2, 40  # cases of a problem
_PART = 25  # inputs of a program whose first run with all of them did not end
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


def proofs(
    samples: Sequence[Sample], problems: Sequence[Problem], least: float, judge: Judge
) -> dict[str, list[Proof]]:
    """Return sample id -> the problems that its answer solves, by at least so many bits."""
    useful = [problem for problem in problems if len(problem.cases) > 1]
    pairs = [pair for sample in samples for pair in _fitting(sample, useful) if pair.bits >= least]
    alive = _screened(pairs, judge)
    jobs = [_job(pair.sample, pair.signature, pair.cases[:_CONFIRMED], f"{at}") for at, pair in enumerate(alive)]
    found: dict[str, list[Proof]] = {}
    for pair, verdict in zip(alive, judge.judge(jobs, desc="running benchmarks' tests"), strict=True):
        if verdict.verdict == "passed":
            found.setdefault(pair.sample.id, []).append(Proof(pair.problem, len(pair.cases), round(pair.bits, 1)))
    return found


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
                yield _Pair(sample, signature, problem, cases, _said(cases) + (_NAMED if named else 0))


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
    """Return the pairs whose sample returns what the first cases of the problem expect."""
    inputs: dict[str, dict[str, Case]] = {}
    of: dict[str, _Pair] = {}
    for pair in pairs:
        of[pair.sample.id] = pair
        wanted = inputs.setdefault(pair.sample.id, {})
        wanted |= {_written(case.args): case for case in first_cases(pair.cases)}
    known = _results({ident: (of[ident], list(cases.values())) for ident, cases in inputs.items()}, judge)
    return [pair for pair in pairs if all(_agrees(pair, case, known) for case in first_cases(pair.cases))]


def first_cases(cases: Sequence[Case]) -> list[Case]:
    """Return the cases that are tried first: of different results."""
    different = {_written(case.expected): case for case in reversed(cases)}
    return list(different.values())[::-1][:_SCREENED]


def _agrees(pair: _Pair, case: Case, known: dict[tuple[str, str], object]) -> bool:
    found = known.get((pair.sample.id, _written(case.args)), _NOTHING)
    return found is not _NOTHING and same(pair.signature.returns, case.expected, found)


_NOTHING = object()


def _results(wanted: dict[str, tuple[_Pair, list[Case]]], judge: Judge) -> dict[tuple[str, str], object]:
    """Return (sample id, arguments) -> result; a program that does not end is run again on a part of them each."""
    whole = [(pair, cases) for pair, cases in wanted.values()]
    found, failed = _observed(whole, judge)
    parts = [(pair, cases[at : at + _PART]) for pair, cases in failed for at in range(0, len(cases), _PART)]
    return found | _observed([part for part in parts if len(part[1]) < len(wanted[part[0].sample.id][1])], judge)[0]


def _observed(
    runs: Sequence[tuple[_Pair, list[Case]]], judge: Judge
) -> tuple[dict[tuple[str, str], object], list[tuple[_Pair, list[Case]]]]:
    jobs = [_job(pair.sample, pair.signature, cases, str(at)) for at, (pair, cases) in enumerate(runs)]
    found: dict[tuple[str, str], object] = {}
    failed = []
    for run, verdict in zip(runs, judge.observe(jobs, desc="screening for benchmarks' tests"), strict=True):
        if verdict.verdict not in ("passed", "compile_error", "unsupported"):
            failed.append(run)
        if verdict.verdict == "passed":
            for case, value, error in zip(run[1], verdict.values, verdict.errors, strict=True):
                if not error:
                    found[run[0].sample.id, _written(case.args)] = value
    return found, failed
