"""r of the agent: merits and faults of its latest samples, shown to it next time (paper section 2.3).

Merits and faults are the scorer's aspects and reasons; a failed attempt leaves its verdict. Only
the latest few notes are kept, so that the block stays short. Leaves out scoring itself (scorer.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xinstruct.agents.scorer import Score
from xinstruct.prompts import render

GOOD, BAD = 4.0, 2.0


@dataclass(frozen=True)
class Note:
    """One experience: of what, what was good, what was bad, how it failed ("" when it did not)."""

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
        """Note what the scorer said of a verified sample."""
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
        """The block that stands in the next prompt, "" when there is nothing to say."""
        return note_text(self.notes)


def note_text(notes: list[Note]) -> str:
    """Notes in words, one line for merits, faults and failure each."""
    return render("reflection", notes=notes) if notes else ""


def _words(score: Score) -> str:
    return f"{score.expert} ({score.reason})" if score.reason else score.expert
