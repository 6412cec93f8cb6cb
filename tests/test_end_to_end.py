"""The whole graph at smoke scale, as a person runs it: clone, `dvc repro`, kill, `dvc repro` again.

Real model, real packages, real execution. Needs the package registries for the first download; what
was downloaded is kept under work/downloads and shared with the project's own runs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xinstruct.files import hash_path, read_records, read_yaml
from xinstruct.plan import work_root
from xinstruct.records import Reason

REPO = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.network]


class Project:
    """A clone of the working tree in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        bin_folder = str(Path(sys.executable).parent)
        self.env = os.environ | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "XINSTRUCT_TOOLS": str(REPO / "tools"),
        }
        self.env.pop("SNAKEMAKE_PROFILE", None)
        listed = self._git(REPO, "ls-files", "--cached", "--others", "--exclude-standard").split("\n")
        for name in filter(None, listed):
            if (REPO / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPO / name, root / name)
        (root / "dvc.lock").unlink(missing_ok=True)
        downloads = work_root(REPO) / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        (root / "work").mkdir()
        (root / "work" / "downloads").symlink_to(downloads)

    def commit(self) -> None:
        """Everything as one more commit of the clone's own repository."""
        if not (self.root / ".git").exists():
            self._git(self.root, "init", "-q")
            self._git(self.root, "config", "user.name", "somebody")
            self._git(self.root, "config", "user.email", "somebody@example.org")
        self._git(self.root, "add", "-A")
        self._git(self.root, "commit", "-qm", "state")

    def _git(self, where: Path, *args: str) -> str:
        return subprocess.run(["git", *args], cwd=where, check=True, capture_output=True, text=True).stdout

    def run(self, *command: str, **env: str) -> str:
        """Run a command that must succeed; its output goes to the log and is returned."""
        done = subprocess.run(
            command, cwd=self.root, env=self.env | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        print(done.stdout[-6000:])
        assert done.returncode == 0, f"{' '.join(command)} exited {done.returncode}:\n{done.stdout[-4000:]}"
        return done.stdout

    def kill_in(self, stage: str, seconds: float) -> None:
        """Start `dvc repro`, wait until a stage has worked for some seconds, kill -9 everything."""
        with (self.root / "killed.log").open("w") as log:
            process = subprocess.Popen(
                ["dvc", "repro", stage], cwd=self.root, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
            deadline = time.monotonic() + 900
            while not (self.root / "work" / stage).exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(seconds)
            assert process.poll() is None, (self.root / "killed.log").read_text()[-3000:]
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert not (self.root / "data" / stage).exists()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("smoke"))
    made.run(sys.executable, "-m", "xinstruct.cli", "experiment", "--apply", "experiments/smoke.yaml")
    made.commit()
    return made


def records(project: Project, stage: str, kind: str) -> list[Any]:
    return read_records(project.root / "data" / stage / f"{kind}.parquet", kind)


def metrics(project: Project, stage: str) -> dict[str, Any]:
    return dict(json.loads((project.root / "reports" / stage / "metrics.json").read_text()))


def test_killed_then_the_whole_graph(project: Project) -> None:
    project.kill_in("seed", 8)
    project.run("dvc", "repro")
    for stage, spec in read_yaml(REPO / "dvc.yaml")["stages"].items():
        for out in (entry if isinstance(entry, str) else next(iter(entry)) for entry in spec["outs"]):
            assert (project.root / out).exists(), f"{stage}: {out}"


def test_books_balance_between_stages(project: Project) -> None:
    made = {record.id for stage in ("seed", "synthesize") for record in records(project, stage, "samples")}
    unique = {record.id for record in records(project, "deduplicate", "samples")}
    dropped = {record.id for record in records(project, "deduplicate", "rejected")}
    assert made == unique | dropped
    assert not unique & dropped
    verified = {record.id for record in records(project, "filter", "samples")}
    assert unique == verified | {record.id for record in records(project, "filter", "rejected")}
    for stage in ("mine", "seed", "synthesize", "deduplicate", "filter", "preferences"):
        rows = metrics(project, stage)["rows"]
        assert rows["in"] == rows["out"] + rows["rejected"], stage
        assert {row.reason for row in records(project, stage, "rejected")} <= set(Reason)


def test_what_the_calls_took_is_told(project: Project) -> None:
    for stage in ("seed", "synthesize"):
        [calls] = json.loads((project.root / "reports" / stage / "calls.json").read_text())
        asked = calls["calls"]["asked"] + calls["calls"]["cached"]
        assert asked == metrics(project, stage)["teacher"]["calls"]
        assert set(calls["seconds"]) == {"p50", "p90", "p99"}
        page = (project.root / "reports" / "calls.html").read_text()
        assert stage in page and f"{calls['calls']['asked']:,}" in page
    assert "reports/calls.html" in (project.root / "reports" / "index.html").read_text()


def test_what_survives_is_verified_traceable_and_licensed(project: Project) -> None:
    snippets = {snippet.id: snippet for snippet in records(project, "mine", "snippets")}
    samples = records(project, "filter", "samples")
    assert len({sample.language for sample in samples}) >= 6
    for sample in samples:
        assert sample.verdict == "passed"
        assert sample.licenses == sorted({snippets[root].license for root in sample.snippets})
        assert all(snippets[root].package and snippets[root].end_line for root in sample.snippets)


def test_a_sample_is_traced_to_package_lines_and_licence(project: Project) -> None:
    sample = max(records(project, "filter", "samples"), key=lambda sample: (sample.kind, sample.id))
    told = project.run(sys.executable, "-m", "xinstruct.cli", "trace", sample.id)
    snippets = {snippet.id: snippet for snippet in records(project, "mine", "snippets")}
    for root in sample.snippets:
        assert snippets[root].path in told
        assert snippets[root].license in told
        assert snippets[root].package in told


def test_held_out_tasks_have_no_twin_in_training(project: Project) -> None:
    roots: dict[str, set[str]] = {"train": set(), "heldout": set()}
    for sample in records(project, "filter", "samples"):
        roots[sample.split] |= set(sample.task_roots)
    assert roots["heldout"]
    assert not roots["train"] & roots["heldout"]


def test_checkpoints_load_in_plain_transformers(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.chdir(project.root)  # adapters name their base by its path in the project
    for name in ("start", "sft", "dpo"):
        folder = Path("models") / name
        assert AutoModelForCausalLM.from_pretrained(folder).num_parameters() > 10**8
        assert AutoTokenizer.from_pretrained(folder).chat_template
    assert hash_path(project.root / "models" / "sft") != hash_path(project.root / "models" / "start")


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    lock = (project.root / "dvc.lock").read_bytes()
    assert "up to date" in project.run("dvc", "repro")
    assert (project.root / "dvc.lock").read_bytes() == lock


def test_snakemake_makes_the_same_bytes(project: Project) -> None:
    lock = (project.root / "dvc.lock").read_bytes()
    for stage in ("mine", "filter"):
        shutil.rmtree(project.root / "work" / stage)
        project.run(
            "dvc", "repro", "--force", "--single-item", "--no-run-cache", stage, SNAKEMAKE_PROFILE="profiles/local"
        )
    assert (project.root / "dvc.lock").read_bytes() == lock


def test_experiments_and_metrics_show_something(project: Project) -> None:
    project.commit()
    project.run("dvc", "exp", "run", "--name", "fewer", "-S", "report.discussions=1")
    assert "fewer" in project.run("dvc", "exp", "show", "--no-pager", "--csv")
    assert "pass" in project.run("dvc", "metrics", "show")
    assert "report.discussions" in project.run("dvc", "params", "diff", "HEAD")
    project.run("dvc", "plots", "show")
    assert (project.root / "dvc_plots" / "index.html").stat().st_size > 1000


def test_the_page_names_every_language(project: Project) -> None:
    page = (project.root / "reports" / "index.html").read_text(encoding="utf-8")
    for title in ("Python", "JavaScript", "TypeScript", "Java", "C++", "C#", "PHP", "Bash"):
        assert title in page
