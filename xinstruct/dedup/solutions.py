"""Solutions of benchmarks found in answers of the same language, whatever their layout, comments and names.

A function whose body has the normal form of a solution's is that solution; of longer ones a large share of the
n-grams is enough. A body that several different problems have, or of very few tokens, says nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xinstruct.dedup.normal import forms, size
from xinstruct.dedup.problems import Problem
from xinstruct.dedup.tokens import shingles

_EXACT = 7  # tokens of a body
_PARTIAL = 25  # n-grams of a body


@dataclass(frozen=True)
class Found:
    """A problem whose solution an answer holds: the share of its n-grams, and the number of its tokens."""

    problem: Problem
    share: float
    tokens: int


class Solutions:
    """An index of the problems' canonical solutions by the normal forms of their functions."""

    def __init__(self, problems: Sequence[Problem], least: float) -> None:
        self._least = least
        self._exact: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._grams: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._bodies: list[tuple[Problem, str]] = [
            (problem, body) for problem in problems if problem.solution and problem.language for body in _main(problem)
        ]
        sets = shingles([body for _, body in self._bodies])
        self._sizes = sets.sizes.tolist()
        for at, (problem, body) in enumerate(self._bodies):
            self._exact[problem.language, body].append(at)
            if self._sizes[at] >= _PARTIAL:
                for gram in sets[at].tolist():
                    self._grams[problem.language, gram].append(at)

    def found(self, language: str, code: str) -> list[Found]:
        """Return the solutions that a code holds, each problem once, the largest share first."""
        best: dict[str, Found] = {}
        bodies = forms(language, code).bodies
        for found in (*self._equal(language, bodies), *self._partial(language, bodies)):
            if found.problem.item not in best or best[found.problem.item].share < found.share:
                best[found.problem.item] = found
        return sorted(best.values(), key=lambda found: (-found.share, found.problem.item))

    def _equal(self, language: str, bodies: Sequence[str]) -> Iterator[Found]:
        for body in bodies:
            for at in self._exact.get((language, body), ()):
                yield Found(self._bodies[at][0], 1.0, size(body))

    def _partial(self, language: str, bodies: Sequence[str]) -> Iterator[Found]:
        sets = shingles(bodies)
        for number, body in enumerate(bodies):
            shared = Counter(at for gram in sets[number].tolist() for at in self._grams.get((language, gram), ()))
            for at, count in shared.items():
                if count >= self._least * self._sizes[at]:
                    yield Found(self._bodies[at][0], round(count / self._sizes[at], 3), size(body))


def _main(problem: Problem) -> Iterator[str]:
    """Yield the bodies of a solution's functions that are long enough to tell something."""
    for body in dict.fromkeys(forms(problem.language, problem.solution).bodies):
        if size(body) >= _EXACT:
            yield body
