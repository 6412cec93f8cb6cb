from __future__ import annotations

import json
import shutil
from pathlib import Path

from xinstruct.files import write_json
from xinstruct.plan import graph
from xinstruct.reporting.summary import summary

REPO = Path(__file__).resolve().parents[2]


def test_each_stage_that_counts_rows_has_a_line_with_its_figures(tmp_path: Path) -> None:
    shutil.copy(REPO / "dvc.yaml", tmp_path)
    shutil.copytree(REPO / "reports", tmp_path / "reports")
    text = "\n".join(summary(tmp_path))
    for stage in graph(REPO):
        rows = json.loads((REPO / "reports" / stage / "metrics.json").read_text()).get("rows", {"in": 0})
        if rows["in"]:
            assert f"  {stage:12} {rows['in']:,} in, {rows['out']:,} passed on" in text
    scores = json.loads((REPO / "reports" / "evaluate" / "metrics.json").read_text())["scores"]
    assert f"n={scores['sft']['humaneval']['mean']['n']})" in text


def test_a_benchmark_that_not_all_languages_have_is_counted(tmp_path: Path) -> None:
    shutil.copy(REPO / "dvc.yaml", tmp_path)
    mean = {"n": 3, "passed": 1, "languages": 2, "pass_at_1": None, "low": None, "high": None}
    metrics = {"rows": {"in": 3, "out": 3}, "scores": {"sft": {"heldout": {"mean": mean}}}}
    write_json(tmp_path / "reports" / "evaluate" / "metrics.json", metrics)
    assert "pass@1 of sft: heldout 1 of 3 in 2 languages" in "\n".join(summary(tmp_path))


def test_a_stage_that_has_not_run_says_so(tmp_path: Path) -> None:
    shutil.copy(REPO / "dvc.yaml", tmp_path)
    lines = summary(tmp_path)
    assert [line for line in lines if "has not run" in line] == [f"  {stage:12} has not run" for stage in graph(REPO)]
