"""A language is added by a file in a folder: it is found, judged, and told of by doctor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xinstruct import cli
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import EIGHT, all_languages, get, names

OWN = Path(__file__).parent / "own"
SIGNATURE = Signature.of("int", a="int", b="int")
CASES = (Case((7, 2), 9), Case((-7, 2), -5))
ANSWERS = {
    "passed": "twice(a) = a * 2\nadd(a, b) = a + b\n",
    "wrong_answer": "add(a, b) = a - b\n",
    "compile_error": "add(a, b) = a +\n",
    "runtime_error": "add(a, b) = a + c\n",
}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_LANGUAGES", str(OWN))


@pytest.mark.slow
def test_listing_the_languages_imports_none() -> None:
    code = (
        "import sys, xinstruct.languages as l\nprint(len(l.names()))\n"
        "print(sorted(set(sys.modules) & {f'xinstruct.languages.{n}' for n in l.names()}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:2] == [str(len(names())), "[]"]


@pytest.mark.usefixtures("own")
def test_every_verdict_in_a_language_of_ones_own(judge: Judge) -> None:
    assert names()[:8] == EIGHT and "formula" in names() and get("formula").title == "Formula"
    jobs = [Job(verdict, "formula", code, "add", SIGNATURE, CASES) for verdict, code in ANSWERS.items()]
    jobs.append(Job("unsupported", "formula", program="1 == 1"))
    verdicts = judge.judge(jobs)
    assert [(v.id, v.verdict) for v in verdicts] == [(job.id, job.id) for job in jobs], verdicts
    assert verdicts[2].detail == "error: line 1: invalid syntax"
    assert "NameError" in verdicts[3].errors[0]


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_the_commands_know_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "x", "language": "formula", "code": ANSWERS["passed"], "function": "add"}
    row |= {"signature": json.loads(SIGNATURE.to_json()), "cases": [{"args": [1, 2], "expected": 3}]}
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    assert cli.main(["judge", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")]) == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["verdict"] == "passed"
    cli.main(["doctor"])
    eight, further = capsys.readouterr().out.split("further languages:\n")
    assert "Formula" in further and "Formula" not in eight


def test_without_the_folder_it_is_unknown() -> None:
    assert "formula" not in {language.name for language in all_languages()}
    with pytest.raises(ValueError, match="unknown language 'formula'"):
        get("formula")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("java.py", "LANGUAGE = None\n", "two languages are called 'java'"),
        ("a/b.py", "LANGUAGE = None\n", ""),
        ("helper.py", "def language() -> None: ...\nif LANGUAGE == 1: ...\n", ""),
        ("pack/__init__.py", "LANGUAGE: object = None\n", "pack"),
    ],
)
def test_what_makes_a_file_a_language(
    file: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    before = names()
    monkeypatch.setenv("XINSTRUCT_LANGUAGES", str(tmp_path))
    if said.startswith("two"):
        with pytest.raises(ValueError, match=said):
            names()
    else:
        assert [name for name in names() if name not in before] == [name for name in [said] if name]


def test_a_folder_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XINSTRUCT_LANGUAGES", "/nowhere/at/all")
    assert cli.main(["doctor"]) == 1
    assert "XINSTRUCT_LANGUAGES: /nowhere/at/all is no folder" in capsys.readouterr().err


def test_a_language_that_calls_itself_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.py").write_text((OWN / "formula.py").read_text())
    monkeypatch.setenv("XINSTRUCT_LANGUAGES", str(tmp_path))
    with pytest.raises(ValueError, match="calls itself 'formula', not 'other'"):
        get("other")
