"""Whether a model needs beginnings written for it: the registry says it, model.json carries it, a parameter wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, endpoint_folder
from tests.models.wheels import WHOLE, use_model
from tests.params import asking
from xinstruct.files import write_json
from xinstruct.llm.backends import embedded_facts, read_model
from xinstruct.llm.client import Client
from xinstruct.models.fetch import fetch_teacher
from xinstruct.models.registry import find

Serve = Callable[[Any], str]


@pytest.mark.parametrize(("said", "wanted"), [("auto", True), (True, True), (False, False)])
def test_an_endpoint_is_capable_unless_a_parameter_says_otherwise(
    said: bool | str, wanted: bool, serve: Serve, tmp_path: Path
) -> None:
    folder = endpoint_folder(tmp_path / "teacher", serve(ChatServer()))
    account = tmp_path / "calls-0.json"
    with Client(asking(capable=said), folder, tmp_path / "journal.sqlite", account=account) as client:
        assert client.capable is wanted
    kept = json.loads((tmp_path / "used-calls-0.json").read_text())
    assert kept["teacher"]["capable"] is wanted, "a recording says it"


def test_a_recorded_teacher_is_what_it_was(tmp_path: Path) -> None:
    facts = {"identity": "m", "served": "m", "run_by": "endpoint", "continues": True, "capable": False, "name": "run"}
    write_json(tmp_path / "model.json", {"name": "m", "kind": "endpoint", "base_url": "", "recorded": facts})
    with Client(asking(capable=True), tmp_path, tmp_path / "journal.sqlite") as client:
        assert client.capable is False


@pytest.mark.parametrize("capable", ["true", "false"])
def test_model_json_carries_what_the_registry_says(
    capable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_model(monkeypatch, tmp_path, f"{{kind: folder, path: {tmp_path}}}")
    (tmp_path / "tiny.gguf").write_bytes(WHOLE)
    registry = tmp_path / "models.yaml"
    registry.write_text(registry.read_text().replace("license: MIT", f"license: MIT, capable: {capable}"))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    fetch_teacher("tiny", tmp_path / "teacher", print)
    model, wanted = read_model(tmp_path / "teacher"), capable == "true"
    assert model["capable"] is wanted
    assert embedded_facts(model, asking()).capable is wanted
    assert embedded_facts(model, asking(capable=not wanted)).capable is not wanted


def test_the_models_that_a_run_here_begins_with() -> None:
    assert find("qwen2.5-coder-1.5b-instruct").capable and not find("smollm2-135m").capable
