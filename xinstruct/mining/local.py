"""Sources outside of registries: a folder, a git checkout, a hub data set, each packed into one pinned file.

A folder becomes a tar of its regular files, a checkout the tar of one commit, a data set a Parquet file of its first
rows, read by streaming. So every source has one sha256, and mining reads archives only. Equal contents give equal
bytes. Mining selects the files.
"""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xinstruct.files import BadInput

_MAX_FILE = 2_000_000
_BATCH = 2_000  # rows held at a time
ROW = pa.schema([(name, pa.string()) for name in ("repo", "path", "revision", "licence", "language", "content")])


def folder(location: str, name: str, dest: Path) -> Path:
    """Pack the regular files under `location` into dest/NAME.tar; links and devices stay behind."""
    root = Path(location)
    if not root.is_dir():
        raise BadInput(f"source {name}: {location} is no folder")
    target = _target(dest, name, "tar")
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in _regular(root):
            data = path.read_bytes()
            info = tarfile.TarInfo(f"{name}/{path.relative_to(root).as_posix()}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def _regular(root: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(item for item in folders if item != ".git")
        for name in sorted(names):
            path = Path(base, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MAX_FILE:
                yield path


def git(location: str, name: str, version: str, dest: Path) -> Path:
    """Pack one commit of the checkout at `location` into dest/NAME.tar; `version` is what git resolves."""
    target = _target(dest, name, "tar")
    command = ["git", "-C", location, "archive", "--format=tar", f"--prefix={name}/", f"--output={target.resolve()}"]
    done = subprocess.run(
        [*command, "--end-of-options", version], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise BadInput(f"source {name}: git cannot archive {version} of {location}: {done.stderr.strip()[-300:]}")
    return target


def hub(location: str, name: str, version: str, dest: Path, rows: int) -> Path:
    """Stream the first `rows` rows of a data set into dest/NAME.parquet (columns ROW).

    `location` is a hub name, or a folder of Parquet files. Knows the columns of The Stack v1 and v2.
    """
    from datasets import load_dataset

    if Path(location).is_dir():
        files = sorted(map(str, Path(location).rglob("*.parquet")))
        stream = load_dataset("parquet", data_files=files, split="train", streaming=True)
    else:
        stream = load_dataset(location, revision=version, split="train", streaming=True)
    target = _target(dest, name, "parquet")
    with pq.ParquetWriter(target, ROW, compression="zstd") as writer:
        for batch in _batches(itertools.islice(map(plain_row, stream), rows)):
            writer.write_table(pa.Table.from_pylist(batch, schema=ROW))
    return target


def _batches(rows: Iterable[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    walk = iter(rows)
    while batch := list(itertools.islice(walk, _BATCH)):
        yield batch


def plain_row(row: dict[str, Any]) -> dict[str, str]:
    """Return one row of The Stack in our columns. Raises BadInput when it has neither version's columns."""
    if "max_stars_repo_name" in row:
        names = ("max_stars_repo_name", "max_stars_repo_path", "max_stars_repo_head_hexsha", "max_stars_repo_licenses")
    elif "repo_name" in row and "detected_licenses" in row:
        names = ("repo_name", "path", "revision_id", "detected_licenses")
    else:
        raise BadInput(f"data set rows have neither The Stack's v1 nor its v2 columns; they have {', '.join(row)}")
    if "content" not in row:
        raise BadInput("data set rows hold no `content` column; v2 lists blobs: join their text first")
    repo, path, revision, licences = (row[name] for name in names)
    kind = str(row.get("lang") or row.get("language") or "")
    return {"repo": repo or "", "path": (path or "").lstrip("/"), "revision": revision or "",
            "licence": " AND ".join(licences or []), "language": kind.lower(),
            "content": row["content"] or ""}  # fmt: skip


def _target(dest: Path, name: str, suffix: str) -> Path:
    dest.mkdir(parents=True, exist_ok=True)
    return dest / f"{name.replace('/', '+')}.{suffix}"
