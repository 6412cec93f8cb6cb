"""Export and import of answered calls as a Parquet file, so that a team can track them and rerun without the teacher.

Exporting writes every answered call, ordered by key, and no failed ones. Importing adds the calls that a journal does
not have and never overwrites one; each row's key is computed anew, so an answer cannot be attached to another
question. Imported calls do not count in any run's budget. A run in several files, with its facts: recording.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xinstruct.files import BadInput, read_table, replaced_file
from xinstruct.llm.journal import Journal, call_key


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


SCHEMA = _schema(
    key=pa.string(),
    model=pa.string(),
    request=pa.string(),
    text=pa.string(),
    finish_reason=pa.string(),
    prompt_tokens=pa.int64(),
    completion_tokens=pa.int64(),
    attempts=pa.int64(),
    seconds=pa.float64(),
    trouble=pa.string(),
    waited=pa.float64(),
    logprobs=pa.string(),
    stage=pa.string(),
    created=pa.float64(),
)
FAILURES = _schema(
    key=pa.string(),
    model=pa.string(),
    stage=pa.string(),
    request=pa.string(),
    kind=pa.string(),
    error=pa.string(),
    attempts=pa.int64(),
    waited=pa.float64(),
    created=pa.float64(),
)
KIND = "answered calls"
_COLUMNS = ", ".join(SCHEMA.names)
_BATCH = 10_000
_INSERT = f"insert or ignore into calls ({_COLUMNS}, imported) values ({'?,' * len(SCHEMA.names)}1)"
# What is imported belongs to no run; a call fails at most once in what is imported.
_INSERT_FAILURE = f"""
    insert into failures ({", ".join(FAILURES.names)}, run) select {", ".join("?" * len(FAILURES.names))}, ''
    where not exists (select 1 from failures where key = ? and run = '')
"""


def export_calls(journal: Journal, path: Path) -> int:
    """Write all answered calls, atomically. Returns their number."""
    count = 0
    with replaced_file(path) as tmp, pq.ParquetWriter(tmp, SCHEMA, compression="zstd") as writer:
        for rows in _batches(journal):
            writer.write_table(table_of(rows, SCHEMA))
            count += len(rows)
    return count


def table_of(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Rows of the journal as a table."""
    columns = zip(zip(*rows, strict=True), schema, strict=True)
    return pa.Table.from_arrays([pa.array(column, field.type) for column, field in columns], schema=schema)


def _batches(journal: Journal) -> Iterator[list[tuple[Any, ...]]]:
    cursor = journal.db.execute(f"select {_COLUMNS} from calls order by key")
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def import_calls(journal: Journal, path: Path) -> tuple[int, int]:
    """Add the calls of an exported file, all or none. Returns how many were new and how many existed.

    Raises BadInput naming file, row and column when the file has another schema, or a row's key does not belong to
    its model and request.
    """
    rows = _checked(path, SCHEMA, KIND)
    for number, row in enumerate(rows):
        if row["finish_reason"] not in ("stop", "length"):
            reason = row["finish_reason"]
            raise BadInput(f"{path}: row {number}, column 'finish_reason': {reason!r} is not stop or length")
    new = _insert(journal, _INSERT, [tuple(row.values()) for row in rows])
    return new, len(rows) - new


def import_failures(journal: Journal, path: Path) -> int:
    """Add the failed calls of a recording's file, each once. Returns how many were new; raises as import_calls."""
    rows = _checked(path, FAILURES, "failed calls")
    return _insert(journal, _INSERT_FAILURE, [(*row.values(), row["key"]) for row in rows])


def _insert(journal: Journal, statement: str, rows: list[tuple[Any, ...]]) -> int:
    """All or none. Returns how many were added."""
    before = journal.db.total_changes
    journal.db.execute("begin immediate")
    try:
        journal.db.executemany(statement, rows)
        journal.db.execute("commit")
    except BaseException:
        journal.db.execute("rollback")
        raise
    return journal.db.total_changes - before


def _checked(path: Path, schema: pa.Schema, kind: str) -> list[dict[str, Any]]:
    """The rows of a file whose keys are those of their models and requests."""
    rows: list[dict[str, Any]] = read_table(path, schema, kind).select(schema.names).to_pylist()
    for number, row in enumerate(rows):
        _check(path, number, row)
    return rows


def _check(path: Path, number: int, row: dict[str, Any]) -> None:
    where = f"{path}: row {number}, column"
    try:
        request = json.loads(row["request"])
    except ValueError:
        raise BadInput(f"{where} 'request': not JSON") from None
    if call_key(row["model"], request) != row["key"]:
        raise BadInput(f"{where} 'key': {row['key'][:16]}... is not the key of this row's model and request")
