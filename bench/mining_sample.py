"""The sum of a reader's verdicts on a sample of mined snippets: ``python -m bench.mining_sample``.

mining_sample.json holds the verdicts on one sample that ``python -m xinstruct.mining.sample draw`` printed.
"""

from __future__ import annotations

import json
from pathlib import Path

VERDICTS = Path(__file__).with_name("mining_sample.json")


def shares(path: Path = VERDICTS) -> list[tuple[str, int, int, int, int]]:
    """Language, read, documented functions, of these self-contained, marks of self-containedness that are wrong."""
    rows = []
    for language, items in sorted(json.loads(path.read_text(encoding="utf-8"))["languages"].items()):
        good = [item for item in items if item["documented_function"]]
        alone = sum(item["self_contained"] for item in good)
        wrong = sum(item["marked_self_contained"] and not item["self_contained"] for item in items)
        rows.append((language, len(items), len(good), alone, wrong))
    return rows


def main() -> None:
    """Print a line for each language."""
    for language, read, good, alone, wrong in shares():
        print(
            f"{language}: {read} read, {good} documented functions, {alone} self-contained, {wrong} marked so wrongly"
        )


if __name__ == "__main__":
    main()
