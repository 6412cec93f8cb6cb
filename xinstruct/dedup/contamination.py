"""All evidence that a sample is a problem of a benchmark: shared words, its solution, its tests, sentence embeddings.

Each kind has its own threshold; one is enough. The evidence says which problem, which of its fields, where in the
sample and how strongly, so that every removal can be looked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.agents.similarity import EmbeddingGate
from xinstruct.dedup.decontaminate import Overlap
from xinstruct.dedup.problems import Problem
from xinstruct.dedup.proofs import proofs
from xinstruct.dedup.solutions import Solutions
from xinstruct.execution.judge import Judge
from xinstruct.params import ContaminationParams
from xinstruct.records import Sample

COLUMNS = ("benchmark", "item", "evidence", "field", "sample", "language", "where", "strength", "detail")


@dataclass(frozen=True)
class Evidence:
    """One reason to take a sample for a benchmark's problem. strength: bits, a share or a cosine, by its kind."""

    benchmark: str
    item: str
    kind: str  # words, code, tests, embedding
    field: str  # of the problem
    where: str  # in the sample
    strength: float
    detail: str

    def __str__(self) -> str:
        return f"{self.item}: {self.detail} ({self.kind}: {self.field} in {self.where}, {self.strength:g})"

    def row(self, sample: Sample) -> tuple[Any, ...]:
        """Return a row of COLUMNS."""
        return (self.benchmark, self.item, self.kind, self.field, sample.id, sample.language, self.where,
                self.strength, self.detail)  # fmt: skip


class Contamination:
    """Benchmark problems, indexed for each kind of evidence."""

    def __init__(self, problems: Sequence[Problem], params: ContaminationParams, corpus: Iterable[str] = ()) -> None:
        self._problems, self._params = problems, params
        self._benchmark = {problem.item: problem.benchmark for problem in problems}
        given = [(one.item, field, text) for one in problems for field, text in one.texts]
        self._overlap = Overlap(given, params.words, params.weight, corpus)
        self._solutions = Solutions(problems, params.code) if params.code else None
        self._near = _nearest(problems, params.embedding) if params.embedding else None

    def evidence(self, samples: Sequence[Sample], judge: Judge | None) -> dict[str, list[Evidence]]:
        """Return sample id -> its evidence, the words first; without a judge no tests are run."""
        found = {sample.id: [*self._words(sample), *self._code(sample), *self._embedded(sample)] for sample in samples}
        if judge is not None and self._params.tests:
            solved = proofs(samples, self._problems, self._params.tests, judge)
            for sample in samples:
                for proof in solved.get(sample.id, ()):
                    one, said = proof.problem, f"passes all {proof.cases} of its tests"
                    found[sample.id].append(
                        Evidence(one.benchmark, one.item, "tests", "tests", "response", proof.bits, said)
                    )
        return {ident: each for ident, each in found.items() if each}

    def _words(self, sample: Sample) -> Iterator[Evidence]:
        for where, text in (("instruction", sample.instruction), ("response", sample.response)):
            for hit in self._overlap.hits(text):
                said = f"{'is' if hit.whole else 'shares'} {hit.words[:300]!r}"
                yield Evidence(self._benchmark[hit.item], hit.item, "words", hit.field, where, hit.weight, said)

    def _code(self, sample: Sample) -> Iterator[Evidence]:
        for found in self._solutions.found(sample.language, sample.code) if self._solutions else ():
            said = f"holds its solution of {found.tokens} tokens"
            one = found.problem
            yield Evidence(one.benchmark, one.item, "code", "solution", "response", found.share, said)

    def _embedded(self, sample: Sample) -> Iterator[Evidence]:
        for problem, field, cosine in self._near(sample.instruction) if self._near else ():
            said = "asks for the same in other words"
            yield Evidence(problem.benchmark, problem.item, "embedding", field, "instruction", cosine, said)


def _nearest(problems: Sequence[Problem], least: float) -> Callable[[str], list[tuple[Problem, str, float]]]:
    """Return a function that finds the problems whose prompt is near a text. Raises BadInput without the model."""
    gate = EmbeddingGate()
    known = [(problem, *problem.texts[0]) for problem in problems if problem.texts]
    vectors = [gate.embed(text) for _, _, text in known]

    def near(text: str) -> list[tuple[Problem, str, float]]:
        own = gate.embed(text)
        cosines = [round(float(own @ vector), 4) for vector in vectors]
        return [(one, field, cosine) for (one, field, _), cosine in zip(known, cosines, strict=True) if cosine >= least]

    return near
