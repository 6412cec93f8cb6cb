"""Export and import of answered calls as a Parquet file, so that a team can track them and rerun without the teacher.

Exporting writes every answered call, ordered by key, and no failed ones. Importing adds the calls that a journal does
not have and never overwrites one; each row's key is computed anew, so an answer cannot be attached to another
question. Imported calls do not count in any run's budget.
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

SCHEMA = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in (
            ("key", pa.string()),
            ("model", pa.string()),
            ("request", pa.string()),
            ("text", pa.string()),
            ("finish_reason", pa.string()),
            ("prompt_tokens", pa.int64()),
            ("completion_tokens", pa.int64()),
            ("attempts", pa.int64()),
            ("seconds", pa.float64()),
            ("trouble", pa.string()),
            ("waited", pa.float64()),
            ("logprobs", pa.string()),
            ("stage", pa.string()),
            ("created", pa.float64()),
        )
    ]
)
_KIND = "answered calls"
_COLUMNS = ", ".join(SCHEMA.names)
_BATCH = 10_000
_INSERT = f"insert or ignore into calls ({_COLUMNS}, imported) values ({'?,' * len(SCHEMA.names)}1)"


def export_calls(journal: Journal, path: Path) -> int:
    """Write all answered calls, atomically. Returns their number."""
    count = 0
    with replaced_file(path) as tmp, pq.ParquetWriter(tmp, SCHEMA, compression="zstd") as writer:
        for rows in _batches(journal):
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
            count += len(rows)
    return count


def _batches(journal: Journal) -> Iterator[list[tuple[Any, ...]]]:
    cursor = journal.db.execute(f"select {_COLUMNS} from calls order by key")
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def import_calls(journal: Journal, path: Path) -> tuple[int, int]:
    """Add the calls of an exported file, all or none. Returns how many were new and how many existed.

    Raises BadInput naming file, row and column when the file has another schema, or a row's key does not belong to
    its model and request.
    """
    table = read_table(path, SCHEMA, _KIND)
    rows = table.select(SCHEMA.names).to_pylist()
    for number, row in enumerate(rows):
        _check(path, number, row)
    before = journal.db.total_changes
    journal.db.execute("begin immediate")
    try:
        journal.db.executemany(_INSERT, (tuple(row.values()) for row in rows))
        journal.db.execute("commit")
    except BaseException:
        journal.db.execute("rollback")
        raise
    new = journal.db.total_changes - before
    return new, len(rows) - new


def _check(path: Path, number: int, row: dict[str, Any]) -> None:
    where = f"{path}: row {number}, column"
    try:
        request = json.loads(row["request"])
    except ValueError:
        raise BadInput(f"{where} 'request': not JSON") from None
    if call_key(row["model"], request) != row["key"]:
        raise BadInput(f"{where} 'key': {row['key'][:16]}... is not the key of this row's model and request")
    if row["finish_reason"] not in ("stop", "length"):
        raise BadInput(f"{where} 'finish_reason': {row['finish_reason']!r} is not stop or length")
