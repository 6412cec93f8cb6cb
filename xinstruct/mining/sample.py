"""A seeded sample of mined snippets to read by hand, and the shares that a reader's verdicts give.

``python -m xinstruct.mining.sample draw`` prints 50 snippets per language of data/mine; ``... shares``
prints what docs/mining_sample.json, the verdicts on one such sample, adds up to. Left out: judging.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

from xinstruct.files import read_records
from xinstruct.records import Snippet

VERDICTS = Path(__file__).parents[2] / "docs" / "mining_sample.json"


def draw(snippets: list[Snippet], size: int, seed: int) -> dict[str, list[Snippet]]:
    """`size` snippets of each language (all, where it has fewer), the same for the same snippets and seed."""
    piles: dict[str, list[Snippet]] = defaultdict(list)
    for snippet in sorted(snippets, key=lambda snippet: snippet.id):
        piles[snippet.language].append(snippet)
    return {
        name: random.Random(f"{seed}:{name}").sample(pile, min(size, len(pile))) for name, pile in sorted(piles.items())
    }


def shares(path: Path = VERDICTS) -> list[tuple[str, int, int, int, int]]:
    """Language, read, documented functions, of these self-contained, marks of self-containedness that are wrong."""
    rows = []
    for language, items in sorted(json.loads(path.read_text(encoding="utf-8"))["languages"].items()):
        good = [item for item in items if item["documented_function"]]
        alone = sum(item["self_contained"] for item in good)
        wrong = sum(item["marked_self_contained"] and not item["self_contained"] for item in items)
        rows.append((language, len(items), len(good), alone, wrong))
    return rows


def show(snippets: dict[str, list[Snippet]], width: int) -> None:
    """Print a sample: where each stands, its doc, its code cut to `width` characters."""
    for language, pile in snippets.items():
        for number, s in enumerate(pile):
            mark = "self-contained" if s.self_contained else "needs its package"
            print(f"== {language} {number} {s.id} {s.package} {s.path}:{s.start_line} {s.name} ({mark})")
            print(f"-- {s.doc[:width]}\n{s.helpers[:width]}\n{s.code[:width]}")


def main() -> None:
    """Draw a sample, or add up the verdicts on one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["draw", "shares"])
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=4000, help="characters shown of each part")
    args = parser.parse_args()
    if args.what == "draw":
        show(draw(read_records(Path("data/mine/snippets.parquet"), "snippets"), args.size, args.seed), args.width)
        return
    for language, read, good, alone, wrong in shares():
        print(
            f"{language}: {read} read, {good} documented functions, {alone} self-contained, {wrong} marked so wrongly"
        )


if __name__ == "__main__":
    main()
