"""Reflection, r of the agent: merits and faults of its latest samples, shown to it next time (paper section 2.3).

Merits and faults are the aspects that the scorer rated highest and lowest, with its reasons; a failed attempt leaves
what running it said. Only the latest notes are kept, so that the block stays short. Scores come from scorer.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xinstruct.agents.scorer import TOTAL, Score
from xinstruct.prompts import render

MOST = 2  # merits, and faults, of a note
NEUTRAL, FLAWLESS = 3.0, 4.5  # a merit is above the one, a fault below the other


@dataclass(frozen=True)
class Note:
    """One experience: its subject, merits, faults, and how it failed ("" when it did not)."""

    subject: str
    merits: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    failure: str = ""


@dataclass
class Reflection:
    """The latest `limit` notes of an agent; limit 0 switches reflection off."""

    limit: int
    notes: list[Note] = field(default_factory=list)

    def reflect(self, subject: str, scores: Sequence[Score]) -> Note:
        """Note what the scorer rated highest and lowest in a verified sample; without that, nothing is noted."""
        return self._add(Note(subject, *extremes(scores)))

    def regret(self, subject: str, verdict: str, detail: str = "") -> Note:
        """Note that an attempt was rejected, and why."""
        words = verdict.replace("_", " ")
        first = detail.strip().splitlines()[0][:100] if detail.strip() else ""
        return self._add(Note(subject, failure=f"{words} ({first})" if first else words))

    def _add(self, note: Note) -> Note:
        if self.limit > 0 and (note.merits or note.faults or note.failure):
            self.notes = [*self.notes, note][-self.limit :]
        return note

    @property
    def text(self) -> str:
        """The block for the next prompt, "" when there are no notes."""
        return note_text(self.notes)


def note_text(notes: list[Note]) -> str:
    """Render notes as text, one line each for merits, faults and failure."""
    return render("reflection", notes=notes) if notes else ""


def extremes(scores: Sequence[Score]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the aspects with the highest and those with the lowest values, each with its reason where it has one.

    What is rated as high as the best aspect is no fault, and no aspect is both.
    """
    rated = [(score.value, score) for score in scores if score.value is not None and score.expert != TOTAL]
    rated.sort(key=lambda pair: pair[0])  # stable: equals stay in the paper's order
    best = max((value for value, _ in rated), default=0.0)
    faults = [score for value, score in rated if value < min(best, FLAWLESS)][:MOST]
    ranked = sorted(rated, key=lambda pair: -pair[0])
    merits = [score for value, score in ranked if value > NEUTRAL and score not in faults][:MOST]
    return tuple(map(_words, merits)), tuple(map(_words, faults))


def _words(score: Score) -> str:
    return f"{score.expert} ({score.reason})" if score.reason else score.expert
