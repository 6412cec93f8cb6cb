"""The mined corpus for human readers: a seeded sample, a corpus table, notices.

``python -m xinstruct.mining.sample draw`` prints 50 snippets per language of data/mine; ``corpus`` prints a table of
packages and ``notices`` the required notices of each package. bench/mining_sample.py sums up a reader's verdicts.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from xinstruct.files import read_records
from xinstruct.records import Snippet, content_id


def draw(snippets: list[Snippet], size: int, seed: int) -> dict[str, list[Snippet]]:
    """Return `size` snippets of each language (all, if it has fewer), the same for the same snippets and seed."""
    piles: dict[str, list[Snippet]] = defaultdict(list)
    for snippet in sorted(snippets, key=lambda snippet: content_id(str(seed), snippet.id)):
        if snippet.self_contained:
            piles[snippet.language].append(snippet)
    return {name: pile[:size] for name, pile in sorted(piles.items())}


def show(snippets: dict[str, list[Snippet]], width: int) -> None:
    """Print a sample: the place of each snippet, its doc, its code cut to `width` characters."""
    for language, pile in snippets.items():
        for number, s in enumerate(pile):
            mark = "self-contained" if s.self_contained else "needs its package"
            print(f"== {language} {number} {s.id} {s.package} {s.path}:{s.start_line} {s.name} ({mark})")
            print(f"-- {s.doc[:width]}\n{s.helpers[:width]}\n{s.code[:width]}")


def packages(snippets: list[Snippet]) -> dict[tuple[str, str], list[Snippet]]:
    """Return snippets by language and package."""
    found: dict[tuple[str, str], list[Snippet]] = defaultdict(list)
    for snippet in snippets:
        found[snippet.language, snippet.package].append(snippet)
    return dict(sorted(found.items()))


def corpus(snippets: list[Snippet]) -> str:
    """Return a Markdown table of the packages with their snippets and licences."""
    lines = ["| language | package | version | licence | snippets | self-contained |", "|---|---|---|---|---|---|"]
    for (language, package), pile in packages(snippets).items():
        alone = sum(snippet.self_contained for snippet in pile)
        lines.append(f"| {language} | {package} | {pile[0].version} | {pile[0].license} | {len(pile)} | {alone} |")
    return "\n".join(lines)


def notices(snippets: list[Snippet]) -> str:
    """Return a notice per package: its source, its licence, its copyright holder."""
    texts = []
    for (_, package), pile in packages(snippets).items():
        s = pile[0]
        holder = s.holder or "not named in the package's licence file"
        texts.append(f"{package} {s.version}\n  {s.url}\n  sha256 {s.archive_sha256}\n  licence {s.license}\n"
                     f"  copyright {holder}\n  {len(pile)} snippets of {s.language}")  # fmt: skip
    return "\n\n".join(texts)


def main() -> None:
    """Draw a sample, or print the corpus or its notices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["draw", "corpus", "notices"])
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=4000, help="characters shown of each part")
    args = parser.parse_args()
    snippets = read_records(Path("data/mine/snippets.parquet"), "snippets")
    if args.what == "draw":
        show(draw(snippets, args.size, args.seed), args.width)
    else:
        print((corpus if args.what == "corpus" else notices)(snippets))


if __name__ == "__main__":
    main()
