"""The stage with real (tiny) checkpoints, real generation, real judging; interrupted and run again."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.benchmarks.conftest import RECORDS
from tests.stages.helpers import metrics, project, run_stage, sample, write_samples
from tests.training.conftest import tiny  # noqa: F401
from xinstruct.files import hash_path, read_records

pytestmark = pytest.mark.slow

GOOD = "def add(a, b):\n    return a + b\n"


@pytest.fixture
def root(tmp_path: Path, tiny: Path) -> Path:  # noqa: F811
    project(tmp_path, **{"humaneval: 8 ": "humaneval: 2 ", "max_new_tokens: 220": "max_new_tokens: 12"})
    folder = tmp_path / "data/fetch/benchmarks/humaneval"
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in RECORDS)
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    for model in ("start", "sft", "dpo"):
        shutil.copytree(tiny, tmp_path / "models" / model)
    samples = [sample(i, GOOD, split="heldout" if i < 2 else "train", verdict="passed") for i in range(4)]
    write_samples(tmp_path, "filter", samples)
    return tmp_path


def test_all_models_on_all_languages_and_held_out_tasks(root: Path) -> None:
    run_stage(root, "evaluate")
    rows = read_records(root / "data/evaluate/completions.parquet", "completions")
    found = metrics(root, "evaluate")
    assert {row.model for row in rows} == {"start", "sft", "dpo"}
    languages = {row.language for row in rows if row.benchmark == "humaneval"}
    assert languages | set(found.get("languages_left_out", {})) == {
        "python", "javascript", "typescript", "java", "cpp", "csharp", "php", "bash",
    }  # fmt: skip
    held = sorted({row.task_id for row in rows if row.benchmark == "heldout"})
    assert held == sorted(sample(i, "").id for i in range(2))
    assert found["rows"]["out"] == len(rows) == 3 * (2 * len(languages) + 2)
    assert all(row.verdict for row in rows)
    # three equal checkpoints: equal answers, equal losses, nothing gained or lost
    assert len({json.dumps(found["heldout_loss"][model]) for model in ("start", "sft", "dpo")}) == 1
    assert found["heldout_loss"]["start"]["tokens"] > 10
    assert found["comparisons"]["start_to_sft"]["humaneval"]["gained"] == 0
    assert sum(found["extraction"]["start"].values()) == len(rows) / 3
    table = pd.read_csv(root / "reports/evaluate/scores.csv")
    assert len(table[table["benchmark"] == "humaneval"]) == 3 * (
        len(languages) + 2
    )  # the mean, and the one without Python
    before = (hash_path(root / "data/evaluate"), hash_path(root / "reports"))

    # killed after generation: saved answers are used again, and the bytes are the same
    work = next((root / "work/evaluate").iterdir())
    saved = {path: path.stat().st_mtime_ns for path in work.glob("answers-*.json")}
    assert len(saved) == 3
    for part in work.glob("part-*"):
        shutil.rmtree(part)
    (work / "answers-dpo.json").unlink()
    shutil.rmtree(root / "data/evaluate")
    run_stage(root, "evaluate")
    assert (hash_path(root / "data/evaluate"), hash_path(root / "reports")) == before
    again = {path: path.stat().st_mtime_ns for path in work.glob("answers-*.json")}
    assert {path.name for path in saved if again[path] != saved[path]} == {"answers-dpo.json"}


def test_nothing_to_ask_is_bad_input(root: Path) -> None:
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace("humaneval: 2 ", "{}  ").replace("heldout: 24", "heldout: 0"))
    assert "nothing to ask" in run_stage(root, "evaluate", ok=False).stderr
