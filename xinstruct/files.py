"""Reading and writing: atomic files and folders, Parquet with a checked schema, params, hashes.

Everything is written under a temporary name, synced and renamed, so that a file that exists is complete. No
two threads or processes use the same temporary name, and things made once per machine are made under a lock
that they share. This is the only module that gives temporary names to files, and the only one that writes
records to disk.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape as glob_escape
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from xinstruct.records import KINDS, Record, schema

_ROWS = 50_000  # written at a time
_ABANDONED = 60.0  # seconds after which a temporary folder that nobody holds was left by a killed process
_FORGOTTEN = 3600.0  # seconds after which a temporary file that nobody writes to was


class BadInput(ValueError):
    """Unusable input from a person; the message says what is wrong, where, and how to correct it."""


def read_yaml(path: Path) -> Any:
    """Parse YAML 1.2 (so that 1e-05 is a number). Raises BadInput naming the file."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except Exception as error:
        raise BadInput(f"{path}: not valid YAML: {error}") from error


# ---- one name, whole or not at all


def temporary(final: Path) -> Path:
    """Return a name beside `final` for a new file or folder, which no other thread or process uses."""
    return final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")


def sync_replace(tmp: Path, final: Path) -> None:
    """Sync a finished temporary file or folder and give it its final name, replacing what is there."""
    for item in [tmp, *tmp.rglob("*")] if tmp.is_dir() else [tmp]:
        handle = os.open(item, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    _rename(tmp, final)


def _rename(tmp: Path, final: Path) -> None:
    """Rename over a file or folder, which another process may create again at any moment."""
    while True:
        try:
            os.replace(tmp, final)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
                raise
        old = temporary(final)
        with suppress(FileNotFoundError):
            final.rename(old)
            _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replaced_file(final: Path) -> Iterator[Path]:
    """Yield the name of a file to write; it gets the final name only if the block ends without error."""
    final.parent.mkdir(parents=True, exist_ok=True)
    _sweep(final)
    tmp = temporary(final)
    try:
        yield tmp
        sync_replace(tmp, final)
    finally:
        tmp.unlink(missing_ok=True)


@contextmanager
def replaced_folder(final: Path) -> Iterator[Path]:
    """Yield a new folder to fill; it gets the final name only if the block ends without error."""
    final.parent.mkdir(parents=True, exist_ok=True)
    _sweep(final)
    tmp = temporary(final)
    tmp.mkdir()
    handle = os.open(tmp, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)  # in use, says this to _sweep
        yield tmp
        sync_replace(tmp, final)
    finally:
        os.close(handle)
        _remove(tmp)


def _sweep(final: Path) -> None:
    """Remove temporary files that killed processes left when they wrote this file or folder."""
    for tmp in final.parent.glob(f".{glob_escape(final.name)}.*.tmp"):
        with suppress(OSError):
            if _is_abandoned(tmp):
                _remove(tmp)


def _is_abandoned(tmp: Path) -> bool:
    age = time.time() - tmp.lstat().st_mtime
    if not tmp.is_dir():
        return age > _FORGOTTEN
    handle = os.open(tmp, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return age > _ABANDONED
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; threads and processes that lock the same file take turns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def shared_database(path: Path, **options: Any) -> sqlite3.Connection:
    """Open or create an SQLite file that several processes use at once; `options` are those of sqlite3.connect.

    SQLite waits for no lock while it gives a new file its write-ahead log, so one process at a time does that.
    Raises sqlite3.DatabaseError when the file is none of SQLite's.
    """
    with locked(path.with_name(f".{path.name}.lock")):
        db: sqlite3.Connection = sqlite3.connect(path, timeout=60, isolation_level=None, **options)
        try:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
        except sqlite3.Error:
            db.close()
            raise
    return db


def made_once(final: Path, make: Callable[[Path], None]) -> Path:
    """Return the file or folder `final`, made by ``make(temporary name)`` unless it exists; only one caller makes it.

    Everybody may read it, whatever the umask: sandboxed programs run as another user. Exceptions of `make` are
    passed on, and then nothing is left behind.
    """
    if final.exists():
        return final
    with locked(final.with_name(f".{final.name}.lock")):
        if not final.exists():
            tmp = temporary(final)
            try:
                make(tmp)
                _readable(tmp)
                sync_replace(tmp, final)
            finally:
                _remove(tmp)
    return final


def _readable(path: Path) -> None:
    for item in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if not item.is_symlink():
            mode = item.stat().st_mode
            item.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def link(source: Path, final: Path) -> None:
    """Make a file available under a second path: by a hard link where the file system allows it, else by a copy."""
    with replaced_file(final) as tmp:
        try:
            os.link(source.resolve(), tmp)
        except OSError:
            shutil.copyfile(source, tmp)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replaced_file(path) as tmp:
        tmp.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def add_json(path: Path, entries: dict[str, Any]) -> None:
    """Add entries to the JSON object of a file; others may do so at the same time."""
    with locked(path.with_name(f".{path.name}.lock")):
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        write_json(path, before | entries)


# ---- records


def write_records(path: Path, kind: str, records: Iterable[Record]) -> int:
    """Write records of one kind as Parquet (zstd), atomically, a part at a time. Returns their number."""
    source, count = iter(records), 0
    with replaced_file(path) as tmp, pq.ParquetWriter(tmp, schema(kind), compression="zstd") as writer:
        while (part := list(islice(source, _ROWS))) or not count:
            rows = [dataclasses.asdict(record) for record in part]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema(kind)))
            count += len(rows)
            if not rows:
                break
    return count


def read_records(path: Path, kind: str) -> list[Any]:
    """Read records of one kind. Raises BadInput naming file, row and column when they do not match."""
    table = read_table(path, schema(kind), f"{kind} records")
    return [KINDS[kind](**row) for row in table.select(schema(kind).names).to_pylist()]


def iterate_records(path: Path, kind: str) -> Iterator[Any]:
    """Like read_records, but reads a part of the file at a time and checks only the schema, no values."""
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
    """Read a Parquet file of exactly the wanted columns, in any order and without nulls.

    Raises BadInput naming file, row and column when it does not match; `what` describes the expected content.
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
    """Return the sha256 of a file, or of a folder's names and contents (without caches)."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        lines = [f"{p.relative_to(path).as_posix()} {hash_path(p)}" for p in files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
