"""Near-duplicates end to end, ours beside rensa, datasketch, LSHBloom and text-dedup: documents per CPU-second.

``python -m bench.dedup --peers PYTHON --code FOLDER [--documents 8000] [--rounds 3]`` takes functions of the source
files below a folder (unpacked packages, site-packages, any checkout); PYTHON is an interpreter of an environment with
``pip install -r bench/dedup_requirements.txt``. Recall and precision are those of pairs (of documents where a peer
names no pairs) against all pairs of exact Jaccard at least the threshold, which plain Python sets give.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from math import ceil
from pathlib import Path
from typing import Any

from bench.dedup_peers import PEERS, grams
from xinstruct.code.facts import parse
from xinstruct.code.names import NAMES
from xinstruct.code.traits import traits_of

_LONGEST = 200_000  # bytes of a file


def functions(folder: Path, count: int) -> list[str]:
    """Return functions of the code below a folder, in a random order of a fixed seed."""
    suffixes = {suffix: name for name in NAMES for suffix in traits_of(name).suffixes if suffix}
    files = sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
    random.Random(1).shuffle(files)
    found: list[str] = []
    for path in files:
        source = path.read_bytes()
        if len(source) <= _LONGEST and len(found) < 3 * count:
            facts = parse(traits_of(suffixes[path.suffix]), source.decode("utf-8", "replace").encode())
            found += [facts.text(one.node) for one in facts.functions]
    found = [text for text in found if len(text) > 60]
    random.Random(2).shuffle(found)
    return found[:count]


def all_pairs(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    """Return all pairs at the threshold, exactly: two such sets share one of the rarest elements of each."""
    sets = [set(grams(text)) for text in texts]
    often = Counter(gram for one in sets for gram in one)
    where: dict[str, list[int]] = defaultdict(list)
    found = set()
    for at, one in enumerate(sets):
        rarest = sorted(one, key=lambda gram: (often[gram], gram))[: len(one) - ceil(threshold * len(one)) + 1]
        for other in {other for gram in rarest for other in where[gram]}:
            if len(one & sets[other]) >= threshold * len(one | sets[other]):
                found.add((other, at))
        for gram in rarest:
            where[gram].append(at)
    return found


def measured(python: str, name: str, texts: list[str], threshold: float, permutations: int) -> dict[str, Any]:
    """Run one peer in a process of its own, on one thread."""
    script = Path(__file__).with_name("dedup_peers.py")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    environment = os.environ | {"PYTHONPATH": str(script.parents[1])} | threads
    command = [python, str(script), name, str(threshold), str(permutations)]
    done = subprocess.run(
        command, input=json.dumps(texts), capture_output=True, encoding="utf-8", env=environment, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def quality(found: dict[str, Any], truth: set[tuple[int, int]]) -> tuple[float, float]:
    """Return recall and precision of pairs, or of flagged documents."""
    wanted: set[Any] = truth if found["pairs"] is not None else {j for _, j in truth}
    got: set[Any] = set(map(tuple, found["pairs"])) if found["pairs"] is not None else set(found["flagged"])
    return len(wanted & got) / max(len(wanted), 1), len(wanted & got) / max(len(got), 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has the peers")
    parser.add_argument("--code", type=Path, help="a folder of source files")
    parser.add_argument("--texts", type=Path, help="instead: a JSON list of documents")
    parser.add_argument("--documents", type=int, default=8000)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--permutations", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the best counts")
    parser.add_argument("--only", nargs="*", choices=list(PEERS), default=list(PEERS), help="of the peers")
    args = parser.parse_args()
    texts = json.loads(args.texts.read_text(encoding="utf-8")) if args.texts else functions(args.code, args.documents)
    truth = all_pairs(texts, args.threshold)
    print(f"{len(texts)} documents, {sum(map(len, texts)) / len(texts):.0f} characters each, {len(truth)} pairs")
    print(f"{'':18}{'version':22}{'documents/CPU s':>16}{'recall':>8}{'precision':>10}")
    for name in args.only:
        runs = [measured(args.peers, name, texts, args.threshold, args.permutations) for _ in range(args.rounds)]
        best = min(runs, key=lambda run: run["cpu"])
        recall, precision = quality(best, truth)
        print(f"{name:18}{best['version']:22}{len(texts) / best['cpu']:16.0f}{recall:8.4f}{precision:10.4f}")


if __name__ == "__main__":
    main()
