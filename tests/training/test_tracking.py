"""DVCLive writes what the trainer logs, no step twice, and touches nothing but its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.watched import logged
from xinstruct.training.tracking import MACHINE, Meter, Track, row

NAMES = {"loss": "loss", "rewards/chosen": "chosen"}


def entry(step: int) -> dict[str, float]:
    return {"step": step, "loss": 1 / step, "rewards/chosen": step / 10, "entropy": 3.0, **dict.fromkeys(MACHINE, 2.0)}


def test_a_resumed_run_has_the_steps_of_its_checkpoint_once(tmp_path: Path) -> None:
    from transformers import TrainerState

    def run(known: int, last: int) -> None:
        track = Track(tmp_path / "live", NAMES)
        state = TrainerState(log_history=[entry(step) for step in range(1, known + 1)])
        track.on_train_begin(None, state, None)
        for step in range(known + 1, last + 1):
            state.global_step = step
            track.on_log(None, state, None, {key: value for key, value in entry(step).items() if key != "step"})
        track.on_log(None, state, None, {"train_loss": 0.5, "train_runtime": 7.0})

    run(0, 7)  # killed here; its last checkpoint was made after step 4
    run(4, 9)
    found = logged(tmp_path / "live")
    assert set(found) == {"loss", "chosen", *MACHINE}
    assert found["loss"] == [(step, 1 / step) for step in range(1, 10)]
    assert [step for step, _ in found["memory_gb"]] == list(range(1, 10))
    run(0, 2)
    assert len(logged(tmp_path / "live")["loss"]) == 2, "another run's steps are gone"


def test_neither_git_nor_dvc_nor_the_network_is_touched(tmp_path: Path) -> None:
    """In a Git folder that is no DVC repository, under `dvc exp run`, with a token for its service."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    code = """
import sys
from pathlib import Path
from transformers import TrainerState
from xinstruct.training.tracking import Track
seen = []
events = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system", "socket.connect")
sys.addaudithook(lambda name, args: seen.append((name, args)) if name in events else None)
track = Track(Path("live"), {"loss": "loss"})
track.on_train_begin(None, TrainerState(log_history=[{"step": 1, "loss": 2.0}]), None)
track.on_train_end(None, None, None)
print(seen)
"""
    env = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(filter(None, sys.path)),
        "DVC_EXP_BASELINE_REV": "1" * 40,
        "DVC_ROOT": str(tmp_path),
        "DVC_STUDIO_TOKEN": "token",
        "DVC_STUDIO_REPO_URL": "https://example.invalid/a",
        "DVC_STUDIO_URL": "https://example.invalid",
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr[-2000:]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "live"]
    assert logged(tmp_path / "live")["loss"] == [(1, 2.0)]
    status = subprocess.run(["git", "status", "--short"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert status.stdout == "?? live/\n"


def test_padding_is_the_share_of_places_without_a_token() -> None:
    import torch

    meter = Meter()
    assert meter.read() == {}
    ids = torch.ones((2, 4), dtype=torch.long)
    meter.add({"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])})
    meter.add({"input_ids": torch.ones((1, 8), dtype=torch.long)})
    found = meter.read()
    assert found["padding"] == pytest.approx(2 / 16)
    assert found["tokens_per_second"] > 0 and 0.01 < found["memory_gb"] < 1000
    assert meter.read() == {}


def test_a_row_has_our_names_and_only_what_was_logged() -> None:
    assert row({"step": 3, "rewards/chosen": 1, "other": 2}, NAMES) == {"step": 3, "chosen": 1.0}
