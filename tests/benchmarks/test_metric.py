"""The metric as users load it: by path, through `evaluate`, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xinstruct.code.names import known_as
from xinstruct.languages import names

pytestmark = pytest.mark.slow

REPO = Path(__file__).resolve().parents[2]
SIGNATURE = '{"params": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}], "returns": "int"}'
CASES = '[{"args": [1, 2], "expected": 3}, {"args": [-1, 1], "expected": 0}]'


def reference(language: str) -> dict[str, str]:
    return {"language": language, "function": "add", "signature": SIGNATURE, "cases": CASES}


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import evaluate

    return evaluate.load(
        str(REPO / "metrics" / "multilingual_code_eval"), cache_dir=str(tmp_path_factory.mktemp("evaluate"))
    )


PYTHON = ["def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"]
JAVASCRIPT = ["const add = (a, b) => a + b;", "process.exit(0)"]


def test_pass_at_k_per_language(metric: Any) -> None:
    found = metric.compute(
        predictions=[PYTHON, JAVASCRIPT], references=[reference("python"), reference("javascript")], k=[1, 2, 5]
    )
    assert found["pass@1"] == 0.5
    assert found["pass@2"] == 1.0
    assert "pass@5" not in found
    assert found["languages"]["python"]["verdicts"] == {"passed": 1, "wrong_answer": 1}
    assert found["details"][1][1]["verdict"] == "forged"  # an early exit with status 0 wins nothing


def test_references_as_json_text(metric: Any) -> None:
    found = metric.compute(predictions=[PYTHON[:1]], references=[json.dumps(reference("python"))])
    assert found["pass@1"] == 1.0
    assert found["languages"]["python"]["interval"][1] == 1.0


ALIASES = {
    "python": ("python", "Python", "PY", "python3", "Python 3.11", "py"),
    "javascript": ("js", "JavaScript", "Node.js", "node", "ECMAScript", "mjs"),
    "typescript": ("ts", "TypeScript", "TS"),
    "java": ("Java", "JAVA", "java17"),
    "cpp": ("c++", "C++", "cxx", "cc", "C++17", "c++ 20"),
    "csharp": ("cs", "C#", "c#", "CSharp", "dotnet"),
    "php": ("PHP", "php8"),
    "bash": ("sh", "Shell", "bash", "zsh", "shell script"),
    "c": ("c", "C"),
    "go": ("golang", "Go"),
}


@pytest.mark.parametrize("language", ALIASES)
def test_languages_have_customary_names(language: str) -> None:
    assert {known_as(alias, names()) for alias in ALIASES[language]} == {language}


def test_references_may_use_customary_names(metric: Any) -> None:
    codes = {"c++": "long add(long a, long b) { return a + b; }", "Python": PYTHON[0], "js": JAVASCRIPT[0]}
    found = metric.compute(predictions=[[code] for code in codes.values()], references=list(map(reference, codes)))
    assert found["pass@1"] == 1.0
    assert list(found["languages"]) == ["cpp", "javascript", "python"]


@pytest.mark.parametrize("name", ["cobol", "", "c--", "pythonic", "None"])
def test_an_unknown_language_is_named(metric: Any, name: str) -> None:
    with pytest.raises(ValueError, match=rf"references\[1\]: unknown language '{name}'; known: python, javascript"):
        metric.compute(predictions=[PYTHON[:1]] * 2, references=[reference("python"), reference(name)])


def test_a_language_without_its_toolchain_is_named(
    metric: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nowhere.py").write_text(NOWHERE)
    monkeypatch.setenv("XINSTRUCT_LANGUAGES", str(tmp_path))
    with pytest.raises(ValueError, match=r"references\[0\]: nowhere cannot be run here; install it: get it somewhere"):
        metric.compute(predictions=[PYTHON], references=[reference("nowhere")])


NOWHERE = """
from xinstruct.languages.base import Toolchain
from xinstruct.languages.python import Python


class Nowhere(Python):
    name = "nowhere"
    toolchain = Toolchain(("nowhere-c",), ("nowhere-c", "--version"), "get it somewhere")


LANGUAGE = Nowhere()
"""


def test_a_task_that_a_language_cannot_express_is_named(metric: Any) -> None:
    tupled = {"signature": SIGNATURE.replace('"returns": "int"', '"returns": "dict<list<int>, int>"')}
    cases = {"cases": '[{"args": [1, 2], "expected": []}]'}
    with pytest.raises(ValueError, match=r"references\[0\]: javascript cannot express it"):
        metric.compute(predictions=[JAVASCRIPT], references=[reference("javascript") | tupled | cases])


def test_bad_references_are_named(metric: Any) -> None:
    with pytest.raises(ValueError, match=r"references\[0\].*no cases"):
        metric.compute(predictions=[PYTHON], references=[reference("python") | {"cases": "[]"}])
    with pytest.raises(ValueError, match=r"references\[0\].*needs language"):
        metric.compute(predictions=[PYTHON], references=["{}"])
