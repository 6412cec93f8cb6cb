"""Samples of one task, whatever their language: same results on common inputs, agreeing cases, or one normal form.

Translations are no duplicates, but it must be known what they are translations of: they are split together, and a
limit may be set on how many of them are kept.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal

from xinstruct.code.types import cases_from_json
from xinstruct.dedup.behaviour import TELLING, kinds, signature_of, written
from xinstruct.dedup.normal import forms, size
from xinstruct.records import Sample

Policy = Literal["keep", "cap", "one_per_language"]
_COMMON = 50  # samples with one same case; a case that more have says nothing about a task
_TOKENS = 12  # of a normal form, below which it says too little


class Groups:
    """Names that are joined to groups; a group is called after its smallest name, whatever the order of joining."""

    def __init__(self) -> None:
        self._leader: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the smallest name of a name's group."""
        self._leader.setdefault(name, name)
        while self._leader[name] != name:
            self._leader[name] = self._leader[self._leader[name]]
            name = self._leader[name]
        return name

    def join(self, *names: str) -> None:
        """Put names into one group."""
        leaders = {self.find(name) for name in names}
        for leader in leaders:
            self._leader[leader] = min(leaders)


def task_ids(samples: Sequence[Sample], results: Mapping[str, str]) -> dict[str, str]:
    """Return sample id -> task id, the smallest id of the task's samples; results: keys by behaviour.result_keys."""
    groups, first = Groups(), dict[tuple[str, str], str]()
    for sample in samples:
        for key in _keys(sample, results.get(sample.id, "")):
            groups.join(sample.id, first.setdefault(key, sample.id))
    for one, two in _agreeing(samples):
        groups.join(one, two)
    return {sample.id: groups.find(sample.id) for sample in samples}


def _keys(sample: Sample, results: str) -> Iterator[tuple[str, str]]:
    if results:
        yield "results", results
    normal = forms(sample.language, sample.code).normal
    if size(normal) >= _TOKENS:
        yield sample.language, normal


def _agreeing(samples: Iterable[Sample]) -> Iterator[tuple[str, str]]:
    """Yield pairs with at least TELLING common cases, not all of one result, and no contradiction in any."""
    cases: dict[str, dict[str, str]] = {}
    sharing: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for sample in samples:
        cases[sample.id] = _expected(sample)
        signature = signature_of(sample)
        for args, expected in cases[sample.id].items():
            sharing[kinds(signature) if signature else "", args, expected].append(sample.id)
    together = Counter(
        pair for ids in sharing.values() if len(ids) <= _COMMON for pair in combinations(sorted(set(ids)), 2)
    )
    for (one, two), count in together.items():
        shared = cases[one].keys() & cases[two].keys()
        agreed = {cases[one][args] for args in shared if cases[one][args] == cases[two][args]}
        if count >= TELLING and len(agreed) > 1 and all(cases[one][args] == cases[two][args] for args in shared):
            yield one, two


def _expected(sample: Sample) -> dict[str, str]:
    """Return a sample's cases as texts: arguments -> expected result."""
    try:
        return {json.dumps(case.args): written(case.expected) for case in cases_from_json(sample.cases)}
    except ValueError:
        return {}


def over_limit(samples: Iterable[Sample], policy: Policy, most: int) -> dict[str, str]:
    """Return the samples to leave out by the policy: id -> why. `samples` are in order of preference."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[str, str] = {}
    for sample in samples:
        key = (sample.task_id, sample.language if policy == "one_per_language" else "")
        limit = 1 if policy == "one_per_language" else most
        if policy != "keep" and seen[key] >= limit:
            found[sample.id] = f"task {sample.task_id} has {limit} better ones{' in its language' if key[1] else ''}"
        else:
            seen[key] += 1
    return found
