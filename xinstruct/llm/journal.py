"""The journal: every answered call to a model in one SQLite file, which is cache, audit log and resume point.

An entry's key hashes the model's identity, the messages, the prefill, the sampling, the seed and the schema; a
caller's id is no part of it. Only answers are served again: a failed call is written to `failures`, for people, and
asked again. Several processes may share the file (WAL); when two answer the same call, the first answer is used by
both. API keys are never written to it. To forget all answers, remove the file; exchange.py moves them.

    xinstruct journal stats
    sqlite3 work/journal.sqlite "select stage, finish_reason, count(*) from calls group by 1, 2"
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

from xinstruct.files import BadInput, shared_database

# One entry per schema version, each a list of statements; never edit one that was released, append.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
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
    ),
    # Who asked (stage, run), how it went (trouble: class of the last failed attempt; waited: with all
    # attempts and pauses), whether the answer came from elsewhere; one row per Client that was opened.
    (
        "alter table calls add column stage text not null default ''",
        "alter table calls add column run text not null default ''",
        "alter table calls add column trouble text not null default ''",
        "alter table calls add column waited real not null default 0",
        "alter table calls add column imported integer not null default 0",
        "create index calls_by_run on calls (run, stage)",
        """
        create table sessions (
            id integer primary key,
            run text not null,
            stage text not null,
            model text not null,
            started real not null
        )
        """,
    ),
    ("alter table calls add column logprobs text not null default ''",),
    (
        """
        create table failures (
            id integer primary key,
            key text not null,
            model text not null,
            stage text not null,
            run text not null,
            request text not null,
            kind text not null,
            error text not null,
            attempts integer not null,
            waited real not null,
            created real not null
        )
        """,
    ),
)
_BATCH = 500  # keys per query, well under SQLite's limit on variables
_ENTRY = "text, finish_reason, prompt_tokens, completion_tokens, attempts, seconds, trouble, waited, logprobs"
_INSERT = f"insert or ignore into calls (key, model, request, {_ENTRY}, stage, run, created) values ({'?,' * 14}?)"


@dataclass(frozen=True)
class Entry:
    """One answered call. finish_reason is stop or length; seconds is the wall time of the last attempt,
    waited that of all attempts with their pauses; logprobs is JSON or empty.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    attempts: int = 1
    seconds: float = 0.0
    trouble: str = ""
    waited: float = 0.0
    logprobs: str = ""


@dataclass(frozen=True)
class Spent:
    """The paid tokens of a run (or of one of its stages), by kind, and its start (Unix time)."""

    prompt_tokens: int
    completion_tokens: int
    since: float


def call_key(model: str, request: dict[str, Any]) -> str:
    """Return the sha256 of the model's identity and everything of a request that may change its answer."""
    text = json.dumps([model, request], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """The answered calls of one file. Use it as a context manager, or close() it."""

    def __init__(self, path: Path, stage: str = "", run: str = "") -> None:
        """Open or create the file and apply missing migrations. Raises BadInput on a file of another kind.

        `stage` and `run` are written beside each call that this Journal stores.
        """
        self.path, self.stage, self.run = path, stage, run
        try:
            self.db = shared_database(path)
            self._migrate()
        except sqlite3.OperationalError:
            raise  # the disk's doing (full, locked): the file is fine
        except sqlite3.DatabaseError as error:
            raise BadInput(f"{path}: not a usable journal ({error}); move it away and run again") from error

    def _migrate(self) -> None:
        self.db.execute("begin immediate")  # a second process waits here and then finds nothing to do
        try:
            (version,) = self.db.execute("pragma user_version").fetchone()
            if version > len(MIGRATIONS):
                raise BadInput(
                    f"{self.path}: written by a newer version ({version} > {len(MIGRATIONS)}); update xinstruct"
                )
            for number in range(version, len(MIGRATIONS)):
                for statement in MIGRATIONS[number]:
                    self.db.execute(statement)
                self.db.execute(f"pragma user_version = {number + 1}")
            self.db.execute("commit")
        except BaseException:
            self.db.execute("rollback")
            self.db.close()
            raise

    def get(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Return the entries of those keys that were answered before."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Entry] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            for key, *fields in self.db.execute(f"select key, {_ENTRY} from calls where key in ({marks})", batch):
                found[key] = Entry(*fields)
        return found

    def put(self, key: str, model: str, request: dict[str, Any], entry: Entry) -> Entry:
        """Store an answer at once. Returns the entry in use (another process may have been first)."""
        row = (key, model, _text(request), *entry.__dict__.values(), self.stage, self.run, time.time())
        done = self.db.execute(_INSERT, row)
        return entry if done.rowcount else self.get([key])[key]

    def fail(
        self, key: str, model: str, request: dict[str, Any], kind: str, error: str, attempts: int, waited: float
    ) -> None:
        """Store a failed call with its error. It is asked again the next time."""
        row = (key, model, self.stage, self.run, _text(request), kind, error, attempts, waited, time.time())
        columns = "key, model, stage, run, request, kind, error, attempts, waited, created"
        self.db.execute(f"insert into failures ({columns}) values ({'?,' * 9}?)", row)

    def recorded_failures(self, keys: Iterable[str]) -> dict[str, str]:
        """The errors of those calls that had none but an error in an imported recording."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            query = f"select key, error from failures where run = '' and key in ({','.join('?' * len(batch))})"
            found |= dict(self.db.execute(query, batch))
        return found

    def open_session(self, model: str) -> None:
        """Record that this run's stage begins to ask a model."""
        columns = "run, stage, model, started"
        self.db.execute(
            f"insert into sessions ({columns}) values (?,?,?,?)", (self.run, self.stage, model, time.time())
        )

    def spent(self, stage: str = "") -> Spent:
        """Return the paid tokens of this run so far, over all its processes, or of one of its stages."""
        where, values = "run = ?", [self.run]
        if stage:
            where, values = "run = ? and stage = ?", [self.run, stage]
        sums = "coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0)"
        prompt, completion = self.db.execute(f"select {sums} from calls where {where}", values).fetchone()
        (since,) = self.db.execute(f"select min(started) from sessions where {where}", values).fetchone()
        return Spent(prompt, completion, since or time.time())

    def __len__(self) -> int:
        return int(self.db.execute("select count(*) from calls").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _text(request: dict[str, Any]) -> str:
    return json.dumps(request, ensure_ascii=False, sort_keys=True)
