from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xinstruct import cli
from xinstruct.execution import command, toolchains
from xinstruct.execution.tiers import SAFE
from xinstruct.languages import EIGHT

SIGNATURE = {"params": [{"name": "n", "type": "int"}], "returns": "int"}
GOOD: dict[str, Any] = {
    "id": "good",
    "language": "python",
    "code": "def f(n): return n + 1",
    "function": "f",
    "signature": SIGNATURE,
    "cases": [{"args": [1], "expected": 2}],
}
PROGRAM: dict[str, Any] = {"id": "p", "language": "python", "program": "def é(): return 1\nassert é() == 1"}


def write(path: Path, rows: list[dict[str, Any] | str]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_verdicts_are_written_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any] | str] = [
        GOOD,
        GOOD | {"id": "bad", "code": "def f(n): return n"},
        "",
        {"id": "whole", "language": "bash", "program": "true"},
        PROGRAM | {"completion": [0, 18]},
    ]
    write(tmp_path / "in.jsonl", rows)
    assert cli.main(["judge", "in.jsonl", "out.jsonl", "--workers", "2"]) == 0
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(v["id"], v["verdict"]) for v in found] == [
        ("good", "passed"),
        ("bad", "wrong_answer"),
        ("whole", "passed"),
        ("p", "passed"),
    ]
    assert [v["separation"] for v in found] == ["values", "values", "none", "process"]
    assert found[0]["tier"] in [kind.name for kind in SAFE]


BAD: list[tuple[dict[str, Any] | str, str]] = [
    ("{not json", "not JSON"),
    ("[1]", "not a JSON object"),
    (GOOD | {"id": 7}, "field 'id'"),
    (GOOD | {"language": "cobol"}, "field 'language'"),
    ({k: v for k, v in GOOD.items() if k != "code"}, "field 'code'"),
    (GOOD | {"signature": {"params": [], "returns": "integer"}}, "field 'signature'"),
    (GOOD | {"cases": []}, "field 'cases'"),
    (GOOD | {"cases": [{"args": [1]}]}, "field 'cases', case 0"),
    (GOOD | {"cases": [{"args": [1, 2], "expected": 2}]}, "2 arguments for 1 parameters"),
    (GOOD | {"cases": [{"args": ["x"], "expected": 2}]}, "argument 'n' is no int"),
    (GOOD | {"cases": [{"args": [1], "expected": "2"}]}, "expected is no int"),
    (PROGRAM | {"completion": "def f(): pass"}, "field 'completion': [start, end] is needed, not \"def f(): pass\""),
    (PROGRAM | {"completion": [0]}, "field 'completion': [start, end] is needed"),
    (PROGRAM | {"completion": [0, 1.5]}, "field 'completion': [start, end] is needed"),
    (PROGRAM | {"completion": [True, 5]}, "field 'completion': [start, end] is needed"),
    (PROGRAM | {"completion": [5, 4]}, "field 'completion': [5, 4] does not lie within the program's 33 characters"),
    (PROGRAM | {"completion": [0, 34]}, "field 'completion': [0, 34] does not lie within"),
]


@pytest.mark.parametrize(
    ("alias", "program"),
    [
        ("Python", "assert 1"),
        ("py3", "assert 1"),
        ("c++", "int main() {}"),
        ("C#", "class P { static void Main() {} }"),
        ("js", "'use strict';"),
        ("Node.js", "'use strict';"),
        ("ts", "let a: number;"),
        ("sh", "true"),
        ("Shell", "true"),
        ("PHP8", "<?php"),
    ],
)
def test_a_language_has_every_name_that_other_commands_know(alias: str, program: str) -> None:
    found = command.read_job(json.dumps({"id": "x", "language": alias, "program": program}).encode())
    assert found.language in EIGHT


def test_bad_lines_are_refused_by_number_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.jsonl", [*(row for row, _ in BAD), GOOD])
    assert cli.main(["judge", "in.jsonl", "out.jsonl"]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if "refused: " in line]
    assert len(said) == len(BAD)
    for number, (line, (_, text)) in enumerate(zip(said, BAD, strict=True), 1):
        assert f"in.jsonl: line {number}: " in line and text in line
    assert json.loads((tmp_path / "out.jsonl").read_text())["verdict"] == "passed"


def test_a_missing_input_leaves_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["judge", str(tmp_path / "none.jsonl"), str(tmp_path / "out.jsonl")]) == 1
    assert "none.jsonl: cannot be read" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_doctor_tells_versions_and_the_tier(capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["doctor"])
    said = capsys.readouterr().out
    assert any(kind.name in said for kind in SAFE) and said.count("\n") >= len(EIGHT) + 1
    assert status == (0 if all(toolchains.available(name) for name in EIGHT) else 1)


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(toolchains, "find", lambda binary: "")
    toolchains.available.cache_clear()
    try:
        assert cli.main(["doctor"]) == 1
    finally:
        monkeypatch.undo()
        toolchains.available.cache_clear()
    said = capsys.readouterr().out
    assert all(toolchains.missing(name) in said for name in EIGHT)


def test_an_interrupted_run_leaves_what_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under another name: a file of the name that was asked for is whole."""
    out = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt), command._writer(str(out)) as handle:
        handle.write("{}\n")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl.partial"]
    assert "out.jsonl.partial" in capsys.readouterr().err
