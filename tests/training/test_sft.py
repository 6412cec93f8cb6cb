"""SFT lowers the loss, is repeatable to the byte, survives kill -9 and never sees held-out samples."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.params import own, values
from tests.training.watched import assert_watched
from xinstruct.files import BadInput, hash_path, write_json, write_records
from xinstruct.models import chat
from xinstruct.params import SftParams
from xinstruct.records import Sample
from xinstruct.training import data
from xinstruct.training.checkpoints import MARKER, newest_whole
from xinstruct.training.loss import completion_loss, mean_loss
from xinstruct.training.sft import fine_tune, packed_rows, too_long

pytestmark = pytest.mark.slow

STAGE = """
stages:
  sft:
    cmd: python -m stages.sft
    deps: [data/filter, models/start]
    params: [random_seed, sft]
    outs: [models/sft]
    metrics: [{reports/sft/metrics.json: {cache: false}}]
    plots: [{reports/sft/loss.csv: {cache: false}}]
"""
SECTION = {
    "epochs": 4,
    "learning_rate": 0.02,
    "warmup_steps": 2,
    "batch_tokens": 256,
    "batch_size": 1,
    "processes": 1,
    "lora_rank": 4,
    "dtype": "float32",
    "trl": {},
    "lora": {},
}


def project(folder: Path, tiny: Path, samples: list[Sample]) -> Path:
    """A folder in which `python -m stages.sft` runs."""
    write_records(folder / "data/filter/samples.parquet", "samples", samples)
    shutil.copytree(tiny, folder / "models/start")
    write_json(folder / "params.yaml", values({"random_seed": 11, "sft": SECTION}))
    (folder / "dvc.yaml").write_text(STAGE)
    return folder


def command() -> list[str]:
    return [sys.executable, "-m", "stages.sft"]


def weights(folder: Path) -> str:
    return hash_path(folder / "models/sft/adapter_model.safetensors")


def finish(folder: Path) -> dict[str, Any]:
    done = subprocess.run(command(), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    metrics: dict[str, Any] = json.loads((folder / "reports/sft/metrics.json").read_text())
    return metrics


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny: Path, samples: list[Sample]) -> tuple[Path, dict[str, Any]]:
    folder = project(tmp_path_factory.mktemp("whole"), tiny, samples)
    return folder, finish(folder)


def test_stage_lowers_the_loss_and_keeps_books(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = whole
    assert metrics["rows"] == {"in": 16, "out": 16, "rejected": 0}
    assert metrics["heldout"]["samples"] == 4
    assert metrics["heldout"]["loss_after"] < 0.8 * metrics["heldout"]["loss_before"]
    lines = (folder / "reports/sft/loss.csv").read_text().splitlines()
    assert lines[0].startswith("step,loss") and len(lines) == metrics["steps"] + 1
    assert_watched(folder, "sft")


def test_the_adapter_loads_in_plain_peft_and_names_its_base(
    whole: tuple[Path, dict[str, Any]], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    monkeypatch.chdir(whole[0])
    folder = Path("models/sft")
    model = AutoPeftModelForCausalLM.from_pretrained("models/sft")
    assert model.peft_config["default"].base_model_name_or_path == "models/start"
    said = json.loads((folder / "base.json").read_text())
    assert said == {"base": "models/start", "sha256": hash_path(Path("models/start"))}
    assert AutoTokenizer.from_pretrained(folder).chat_template == AutoTokenizer.from_pretrained(tiny).chat_template
    assert not list(folder.glob("model*.safetensors"))
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o644"}


def test_an_adapter_whose_base_was_replaced_is_refused(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    shutil.copytree(whole[0] / "models/sft", tmp_path / "sft")
    with pytest.raises(BadInput, match="its base is in none of"):
        completion_loss(tmp_path / "sft", [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]])
    shutil.copytree(whole[0] / "models/start", tmp_path / "start")
    (tmp_path / "start/generation_config.json").write_text("{}")
    with pytest.raises(BadInput, match="trained on another"):
        completion_loss(tmp_path / "sft", [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]])


def test_kill_minus_nine_and_again_gives_the_same_bytes(
    tmp_path: Path, tiny: Path, samples: list[Sample], whole: tuple[Path, dict[str, Any]]
) -> None:
    folder = project(tmp_path, tiny, samples)
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command(), cwd=folder, stderr=subprocess.DEVNULL, env=env, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(folder.glob(f"work/sft/*/checkpoints/checkpoint-*/{MARKER}")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "models/sft").exists()
    metrics = finish(folder)
    assert metrics == whole[1]
    assert weights(folder) == weights(whole[0])
    assert (folder / "reports/sft/loss.csv").read_bytes() == (whole[0] / "reports/sft/loss.csv").read_bytes()
    assert_watched(folder, "sft")


def test_same_seed_same_bytes_other_seed_other_bytes(
    tmp_path: Path, tiny: Path, samples: list[Sample], params: SftParams
) -> None:
    rows = encoded(tiny, data.training_samples(samples)[:6])
    hashes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fine_tune(tiny, rows, params, seed, tmp_path / f"scratch-{name}", tmp_path / name)
        hashes.append(hash_path(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


def test_full_fine_tuning_learns_too(tmp_path: Path, tiny: Path, samples: list[Sample], params: SftParams) -> None:
    talks = [data.conversation(sample) for sample in samples[:6]]
    log = fine_tune(tiny, encoded(tiny, samples[:6]), replace(params, lora_rank=0), 1, tmp_path / "s", tmp_path / "m")
    assert log[-1]["loss"] < log[0]["loss"]
    after = mean_loss(completion_loss(tmp_path / "m", talks, "float32"))
    assert after < mean_loss(completion_loss(tiny, talks, "float32"))


def encoded(tiny: Path, samples: list[Sample]) -> list[data.Encoded]:
    tokenizer = chat.load_tokenizer(tiny)
    return [data.encode(tokenizer, data.conversation(sample)) for sample in samples]


def test_only_training_samples_are_encoded_for_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path, samples: list[Sample]
) -> None:
    """Every row that reaches the trainer is a training sample's; too long ones are rejected, not cut."""
    import stages.sft as stage
    from xinstruct.plan import resolve
    from xinstruct.stage import Context

    long = samples[0].instruction + " word" * 400
    every = [Sample(**{**vars(samples[0]), "instruction": long}), *samples[1:]]
    monkeypatch.chdir(project(tmp_path, tiny, every))
    ctx = Context(resolve("sft"), 0)
    rows = stage._encode(ctx, data.training_samples(every))
    told = {s.instruction for s in every if s.split == "train" and s.instruction != long}
    tokenizer = chat.load_tokenizer(tiny)
    texts = [tokenizer.decode(row.input_ids) for row in rows]
    assert len(texts) == len(told) == 15
    assert all(any(instruction in text for instruction in told) for text in texts)
    assert [row.reason for row in ctx.records["rejected"]] == ["too_long"]
    assert too_long(encoded(tiny, every[:1])[0], own("sft", **SECTION)) and packed_rows(rows, 256) < len(rows)


def test_half_written_checkpoints_are_removed(tmp_path: Path) -> None:
    for step in (2, 10, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (2, 10):
        (tmp_path / f"checkpoint-{step}" / MARKER).touch()
    assert newest_whole(tmp_path) == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-12").exists()
    assert newest_whole(tmp_path / "none") is None
