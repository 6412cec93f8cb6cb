"""Type inference for functions that state no types: guesses are run, and the best one is taken.

A guess is accepted when most calls return, all results have one type, several results differ, and none shows
that the language merely coerced wrong values (NaN, "undefined"). ``cases`` decides later whether the function
makes a seed.
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Sequence
from typing import Any

from xinstruct.agents.cases import JudgeProtocol, standalone
from xinstruct.agents.tasks import supports
from xinstruct.code.inference import guesses, result_type
from xinstruct.code.types import Case, Parameter, Signature, Type
from xinstruct.execution.jobs import Job
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages.generate import random_args
from xinstruct.records import Snippet

CALLS = 10  # per guess
_RETURNED = 0.6  # share of calls that must return
_DIFFERENT = 3  # results that must differ
_PLENTY = 5
_COERCED = re.compile(r"undefined|NaN|\[object |\bnull\b|function ?\(")
_UNKNOWN = Type("string")  # the driver of a language without declared results takes what comes


def with_types(snippets: Sequence[Snippet], judge: JudgeProtocol) -> list[Snippet]:
    """Return the snippets with an accepted guess, each with its signature. The judge runs all guesses in one batch."""
    tried: list[tuple[Snippet, Signature]] = []
    for snippet in snippets:
        for params in guesses(snippet.language, snippet.name, standalone(snippet), snippet.doc):
            signature = Signature(params, _UNKNOWN)
            if supports(snippet.language, snippet.name, signature):
                tried.append((snippet, signature))
    jobs = [_job(snippet, signature, number) for number, (snippet, signature) in enumerate(tried)]
    best: dict[str, tuple[tuple[float, int], Signature]] = {}
    for (snippet, signature), job, verdict in zip(tried, jobs, judge.observe(jobs, "trying types"), strict=True):
        result = judged(signature.params, job.cases, verdict)
        if result and (snippet.id not in best or result[0] > best[snippet.id][0]):
            best[snippet.id] = result
    found = ((snippet, best[snippet.id][1]) for snippet in snippets if snippet.id in best)
    return [dataclasses.replace(snippet, signature=signature.to_json()) for snippet, signature in found]


def _job(snippet: Snippet, signature: Signature, number: int) -> Job:
    rows = random_args(signature, random.Random(int(snippet.id, 16)), CALLS)
    cases = tuple(Case(tuple(row)) for row in rows)
    code = standalone(snippet)
    return Job(f"{snippet.id}-types{number}", snippet.language, code, snippet.name, signature, cases)


def judged(
    params: tuple[Parameter, ...], cases: Sequence[Case], verdict: Verdict
) -> tuple[tuple[float, int], Signature] | None:
    """Return a guess's score (share of calls that returned, different results) and full signature, None if it fails."""
    if verdict.verdict != "passed":
        return None
    pairs = zip(cases, verdict.values, verdict.errors, strict=True)
    values = [value for case, value, error in pairs if not error and value is not None and not _is_coerced(case, value)]
    share, different = len(values) / max(1, len(cases)), len({json.dumps(value) for value in values})
    kind = result_type(values) if share >= _RETURNED else None
    enough = 2 if kind == Type("bool") else _DIFFERENT
    # beyond a few, more different results only say that floats are many: then the likelier guess stays
    score = (round(share, 1), min(different, _PLENTY))
    return (score, Signature(params, kind)) if kind and different >= enough else None


def _is_coerced(case: Case, value: Any) -> bool:
    """Tell whether a result shows that the arguments had another type than the function expects."""
    return bool(_COERCED.search(json.dumps(value))) and not _COERCED.search(json.dumps(case.args))
