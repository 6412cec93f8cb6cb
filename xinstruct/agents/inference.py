"""Types of functions that state none, found by calling them: guesses are run, the one that answers best is taken.

A guess holds when most calls return, all results have one type, several differ, and nothing shows that the
language only bent wrong values (NaN, "undefined"). Whether the function then makes a seed is for ``cases``.
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
    """The snippets for which a guess held, each with its signature. One batch for the judge."""
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
    """How well a guess answers (share of calls, different results) with the whole signature, None when it fails."""
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
    """Whether a result shows that the arguments were of another type than the function is for."""
    return bool(_COERCED.search(json.dumps(value))) and not _COERCED.search(json.dumps(case.args))
