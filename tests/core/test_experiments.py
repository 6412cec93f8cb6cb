from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from xinstruct.experiments import apply, collect, command
from xinstruct.files import BadInput, read_yaml
from xinstruct.models.registry import find

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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("synthesize: {round: 3}", "synthesize.round is no parameter; did you mean rounds?"),
        ("synthesize: {rounds: {more: 3}}", "synthesize.rounds is {'more': 3}; it must be a whole number"),
        ("synthesize: {rounds: 0}", "synthesize.rounds is 0; it must be at least 1"),
        ("synthesize: {tasks: {repairs: 1}}", "synthesize.tasks.repairs is no parameter; did you mean repair?"),
        ("synthesize: {operations: {}}",
         "synthesize.operations is {}; it must be weights of which at least one is above 0"),
        ("synthesize: {operations: {carry: 1}}",
         "params.yaml: synthesize.operations.carry is no operation; did you mean carry_over?"),
        ("languages: [python, ph]", "languages names ph; did you mean php?"),
        ("evaluate: {benchmarks: {humanevil: 3}}", "evaluate.benchmarks names humanevil; did you mean humaneval?"),
        ("teacher: {prices: {m: {prompt: 1, completion: 1}}}",
         "params.yaml has no 'teacher.prices.m.prompt'; add it there first"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(params: Path, tmp_path: Path, text: str, told: str) -> None:
    before = params.read_text()
    (tmp_path / "set.yaml").write_text(text)
    for use in (apply, command):
        with pytest.raises(BadInput) as error:
            use(tmp_path / "set.yaml")
        assert str(error.value).endswith(f"set.yaml: {told}")
    assert params.read_text() == before


def test_a_fault_of_params_itself_is_not_laid_to_the_set(params: Path, tmp_path: Path) -> None:
    params.write_text(params.read_text().replace("rounds: 2 ", "rounds: 0 "))
    (tmp_path / "set.yaml").write_text("synthesize: {agents: 3}")
    with pytest.raises(BadInput, match=r"^params\.yaml: synthesize\.rounds is 0"):
        apply(tmp_path / "set.yaml")


def test_the_dvc_command_of_a_set(params: Path, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("languages: [python, php]\nsynthesize: {rounds: 3}\n")
    line = command(tmp_path / "more.yaml")
    assert line == ["dvc", "exp", "run", "--name", "more", "-S", "languages=[python,php]", "-S", "synthesize.rounds=3"]


@pytest.mark.slow
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


def test_the_set_that_tests_run_needs_no_large_model(params: Path) -> None:
    apply(REPO / "experiments" / "smoke.yaml")
    chosen = read_yaml(params)
    for name in (chosen["teacher"]["model"], chosen["student"]["model"]):
        assert find(name).gguf.size < 100e6
    assert find(read_yaml(REPO / "experiments" / "teacher-small.yaml")["teacher"]["model"]).gguf.size < 500e6
