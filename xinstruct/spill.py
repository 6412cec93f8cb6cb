"""Collections that grow with a corpus but not in memory: entries over a limit go to a file in the scratch folder.

The file is unlinked as soon as it is open, so that nothing is left behind however the process ends. The
collections are for one thread.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from xinstruct.files import temporary

R = TypeVar("R")
LIMIT = 100_000  # entries in memory, some 10 MB of hashes or 60 MB of rows


def _database(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    path = temporary(folder / "spill.sqlite")
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16000", "temp_store=MEMORY"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE kept (key, number INTEGER, body TEXT, PRIMARY KEY (key, number)) WITHOUT ROWID")
    path.unlink()
    return db


class Seen:
    """A set of texts that stores their 8-byte hashes: one pair of texts in 10^19 is confused."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder, self._limit = folder, limit
        self._fresh: set[int] = set()
        self._db: sqlite3.Connection | None = None
        self._count = 0

    def add(self, text: str) -> bool:
        """Add a text. Returns True if it was new."""
        key = _hash(text)
        if self._has(key):
            return False
        self._fresh.add(key)
        self._count += 1
        if len(self._fresh) > self._limit:
            self._db = self._db or _database(self._folder)
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO kept VALUES (?, 0, '')", ((key,) for key in sorted(self._fresh)))
            self._db.execute("COMMIT")
            self._fresh.clear()
        return True

    def _has(self, key: int) -> bool:
        if key in self._fresh:
            return True
        return (
            self._db is not None and self._db.execute("SELECT 1 FROM kept WHERE key=?", (key,)).fetchone() is not None
        )

    def __contains__(self, text: str) -> bool:
        return self._has(_hash(text))

    def __len__(self) -> int:
        return self._count


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


class Rows(Generic[R]):
    """A list of records of one dataclass with ids; it can be iterated in order of arrival or by id."""

    def __init__(self, kind: type[R], folder: Path, limit: int = LIMIT) -> None:
        self._kind: Any = kind
        self._folder, self._limit = folder, limit
        self._fresh: list[R] = []
        self._db: sqlite3.Connection | None = None
        self._spilled = 0

    def append(self, record: R) -> None:
        """Add a record."""
        self._fresh.append(record)
        if len(self._fresh) > self._limit:
            self._spill()

    def __iadd__(self, records: Iterable[R]) -> Rows[R]:
        for record in records:
            self.append(record)
        return self

    def _spill(self) -> None:
        self._db = self._db or _database(self._folder)
        rows: list[Any] = list(self._fresh)
        numbered = [(row.id, self._spilled + at, json.dumps(dataclasses.asdict(row))) for at, row in enumerate(rows)]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO kept VALUES (?, ?, ?)", sorted(numbered))
        self._db.execute("COMMIT")
        self._spilled += len(rows)
        self._fresh.clear()

    def __len__(self) -> int:
        return self._spilled + len(self._fresh)

    def __iter__(self) -> Iterator[R]:
        if self._spilled:
            return self.ordered()
        return iter(list(self._fresh))

    def ordered(self) -> Iterator[R]:
        """Yield all records by id, equal ids in order of arrival. None may be added meanwhile."""
        if not self._spilled:
            fresh: list[Any] = list(self._fresh)
            yield from sorted(fresh, key=lambda record: record.id)
            return
        self._spill()
        assert self._db is not None
        for (body,) in self._db.execute("SELECT body FROM kept ORDER BY key, number"):
            yield self._kind(**json.loads(body))


def in_order(records: list[R] | Rows[R], key: Callable[[R], Any]) -> Iterable[R]:
    """Return records sorted by a key; Rows that may have spilled are always sorted by id."""
    return records.ordered() if isinstance(records, Rows) else sorted(records, key=key)
