"""What spills to disk says the same as what is held in memory, and leaves no file behind."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from xinstruct.files import iterate_records, read_records, write_records
from xinstruct.records import Rejection
from xinstruct.spill import Rows, Seen, in_order


def row(number: int, ident: str = "") -> Rejection:
    return Rejection(
        id=ident or f"{number:08x}", stage="mine", language="php", reason="trivial", detail=f"number {number}"
    )


def test_a_set_that_spills_knows_what_it_was_given(tmp_path: Path) -> None:
    seen, plain, draw = Seen(tmp_path, limit=50), set(), random.Random(1)
    for _ in range(2000):
        text = str(draw.randrange(700))
        assert seen.add(text) == (text not in plain)
        plain.add(text)
    assert len(seen) == len(plain) and all(text in seen for text in plain) and "1000" not in seen
    assert not list(tmp_path.iterdir())


def test_rows_that_spill_come_out_by_their_ids(tmp_path: Path) -> None:
    given = [row(number) for number in range(500)]
    random.Random(2).shuffle(given)
    few, many = Rows(Rejection, tmp_path), Rows(Rejection, tmp_path, limit=40)
    few += given
    many += given
    wanted = sorted(given, key=lambda record: record.id)
    assert len(few) == len(many) == 500 and list(few) == given
    assert list(few.ordered()) == list(many.ordered()) == list(many) == wanted
    assert in_order(given, lambda record: record.id) == wanted and not list(tmp_path.iterdir())


def test_equal_ids_keep_the_order_they_came_in(tmp_path: Path) -> None:
    rows = Rows(Rejection, tmp_path, limit=3)
    rows += [row(number, "same") for number in range(20)]
    assert [record.detail for record in rows.ordered()] == [f"number {number}" for number in range(20)]


@pytest.mark.slow
def test_a_file_is_written_and_read_in_parts(tmp_path: Path) -> None:
    path, given = tmp_path / "rejected.parquet", [row(number) for number in range(60_000)]
    assert write_records(path, "rejected", iter(given)) == 60_000
    assert list(iterate_records(path, "rejected")) == read_records(path, "rejected") == given
    assert write_records(path, "rejected", []) == 0 and read_records(path, "rejected") == []
