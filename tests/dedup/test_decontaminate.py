"""Overlap with benchmarks: what is found, what is not, which files are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from xinstruct.dedup.decontaminate import Overlap, benchmark_texts
from xinstruct.files import BadInput

DOC = "Return the list of all prefixes of the given string ordered from shortest to longest one"


def overlap(*texts: str, n: int = 10) -> Overlap:
    return Overlap([(f"Bench/{i}", text) for i, text in enumerate(texts)], n)


def test_ten_shared_words_are_found_whatever_the_punctuation() -> None:
    text = "// return the List of\n// all prefixes, of the given string! ordered somehow else"
    found = overlap("nothing here", DOC).find(text)
    assert found == ("Bench/1", "return the list of all prefixes of the given string")


def test_nine_shared_words_are_not_enough() -> None:
    assert overlap(DOC).find("return the list of all prefixes of the given word") is None
    assert overlap(DOC, n=9).find("return the list of all prefixes of the given word") is not None


def test_a_shared_name_alone_is_no_overlap() -> None:
    assert overlap("def all_prefixes(string): " + DOC).find("def all_prefixes(string):\n    return []") is None


def test_runs_of_numbers_do_not_count() -> None:
    numbers = ", ".join(map(str, range(20)))
    assert overlap(f"check([{numbers}])").find(f"[{numbers}]") is None
    assert overlap(f"check([{numbers}])").find(f"check([{numbers}])") is not None


def test_all_file_forms_are_read_and_fields_stay_apart(tmp_path: Path) -> None:
    rows = [{"task_id": "A/1", "prompt": "p q", "tests": ["t u", "v"]}, {"name": "second", "prompt": "r"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "b.json").write_text(json.dumps([{"task_id": 7, "text": "x"}]))
    (tmp_path / "LICENSE").write_text("not a benchmark")
    assert list(benchmark_texts([tmp_path])) == [
        ("b/7", "x"), ("A/1", "A/1"), ("A/1", "p q"), ("A/1", "t u"), ("A/1", "v"), ("a/second", "second"),
        ("a/second", "r"),
    ]  # fmt: skip


def test_missing_folder_and_damaged_file_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        list(benchmark_texts([tmp_path / "none"]))
    (tmp_path / "x.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(BadInput, match=r"x\.jsonl\.gz"):
        list(benchmark_texts([tmp_path]))
