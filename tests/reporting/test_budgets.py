"""Runs at the same budget: tokens decide how far each is read, and what it then had is counted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents.helpers import sample as made_sample
from xinstruct.cli import main
from xinstruct.files import BadInput, write_json, write_records
from xinstruct.records import Sample, Turn
from xinstruct.reporting.budgets import Talk, compare, markdown, talks, within


def sample(number: int) -> Sample:
    made = made_sample("python", f"f{number}", f"def f{number}(a): return a + {number}")
    return dataclasses.replace(made, id=f"s{number}", task_roots=[f"root{number % 7}"], source_language="java")


def held(count: int, tokens: float, every: int) -> list[Talk]:
    """`count` discussions of these tokens in two rounds, each `every`-th verified."""
    return [Talk(1 + i // (count // 2), tokens, sample(i) if i % every == 0 else None) for i in range(count)]


def test_the_budget_is_what_the_cheapest_took_and_bounds_the_others() -> None:
    cheap, dear = held(40, 100.0, 2), held(40, 200.0, 2)
    assert len(within(cheap, 4000.0)) == 20 and len(within(dear, 4000.0)) == 10
    found = compare([cheap, dear])
    assert found["budget"] == 4000
    first, second = found["measures"]["verified samples"]
    assert first["value"] == 20 and 8 <= second["value"] <= 12
    gap, low, high = second["difference"]
    assert low <= gap <= high < 0 and "difference" not in first


def test_equal_runs_do_not_differ() -> None:
    found = compare([held(40, 100.0, 2), held(40, 100.0, 2)])
    for _, second in found["measures"].values():
        assert second["difference"][0] == 0


def turn(thread: str, step: int, kind: str, **more: Any) -> Turn:
    return Turn(
        id=f"{thread}{step}", stage="synthesize", thread=thread, step=step, round=1, kind=kind, language="php", **more
    )


def write_run(folder: Path, prompts: int) -> None:
    made = sample(1)
    messages = json.dumps([{"role": "user", "content": "x" * 100}])
    turns = [
        turn("t", 0, "prompt", messages=messages),
        turn("t", 1, "answer", completion_tokens=5),
        turn("t", 2, "answer", completion_tokens=7),
        turn("t", 3, "score", sample=made.id),
        turn("u", 0, "prompt", messages=messages),
        turn("u", 1, "answer", completion_tokens=3),
    ]
    (folder / "data/synthesize").mkdir(parents=True)
    write_records(folder / "data/synthesize/samples.parquet", "samples", [made])
    write_records(folder / "data/synthesize/turns.parquet", "turns", turns)
    (folder / "reports/synthesize").mkdir(parents=True)
    write_json(folder / "reports/synthesize/metrics.json", {"teacher": {"prompt_tokens": prompts}})


def test_a_run_is_read_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "on", prompts=90)
    write_run(tmp_path / "off", prompts=30)
    found = talks(tmp_path / "on")
    assert [talk.tokens for talk in found] == [60 + 12, 30 + 3]  # a prompt was answered twice in the first
    assert [talk.sample is not None for talk in found] == [True, False]
    assert main(["budgets", str(tmp_path / "on"), str(tmp_path / "off"), "--json", str(tmp_path / "found.json")]) == 0
    assert "At 45 teacher tokens" in capsys.readouterr().out
    assert json.loads((tmp_path / "found.json").read_text())["budget"] == 45
    with pytest.raises(BadInput, match="dvc repro synthesize"):
        talks(tmp_path)


def test_the_table_names_each_run() -> None:
    text = markdown(compare([held(20, 10.0, 2), held(20, 10.0, 4)]), ["with", "without"])
    assert "| measure | with | without |" in text and "verified samples" in text
