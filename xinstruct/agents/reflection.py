"""Reflection, r of the agent: merits and faults of its latest samples, shown to it next time (paper section 2.3).

Merits and faults are the scorer's aspects and reasons; a failed attempt leaves its verdict. Only the latest
notes are kept, so that the block stays short. Scores come from scorer.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xinstruct.agents.scorer import Score
from xinstruct.prompts import render

GOOD, BAD = 4.0, 2.0


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

    def reflect(self, subject: str, scores: list[Score]) -> Note:
        """Note the scorer's merits and faults of a verified sample."""
        rated = [s for s in scores if s.value is not None]
        merits = tuple(_words(s) for s in rated if (s.value or 0) >= GOOD)[:2]
        faults = tuple(_words(s) for s in rated if (s.value or 0) <= BAD)[:2]
        return self._add(Note(subject, merits, faults))

    def regret(self, subject: str, verdict: str, detail: str = "") -> Note:
        """Note that an attempt was rejected, and why."""
        words = verdict.replace("_", " ")
        first = detail.strip().splitlines()[0][:100] if detail.strip() else ""
        return self._add(Note(subject, failure=f"{words} ({first})" if first else words))

    def _add(self, note: Note) -> Note:
        if self.limit > 0:
            self.notes = [*self.notes, note][-self.limit :]
        return note

    @property
    def text(self) -> str:
        """The block for the next prompt, "" when there are no notes."""
        return note_text(self.notes)


def note_text(notes: list[Note]) -> str:
    """Render notes as text, one line each for merits, faults and failure."""
    return render("reflection", notes=notes) if notes else ""


def _words(score: Score) -> str:
    return f"{score.expert} ({score.reason})" if score.reason else score.expert
