"""profiles/slurm on a real Slurm of two nodes on loopback: the bytes of a run without it, whatever dies on the way.

Needs root and Debian's slurm-wlm and munge (setup/slurm.sh says so); `make slurm` runs it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_end_to_end import REPO, Project, metrics

pytestmark = [pytest.mark.long, pytest.mark.network]
STAGES = ("mine", "filter")  # in two shards each
SCRIPT = REPO / "setup" / "slurm.sh"


class Cluster:
    """Two node daemons and a controller, with their state in a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.env = os.environ | {"SLURM_CONF": str(place / "slurm.conf")}

    def do(self, action: str, *more: str) -> None:
        subprocess.run(["bash", str(SCRIPT), action, str(self.place), *more], check=True)

    def jobs(self, state: str) -> list[str]:
        """The ids of the jobs in a state."""
        command = ["squeue", "--noheader", "--format=%i", f"--states={state}"]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout.split()

    def cancel(self, job: str) -> None:
        subprocess.run(["scancel", "--signal=KILL", "--full", job], env=self.env, check=True)

    def kill_daemon(self, number: int) -> None:
        os.kill(int((self.place / f"slurmd-n{number}.pid").read_text()), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.getuid() or not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        pytest.skip("needs root, slurm-wlm and munge: apt-get install -y --no-install-recommends slurm-wlm munge")
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    made.do("up")
    yield made
    made.do("down")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run without Slurm, up to filter, of functions alone: no teacher is asked twice."""
    project = Project(tmp_path_factory.mktemp("local"))
    project.run("xinstruct", "experiment", "--apply", "experiments/smoke.yaml")
    graph = project.root / "dvc.yaml"  # DVC does not hash meta
    graph.write_text(graph.read_text().replace("  mine:\n", "  mine:\n    meta: {shards: 2}\n", 1))
    project.commit()
    project.run("dvc", "repro", "filter")
    return project


def again(project: Project, stage: str) -> list[str]:
    """The command that makes a stage anew on Slurm."""
    shutil.rmtree(project.root / "work" / stage)
    return ["dvc", "repro", "--force", "--single-item", "--no-run-cache", stage]


def test_shards_run_on_both_nodes_and_make_the_same_bytes(local: Project, cluster: Cluster) -> None:
    lock = (local.root / "dvc.lock").read_bytes()
    for stage in STAGES:
        local.run(*again(local, stage), SNAKEMAKE_PROFILE="profiles/slurm")
    assert (local.root / "dvc.lock").read_bytes() == lock
    nodes = {
        line.split("NodeList=")[1].split()[0] for line in (cluster.place / "log/jobs.txt").read_text().splitlines()
    }
    assert nodes == {"n1", "n2"}


def test_a_job_and_a_daemon_that_die_cost_time_and_nothing_else(local: Project, cluster: Cluster) -> None:
    lock = (local.root / "dvc.lock").read_bytes()
    env, known = local.env | {"SNAKEMAKE_PROFILE": "profiles/slurm"}, set(cluster.jobs("all"))
    run = subprocess.Popen(again(local, "mine"), cwd=local.root, env=env)
    deadline = time.monotonic() + 300
    while not (fresh := sorted(set(cluster.jobs("running")) - known)) and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(5)  # it has begun to read packages
    cluster.cancel(fresh[0])
    cluster.kill_daemon(2)
    time.sleep(3)
    cluster.do("node", "2")
    if run.wait(timeout=900) != 0:  # both lost their retry
        local.run(*again(local, "mine"), SNAKEMAKE_PROFILE="profiles/slurm")
    assert (local.root / "dvc.lock").read_bytes() == lock
    killed = [
        line for line in (cluster.place / "log/jobs.txt").read_text().splitlines() if f"JobId={fresh[0]} " in line
    ]
    assert killed and "JobState=COMPLETED" not in killed[0], killed
    rows = metrics(local, "mine")["rows"]
    assert rows["in"] == rows["out"] + rows["rejected"]
