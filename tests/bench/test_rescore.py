"""Kept answers of models, scored without the model, make a page."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from bench.verdicts.rescore import main as rescore
from tests.benchmarks.conftest import RECORDS
from xinstruct.benchmarks.answers import answers_file
from xinstruct.benchmarks.problems import About, about


def test_kept_answers_are_scored_again_into_a_page(
    monkeypatch: pytest.MonkeyPatch, benchmarks: Path, tmp_path: Path
) -> None:
    def narrowed(name: str, language: str) -> About:
        return dataclasses.replace(about(name, language), problems=len(RECORDS))

    monkeypatch.setattr("xinstruct.benchmarks.score.about", narrowed)
    monkeypatch.setattr("bench.verdicts.rescore.about", narrowed)
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    document, path = tmp_path / "d.md", answers_file(tmp_path / "answers" / "m", "humaneval_python", "python")
    path.parent.mkdir(parents=True)
    texts = {row["task_id"]: f"```python\n{row['prompt']}{row['canonical_solution']}```" for row in RECORDS}
    solved = [{"task_id": name, "completion": text} for name, text in texts.items()]
    solved[0]["completion"], solved[1]["completion"] = "I cannot.", "```python\ndef is_long(words):\n    return 1\n```"
    kept = [{**row, "tokens": 3, "finished": i > 0} for i, row in enumerate(solved)]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in kept).encode()))
    line = [
        "--answers",
        str(path.parents[1]),
        "--data",
        str(benchmarks),
        "--out",
        str(document),
        "--languages",
        "python",
    ]
    line += ["--results", str(tmp_path / "results")]
    assert rescore([*line, "--benchmark", "humaneval_python"]) == 0
    assert (
        "| m | humaneval_python:humaneval | python | 9 of 9 | 7 | 77.78 | 45.26 to 93.68 | 1 | 1 |"
        in document.read_text()
    )
