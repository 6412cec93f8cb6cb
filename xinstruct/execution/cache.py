"""A cache of verdicts in one SQLite file that several processes may use at once.

Only the judge knows what a key covers; here a key is text and a verdict is JSON. An infrastructure verdict is never
stored, because it says nothing about the program.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
from pathlib import Path

from xinstruct.execution.verdicts import Verdict
from xinstruct.files import BadInput, shared_database

_LOOKUP = 500  # keys per query: SQLite's limit on variables is 999 in old versions


class VerdictCache:
    """A mapping from keys to verdicts, empty without a path. It is safe for several threads and processes."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        if path:
            self._db = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        try:
            db = shared_database(path, check_same_thread=False)
            db.execute(
                "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, verdict TEXT NOT NULL) WITHOUT ROWID"
            )
        except sqlite3.OperationalError:
            raise  # the disk's doing (full, locked): the file is fine
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{path}: not a usable verdict cache ({error}); remove it, it is made anew") from error
        return db

    def get(self, keys: list[str]) -> dict[str, Verdict]:
        """Return the verdicts stored for these keys; their id is empty."""
        if not self._db:
            return {}
        found: dict[str, Verdict] = {}
        for start in range(0, len(keys), _LOOKUP):
            part = keys[start : start + _LOOKUP]
            marks = ",".join("?" * len(part))
            with self._lock:
                rows = self._db.execute(f"SELECT key, verdict FROM verdicts WHERE key IN ({marks})", part).fetchall()
            found |= {key: Verdict(**json.loads(text)) for key, text in rows}
        return found

    def put(self, verdicts: dict[str, Verdict]) -> None:
        """Store all verdicts or none. Existing ones stay, so that all processes agree."""
        if not self._db or not verdicts:
            return
        rows = [(key, json.dumps(dataclasses.asdict(verdict) | {"id": ""})) for key, verdict in verdicts.items()]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", rows)
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        if self._db:
            self._db.close()
            self._db = None
