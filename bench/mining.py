"""Mining speed beside a per-node Python walk over the same files: MB/s of source, one worker and two, and memory.

``python -m bench.mining [--megabytes 10]`` reads the archives of data/fetch/sources (dvc repro fetch makes them), all
or a seeded choice of so many megabytes. All filters are on, archives are unpacked within the time; near-duplicates
across packages are timed apart.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tree_sitter import Node

from stages.mine import SOURCES, source_index, tokenizer
from xinstruct.code.traits import traits_of
from xinstruct.dedup.minhash import survivors
from xinstruct.files import BadInput
from xinstruct.mining.corpus import mine_source, wanted_files

_DEFINITIONS = {
    "function_definition",
    "method_declaration",
    "function_declaration",
    "method_definition",
    "arrow_function",
}


def mined(entry: dict[str, Any]) -> tuple[int, list[str]]:
    """Bytes of source mined, and the code of what was kept."""
    found = mine_source(entry, SOURCES, 1024, str(tokenizer()))
    return found.bytes_read, [finding.code for _, finding in found.findings if finding.reason is None]


def walked(entry: dict[str, Any]) -> tuple[int, list[str]]:
    """Bytes of source parsed and walked node by node in Python, definitions with a comment before them collected."""
    total, kept = 0, []
    for data in wanted_files(entry, SOURCES):
        total += len(data)
        kept += _documented(traits_of(entry["language"]).grammar.parser().parse(data).root_node)
    return total, kept


def _documented(root: Node) -> list[str]:
    kept, stack = [], [root]
    while stack:
        node = stack.pop()
        before = node.prev_named_sibling
        if node.type in _DEFINITIONS and (before is None or "comment" in before.type):
            kept.append((node.text or b"").decode("utf-8", "replace"))
        stack += node.children
    return kept


def timed(
    work: Callable[[dict[str, Any]], tuple[int, list[str]]], entries: list[dict[str, Any]], workers: int
) -> tuple[float, float, int, list[str]]:
    """Seconds, CPU seconds, bytes and kept code of some entries with so many processes, started before the clock."""
    before = _cpu()
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(abs, range(workers)))
        began = time.monotonic()
        found = list(pool.map(work, entries))
        seconds = time.monotonic() - began
    return seconds, _cpu() - before, sum(size for size, _ in found), [code for _, codes in found for code in codes]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(entry: dict[str, Any]) -> int:
    return (SOURCES / entry["file"]).stat().st_size


def chosen(megabytes: float) -> list[dict[str, Any]]:
    """Entries of the index in a random order of a fixed seed, as many as fit; all of them when `megabytes` is 0."""
    entries = source_index()
    random.Random(1).shuffle(entries)
    taken: list[dict[str, Any]] = []
    for entry in entries:
        if not megabytes or sum(map(_size, [*taken, entry])) <= megabytes * 1e6:
            taken.append(entry)
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="how often the corpus is gone through (memory)")
    parser.add_argument("--megabytes", type=float, default=0, help="of archives, chosen by a seed; 0: all of them")
    args = parser.parse_args()
    try:
        entries = sorted(chosen(args.megabytes), key=_size, reverse=True) * args.rounds
    except BadInput as error:
        raise SystemExit(str(error)) from error
    rows = [("mining, one worker", *timed(mined, entries, 1)), ("mining, two workers", *timed(mined, entries, 2)),
            ("per-node Python walk, one worker", *timed(walked, entries, 1))]  # fmt: skip
    print(f"{'':34}{'MB':>8}{'s':>8}{'MB/s':>8}{'CPU s':>8}{'MB/CPU s':>10}{'kept':>8}")
    for name, seconds, cpu, size, kept in rows:
        speeds = f"{size / 1e6 / seconds:8.2f}{cpu:8.1f}{size / 1e6 / cpu:10.2f}"
        print(f"{name:34}{size / 1e6:8.1f}{seconds:8.1f}{speeds}{len(kept):8}")
    began = time.monotonic()
    twins = survivors(sorted(set(rows[0][4])), 0.8, 64)
    print(f"near-duplicates across packages: {len(twins)}, {time.monotonic() - began:.1f} s")
    print(f"two workers / one: {rows[0][1] / rows[1][1]:.2f}")
    print(f"largest worker: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
