from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xinstruct.experiments import apply, command
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


@pytest.mark.parametrize("source", sorted((REPO / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_set_fits_params(params: Path, source: Path) -> None:
    assert apply(source)
