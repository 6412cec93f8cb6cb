"""The pages of published answers and reference evaluators are written from result files, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.verdicts.peers import compared, reference_page
from bench.verdicts.published import declared_rows, main, published_page, result_path
from xinstruct.benchmarks.rules import rules
from xinstruct.files import write_json


def result(verdicts: dict[str, str], reference: dict[str, bool] | None = None) -> dict[str, Any]:
    rows = [{"task_id": name, "verdict": verdict} for name, verdict in verdicts.items()]
    found: dict[str, Any] = {"benchmark": "b:v", "score": 0.5, "passed": 1, "judged": 2, "rows": rows}
    if reference:
        odd = [name for name in reference if (verdicts[name] == "passed") != reference[name]]
        differing = [
            {"task_id": name, "ours": verdicts[name], "reference": reference[name], "detail": "a | b"} for name in odd
        ]
        found["reference"] = {"n": 2, "agree": 2 - len(odd), "differing": differing}
    return found


def test_rows_are_declared_whole() -> None:
    for row in declared_rows():
        assert rules(row["rules"]).steps
        assert 0 < row["published"] < 100
        assert row["from"]


def test_the_page_holds_what_results_are_there(tmp_path: Path) -> None:
    row = next(row for row in declared_rows() if row["file"] == "humaneval-gpt-4-1106-preview-seed")
    write_json(result_path(tmp_path, row), result({"t/1": "passed", "t/2": "timeout"}, {"t/1": True, "t/2": True}))
    text = published_page(tmp_path, tmp_path / "reference")
    shown = "| humaneval-gpt-4-1106-preview-seed | b:v, python | function | 87.20 | 50.00 | 1 of 2 | 1 of 2 (50.00 %) |"
    assert shown in text
    assert "t/2: timeout here, passed there: a / b" in text
    assert "humaneval-bard" not in text
    assert "- humaneval_python, field completion: 1 of 2 verdicts agree (50.00 %) over 1 files" in text


def test_a_run_of_some_rows_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    row = next(row for row in declared_rows() if row["file"] == "mbpp-starcoder-seed")
    write_json(result_path(tmp_path, row), result({"t/1": "passed", "t/2": "timeout"}, {"t/1": True}))
    document = tmp_path / "d.md"
    document.write_text("old\n")
    folders = [f"--{name}={tmp_path}" for name in ("data", "results", "reference", "verdicts")]
    assert main(["--only", "humaneval-bard", *folders, "--out", str(document)]) == 1
    assert "| mbpp-starcoder-seed | b:v, python |" in document.read_text()
    assert "old" not in document.read_text()


def test_refuted_verdicts_are_counted_apart(tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    rows = {(row["file"], row["rules"]): row for row in declared_rows() if row["field"] == "completion"}
    chat = rows["mbpp_typed-gpt4-turbo-cot-rawchat", "last_pair"]
    write_json(result_path(tmp_path, chat), result({"t/1": "passed", "t/2": "timeout"}, {"t/1": True, "t/2": True}))
    wrong = [{"task": "t/2", "ours": "passed", "theirs": "AssertionError"}]
    write_json(reference / "mapcoder-mbpp_typed-gpt4-turbo-cot-rawchat.json", compared("e", "c", wrong))
    text = published_page(tmp_path, reference)
    assert "- all answers, by their publishers' rules: 1 of 2 verdicts agree (50.00 %) over 1 files\n" in text
    assert "rules, without 1 verdicts that plain python refutes: 1 of 1 verdicts agree (100.00 %)" in text


def test_a_reference_evaluators_verdicts_beside_ours(tmp_path: Path) -> None:
    rows = [{"task": name, "ours": "passed", "theirs": there} for name, there in (("a", "passed"), ("b", "x | y"))]
    write_json(tmp_path / "r.json", compared("E", "f", rows))
    text = reference_page(tmp_path)
    assert "| E | f | 2 | 1 | 2 | 1 (50.00 %) |" in text
    assert "- f: b: passed here, x / y there\n" in text
