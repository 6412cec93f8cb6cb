"""The journal: every answered call to a model, in one SQLite file that is cache, audit log and resume.

An entry's key hashes the model's identity, the messages, the prefill, the sampling, the seed and
the schema; a caller's id is no part of it. Only answers are kept: an error is asked again. Several
processes may share the file (WAL); where two answer the same call, the first answer stands for
both. API keys never come near it. Left out: deleting. To forget all answers, remove the file.

    sqlite3 work/journal.sqlite "select finish_reason, count(*), sum(completion_tokens) from calls group by 1"
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput

# One entry per schema version; never edit one that was released, append.
MIGRATIONS = (
    """
    create table calls (
        key text primary key,
        model text not null,
        request text not null,
        text text not null,
        finish_reason text not null,
        prompt_tokens integer not null,
        completion_tokens integer not null,
        attempts integer not null,
        seconds real not null,
        created real not null
    ) without rowid
    """,
)
_BATCH = 500  # keys per query, well under SQLite's limit on variables


@dataclass(frozen=True)
class Entry:
    """One answered call. finish_reason is stop or length; seconds is the wall time of the last attempt."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    attempts: int = 1
    seconds: float = 0.0


def call_key(model: str, request: dict[str, Any]) -> str:
    """sha256 over the model's identity and everything of a request that may change its answer."""
    text = json.dumps([model, request], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """The answered calls of one file. Use as a context manager, or close() it."""

    def __init__(self, path: Path) -> None:
        """Open or create; applies the missing migrations. Raises BadInput on a file of another kind."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._migrate()
        except sqlite3.OperationalError:
            self._db.close()
            raise  # the disk's doing (full, locked): the file is fine
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise BadInput(f"{path}: not a usable journal ({error}); move it away and run again") from error

    def _migrate(self) -> None:
        self._db.execute("begin immediate")  # a second process waits here and then finds nothing to do
        try:
            (version,) = self._db.execute("pragma user_version").fetchone()
            if version > len(MIGRATIONS):
                raise BadInput(
                    f"{self.path}: written by a newer version ({version} > {len(MIGRATIONS)}); update xinstruct"
                )
            for number in range(version, len(MIGRATIONS)):
                self._db.execute(MIGRATIONS[number])
                self._db.execute(f"pragma user_version = {number + 1}")
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise

    def get(self, keys: Iterable[str]) -> dict[str, Entry]:
        """The entries of those keys that were answered before."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Entry] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            columns = "key, text, finish_reason, prompt_tokens, completion_tokens, attempts, seconds"
            for key, *fields in self._db.execute(f"select {columns} from calls where key in ({marks})", batch):
                found[key] = Entry(*fields)
        return found

    def put(self, key: str, model: str, request: dict[str, Any], entry: Entry) -> Entry:
        """Keep an answer at once; returns the one that stands (another process may have been first)."""
        fields = (entry.text, entry.finish_reason, entry.prompt_tokens, entry.completion_tokens)
        row = (key, model, json.dumps(request, ensure_ascii=False, sort_keys=True), *fields)
        marks = (*row, entry.attempts, entry.seconds, time.time())
        done = self._db.execute(f"insert or ignore into calls values ({','.join('?' * len(marks))})", marks)
        return entry if done.rowcount else self.get([key])[key]

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from calls").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
