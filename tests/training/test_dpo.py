"""DPO raises the margin on its pairs and leaves a plain model; without pairs nothing breaks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.params import own, values
from tests.training.pairs import DPO, make_pairs
from tests.training.watched import assert_watched, logged
from xinstruct.files import hash_path, write_json, write_records
from xinstruct.models import chat
from xinstruct.records import Pair, Sample
from xinstruct.training.dpo import LOGGED, build_trainer, encoded, optimise, split
from xinstruct.training.lora import open_start
from xinstruct.training.loss import completion_loss

pytestmark = pytest.mark.slow

STAGE = """
stages:
  dpo:
    cmd: python -m stages.dpo
    deps: [data/preferences, models/sft]
    params: [random_seed, dpo]
    outs: [models/dpo]
    metrics: [{reports/dpo/metrics.json: {cache: false}}]
    plots: [{reports/dpo/loss.csv: {cache: false}}]
"""


def margin(folder: Path, pairs: list[Pair]) -> float:
    """Sum over pairs of ln p(chosen) - ln p(rejected)."""

    def total(answers: list[str]) -> float:
        talks = [
            [{"role": "user", "content": pair.prompt}, {"role": "assistant", "content": answer}]
            for pair, answer in zip(pairs, answers, strict=True)
        ]
        return -sum(loss for loss, _ in completion_loss(folder, talks, "float32"))

    return total([pair.chosen for pair in pairs]) - total([pair.rejected for pair in pairs])


def test_margin_rises_and_bytes_repeat(tmp_path: Path, tiny: Path, samples: list[Sample]) -> None:
    pairs = make_pairs(samples)
    rows = encoded(chat.load_tokenizer(tiny), pairs)
    log = optimise(tiny, rows, own("dpo", **DPO), 5, tmp_path / "scratch", tmp_path / "dpo")
    assert len(log) == 12 and set(log[0]) == {"step", *LOGGED.values()}
    assert log[0]["margin"] == 0 and log[-1]["margin"] > 0 and log[-1]["loss"] < log[0]["loss"]
    assert margin(tmp_path / "dpo", pairs) > margin(tiny, pairs)
    again = encoded(chat.load_tokenizer(tiny), pairs[::-1])
    optimise(tiny, again, own("dpo", **DPO), 5, tmp_path / "scratch2", tmp_path / "again")
    assert hash_path(tmp_path / "dpo") == hash_path(tmp_path / "again")


def test_only_answers_reach_the_vocabulary_and_the_losses_are_trls(
    tmp_path: Path, tiny: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import DPOTrainer
    from trl.trainer import utils

    params = own("dpo", **DPO | {"batch_size": 8})
    rows = encoded(chat.load_tokenizer(tiny), make_pairs(samples))
    trainer = build_trainer(*open_start(tiny, params, "sdpa"), chat.load_tokenizer(tiny), rows, params, 5, tmp_path)
    for name, weight in trainer.model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.1)  # a margin other than 0
    batch = next(iter(trainer.get_train_dataloader()))
    scored: list[int] = []
    projected = utils._ChunkedLogProbFunction.apply

    def counted(hidden: Any, *args: Any) -> Any:
        scored.append(len(hidden))
        return projected(hidden, *args)

    monkeypatch.setattr(utils._ChunkedLogProbFunction, "apply", counted)
    theirs = float(DPOTrainer._compute_loss(trainer, trainer.model, dict(batch), False).detach())
    ours = float(trainer._compute_loss(trainer.model, dict(batch), False).detach())
    assert ours == pytest.approx(theirs, abs=1e-6) and ours != pytest.approx(0.693147, abs=1e-3)
    answers = sum(row.chosen.answer_tokens + row.rejected.answer_tokens for row in rows)
    assert scored[2:] == [answers, answers] and scored[0] > 1.5 * answers


def test_pairs_are_held_out_with_their_whole_task(tiny: Path, samples: list[Sample]) -> None:
    pairs = [Pair(**vars(pair) | {"id": f"{pair.id}{i}"}) for pair in make_pairs(samples) for i in range(2)]
    rows = encoded(chat.load_tokenizer(tiny), pairs)
    training, held = split(rows, 0.25, 1)
    assert len(held) == 4 and len(training) == 12
    assert not {row.pair.task_id for row in held} & {row.pair.task_id for row in training}
    assert split(rows[::-1], 0.25, 1)[1] == held[::-1] and split(rows, 0.25, 2)[1] != held
    assert split(rows, 0.0, 1) == (rows, []) and len(split(rows[:2], 1.0, 1)[0]) == 2 and split([], 0.5, 1) == ([], [])


def run_stage(folder: Path, tiny: Path, pairs: list[Pair]) -> dict[str, Any]:
    write_records(folder / "data/preferences/pairs.parquet", "pairs", pairs)
    shutil.copytree(tiny, folder / "models/sft")
    write_json(folder / "params.yaml", values({"random_seed": 11, "dpo": DPO | {"epochs": 1}}))
    (folder / "dvc.yaml").write_text(STAGE)
    done = subprocess.run([sys.executable, "-m", "stages.dpo"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    metrics: dict[str, Any] = json.loads((folder / "reports/dpo/metrics.json").read_text())
    return metrics


def test_stage_without_pairs_copies_the_tuned_model_and_says_so(tmp_path: Path, tiny: Path) -> None:
    metrics = run_stage(tmp_path, tiny, [])
    assert metrics["pairs"] == 0 and metrics["rows"] == {"in": 0, "out": 0, "rejected": 0}
    assert hash_path(tmp_path / "models/dpo") == hash_path(tmp_path / "models/sft")
    assert (tmp_path / "reports/dpo/loss.csv").read_text() == "step," + ",".join(LOGGED.values()) + "\n"


def test_stage_with_pairs_writes_model_and_curve(tmp_path: Path, tiny: Path, samples: list[Sample]) -> None:
    metrics = run_stage(tmp_path, tiny, make_pairs(samples))
    assert metrics["pairs"] == 8 and metrics["pairs_by_chosen"] == {"reference": 8} and metrics["steps"] == 4
    assert hash_path(tmp_path / "models/dpo") != hash_path(tmp_path / "models/sft")
    assert len((tmp_path / "reports/dpo/loss.csv").read_text().splitlines()) == 5
    assert_watched(tmp_path, "dpo")
    padding = [share for _, share in logged(tmp_path / "reports/dpo/live")["padding"]]
    assert len(padding) == 4 and all(0 < share < 1 for share in padding), "pairs differ in length"
