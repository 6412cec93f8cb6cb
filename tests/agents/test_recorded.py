"""A run of seed and synthesize is recorded, and made again elsewhere from its recording, by the stages themselves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import stages.fetch
import stages.seed
import stages.synthesize
from tests.agents.helpers import seeding, snippet, synthesis
from tests.agents.oracle import OWN, OracleServer
from tests.llm.conftest import Loopback, endpoint_folder
from tests.params import values
from tests.stages.helpers import REPO, project
from xinstruct.cli import main
from xinstruct.files import BadInput, hash_path, read_yaml, write_records
from xinstruct.llm.about import record
from xinstruct.llm.journal import Journal
from xinstruct.llm.recording import CALLS, held
from xinstruct.models.recorded import read_about, stand_in
from xinstruct.params.dotted import flatten
from xinstruct.plan import Plan
from xinstruct.processes import git as git_says
from xinstruct.recorded import compared, set_params
from xinstruct.stage import Context, Script, run

LANGUAGES = ["python", "javascript"]
SMALL: dict[str, Any] = {
    "languages": LANGUAGES,
    "synthesize": asdict(synthesis(candidates=1, wave=1, discussions=4, rounds=1, similarity=0.99)),
    "seed": asdict(seeding(per_language=2)),
    "seed.scorer.cutoff": 1.0,
    "teacher.identity": "oracle",
    "teacher.slots": 8,
    "teacher.start_wait": 0.2,
    "teacher.backoff": 0.01,
    "teacher.prices": {"oracle": {"prompt": 1.0, "completion": 2.0}},
}
OUTPUTS = [f"{top}/{stage}" for top in ("data", "reports") for stage in ("seed", "synthesize")]
SCRIPTS = (
    Script("seed", stages.seed.work, writes=("samples", "turns")),
    Script("synthesize", stages.synthesize.work, stages.synthesize.finish, ("samples", "turns")),
)


def checkout(root: Path, **params: Any) -> Path:
    """A project of a few mined functions."""
    root.mkdir(parents=True)
    project(root)
    YAML().dump(values(SMALL | params), root / "params.yaml")
    codes = [(problem, name) for problem in OWN for name in LANGUAGES]
    mined = [snippet(name, p.function(name), p.code(name), p.signature) for p, name in codes]
    write_records(root / "data/mine/snippets.parquet", "snippets", mined)
    return root


def made(root: Path) -> dict[str, str]:
    """Hashes of what the two stages wrote, but for what the clock and the journal decide."""
    for path in root.glob("reports/*/calls.json"):
        path.unlink()
    return {name: hash_path(root / name) for name in OUTPUTS}


Enter = Callable[[Path], Path]


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Work in a project's folder from here on."""
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.delenv("XINSTRUCT_WORK", raising=False)

    def change(root: Path) -> Path:
        monkeypatch.chdir(root)
        return root

    return change


def stages_run(*names: str) -> int:
    """Run stages in this folder. Returns the exit status of the first that fails."""
    return next((status for script in SCRIPTS if script.name in names and (status := run(script, "", []))), 0)


@pytest.fixture
def oracle() -> Iterator[tuple[OracleServer, Loopback]]:
    server = OracleServer(OWN, {"right": 3, "wrong": 1})
    behind = Loopback(server).start()
    yield server, behind
    behind.stop()


@pytest.fixture
def here(tmp_path: Path, enter: Enter, oracle: tuple[OracleServer, Loopback]) -> Path:
    """A project that made seeds and samples with the oracle, and recorded it; the server is gone."""
    root = enter(checkout(tmp_path / "here"))
    endpoint_folder(root / "models/teacher", oracle[1].url)
    assert stages_run("seed", "synthesize") == 0
    with Journal(Path("work/journal.sqlite")) as journal:
        journal.put("k" * 64, "oracle", {}, next(iter(journal.get(held_keys(journal)).values())))  # of another run
        record("run", journal)
    oracle[1].stop()
    oracle[0].count = 0
    return root


def held_keys(journal: Journal) -> list[str]:
    return [key for (key,) in journal.db.execute("select key from calls")]


def elsewhere(here: Path, enter: Enter, **params: Any) -> Path:
    """Another project with the same mined functions and the recording, its calls in the journal."""
    root = enter(checkout(here.with_name("elsewhere"), **params))
    shutil.copytree(here / "recorded", root / "recorded")
    assert main(["journal", "import", "recorded/run"]) == 0
    return root


@pytest.mark.slow
def test_a_run_is_made_again_from_its_recording_to_the_same_bytes(
    here: Path, enter: Enter, oracle: tuple[OracleServer, Loopback]
) -> None:
    root = elsewhere(here, enter, **{"teacher.recorded": "run"})
    stand_in("run", root / "models/teacher")
    assert stages_run("seed", "synthesize") == 0
    assert made(root) == made(here)
    assert not oracle[0].count
    metrics = json.loads((root / "reports/synthesize/metrics.json").read_text())
    assert metrics["rows"]["out"] and metrics["teacher"]["cost"]


@pytest.mark.slow
def test_what_was_run_is_written_beside_the_calls(here: Path) -> None:
    about = read_about(here / "recorded/run")
    with Journal(here / "work/journal.sqlite") as journal:
        keys = set(held_keys(journal))
    assert held(here / "recorded/run", CALLS) == keys - {"k" * 64}, "a call that no output used stays behind"
    calls = about["calls"]
    assert calls["used_by_outputs"] == calls["answered"] == len(keys) - 1
    assert sum(stage["answered"] for stage in calls["by_stage"].values()) == calls["answered"]
    assert set(calls["by_stage"]) == {"seed", "synthesize"}
    assert about["params"] == read_yaml(here / "params.yaml")
    assert about["teacher"]["identity"] == "oracle" and about["teacher"]["served"] == "oracle"
    assert about["teacher"]["model"] == json.loads((here / "models/teacher/model.json").read_text())


@pytest.mark.slow
def test_the_commit_and_what_was_changed_of_it_is_written(here: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    (here / "README.md").write_text("one\n")
    YAML().dump(values(), here / "params.yaml")
    for words in (["init", "-q"], ["add", "params.yaml", "README.md"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    (here / "README.md").write_text("two\n")
    YAML().dump(values(SMALL), here / "params.yaml")
    teacher = {name.removeprefix("teacher."): SMALL[name] for name in SMALL if name.startswith("teacher.")}
    seed = SMALL["seed"] | {"scorer": SMALL["seed"]["scorer"] | {"cutoff": 1.0}}
    (here / "experiments").mkdir()
    (here / "experiments/a.yaml").write_text("random_seed: 5\n")
    small = {"languages": LANGUAGES, "synthesize": SMALL["synthesize"], "seed": seed, "teacher": teacher}
    YAML().dump(small, here / "experiments/small.yaml")
    with Journal(here / "work/journal.sqlite") as journal:
        about = record("run", journal)
    assert about["code"] == {"commit": git_says("rev-parse", "HEAD").strip(), "changed": ["README.md"]}
    changed = {name: value for name, value in flatten(values(SMALL)).items() if flatten(values()).get(name) != value}
    assert about["overrides"] == changed and "teacher.identity" in changed and "random_seed" not in changed
    assert about["experiment"] == "experiments/small.yaml"
    assert about["stages_left_out"] == sorted(read_yaml(here / "dvc.yaml")["stages"])


@pytest.mark.slow
def test_calls_that_the_outputs_used_and_nobody_has_are_missed(here: Path) -> None:
    shutil.rmtree(here / "recorded")
    with Journal(here / "work/journal.sqlite") as journal:
        journal.db.execute("delete from calls where key in (select key from calls where stage = 'seed' limit 2)")
        with pytest.raises(BadInput, match=r"journal\.sqlite: lacks 2 of the 33 calls that the outputs used"):
            record("run", journal)


@pytest.mark.slow
def test_fetch_takes_the_recorded_teachers_facts_and_no_weights(here: Path, enter: Enter) -> None:
    root = elsewhere(here, enter)
    changes = {"teacher.model": "no-such-model", "teacher.recorded": "run"}
    plan = Plan("fetch", values(changes), [], ["models/teacher"], 1, "work/fetch")
    facts = stages.fetch._teacher(Context(plan, 0))
    assert facts == read_about(root / "recorded/run")["teacher"]["model"]
    assert [path.name for path in (root / "models/teacher").iterdir()] == ["model.json"]


@pytest.mark.slow
def test_a_call_that_is_not_recorded_stops_the_stage_or_asks(
    here: Path, enter: Enter, oracle: tuple[OracleServer, Loopback], capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"teacher.recorded": "run", "synthesize.rounds": 2}
    root = elsewhere(here, enter, **more)
    stand_in("run", root / "models/teacher")
    assert stages_run("seed") == 0
    assert stages_run("synthesize") == 1
    told = capsys.readouterr().err
    assert re.search(r"synthesize: error: created prompts: the recording run \(teacher\.recorded\) lacks \d of", told)
    assert not oracle[0].count and not (root / "data/synthesize").exists()
    oracle[1].start()
    YAML().dump(values(SMALL | more | {"teacher.missing": "ask"}), root / "params.yaml")
    stand_in("run", root / "models/teacher", {"name": "x", "kind": "endpoint", "base_url": oracle[1].url})
    assert stages_run("seed", "synthesize") == 0
    assert 0 < oracle[0].count < 20
    before = held(root / "recorded/run", CALLS)
    with Journal(root / "work/journal.sqlite") as journal:
        record("run", journal)
    assert held(root / "recorded/run", CALLS) > before
    assert read_about(root / "recorded/run")["params"]["teacher"]["recorded"] == ""


@pytest.mark.slow
def test_a_recording_of_another_teacher_is_not_mixed_with(here: Path) -> None:
    YAML().dump(values(SMALL | {"teacher.identity": "another"}), here / "params.yaml")
    endpoint_folder(here / "models/teacher", "http://127.0.0.1:9/v1")
    with Journal(here / "work/journal.sqlite") as journal:
        with pytest.raises(BadInput, match=r"who answered is not known any more"):
            record("run", journal)
        YAML().dump(
            values(SMALL | {"teacher.identity": "another", "teacher.served_as": "m", "teacher.dialect": "vllm"}),
            here / "params.yaml",
        )
        with pytest.raises(BadInput, match=r"holds calls of oracle, this run's teacher is another; give another name"):
            record("run", journal)


def test_params_become_those_of_the_recorded_run(tmp_path: Path, enter: Enter) -> None:
    enter(tmp_path)
    shutil.copy(REPO / "params.yaml", tmp_path)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "params.yaml"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    wanted = values(
        SMALL | {"synthesize.target_weights": {}, "teacher.prices": {"a.b": {"prompt": 1, "completion": 2}}}
    )
    recorded = {name: dict(value) if isinstance(value, dict) else value for name, value in wanted.items()}
    del recorded["report"], recorded["teacher"]["missing"]  # of an earlier version
    assert set_params("run", recorded, "stop")
    found = read_yaml(tmp_path / "params.yaml")
    assert found == wanted | {"teacher": wanted["teacher"] | {"recorded": "run"}}
    assert "# d: agents per discussion" in (tmp_path / "params.yaml").read_text()
    assert set_params("run", recorded, "ask") == {"teacher.missing": "ask"}
    with pytest.raises(BadInput, match=r"params\.yaml: has changes that this would overwrite"):
        set_params("run", recorded | {"random_seed": 1}, "stop")
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    with pytest.raises(BadInput, match=r"recorded/run/about\.yaml: synthesize.turns is no parameter"):
        set_params("run", recorded | {"synthesize": wanted["synthesize"] | {"turns": 1}}, "stop")


@pytest.mark.slow
def test_the_command_reruns_a_recorded_run_and_compares_it(
    tmp_path: Path, enter: Enter, oracle: tuple[OracleServer, Loopback], capfd: pytest.CaptureFixture[str]
) -> None:
    """Through dvc, in a graph without fetch and mine, whose outputs are there."""
    for name in ("first", "second"):
        root = enter(checkout(tmp_path / name))
        graph = read_yaml(root / "dvc.yaml")["stages"]
        YAML().dump({"stages": {stage: graph[stage] for stage in ("seed", "synthesize")}}, root / "dvc.yaml")
        subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], check=True)
        if name == "first":
            endpoint_folder(root / "models/teacher", oracle[1].url)
            subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], check=True)
            assert main(["journal", "export", "--recorded", "run"]) == 0
            oracle[1].stop()
            continue
        YAML().dump(values({"languages": LANGUAGES}), root / "params.yaml")
        shutil.copytree(tmp_path / "first/recorded", root / "recorded")
        stand_in("run", root / "models/teacher")
        assert main(["recorded", "run", "--strict"]) == 0
    told = capfd.readouterr().out
    assert "  equal     data/synthesize\n" in told
    assert "4 of 4 outputs are those of the recorded run (run, " in told
    write_records(Path("data/seed/samples.parquet"), "samples", [])
    subprocess.run([sys.executable, "-m", "dvc", "commit", "-fq", "seed"], check=True)
    about = read_about(Path("recorded/run"))
    states = {row.path: row.state for row in compared(about, {"seed", "synthesize"})}
    assert states["data/seed"] == "differs" and states["data/synthesize"] == "equal"
    assert main(["recorded", "run", "--compare", "--strict"]) == 1
