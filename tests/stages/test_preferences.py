"""The stage with a real (tiny) checkpoint: sampled in its own process, and asked at a server of ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.llm.test_serve import served
from tests.stages.helpers import metrics, project, run_stage, sample, write_samples
from tests.training.conftest import tiny  # noqa: F401
from xinstruct.files import hash_path, read_records
from xinstruct.llm.journal import Journal
from xinstruct.records import Completion

pytestmark = pytest.mark.slow

GOOD = "def add(a, b):\n    return a + b\n"
TASKS = 9


@pytest.fixture
def root(tmp_path: Path, tiny: Path) -> Path:  # noqa: F811
    project(tmp_path, **{"max_new_tokens: 200": "max_new_tokens: 16", "temperature: 0.8": "temperature: 1.1"})
    for model in ("start", "sft"):
        shutil.copytree(tiny, tmp_path / "models" / model)
    write_samples(tmp_path, "filter", [sample(i, GOOD, verdict="passed") for i in range(TASKS)])
    return tmp_path


def completions(root: Path) -> list[Completion]:
    return read_records(root / "data/preferences/completions.parquet", "completions")


def forget(root: Path) -> None:
    """The stage's scratch and outputs, as if it had never run."""
    for folder in (root / "work/preferences", root / "data/preferences", root / "reports/preferences"):
        shutil.rmtree(folder)


def test_a_killed_run_in_process_asks_only_for_what_is_missing(root: Path) -> None:
    run_stage(root, "preferences")
    rows = completions(root)
    assert len(rows) == TASKS * 8 == metrics(root, "preferences")["rows"]["in"] * 8
    assert len({row.answer for row in rows}) > TASKS * 4, "samples differ"
    before = (hash_path(root / "data"), hash_path(root / "reports"))
    [scratch] = (root / "work/preferences").iterdir()
    lost, *others = sorted(scratch.glob("answers-*.json"))
    assert len(others) == TASKS - 1
    lost.unlink()
    kept = [path.stat().st_mtime_ns for path in others]
    for part in scratch.glob("part-*"):
        shutil.rmtree(part)
    shutil.rmtree(root / "data/preferences")
    run_stage(root, "preferences")
    assert (hash_path(root / "data"), hash_path(root / "reports")) == before
    assert lost.exists() and [path.stat().st_mtime_ns for path in others] == kept
    assert not (root / "work/journal.sqlite").exists(), "the journal is for what a server answered"


def test_a_server_is_asked_through_the_journal_and_not_twice(root: Path) -> None:
    text = (root / "params.yaml").read_text()
    with served(root / "models/sft") as (_, url):
        (root / "params.yaml").write_text(text.replace("sampling: local", f"sampling: {url}"))
        run_stage(root, "preferences")
        rows, outputs = completions(root), hash_path(root / "data/preferences")
        assert len(rows) == TASKS * 8
        assert all(row.completion_tokens for row in rows)
        with Journal(root / "work/journal.sqlite") as journal:
            stages = journal.db.execute("select stage, model, count(*) from calls group by 1, 2").fetchall()
        assert stages == [("preferences", f"student sha256:{hash_path(root / 'models/sft')}", TASKS * 8)]
        [calls] = json.loads((root / "reports/preferences/calls.json").read_text())
        assert calls["calls"] == {"asked": TASKS * 8, "cached": 0, "repaired": 0}
        forget(root)
        run_stage(root, "preferences")
    [calls] = json.loads((root / "reports/preferences/calls.json").read_text())
    assert calls["calls"] == {"asked": 0, "cached": TASKS * 8, "repaired": 0}
    assert hash_path(root / "data/preferences") == outputs
