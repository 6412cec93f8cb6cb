from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinstruct.files import (
    BadInput,
    hash_path,
    read_records,
    read_yaml,
    replaced_folder,
    shared_database,
    write_records,
    write_text,
)
from xinstruct.records import Rejection, content_id, schema

ROWS = [Rejection(id=str(i), stage="mine", reason="trivial", detail="é\n") for i in range(3)]


def test_records_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "rejected.parquet"
    assert write_records(path, "rejected", ROWS) == 3
    assert read_records(path, "rejected") == ROWS


def test_an_empty_set_keeps_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    write_records(path, "samples", [])
    assert pq.read_schema(path).names == schema("samples").names
    assert read_records(path, "samples") == []


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_records(tmp_path / name, "rejected", ROWS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop_columns(["reason"]), ["'reason'", "missing"]),
        (lambda t: t.append_column("extra", pa.array([1, 2, 3])), ["'extra'", "not part"]),
        (lambda t: t.set_column(0, "id", pa.array([1, 2, 3])), ["'id'", "int64"]),
        (lambda t: t.set_column(0, "id", pa.array(["a", None, "c"])), ["row 1", "'id'", "null"]),
    ],
)
def test_a_file_that_does_not_match_is_refused_by_name(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], words: list[str]
) -> None:
    path = tmp_path / "rejected.parquet"
    write_records(path, "rejected", ROWS)
    pq.write_table(change(pq.read_table(path).cast(_nullable())), path)
    with pytest.raises(BadInput) as error:
        read_records(path, "rejected")
    assert all(word in str(error.value) for word in [*words, str(path)])


def _nullable() -> pa.Schema:
    return pa.schema([field.with_nullable(True) for field in schema("rejected")])


@pytest.mark.parametrize("content", [b"", b"PAR1 cut"])
def test_a_cut_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rejected.parquet"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"rejected\.parquet"):
        read_records(path, "rejected")
    with pytest.raises(BadInput, match="no such file"):
        read_records(tmp_path / "absent.parquet", "rejected")


def test_a_folder_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    final = tmp_path / "out"
    with replaced_folder(final) as folder:
        (folder / "a").write_text("1")
    with pytest.raises(RuntimeError), replaced_folder(final) as folder:
        (folder / "a").write_text("2")
        raise RuntimeError
    assert (final / "a").read_text() == "1"
    with replaced_folder(final) as folder:
        assert list(folder.iterdir()) == []
    assert list(final.iterdir()) == []


def test_exponents_written_without_a_point_are_numbers(tmp_path: Path) -> None:
    write_text(tmp_path / "p.yaml", "lr: 1e-05\n")
    assert read_yaml(tmp_path / "p.yaml") == {"lr": 1e-05}
    write_text(tmp_path / "p.yaml", "lr: [1\n")
    with pytest.raises(BadInput, match=r"p\.yaml"):
        read_yaml(tmp_path / "p.yaml")


def test_folder_hash_sees_names_and_contents_not_caches(tmp_path: Path) -> None:
    write_text(tmp_path / "d" / "a.py", "1")
    before = hash_path(tmp_path / "d")
    write_text(tmp_path / "d" / "__pycache__" / "a.pyc", "x")
    assert hash_path(tmp_path / "d") == before
    (tmp_path / "d" / "a.py").rename(tmp_path / "d" / "b.py")
    assert hash_path(tmp_path / "d") != before


def test_content_id_keeps_boundaries() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")


@pytest.mark.slow
def test_a_database_is_opened_by_many_at_once(tmp_path: Path) -> None:
    def use(path: Path, start: threading.Barrier) -> None:
        start.wait()
        db = shared_database(path)
        db.execute("create table if not exists seen (number)")
        db.execute("insert into seen values (1)")
        db.close()

    for number in range(60):
        start, path = threading.Barrier(8), tmp_path / f"{number}.sqlite"
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(use, path, start) for _ in range(8)]:
                done.result()
        assert shared_database(path).execute("select count(*) from seen").fetchone() == (8,)
