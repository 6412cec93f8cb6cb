"""The metric as users load it: by path, through `evaluate`, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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


def test_bad_references_are_named(metric: Any) -> None:
    with pytest.raises(ValueError, match=r"references\[0\].*no cases"):
        metric.compute(predictions=[PYTHON], references=[reference("python") | {"cases": "[]"}])
    with pytest.raises(ValueError, match=r"references\[0\].*needs language"):
        metric.compute(predictions=[PYTHON], references=["{}"])
