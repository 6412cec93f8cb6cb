"""Preference pairs from judged answers: the choice of tasks, and which answer is preferred to which.

An answer is right or wrong by execution only. A weak model seldom answers right: then the verified reference answer of
the task may serve as the preferred one (``reference_as_chosen``), and the pair records it (``chosen_verdict`` is
"reference" instead of "passed"). The stage asks and judges.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from xinstruct.records import PASSED, Completion, Pair, Reason, Sample, content_id
from xinstruct.training.data import conversation

REFERENCE = "reference"
# most instructive first: an answer that runs and is wrong teaches more than one that does not compile
_WRONG = (
    Reason.WRONG_ANSWER,
    Reason.RUNTIME_ERROR,
    Reason.TIMEOUT,
    Reason.MEMORY,
    Reason.OUTPUT_LIMIT,
    Reason.COMPILE_ERROR,
    Reason.FORGED,
    Reason.EMPTY_ANSWER,
)


@dataclass(frozen=True)
class JudgedAnswer:
    """A sampled answer with its record; `finished` is False when it was cut off at the token limit."""

    record: Completion
    finished: bool


def pick_tasks(samples: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """Return at most `count` training samples, languages in turn, drawn by seed from the shorter half of each.

    Short tasks are preferred because a small model solves them now and then. Held-out samples, samples without a
    passing reference and explanations, whose answers do not run, are never picked.
    """
    by_language: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.split == "train" and sample.verdict in ("", PASSED) and sample.task != "explanation":
            by_language.setdefault(sample.language, []).append(sample)
    quota = -(-count // max(1, len(by_language)))
    drawn = [_draw(by_language[language], quota, seed) for language in sorted(by_language)]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*drawn))
    return [sample for sample in turns if sample is not None][:count]


def _draw(samples: list[Sample], quota: int, seed: int) -> list[Sample]:
    """Return the shorter half in a seeded order, then the others from short to long."""
    ordered = sorted(samples, key=lambda s: (len(s.response), s.id))
    half = max(quota, len(ordered) // 2)
    return sorted(ordered[:half], key=lambda s: content_id(str(seed), s.id)) + ordered[half:]


def make_pairs(task: Sample, answers: Sequence[JudgedAnswer], limit: int, reference_as_chosen: bool) -> list[Pair]:
    """Return at most `limit` pairs for one task; no answer is used twice before every answer was used once.

    There is none when the answers show no contrast: none is wrong, or none is right and the reference may not be used.
    Answers that were cut off at the token limit are left out: training would teach an end where they had none.
    """
    ended = [answer for answer in answers if answer.finished]
    right = _distinct([a for a in ended if a.record.verdict == PASSED])
    wrong = _distinct(sorted((a for a in ended if a.record.verdict in _WRONG), key=_rank))
    chosen = [(a.record.answer, PASSED, a.record.id) for a in right]
    if not chosen and reference_as_chosen and task.verdict == PASSED:
        chosen = [(conversation(task)[1]["content"], REFERENCE, task.id)]
    if not chosen:
        return []
    couples = zip(itertools.cycle(chosen), wrong[:limit], strict=False)
    return [_pair(task, *good, bad.record) for good, bad in couples]


def _rank(answer: JudgedAnswer) -> tuple[int, int]:
    return (_WRONG.index(Reason(answer.record.verdict)), answer.record.index)


def _distinct(answers: list[JudgedAnswer]) -> list[JudgedAnswer]:
    """Return the first answer of each different code."""
    found: dict[str, JudgedAnswer] = {}
    for answer in answers:
        found.setdefault(answer.record.code, answer)
    return list(found.values())


def _pair(task: Sample, chosen: str, verdict: str, parent: str, rejected: Completion) -> Pair:
    return Pair(
        id=content_id("pair", task.id, chosen, rejected.answer),
        language=task.language,
        task_id=task.id,
        prompt=task.instruction,
        chosen=chosen,
        rejected=rejected.answer,
        chosen_verdict=verdict,
        rejected_verdict=rejected.verdict,
        parents=list(dict.fromkeys([task.id, parent, rejected.id])),
    )
