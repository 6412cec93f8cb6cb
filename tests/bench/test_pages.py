"""The pages under docs/results are what their commands write from the results that are kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.verdicts.pages import WRITERS
from bench.verdicts.places import PAGES, REPOSITORY


@pytest.mark.parametrize("name", WRITERS)
def test_a_page_is_what_its_command_writes(name: str) -> None:
    text = (PAGES / name).read_text(encoding="utf-8")
    assert text == WRITERS[name](), f"docs/results/{name} was edited, or results changed: make pages"
    assert text.count("\n|") > 5


def test_every_page_has_a_command() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == sorted(WRITERS)


@pytest.mark.parametrize("name", ["speed.md", "rescored.md", "scoring.md", "published.md", "reference.md"])
def test_no_row_of_a_table_is_there_twice(name: str) -> None:
    """A name with its conditions (all cells before the first figure) has one figure."""
    rows = re.findall(r"^\| (.*) \|$", (PAGES / name).read_text(encoding="utf-8"), re.MULTILINE)[2:]
    keys = [tuple(re.split(r" \| (?=\d)", row, maxsplit=1)[0].split(" | ")) for row in rows]
    assert len(keys) == len(set(keys))


def quoted(path: Path) -> list[tuple[str, str]]:
    """What a document quotes from pages: the page that the last link before a quote names, and the quoted line."""
    found, page = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if links := re.findall(r"\(results/([\w.-]+)\)", line):
            page = links[-1]
        if line.startswith("> "):
            found.append((page, line.removeprefix("> ").removesuffix("  ")))
    return found


@pytest.mark.parametrize("document", ["benchmarks.md", "execution.md"])
def test_what_a_document_quotes_stands_in_the_page_that_it_links(document: str) -> None:
    found = quoted(REPOSITORY / "docs" / document)
    assert found
    for page, line in found:
        assert line in (PAGES / page).read_text(encoding="utf-8"), f"docs/{document} quotes {page}: {line}"
