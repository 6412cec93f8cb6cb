"""A machine that is too small for the default teacher says so before anything is installed or downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.params import FILE, own
from xinstruct.experiments import put
from xinstruct.models import registry, room

REPO = FILE.parent
DEFAULT = "qwen2.5-coder-1.5b-instruct"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(FILE, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("memory", "disk", "words"),
    [
        (8.1e9, 4.1e9, ""),
        (7.9e9, 4.1e9, "7.9 GB of memory (it needs 8)"),
        (8.1e9, 3.2e9, "3.2 GB of free disk (it needs 4)"),
        (2e9, 1e9, "2.0 GB of memory (it needs 8) and 1.0 GB of free disk (it needs 4)"),
        (8.1e9, None, ""),
    ],
)
def test_too_little_memory_or_disk_is_said(memory: float, disk: float | None, words: str) -> None:
    assert room.lacking(int(memory), None if disk is None else int(disk)) == words


def test_the_line_names_a_set_that_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MEMORY_GB", 10**6)
    line = room.warning(DEFAULT, folder)
    assert line.startswith("this machine has ") and line.endswith(f"xinstruct experiment --apply {room.SMALL_SET}")
    assert (REPO / room.SMALL_SET).exists()


def test_weights_that_lie_there_need_no_disk_any_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DISK_GB", 10**9)
    monkeypatch.setattr(room, "MEMORY_GB", 0)
    assert "of free disk" in room.warning(DEFAULT, folder)
    (folder / "models" / "teacher").mkdir(parents=True)
    (folder / "models" / "teacher" / "model.json").write_text("{}")
    assert room.warning(DEFAULT, folder) == ""


def test_only_a_large_model_that_runs_here_is_looked_at(folder: Path) -> None:
    assert room.configured(folder) == own("teacher").model == DEFAULT
    for name, model in registry.models().items():
        put({"teacher.model": name}, folder / "params.yaml")
        assert room.configured(folder) == (name if model.capable else "")
    for other in ("http://localhost:8000/v1", ["http://a/v1", "http://b/v1"], "/some/folder", "no-such-model"):
        put({"teacher.model": other}, folder / "params.yaml")
        assert room.configured(folder) == ""


def test_it_runs_before_any_package_is_installed(folder: Path) -> None:
    """-S and -I: neither site packages nor anything of the user."""
    code = f"import sys; sys.path.insert(0, {str(REPO)!r}); from xinstruct.models import room; print(room.configured())"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], cwd=folder, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (DEFAULT, "")


def test_it_says_nothing_where_there_is_enough(folder: Path) -> None:
    if room.lacking(room.memory_bytes(), shutil.disk_usage(folder).free):
        pytest.skip("this machine is small itself")
    env = os.environ | {"PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-m", "xinstruct.models.room"], cwd=folder, env=env, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
