from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from xinstruct.experiments import apply, collect, command
from xinstruct.files import BadInput, read_yaml

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(REPO / "params.yaml", tmp_path))


def test_applying_a_set_changes_only_what_it_names(params: Path, tmp_path: Path) -> None:
    before = read_yaml(params)
    (tmp_path / "set.yaml").write_text("synthesize: {rounds: 3}\n")
    apply(tmp_path / "set.yaml")
    after = read_yaml(params)
    assert after["synthesize"].pop("rounds") == 3
    before["synthesize"].pop("rounds")
    assert after == before
    assert "# d: agents per discussion" in params.read_text()


def test_an_unknown_param_is_refused_by_name(params: Path, tmp_path: Path) -> None:
    (tmp_path / "set.yaml").write_text("synthesize: {turns: 3}\n")
    with pytest.raises(BadInput, match=r"synthesize\.turns"):
        apply(tmp_path / "set.yaml")


def test_the_dvc_command_of_a_set(params: Path, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("languages: [python, php]\nsynthesize: {rounds: 3}\n")
    line = command(tmp_path / "more.yaml")
    assert line == ["dvc", "exp", "run", "--name", "more", "-S", "languages=[python,php]", "-S", "synthesize.rounds=3"]


@pytest.mark.parametrize("source", sorted((REPO / "experiments").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_set_fits_params(params: Path, source: Path) -> None:
    assert apply(source)


def test_a_finished_experiment_is_collected_from_its_ref(params: Path, tmp_path: Path) -> None:
    source = tmp_path / "memory-off.yaml"
    source.write_text("synthesize: {memory_capacity: 0}\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert collect(source) is None
    metrics = tmp_path / "reports" / "synthesize" / "metrics.json"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"rows": {"in": 9, "out": 4}, "other": 1}))
    subprocess.run([*git, "add", "reports"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    subprocess.run([*git, "update-ref", "refs/exps/ab/cdef/memory-off", "HEAD"], check=True)
    path = collect(source)
    assert path is not None
    row = json.loads(path.read_text())
    assert row["rows"] == {"in": 9, "out": 4} and row["changes"] == {"synthesize.memory_capacity": 0}
    assert "other" not in row
