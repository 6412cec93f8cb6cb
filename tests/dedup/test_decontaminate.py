"""Overlaps of words with benchmarks: what is found, what is boilerplate, which files are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinstruct.dedup.decontaminate import Overlap, benchmark_texts
from xinstruct.dedup.problems import coverage, problems
from xinstruct.dedup.rarity import Rarity
from xinstruct.files import BadInput

TASK = "Given an array of meeting intervals return the smallest number of rooms that they need on a busy morning"
CHINESE = "编写一个函数，接收一个整数列表，返回其中所有偶数的平方和。如果列表为空则返回零。请注意负数也要计算在内。"


def overlap(*texts: str, n: int = 10) -> Overlap:
    return Overlap([(f"Bench/{i}", text) for i, text in enumerate(texts)], n)


def test_a_long_run_of_telling_words_is_found_whatever_the_punctuation() -> None:
    text = "// An Array of\n// meeting intervals: return (the smallest) number of rooms that they need today"
    [hit] = overlap("nothing here", TASK).hits(text)
    assert hit.item == "Bench/1"
    assert hit.words == "an array of meeting intervals return the smallest number of rooms that they need"
    assert not hit.whole


@pytest.mark.parametrize(
    "boilerplate",
    [
        "Write a function that takes a string as an argument and returns a string with it in it",
        "def is_prime(n):\n    if n < 2:\n        return False\n    for i in range(2, int(n ** 0.5) + 1):\n"
        "        if n % i == 0:\n            return False\n    return True",
        "for (int i = 0; i < n; i++) { for (int j = 0; j < n; j++) { if (a[i][j] == 0) { return false; } } }",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 a b c d e f g h",
    ],
)
def test_boilerplate_is_no_overlap(boilerplate: str) -> None:
    problem = (
        f"Encrypt it with the alphabet being rotated by two multiplied by two places. {boilerplate} and so on rotated"
    )
    assert overlap(problem).find(f"An own task. {boilerplate} for the own task") is None
    assert overlap(problem).find(problem) is not None


def test_short_problems_are_found_as_wholes_only() -> None:
    short = "Write a python function to remove odd numbers."
    assert overlap(short).hits(f"Please do this. {short.upper()} Thanks.")[0].whole
    assert overlap(short).find("Write a python function to remove odd letters.") is None
    assert overlap("remove odd").find("remove odd") is None  # two words are no problem


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert overlap(CHINESE).find(CHINESE[:-1] + "，谢谢") is not None
    assert overlap(CHINESE).find("编写一个函数，接收一个整数列表，返回最大值。") is None
    assert overlap("リストの偶数の二乗和を返す関数を書いてください").find(
        "次の問題：リストの偶数の二乗和を返す関数を書いてください。"
    )


def test_what_many_problems_share_is_theirs_and_not_the_samples() -> None:
    preamble = "Solve this exercise carefully considering unusual corner situations beforehand and explain everything"
    shared = overlap(*(f"{preamble}: exercise kind{i} wants thing{i} turned upside down" for i in range(9)))
    assert shared.find(f"{preamble}: mine") is None
    assert shared.find(f"{preamble}: exercise kind3 wants thing3 turned upside down") is not None


def test_words_that_the_mined_corpus_or_the_benchmark_often_uses_say_less() -> None:
    corpus = [{"zyzzyva", "x", str(i)} for i in range(60)]
    assert Rarity().bits("zyzzyva") == 10
    assert Rarity(corpus=corpus).bits("zyzzyva") == 0 == Rarity(problems=corpus).bits("zyzzyva")
    assert Rarity().bits("return") <= 2 < 7 < Rarity().bits("palindrome")


def test_all_forms_of_files_and_unknown_fields_are_read(tmp_path: Path) -> None:
    rows = [
        {"task_id": "A/1", "weird": TASK, "nested": {"tests": ["assert f(1) == 2", "v"]}},
        {"name": "two", "q": "r"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "b.json").write_text(json.dumps([{"task_id": 7, "text": "x"}]))
    pq.write_table(pa.table({"prompt": [TASK]}), tmp_path / "test-00000.parquet")
    (tmp_path / "dataset_infos.json").write_text('{\n  "default": {"features": {}}\n}')
    (tmp_path / "LICENSE").write_text("not a benchmark")
    assert list(benchmark_texts([tmp_path])) == [
        ("b/7", "text", "x"),
        ("A/1", "weird", TASK),
        ("A/1", "nested.tests", "assert f(1) == 2"),
        ("A/1", "nested.tests", "v"),
        ("a/two", "q", "r"),
        ("test-00000/test-00000.parquet:1", "prompt", TASK),
    ]


def test_what_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        list(benchmark_texts([tmp_path / "none"]))
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(BadInput, match="no file that can be read"):
        list(benchmark_texts([tmp_path]))
    (tmp_path / "x.jsonl").write_text('{"id": 1, "n": 5}\n')
    with pytest.raises(BadInput, match=r"x\.jsonl: no record has a text"):
        list(benchmark_texts([tmp_path]))
    (tmp_path / "x.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(BadInput, match="cannot be read"):
        list(problems([tmp_path / "x.jsonl.gz"]))


def test_declared_benchmarks_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(b"")
    present, absent = coverage([tmp_path, tmp_path / "none"])
    assert present == ["humaneval", "humaneval_python", "multipl_e"]
    assert "mbpp" in absent
    assert "multipl_e (bash, cpp, csharp, java, javascript, php, typescript)" in absent
