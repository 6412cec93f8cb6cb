"""The answered calls of a run as files below recorded/NAME that a repository can hold, and back into a journal.

``calls-00001.parquet``, ... hold what was answered, ``failures-00001.parquet``, ... what failed in the run and has
no answer, so that a rerun rejects the same rows. A file stays below a size and is never changed again: exporting
once more adds files with what is new. Rows stand in the order of their requests, so that prompts which begin alike
compress together. What belongs to a recording says about.yaml (models/recorded.py), with a sha256 for each file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xinstruct.files import BadInput, hash_path, read_table, replaced_file
from xinstruct.llm import exchange
from xinstruct.llm.journal import Journal
from xinstruct.models.recorded import ABOUT, read_about

LIMIT = 20_000_000  # bytes of one file
_PER_ROW, _PER_GROUP = 200, 2_000  # bytes at most of a row's numbers, and of what the footer says of a row group
_FETCHED = 1_000


@dataclass(frozen=True)
class Table:
    """A table of the journal, which names its files, their columns, and what messages call its rows."""

    name: str
    schema: pa.Schema
    kind: str


CALLS = Table("calls", exchange.SCHEMA, exchange.KIND)
FAILURES = Table("failures", exchange.FAILURES, "failed calls")


# ---- out


def add_parts(
    journal: Journal, folder: Path, table: Table, identity: str, wanted: Collection[str] | None, limit: int = LIMIT
) -> list[Path]:
    """Write the rows of a model that `folder` does not hold yet into further files. Returns these.

    `wanted` are the keys meant, None means all. Only a single call that is larger than `limit` makes a larger file.
    Raises BadInput on a file of the folder that cannot be read.
    """
    known = held(folder, table)
    new = (row for row in _rows(journal, table, identity) if row[0] not in known)
    rows = (row for row in new if wanted is None or row[0] in wanted)
    groups, made = _groups(rows, limit // 8), []
    number, group = 1 + max(map(_number, parts(folder, table)), default=0), next(groups, None)
    while group:
        made.append(folder / f"{table.name}-{number:05d}.parquet")
        group, number = _write(made[-1], table.schema, group, groups, limit), number + 1
    return made


def _write(
    path: Path, schema: pa.Schema, group: tuple[int, list[Any]], groups: Iterator[tuple[int, list[Any]]], limit: int
) -> tuple[int, list[Any]] | None:
    """Write a file of row groups until the next one might not fit. Returns that one, None where none is left."""
    following: tuple[int, list[Any]] | None = group
    count = 0
    with (
        replaced_file(path) as tmp,
        pa.OSFile(str(tmp), "wb") as sink,
        # Statistics would put whole prompts into the footer.
        pq.ParquetWriter(sink, schema, compression="zstd", write_statistics=False) as writer,
    ):
        while following and (not count or sink.tell() + following[0] + _PER_GROUP * (count + 2) <= limit):
            writer.write_table(exchange.table_of(following[1], schema))
            following, count = next(groups, None), count + 1
    return following


def _rows(journal: Journal, table: Table, identity: str) -> Iterator[tuple[Any, ...]]:
    """All calls of a model with an answer; or the last failure of each call that has none."""
    columns = ", ".join(table.schema.names)
    query = f"select {columns} from calls where model = ? order by request, key"
    if table is FAILURES:
        query = (
            f"select {columns} from failures where id in (select max(id) from failures where model = ? "
            "and key not in (select key from calls) group by key) order by request, key"
        )
    cursor = journal.db.execute(query, (identity,))
    while rows := cursor.fetchmany(_FETCHED):
        yield from rows


def _groups(rows: Iterator[tuple[Any, ...]], most: int) -> Iterator[tuple[int, list[Any]]]:
    """Rows in groups of about `most` bytes before they are compressed, each with its size."""
    size, group = 0, list[Any]()
    for row in rows:
        own = _PER_ROW + sum(len(value.encode()) for value in row if isinstance(value, str))
        if group and size + own > most:
            yield size, group
            size, group = 0, []
        size += own
        group.append(row)
    if group:
        yield size, group


# ---- what is there


def parts(folder: Path, table: Table) -> list[Path]:
    """The files of a table, by number."""
    return sorted(folder.glob(f"{table.name}-*.parquet"), key=_number)


def held(folder: Path, table: Table) -> set[str]:
    """The keys that a recording holds. Raises BadInput on a file that cannot be read."""
    tables = (read_table(path, table.schema, table.kind) for path in parts(folder, table))
    return {key for found in tables for key in found.column("key").to_pylist()}


def listed(folder: Path) -> dict[str, dict[str, Any]]:
    """Every file of a recording with its rows and its sha256, as about.yaml names them."""
    paths = [path for table in (CALLS, FAILURES) for path in parts(folder, table)]
    return {path.name: {"rows": pq.read_metadata(path).num_rows, "sha256": hash_path(path)} for path in paths}


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    if not number.isdecimal():
        raise BadInput(f"{path}: not a file of a recording; move it away")
    return int(number)


# ---- in


def import_recording(journal: Journal, folder: Path) -> tuple[int, int]:
    """Add the calls and failures of a recording; nothing is overwritten. Returns how many calls were new and known.

    Raises BadInput naming the file that is missing, damaged or none of the recording's, before anything is added.
    """
    wanted = read_about(folder)["parts"]
    if strange := sorted({path.name for path in folder.glob("*.parquet")} - wanted.keys()):
        raise BadInput(f"{folder / strange[0]}: {ABOUT} does not name it; export again, or move the file away")
    verify(folder, wanted)
    new = known = 0
    for path in parts(folder, CALLS):
        added, there = exchange.import_calls(journal, path)
        new, known = new + added, known + there
    for path in parts(folder, FAILURES):
        exchange.import_failures(journal, path)
    return new, known


def verify(folder: Path, wanted: dict[str, Any]) -> None:
    """Hold the files of a recording against what about.yaml says of them. Raises BadInput on one that is not so."""
    for name, said in sorted(wanted.items()):
        path, remedy = folder / name, f"get the recording anew (git checkout {folder})"
        if not path.exists():
            raise BadInput(f"{path}: no such file, and {ABOUT} names it; {remedy}")
        if hash_path(path) != said["sha256"]:
            raise BadInput(f"{path}: damaged, its sha256 is not the one in {ABOUT}; {remedy}")
