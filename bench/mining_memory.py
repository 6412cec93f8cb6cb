"""Peak memory of the mining stage over a corpus that is grown from the default one: ``python -m bench.mining_memory``.

The wanted files of data/fetch/sources are taken in ``--rounds``; in each the names that a file defines get a suffix of
the round's, so that no function is an exact copy of another round's. The stage then runs as it
does in the graph, in a folder of its own under work/. Printed: bytes, seconds, the largest process, all together.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.mine import SOURCES, source_index
from xinstruct.code.facts import parse
from xinstruct.code.traits import traits_of
from xinstruct.files import write_json
from xinstruct.mining.archives import read_archive
from xinstruct.mining.corpus import wanted_names
from xinstruct.mining.fetch import INDEX
from xinstruct.mining.licences import LICENCE_FILE
from xinstruct.plan import work_root

_LINKED = ("xinstruct", "stages", "models", "dvc.yaml", "params.yaml")
_RUN = "import sys, stages.mine as m; m._WORKERS = int(sys.argv[1]); sys.exit(m.run(m.SCRIPT, None, []))"


def pieces(language: str, source: bytes) -> list[bytes]:
    """A file cut behind every use of a name that it defines (of four letters at least); joined by "" it is the file."""
    names = {name.encode() for name in parse(traits_of(language), source).helpers if re.fullmatch(r"\w{4,}", name)}
    found, at = [], 0
    for word in re.finditer(rb"\w{4,}", source):
        if word.group() in names:
            found.append(source[at : word.end()])
            at = word.end()
    return [*found, source[at:]]


def grown(entry: dict[str, Any], rounds: int, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """An entry's archive as it is in each round, packed into `folder`: the new entries and the bytes of source."""
    wanted = wanted_names(entry)
    members = read_archive(SOURCES / entry["file"], lambda name: wanted(name) or bool(LICENCE_FILE.search(name)))
    files = [
        (member.path, pieces(entry["language"], member.data) if wanted(member.path) else [member.data])
        for member in members
        if member.reason is None
    ]
    index, size = [], 0
    for number in range(rounds):
        target = folder / f"{number}-{entry['language']}-{entry['file']}.tar"
        with tarfile.open(target, "w") as archive:
            for path, parts in files:
                data = (f"R{number}".encode() if number else b"").join(parts)
                size += len(data) if wanted(path) else 0
                info = tarfile.TarInfo(path)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        index.append({**entry, "package": f"{entry['package']}-{number}", "file": target.name, "sha256": "none"})
    return index, size


def corpus(rounds: int, folder: Path) -> tuple[int, int]:
    """Fill `folder` with so many rounds of all entries. Returns bytes of source and entries."""
    made = [grown(entry, rounds, folder) for entry in source_index()]
    index = [row for rows, _ in made for row in rows]
    write_json(folder / INDEX, index)
    return sum(size for _, size in made), len(index)


def _tree(root: int) -> Iterator[int]:
    """A process and everything below it."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        for child in task.read_text(encoding="utf-8").split():
            yield from _tree(int(child))


def _peaks(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """MiB of the largest process and of all together, looked at until it ends; shared pages count in each."""
    largest = together = 0.0
    page = os.sysconf("SC_PAGE_SIZE") / 2**20
    while process.poll() is None:
        try:
            sizes = [
                int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * page
                for pid in _tree(process.pid)
            ]
            largest, together = max(largest, *sizes), max(together, sum(sizes))
        except (OSError, ValueError, TypeError):
            pass  # one of them ended meanwhile
        time.sleep(0.2)
    return largest, together


def prepare(home: Path, rounds: int) -> None:
    """A folder in which the stage can run over a grown corpus."""
    shutil.rmtree(home, ignore_errors=True)
    (home / SOURCES).mkdir(parents=True)
    for name in _LINKED:
        (home / name).symlink_to(Path(name).resolve())
    size, entries = corpus(rounds, home / SOURCES)
    print(f"{size / 1e6:.0f} MB of source in {entries} archives", flush=True)


def main() -> None:
    """Make the corpus, run the stage over it, print what it held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="over the corpus of some 120 MB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="over the corpus that a run which was cut off has left")
    args = parser.parse_args()
    home = (work_root() / "mining-memory").resolve()
    if not args.again:
        prepare(home, args.rounds)
    began = time.monotonic()
    paths = {**os.environ, "PYTHONPATH": str(home), "XINSTRUCT_WORK": str(home / "work")}
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(args.workers)], cwd=home, env=paths)
    largest, together = _peaks(process)
    print(f"largest process {largest:.0f} MiB, all together {together:.0f} MiB (pages they share counted in each)")
    if process.returncode:
        raise SystemExit(process.returncode)
    metrics = json.loads((home / "reports/mine/metrics.json").read_text(encoding="utf-8"))
    print(f"{time.monotonic() - began:.0f} s, {args.workers} workers, {metrics['rows']['in']} candidates, "
          f"{metrics['rows']['rejected']} rejected, {metrics['kept']} kept")  # fmt: skip
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
