"""The pages under docs/results: Markdown that commands write whole, from the results that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from xinstruct.files import write_text


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def page(title: str, command: str, body: str) -> str:
    """A page's text: its title, which command writes it, what was found."""
    return f"# {title}\n\nWritten by `{command}`; do not edit.\n\n{body.strip()}\n"


def write_page(path: Path, text: str) -> None:
    """Write a page, and say where."""
    write_text(path, text)
    print(f"written: {path}", flush=True)
