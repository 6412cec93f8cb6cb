"""Reading and writing: atomic files and folders, Parquet with a checked schema, params, hashes.

Everything is written under a temporary name, synced and renamed, so that a file that exists is
whole. This is the only module that writes records to disk.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from xinstruct.records import KINDS, Record, schema

_ROWS = 50_000  # written at a time


class BadInput(ValueError):
    """Something a person gave is not usable; the text says what, where and what to do."""


def read_yaml(path: Path) -> Any:
    """Parse YAML 1.2 (so that 1e-05 is a number). Raises BadInput naming the file."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except Exception as error:
        raise BadInput(f"{path}: not valid YAML: {error}") from error


def sync_replace(tmp: Path, final: Path) -> None:
    """Sync a finished temporary file or folder and give it its final name, replacing what is there."""
    for item in [tmp, *tmp.rglob("*")] if tmp.is_dir() else [tmp]:
        handle = os.open(item, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    if final.is_dir() and not final.is_symlink():
        shutil.rmtree(final)
    os.replace(tmp, final)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tmp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    tmp.write_text(text, encoding="utf-8")
    sync_replace(tmp, path)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys sorted, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


@contextmanager
def replaced_folder(final: Path) -> Iterator[Path]:
    """A fresh folder to fill; it takes the final name only when the block ends without error."""
    tmp = final.with_name(f".{final.name}.tmp")
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir(parents=True)
    yield tmp
    sync_replace(tmp, final)


def write_records(path: Path, kind: str, records: Iterable[Record]) -> int:
    """Write records of one kind as Parquet (zstd), atomically, a part at a time. Returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tmp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    source, count = iter(records), 0
    with pq.ParquetWriter(tmp, schema(kind), compression="zstd") as writer:
        while (part := list(islice(source, _ROWS))) or not count:
            rows = [dataclasses.asdict(record) for record in part]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema(kind)))
            count += len(rows)
            if not rows:
                break
    sync_replace(tmp, path)
    return count


def read_records(path: Path, kind: str) -> list[Any]:
    """Read records of one kind. Raises BadInput naming file, row and column when they do not match."""
    table = read_table(path, schema(kind), f"{kind} records")
    return [KINDS[kind](**row) for row in table.select(schema(kind).names).to_pylist()]


def iterate_records(path: Path, kind: str) -> Iterator[Any]:
    """As read_records, a part of the file at a time. What only values can break is not checked."""
    try:
        usual = pq.read_schema(path).equals(schema(kind))
    except (pa.ArrowInvalid, OSError):
        usual = False
    if not usual:
        yield from read_records(path, kind)  # which says what is wrong
        return
    for batch in pq.ParquetFile(path).iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            yield KINDS[kind](**row)


def read_table(path: Path, wanted: pa.Schema, what: str) -> pa.Table:
    """Read a Parquet file of exactly the wanted columns, none of them null, in any order.

    Raises BadInput naming file, row and column when it does not match; `what` says what it should hold.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run the stage that makes it (dvc repro)") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path}: not a readable Parquet file ({error}); remove it and run dvc repro") from error
    for field in wanted:
        if field.name not in table.column_names:
            raise BadInput(f"{path}: column {field.name!r} is missing; {what} need it")
        column = table.column(field.name)
        if column.type != field.type:
            raise BadInput(f"{path}: column {field.name!r} holds {column.type}, {what} need {field.type}")
        if column.null_count:
            row = column.is_null().to_pylist().index(True)
            raise BadInput(f"{path}: row {row}, column {field.name!r} is null")
    if extra := set(table.column_names) - set(wanted.names):
        raise BadInput(f"{path}: column {sorted(extra)[0]!r} is not part of {what}")
    return table


def hash_path(path: Path) -> str:
    """sha256 of a file, or of a folder's names and contents (caches left out)."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        lines = [f"{p.relative_to(path).as_posix()} {hash_path(p)}" for p in files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
