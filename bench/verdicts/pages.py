"""All pages of docs/results from the results that are kept, measuring nothing: ``make pages``."""

from __future__ import annotations

from collections.abc import Callable

from bench.execution import speed_page
from bench.scoring import scoring_page
from bench.verdicts.agreement import agreement_page
from bench.verdicts.document import write_page
from bench.verdicts.evil_table import attacks_page
from bench.verdicts.peers import reference_page
from bench.verdicts.places import PAGES
from bench.verdicts.published import published_page
from bench.verdicts.rescore import rescored_page

WRITERS: dict[str, Callable[[], str]] = {
    "agreement.md": agreement_page,
    "attacks.md": attacks_page,
    "published.md": published_page,
    "reference.md": reference_page,
    "rescored.md": rescored_page,
    "scoring.md": scoring_page,
    "speed.md": speed_page,
}


def main() -> None:
    """Write every page."""
    for name, text in WRITERS.items():
        write_page(PAGES / name, text())


if __name__ == "__main__":
    main()
