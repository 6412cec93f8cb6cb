"""Cells and tables that the HTML page and the Markdown report both draw, and safe text.

A table is data: a cell's text, a small note beneath it, and a style. Its appearance is left to the templates. Text of a
model or a package is untrusted: templates escape it, ``plain`` makes its invisible characters visible first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CLIP = 8000  # characters of one text that the page shows

# Control characters, and the marks that reorder text on screen (bidirectional overrides, isolates).
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str, clip: int = CLIP) -> str:
    """Return text as shown: hidden characters spelled out, overlong text cut with a note of the omitted length."""
    shown = _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))
    if len(shown) > clip:
        shown = f"{shown[:clip]}\n… {len(shown) - clip:,} more characters in the Parquet file"
    return shown


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a small note under it, and a style ("num", "weak", "muted", "head")."""

    text: str
    note: str = ""
    style: str = ""


@dataclass
class Row:
    """One row; style "ours" marks figures of this run."""

    cells: list[Cell]
    style: str = ""


@dataclass
class Table:
    """A table with its caption; `empty` is shown instead when there are no rows."""

    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    caption: str = ""
    notes: list[str] = field(default_factory=list)
    empty: str = ""

    def add(self, values: Iterable[Cell | str | int | float], style: str = "") -> None:
        """Append a row; numbers are formatted and set flush right."""
        self.rows.append(Row([cell(value) for value in values], style))


def cell(value: Cell | str | int | float) -> Cell:
    """Return a cell for a plain value: integers with thousands separators, floats with one decimal."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, int):
        return Cell(f"{value:,}", style="num" if value else "num muted")
    if isinstance(value, float):
        return Cell(f"{value:.1f}", style="num")
    return Cell(plain(value))


def share(part: int, whole: int) -> str:
    """A percentage, or a dash when there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def listed(names: Sequence[str]) -> str:
    """Join names in English: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 pair", "2 pairs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
