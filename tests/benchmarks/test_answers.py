"""A model's raw answers: kept whole and once, gone on with after an end, refused where settings differ."""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.conftest import PARAMS, RECORDS
from tests.llm.conftest import ChatServer, Script, loopback, serve  # noqa: F401
from tests.training.conftest import tiny  # noqa: F401
from xinstruct.benchmarks.answers import answers_file, complete, configure, main, messages
from xinstruct.benchmarks.fetch import rows
from xinstruct.benchmarks.problems import About, BenchmarkProblem, ProgramProblem, about
from xinstruct.benchmarks.score import judge_params, score_file
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput, hash_path
from xinstruct.models.fetch import fetch_teacher

NAMES = [f"P/{i}" for i in range(5)]
PROBLEMS = [ProgramProblem(name, "python", "def f():\n", "f", "", "{code}") for name in NAMES]


def numbered(problems: Sequence[BenchmarkProblem]) -> list[list[dict[str, Any]]]:
    return [[{"completion": one.task_id, "tokens": 1, "finished": True}] for one in problems]


def test_an_ended_run_goes_on_and_the_bytes_are_those_of_an_unbroken_one(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def ends(problems: Sequence[BenchmarkProblem]) -> list[list[dict[str, Any]]]:
        asked.append([one.task_id for one in problems])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return numbered(problems)

    broken, whole = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    with pytest.raises(KeyboardInterrupt):
        complete(broken, PROBLEMS, ends, 2, 1, "test")
    assert [row["task_id"] for row in rows(broken)] == NAMES[:2]
    complete(broken, PROBLEMS, ends, 2, 1, "test")
    assert asked == [NAMES[:2], NAMES[2:4], NAMES[2:4], NAMES[4:]]
    complete(whole, PROBLEMS, numbered, 5, 1, "test")
    assert broken.read_bytes() == whole.read_bytes()
    with pytest.raises(BadInput, match="P/0, which is not asked here"):
        complete(whole, PROBLEMS[1:], numbered, 5, 1, "test")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, benchmarks: Path, tmp_path: Path) -> Path:
    """Nine problems in the place of HumanEval's, scratch of the test's own."""
    real = about

    def narrowed(name: str, language: str) -> About:
        return dataclasses.replace(real(name, language), problems=len(RECORDS))

    for module in ("answers", "score"):
        monkeypatch.setattr(f"xinstruct.benchmarks.{module}.about", narrowed)
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    return benchmarks


def answer(model: str, data: Path, out: Path, *more: str) -> int:
    parser = argparse.ArgumentParser()
    configure(parser)
    line = ["--model", model, "--data", str(data), "--out", str(out), "--languages", "python"]
    return main(parser.parse_args([*line, "--benchmark", "humaneval_python", *more]))


@pytest.mark.slow
def test_a_checkpoints_answers_are_scored_without_it(small: Path, tiny: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "answers" / "tiny"
    few = ("--max-new-tokens", "4")
    assert answer(str(tiny), small, out, "--limit", "2", *few) == 0
    path = answers_file(out, "humaneval_python", "python")
    assert [row["task_id"] for row in rows(path)] == ["HumanEval/0", "HumanEval/1"]
    assert answer(str(tiny), small, out, *few) == 0
    found = score_file(
        "humaneval_python", "python", path, small, lambda one: Judge(judge_params(one, PARAMS)), rule_set="chat"
    )
    assert len(found.rows) == len(RECORDS)
    told = json.loads((out / "about.json").read_text())
    assert (told["backend"], told["weights"]) == ("local", hash_path(tiny))
    with pytest.raises(BadInput, match="made with other max_new_tokens; give another --out"):
        answer(str(tiny), small, out, "--max-new-tokens", "5")


@pytest.mark.slow
def test_a_checkpoint_behind_the_embedded_server_is_no_endpoint(small: Path, tiny: Path, tmp_path: Path) -> None:  # noqa: F811
    folder, out = tmp_path / "teacher", tmp_path / "answers" / "tiny"
    facts = fetch_teacher(str(tiny), folder / "weights", print)
    (folder / "model.json").write_text(json.dumps(facts | {"file": "weights"}))
    (folder / "weights" / "model.json").unlink()
    assert answer(str(folder), small, out, "--limit", "1", "--max-new-tokens", "4") == 0
    told = json.loads((out / "about.json").read_text())
    assert (told["backend"], told["weights"]) == ("batched", f"sha256:{facts['sha256']}")


def test_an_endpoints_answers(small: Path, tmp_path: Path, serve: Callable[[Script], str]) -> None:  # noqa: F811
    server = ChatServer()
    out = tmp_path / "answers" / "echo"
    assert answer(serve(server), small, out, "--limit", "3", "--max-new-tokens", "9", "--samples", "2") == 0
    found = list(rows(answers_file(out, "humaneval_python", "python")))
    assert [row["task_id"] for row in found] == [f"HumanEval/{i}" for i in (0, 0, 1, 1, 2, 2)]
    assert "def add_up(a, b):" in found[0]["completion"]
    assert {(sent["max_tokens"], sent["temperature"]) for sent in server.asked} == {(9, 0.0)}
    assert json.loads((out / "about.json").read_text())["backend"] == "endpoint"
    assert gzip.decompress(answers_file(out, "humaneval_python", "python").read_bytes()).count(b"\n") == 6


def test_a_problem_is_asked_by_the_papers_protocol() -> None:
    turn = messages(PROBLEMS[0])[0]
    assert turn["role"] == "user"
    assert turn["content"].endswith("```python\ndef f():\n```")


def test_an_explanation_hands_no_code_on(small: Path, tmp_path: Path, serve: Callable[[Script], str]) -> None:  # noqa: F811
    folder = tmp_path / "data" / "humaneval-x"
    folder.mkdir(parents=True)
    with gzip.open(folder / "humaneval_python.jsonl.gz", "wt", encoding="utf-8") as handle:
        for row in RECORDS:
            declaration = row["prompt"].split('    """')[0]
            handle.write(json.dumps({**row, "declaration": declaration}) + "\n")
    server, out = ChatServer(), tmp_path / "answers" / "echo"
    more = ("--benchmark", "humaneval_explain", "--limit", "1")
    assert answer(serve(server), folder.parent, out, *more) == 0
    first, second = (sent["messages"][-1]["content"] for sent in server.asked)
    assert "return None if b is None else a + b" in first
    assert "Sum of both" not in first
    assert "echo Explain in a few sentences" in second
    assert "return None if b is None" not in second
    assert second.endswith("```python\ndef add_up(a, b):\n```")
    (row,) = rows(answers_file(out, "humaneval_explain", "python"))
    assert row["explanation"].startswith("echo Explain")
    assert json.loads((out / "about.json").read_text())["protocol"] == "explain"
