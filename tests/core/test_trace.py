from __future__ import annotations

from pathlib import Path

import pytest

from xinstruct.files import BadInput, write_records
from xinstruct.records import Sample, Snippet, Turn
from xinstruct.trace import Lineage, lines


def snippet(ident: str) -> Snippet:
    return Snippet(
        id=ident, language="php", name="f", code="c", doc="d", tokens=1, source="npm", package=f"pack-{ident}",
        version="1.2", archive_sha256="", path=f"src/{ident}.php", start_line=3, end_line=9, license="MIT",
    )  # fmt: skip


def sample(ident: str, parents: list[str], **fields: object) -> Sample:
    common = {"language": "php", "instruction": "i", "response": "r", "function": "f", "signature": "{}", "cases": "[]"}
    return Sample(id=ident, parents=parents, snippets=[], licenses=["MIT"], **(common | {"kind": "Ds1"} | fields))  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_records(tmp_path / "mine/snippets.parquet", "snippets", [snippet("aa"), snippet("bb")])
    write_records(tmp_path / "seed/samples.parquet", "samples", [sample("s1", ["aa"]), sample("s2", ["bb"])])
    write_records(tmp_path / "seed/turns.parquet", "turns", [])
    made = sample("d1", ["s1", "s2"], kind="Ds3", operation="carry_over", topology="parallel")
    turns = [
        Turn(id=f"t{i}", stage="synthesize", thread="x", step=i, kind=k) for i, k in enumerate(("prompt", "score"))
    ]
    turns[1].sample = "d1"
    write_records(tmp_path / "synthesize/samples.parquet", "samples", [made])
    write_records(tmp_path / "synthesize/turns.parquet", "turns", turns)
    return tmp_path


def test_a_descent_ends_at_files_lines_and_licences(data: Path) -> None:
    lineage = Lineage(data)
    told = "\n".join(lines(lineage, lineage.find("d"), full=False))
    for ident in ("aa", "bb"):
        assert f"pack-{ident} 1.2, MIT" in told
        assert f"src/{ident}.php, lines 3 to 9" in told
    assert "carry_over by parallel discussion" in told
    assert "{'prompt': 1, 'score': 1}" in told


@pytest.mark.parametrize("prefix", ["s", "zz"])
def test_an_id_that_is_unknown_or_ambiguous_is_refused(data: Path, prefix: str) -> None:
    with pytest.raises(BadInput, match=prefix):
        Lineage(data).find(prefix)
