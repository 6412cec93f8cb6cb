"""Measures of a run's samples as a set: variety, distance to their origins, calibration of the scores.

Every figure is computed from the records of a run, so it can be computed again from data/. Similarity is the Jaccard
of word shingles, 0 to 1, whichever gate the memories have. Yields are counted by the stage as it runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from xinstruct.agents.calibration import Calibration
from xinstruct.agents.problem import Problem
from xinstruct.agents.similarity import jaccard, sample_text, shingles
from xinstruct.records import Sample

_WORD = re.compile(r"\w+|[^\w\s]")


def distinct(texts: Iterable[str], size: int) -> float:
    """Return distinct word n-grams as a share of all n-grams of the texts, 0 when there are none."""
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = _WORD.findall(text.lower())
        grams.update(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
    return round(len(grams) / grams.total(), 4) if grams else 0.0


def sentences(samples: Iterable[Sample]) -> list[str]:
    """Return each sample's problem: the task without signature and examples."""
    return [Problem.of(sample).text for sample in samples]


def source_functions(samples: Iterable[Sample]) -> int:
    """Return the number of mined functions that the samples' tasks descend from."""
    return len({root for sample in samples for root in sample.task_roots})


def language_pairs(samples: Iterable[Sample]) -> int:
    """Return the number of different pairs of a source's and a target's language."""
    return len({(sample.source_language, sample.language) for sample in samples})


def nearest(samples: Sequence[Sample], others: Sequence[Sample]) -> list[float]:
    """Return each sample's similarity to the most similar other sample."""
    known = [(other.id, shingles(sample_text(other))) for other in others]
    found = []
    for sample in samples:
        own = shingles(sample_text(sample))
        found.append(max((jaccard(own, words) for ident, words in known if ident != sample.id), default=0.0))
    return found


def calibration(good: Sequence[float], bad: Sequence[float]) -> dict[str, Any]:
    """Measure whether a high score predicts a passing answer, from the totals of passing and of failing answers.

    The area is the chance that a passing answer has the higher score of the two, ties half; 0.5 is no information. It
    is None when one kind is missing. The state is what the area of these many answers is worth.
    """
    found = Calibration(list(good), list(bad))
    return {
        "passed": len(good),
        "failed": len(bad),
        "mean_passed": _mean(good),
        "mean_failed": _mean(bad),
        "area": found.area,
        "state": found.state,
    }


def measures(samples: Sequence[Sample], seeds: Sequence[Sample], languages: int) -> dict[str, Any]:
    """Return variety and reach of the samples of a run, compared with its seeds and with each other."""
    texts = sentences(samples)
    codes = [sample.response for sample in samples]
    cells = {(sample.language, sample.task) for sample in samples}
    known = {sample.id: sample for sample in (*seeds, *samples)}
    bases = [(sample, known[ident]) for sample in samples for ident in sample.parents[:1] if ident in known]
    repeated = sum(Problem.of(sample).text == Problem.of(base).text for sample, base in bases)
    return {
        "distinct_1_instructions": distinct(texts, 1),
        "distinct_2_instructions": distinct(texts, 2),
        "distinct_2_responses": distinct(codes, 2),
        "nearest_seed": _mean(nearest(samples, seeds)),
        "nearest_other": _mean(nearest(samples, samples)),
        "source_functions": source_functions(samples),
        "language_pairs": language_pairs(samples),
        "languages_and_tasks": len(cells),
        "in_words_of_base": round(repeated / len(samples), 4) if samples else 0.0,
        "languages_reached": round(len({sample.language for sample in samples}) / languages, 4) if languages else 0.0,
    }


def coverage(samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """Return the number of samples by language and type of task: {"java": {"generation": 4, "repair": 1}}."""
    counts = Counter((sample.language, sample.task) for sample in samples)
    found: dict[str, dict[str, int]] = {}
    for (language, task), count in sorted(counts.items()):
        found.setdefault(language, {})[task] = count
    return found


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
