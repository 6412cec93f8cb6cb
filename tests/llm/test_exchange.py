"""The journal's file over time and between machines: migrations, export, import, statistics."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.llm.conftest import ChatServer, ask, endpoint_folder
from tests.params import asking
from xinstruct.cli import main
from xinstruct.files import BadInput
from xinstruct.llm.client import Client
from xinstruct.llm.exchange import SCHEMA, export_calls, import_calls
from xinstruct.llm.journal import MIGRATIONS, Entry, Journal, call_key

Serve = Callable[[Any], str]
OLD = "key, model, request, text, finish_reason, prompt_tokens, completion_tokens, attempts, seconds, created"


def filled(path: Path, count: int, model: str = "m") -> Journal:
    journal = Journal(path, stage="seed", run="r")
    for i in range(count):
        request = ask(f"ä question {i}", seed=i).content()
        entry = Entry(f"answer\n{i}", "length" if i % 5 == 0 else "stop", 10, i, 1 + i % 2, 0.5 * i)
        journal.put(call_key(model, request), model, request, entry)
    return journal


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_journal_of_every_earlier_version_keeps_its_answers(tmp_path: Path, version: int) -> None:
    path = tmp_path / "j.sqlite"
    request = ask("old").content()
    key = call_key("m", request)
    with sqlite3.connect(path) as db:
        for statements in MIGRATIONS[: version + 1]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"pragma user_version = {version + 1}")
        row = (key, "m", json.dumps(request), "the answer", "stop", 3, 4, 2, 1.5, 0.0)
        db.execute(f"insert into calls ({OLD}) values ({'?,' * 9}?)", row)
    with Journal(path) as journal:
        assert journal.get([key]) == {key: Entry("the answer", "stop", 3, 4, 2, 1.5)}
        assert journal.db.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)
        journal.fail("k", "m", {}, "server", "oops", 6, 1.0)
    fresh = Journal(tmp_path / "fresh.sqlite")
    with Journal(path) as journal:
        tables = "select name, sql from sqlite_master where name not like 'sqlite%' order by name"
        assert journal.db.execute(tables).fetchall() == fresh.db.execute(tables).fetchall()
    fresh.close()


def test_the_released_schema_is_what_it_was(tmp_path: Path) -> None:
    """A journal that the first release wrote, statement by statement as it did then."""
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        db.execute(
            "create table calls (key text primary key, model text not null, request text not null, "
            "text text not null, finish_reason text not null, prompt_tokens integer not null, "
            "completion_tokens integer not null, attempts integer not null, seconds real not null, "
            "created real not null) without rowid"
        )
        db.execute("insert into calls values ('k', 'm', '{}', 'said', 'stop', 1, 2, 1, 0.5, 0)")
        db.execute("pragma user_version = 1")
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.get(["k"])["k"].text == "said"


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.sqlite"
    filled(path, 3).close()
    broken = (*MIGRATIONS, ("alter table calls add column more text", "this is no SQL"))
    monkeypatch.setattr("xinstruct.llm.journal.MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError):
        Journal(path)
    monkeypatch.undo()
    with Journal(path) as journal:
        assert len(journal) == 3


def test_keys_of_the_default_run_stay_what_they_were() -> None:
    """Computed when the first journals were written: a change would ask everything again."""
    request = ask("hello", prefill="```python\n", max_tokens=9, temperature=0.4, stop=("x",), seed=3)
    assert call_key("m", request.content()) == "2913394029d8eed5f4ff1342f4e3d4392d99261fb89beb1c8a67a163dcaa4ed9"
    assert "logprobs" not in request.content()


def test_round_trip_without_the_teacher(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer()
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    questions = [ask(f"q{i}", seed=i) for i in range(25)]
    with Client(asking(identity="m"), folder, tmp_path / "one.sqlite") as teacher:
        first = [answer.text for answer in teacher.ask(questions)]
        usage = teacher.usage | {"cached": 0}
    one, two, parquet = tmp_path / "one.sqlite", tmp_path / "two.sqlite", tmp_path / "out" / "calls.parquet"
    assert main(["journal", "--journal", str(one), "export", str(parquet)]) == 0
    assert main(["journal", "--journal", str(two), "import", str(parquet)]) == 0
    server.asked.clear()
    with Client(asking(identity="m"), folder, two) as teacher:
        assert [answer.text for answer in teacher.ask(questions)] == first
        assert teacher.usage | {"cached": 0} == usage
    assert not server.asked
    with Journal(two) as journal:
        export_calls(journal, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == parquet.read_bytes()


def test_import_never_overwrites(tmp_path: Path) -> None:
    with filled(tmp_path / "one.sqlite", 10) as one:
        assert export_calls(one, tmp_path / "c.parquet") == 10
    with Journal(tmp_path / "two.sqlite") as two:
        request = ask("ä question 3", seed=3).content()
        key = call_key("m", request)
        two.put(key, "m", request, Entry("mine", "stop", 0, 0))
        assert import_calls(two, tmp_path / "c.parquet") == (9, 1)
        assert import_calls(two, tmp_path / "c.parquet") == (0, 10)
        assert two.get([key])[key].text == "mine"


def changed(path: Path, column: str, change: Callable[[list[Any]], list[Any]]) -> Path:
    """The file with one column's values changed; None is allowed there."""
    table = pq.read_table(path)
    place = table.column_names.index(column)
    values = change(table.column(column).to_pylist())
    other = path.with_name("changed.parquet")
    pq.write_table(table.set_column(place, column, [values]), other)
    return other


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("text", lambda v: [*v[:4], None, *v[5:]], r"row 4, column 'text' is null"),
        ("seconds", lambda v: [str(x) for x in v], r"column 'seconds' holds string"),
        ("key", lambda v: [*v[:2], "0" * 64, *v[3:]], r"row 2, column 'key': 0000"),
        ("model", lambda v: [*v[:7], "n", *v[8:]], r"row 7, column 'key'"),
        ("request", lambda v: ["{", *v[1:]], r"row 0, column 'request': not JSON"),
        ("finish_reason", lambda v: [*v[:1], "error", *v[2:]], r"row 1, column 'finish_reason'"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(
    tmp_path: Path, column: str, change: Callable[[list[Any]], list[Any]], message: str
) -> None:
    with filled(tmp_path / "one.sqlite", 10) as one:
        export_calls(one, tmp_path / "c.parquet")
    other = changed(tmp_path / "c.parquet", column, change)
    with Journal(tmp_path / "two.sqlite") as two:
        with pytest.raises(BadInput, match=rf"changed\.parquet: {message}"):
            import_calls(two, other)
        assert len(two) == 0


def test_other_files_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        (tmp_path / "text.parquet").write_text("no")
        with pytest.raises(BadInput, match=r"text\.parquet: not a readable Parquet"):
            import_calls(journal, tmp_path / "text.parquet")
        short = SCHEMA.empty_table().drop_columns(["model"])
        pq.write_table(short, tmp_path / "short.parquet")
        with pytest.raises(BadInput, match="column 'model' is missing"):
            import_calls(journal, tmp_path / "short.parquet")


def test_statistics_and_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "j.sqlite"
    with filled(path, 10) as journal:
        journal.fail("k" * 64, "m", {}, "server", "HTTP 500: oops", 6, 9.0)
    assert main(["journal", "--journal", str(path), "stats", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["calls"], row["cut_at_length"], row["retried"], row["completion_tokens"]) == (10, 2, 5, 45)
    assert row["seconds"] == {"p50": 2.5, "p90": 4.5, "p99": 4.5}
    assert row["failures"] == {"server": 1}
    assert main(["journal", "--journal", str(path), "stats"]) == 0
    assert "10 calls" in capsys.readouterr().out
    assert main(["journal", "--journal", str(path), "failures"]) == 0
    assert "HTTP 500: oops" in capsys.readouterr().out
    assert main(["journal", "--journal", str(tmp_path / "none.sqlite"), "stats"]) == 1
    assert "no such journal" in capsys.readouterr().err
