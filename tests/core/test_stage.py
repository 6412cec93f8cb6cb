"""Row accounting, shards, resume after kill -9 and the two engines, on a toy stage that really runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.params import values
from xinstruct.files import hash_path, read_records
from xinstruct.plan import Plan
from xinstruct.records import Reason, Rejection
from xinstruct.stage import BadInput, Context, Script, finish_stage, run_shard

REPO = Path(__file__).resolve().parents[2]

TOY = """
import os, sys, time
from pathlib import Path
from xinstruct.records import Reason, Turn
from xinstruct.stage import Context, Script, run

def work(ctx: Context) -> None:
    for number in ctx.mine(range(40), key=str):
        ctx.open(str(number))
        if number % 4 == 0:
            ctx.drop(str(number), "python", Reason.TRIVIAL, "a multiple of four")
        else:
            turn = Turn(id=str(number), stage="toy", thread=str(number % 3), step=number, kind="answer")
            ctx.keep(turn, of=str(number))
    if os.environ.get("HANG") == str(ctx.shard):
        Path("hanging").touch()
        time.sleep(60)

def finish(ctx: Context) -> None:
    ctx.metrics["turns"] = len(ctx.records["turns"])
    ctx.metrics["order"] = [*ctx.params.synthesize.target_weights]

if __name__ == "__main__":
    sys.exit(run(Script("toy", work, finish, writes=("turns",)), "A toy."))
"""

GRAPH = """
stages:
  toy:
    cmd: python -m stages.toy
    deps: [stages/toy.py]
    params: [synthesize]
    outs: [data/toy]
    metrics: [{reports/toy/metrics.json: {cache: false}}]
    meta: {shards: 3, resources: {mem_mb: 200}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("stages", "rules", "profiles"):
        if (REPO / name).exists() and name != "stages":
            shutil.copytree(REPO / name, tmp_path / name)
    (tmp_path / "stages").mkdir()
    shutil.copy(REPO / "Snakefile", tmp_path)
    (tmp_path / "stages" / "__init__.py").touch()
    (tmp_path / "stages" / "toy.py").write_text(TOY)
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    write_params(tmp_path, {"b": 1, "a": 2})
    return tmp_path


def write_params(project: Path, weights: dict[str, int]) -> None:
    """The defaults, with the weights in the order given (JSON is YAML)."""
    (project / "params.yaml").write_text(json.dumps(values({"synthesize.target_weights": weights})))


def start(project: Path, **env: str) -> subprocess.Popen[bytes]:
    full = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"} | env
    command = [sys.executable, "-m", "stages.toy"]
    return subprocess.Popen(command, cwd=project, env=full, stderr=subprocess.PIPE)


def outcome(project: Path) -> tuple[str, str]:
    return hash_path(project / "data"), hash_path(project / "reports")


@pytest.mark.slow
def test_killed_and_run_again_gives_the_bytes_of_an_undisturbed_run(project: Path) -> None:
    process = start(project, HANG="1")
    deadline = time.monotonic() + 60
    while not (project / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    parts = sorted(path.name for path in next((project / "work" / "toy").iterdir()).glob("part-*"))
    assert parts == ["part-0000-of-0003"]
    assert not (project / "data").exists()
    assert start(project).wait() == 0
    resumed = outcome(project)
    shutil.rmtree(project / "work")
    shutil.rmtree(project / "data")
    assert start(project).wait() == 0
    assert outcome(project) == resumed


@pytest.mark.slow
def test_snakemake_fans_out_to_the_same_bytes(project: Path) -> None:
    assert start(project).wait() == 0
    plain = outcome(project)
    for folder in ("work", "data", "reports"):
        shutil.rmtree(project / folder)
    process = start(project, SNAKEMAKE_PROFILE="profiles/local")
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    assert outcome(project) == plain
    assert len(list((project / "work" / "toy").glob("*/log/*.log"))) == 3


@pytest.mark.slow
def test_the_order_in_which_params_are_written_changes_nothing(project: Path) -> None:
    assert start(project).wait() == 0
    plain = outcome(project)
    write_params(project, {"a": 2, "b": 1})
    for folder in ("work", "data", "reports"):
        shutil.rmtree(project / folder)
    assert start(project).wait() == 0
    assert outcome(project) == plain


@pytest.mark.slow
def test_resharding_gives_the_same_bytes(project: Path) -> None:
    assert start(project).wait() == 0
    plain = outcome(project)
    (project / "dvc.yaml").write_text(GRAPH.replace("shards: 3", "shards: 1"))
    assert start(project).wait() == 0
    assert outcome(project) == plain
    metrics = json.loads((project / "reports" / "toy" / "metrics.json").read_text())
    assert metrics["rows"] == {"in": 40, "out": 30, "rejected": 10}
    assert metrics["rejected"] == {"trivial": 10}


@pytest.mark.slow
def test_bad_input_is_one_line_and_exit_one(project: Path) -> None:
    (project / "params.yaml").write_text(json.dumps(values({"synthesize.round": 2})))
    process = start(project)
    _, errors = process.communicate()
    assert process.returncode == 1
    said = "toy: error: params.yaml: synthesize.round is no parameter; did you mean rounds?"
    assert errors.decode().strip() == said


@pytest.mark.slow
def test_a_parameter_that_the_graph_does_not_list_says_where_it_is_missing(project: Path) -> None:
    (project / "dvc.yaml").write_text(GRAPH.replace("params: [synthesize]", "params: [synthesize.rounds]"))
    process = start(project)
    _, errors = process.communicate()
    assert process.returncode == 1
    said = "dvc.yaml: stage toy reads synthesize.target_weights, which its params do not list; add it there"
    assert errors.decode().strip().splitlines()[-1] == f"toy: error: {said}"


@pytest.mark.slow
def test_the_graph_can_list_only_what_params_has(project: Path) -> None:
    (project / "dvc.yaml").write_text(GRAPH.replace("params: [synthesize]", "params: [synthesize.round]"))
    process = start(project)
    _, errors = process.communicate()
    assert process.returncode == 1
    said = "toy: error: dvc.yaml: params lists 'synthesize.round', which params.yaml does not have"
    assert errors.decode().strip() == said


@pytest.mark.slow
def test_ctrl_c_says_that_work_is_kept(project: Path) -> None:
    process = start(project, HANG="2")
    while not (project / "hanging").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert b"run again" in errors


def plan(tmp_path: Path, shards: int = 1) -> Plan:
    return Plan("toy", {}, [], ["data/toy"], shards, str(tmp_path / "work"))


def test_a_row_that_vanishes_stops_the_stage(tmp_path: Path) -> None:
    def work(ctx: Context) -> None:
        ctx.open("lost")

    with pytest.raises(AssertionError, match=r"1 rows vanished.*lost"):
        run_shard(plan(tmp_path), 0, work)
    assert not plan(tmp_path).part(0).exists()


@pytest.mark.parametrize("twice", [True, False])
def test_a_row_closes_once_and_only_when_opened(tmp_path: Path, twice: bool) -> None:
    ctx = Context(plan(tmp_path), 0)
    if twice:
        ctx.open("a")
        ctx.drop("a", "", Reason.TRIVIAL)
    with pytest.raises(AssertionError):
        ctx.drop("a", "", Reason.TRIVIAL)


def test_a_reason_outside_the_closed_list_is_refused(tmp_path: Path) -> None:
    ctx = Context(plan(tmp_path), 0)
    ctx.open("a")
    with pytest.raises(ValueError, match="whim"):
        ctx.drop("a", "", "whim")


def test_finishing_needs_every_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_shard(plan(tmp_path, 2), 0, lambda ctx: None)
    with pytest.raises(BadInput, match="shard 1 of 2"):
        finish_stage(plan(tmp_path, 2), Script("toy", lambda ctx: None))


def test_shard_metrics_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def work(ctx: Context) -> None:
        ctx.metrics["llm"] = {"calls": 1 + ctx.shard, f"only_{ctx.shard}": 1}

    for shard in range(2):
        run_shard(plan(tmp_path, 2), shard, work)
    finish_stage(plan(tmp_path, 2), Script("toy", work))
    metrics = json.loads(Path("reports/toy/metrics.json").read_text())
    assert metrics["llm"] == {"calls": 3, "only_0": 1, "only_1": 1}


def test_rejected_rows_keep_their_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def work(ctx: Context) -> None:
        row = Rejection(id="r", stage="", reason="memory", language="php")
        ctx.open("r")
        ctx.reject(row, Reason.TOO_LONG, "4000 tokens")

    run_shard(plan(tmp_path), 0, work)
    finish_stage(plan(tmp_path), Script("toy", work, writes=("samples",)))
    (row,) = read_records(Path("data/toy/rejected.parquet"), "rejected")
    assert (row.reason, row.language, json.loads(row.record)["reason"]) == ("too_long", "php", "memory")
