"""What answers return on common inputs, as a key by which copies are found whatever their names and their language.

Samples are compared when their parameters have the same types. Their inputs are those of the samples' own cases,
filled up with generated ones; only inputs count that every language among them can express. A sample that fails on
most of them, or returns nearly always the same, has no key: too little is known of it.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from xinstruct.code.types import Case, Signature, Type, TypeSyntaxError, cases_from_json
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import Unsupported, get
from xinstruct.languages.generate import random_args
from xinstruct.records import Sample, content_id

Args = tuple[Any, ...]
TELLING = 3  # results that differ from the most frequent one, below which results say too little


def kinds(signature: Signature) -> str:
    """Return the types of a signature's parameters, as text: samples of the same ones take the same inputs."""
    return ",".join(str(param.type) for param in signature.params)


def signature_of(sample: Sample) -> Signature | None:
    """Return a sample's signature; None if it cannot be run."""
    try:
        return Signature.from_json(sample.signature) if sample.function and sample.code else None
    except TypeSyntaxError:
        return None


def common_inputs(samples: Iterable[Sample], count: int, seed: int) -> dict[str, list[Args]]:
    """Return `count` inputs for each list of types that at least two samples share; the same in every order."""
    groups: dict[str, list[tuple[Signature, Sample]]] = defaultdict(list)
    for sample in samples:
        if signature := signature_of(sample):
            groups[kinds(signature)].append((signature, sample))
    return {key: _chosen(key, group, count, seed) for key, group in sorted(groups.items()) if len(group) > 1}


def _chosen(key: str, group: list[tuple[Signature, Sample]], count: int, seed: int) -> list[Args]:
    languages = sorted({sample.language for _, sample in group})
    own = {json.dumps(case.args): case.args for _, sample in group for case in _cases(sample)}
    stated = [own[text] for text in sorted(own, key=lambda text: content_id(str(seed), text))]
    made = map(tuple, random_args(group[0][0], random.Random(f"{seed}:{key}"), 2 * count))
    found: dict[str, Args] = {}
    for args in (*stated[:count], *made, *stated[count:]):
        if len(found) < count and all(passable(language, key, json.dumps(args)) for language in languages):
            found.setdefault(json.dumps(args), args)
    return list(found.values())


def _cases(sample: Sample) -> list[Case]:
    try:
        return cases_from_json(sample.cases)
    except ValueError:
        return []


@cache
def passable(language: str, key: str, args: str) -> bool:
    """Tell whether a language can express arguments (JSON) of the given types."""
    values = json.loads(args)
    types = _split(key)
    try:
        signature = Signature.of("int", **{f"a{at}": kind for at, kind in enumerate(types)})
        get(language).driver("", "probe", signature, [values], "nonce")
    except (Unsupported, ValueError, TypeError, LookupError, AttributeError):
        return False
    return len(values) == len(types)


def _split(key: str) -> list[str]:
    return [str(kind) for kind in Type.parse(f"tuple<{key}>").args] if key else []


def observed(jobs: Sequence[Job], judge: Judge) -> list[list[str] | None]:
    """Return the results of each job's cases as texts, "!" for an error; None for a program that did not end."""
    verdicts = judge.observe(jobs, desc="running answers on common inputs")
    return [
        [written(value) if not error else "!" for value, error in zip(one.values, one.errors, strict=True)]
        if one.verdict == "passed"
        else None
        for one in verdicts
    ]


def written(value: Any) -> str:
    """Return a JSON value as text, floats to six digits, so that equal results of two languages have equal texts."""
    return json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") + 0.0
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def result_keys(samples: Sequence[Sample], inputs: dict[str, list[Args]], judge: Judge) -> dict[str, str]:
    """Run samples on the common inputs of their types; return sample id -> "<inputs>:<results>"."""
    jobs, names = [], {}
    for sample in samples:
        signature = signature_of(sample)
        given = inputs.get(kinds(signature), []) if signature else []
        if signature and given:
            cases = tuple(map(Case, given))
            jobs.append(Job(sample.id, sample.language, sample.code, sample.function, signature, cases))
            names[sample.id] = content_id(kinds(signature), json.dumps(given))
    found = zip(jobs, observed(jobs, judge), strict=True)
    return {job.id: f"{names[job.id]}:{content_id(*texts)}" for job, texts in found if texts and telling(texts)}


def telling(results: Sequence[str]) -> bool:
    """Tell whether results say enough to recognise a function by them."""
    counts = Counter(results)
    return counts["!"] <= len(results) / 2 and len(results) - max(counts.values()) >= TELLING
