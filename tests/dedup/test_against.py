"""Samples against other data: file forms, columns, what is found, what is refused."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinstruct.dedup.against import matches
from xinstruct.dedup.duplicates import Document, Thresholds
from xinstruct.files import BadInput
from xinstruct.params import AgainstParams, section

LIMITS = Thresholds(0.8, 0.9, 128)
CODE = (
    "def f(items):\n    total = 0\n"
    + "".join(f"    total += items[{i}] * {i}\n" for i in range(20))
    + "    return total\n"
)
PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
OURS = [
    Document.of("python", "Sum the weighted items of a list.", CODE),
    Document.of("python", "Say hello to the world in a loud voice.", "def g():\n    return 'HELLO'"),
    Document.of("java", "Return the larger one.", "static int h(int a, int b) { return a > b ? a : b; }"),
]
ROWS = [
    {"prompt": "Another question", "answer": f"Here it is:\n```python\n{CODE.replace('total', 'amount')}```\nDone."},
    {"prompt": "say hello to the world, in a loud voice", "answer": "print(1)"},
    {"prompt": None, "answer": "static int h(int a, int b) { return a < b ? a : b; }"},
]


def given(path: Path, instruction: str = "prompt", code: str = "answer") -> AgainstParams:
    return section(AgainstParams, {"path": str(path), "instruction": instruction, "code": code}, "against")


def found(path: Path, **columns: str) -> dict[int, tuple[str, str, bool]]:
    result = matches(OURS, ["python", "python", "java"], given(path, **columns), LIMITS)
    return {at: (one.record.rpartition("/")[2], one.evidence, one.exact) for at, one in result.items()}


@pytest.mark.parametrize(
    "ending", [".jsonl", ".jsonl.gz", ".jsonl.bz2", ".jsonl.xz", ".jsonl.zst", ".json", ".parquet"]
)
def test_copies_are_found_in_every_form_of_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"set{ending}"
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif ending == ".json":
        path.write_text(json.dumps({"version": 1, "data": ROWS}, indent=1))
    else:
        zst = pa.Codec("zstd").compress(lines, asbytes=True)
        pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": lambda _: zst}
        path.write_bytes(pack.get(ending.rpartition(".")[2], bytes)(lines))
    (tmp_path / "dataset_infos.json").write_text('{\n"default": {}\n}')
    assert found(tmp_path) == {0: (f"set{ending}:1", "code", True), 1: (f"set{ending}:2", "instruction", True)}


def test_columns_decide_what_is_compared(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert found(tmp_path, code="").keys() == {1}
    assert found(tmp_path, instruction="").keys() == {0}
    with pytest.raises(BadInput, match=r"a\.jsonl: no column 'output' .* it has prompt, answer"):
        found(tmp_path, code="output")
    with pytest.raises(BadInput, match="neither a column"):
        found(tmp_path, instruction="", code="")


def test_near_copies_are_found_with_their_similarity(tmp_path: Path) -> None:
    row = {"prompt": "", "answer": CODE.replace("* 7", "- 7"), "language": "Python"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    [(at, match)] = matches(OURS, ["python", "python", "java"], given(tmp_path), LIMITS).items()
    assert (at, match.evidence, match.exact) == (0, "code", False)
    assert 0.8 <= match.similarity < 1


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"{\n", "a.jsonl: cannot be read as JSON"),
        ("a.jsonl", b'{"prompt": ""}\n[1]\n', "line 2 is no object"),
        ("a.jsonl", b"\xff\xfe\x00binary", "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"PAR1 or not", "not a readable Parquet file"),
        ("notes.txt", b"text", "no file that can be read .* there is notes.txt"),
        ("dataset_infos.json", b"{}", "no file that can be read"),
    ],
)
def test_data_that_cannot_be_read_are_refused_by_name(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadInput, match=said):
        found(tmp_path, code="")
    with pytest.raises(BadInput, match="no such file"):
        found(tmp_path / "gone")
