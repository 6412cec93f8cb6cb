"""A run that fails, fails: with one line that says what and what to do, and nothing in the model's place."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import stages.dpo
import stages.sft
from tests.params import own, values
from tests.training.pairs import DPO, make_pairs
from xinstruct.files import BadInput, write_json, write_records
from xinstruct.models import chat
from xinstruct.params import SftParams
from xinstruct.plan import resolve
from xinstruct.records import Pair, Sample
from xinstruct.stage import Context, run_shard
from xinstruct.training import checkpoints, data, dpo
from xinstruct.training.sft import fine_tune

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a folder in which a training stage runs, of the shipped graph without its code, and go there."""

    def make(stage: str, changes: dict[str, Any], records: list[Any]) -> Context[Any]:
        spec = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"][stage]
        spec["deps"] = [dep for dep in spec["deps"] if not dep.endswith(".py")]
        write_json(tmp_path / "dvc.yaml", {"stages": {stage: spec}})
        write_json(tmp_path / "params.yaml", values(changes))
        kind, folder = ("samples", "filter") if stage == "sft" else ("pairs", "preferences")
        write_records(tmp_path / f"data/{folder}/{kind}.parquet", kind, records)
        for name in ("start", "sft"):
            shutil.copytree(tiny, tmp_path / "models" / name)
        monkeypatch.chdir(tmp_path)
        plan = resolve(stage)
        Path(plan.work).mkdir(parents=True)
        return Context(plan, 0)

    return make


def rows_of(tiny: Path, samples: list[Sample]) -> list[data.Encoded]:
    tokenizer = chat.load_tokenizer(tiny)
    return [data.encode(tokenizer, data.conversation(sample)) for sample in samples]


def test_a_loss_that_is_no_number_stops_the_run_at_its_step(
    tiny: Path, samples: list[Sample], params: SftParams, tmp_path: Path
) -> None:
    wild = own("sft", **vars(params) | {"learning_rate": 1e30, "warmup_steps": 0, "trl": {"max_grad_norm": 0.0}})
    with pytest.raises(BadInput, match=r"step \d: the (loss|gradient norm) is (nan|inf); nothing was stored"):
        fine_tune(tiny, rows_of(tiny, samples[:6]), wild, 1, tmp_path / "scratch", tmp_path / "model")
    assert not (tmp_path / "model").exists()
    pairs = dpo.encoded(chat.load_tokenizer(tiny), make_pairs(samples))
    with pytest.raises(BadInput, match=r"step \d: the (loss|gradient norm) is (nan|inf)"):
        dpo.optimise(tiny, pairs, own("dpo", **DPO | {"learning_rate": 1e30}), 1, tmp_path / "s", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_gradient_that_is_no_number_stops_the_run_too() -> None:
    watch = checkpoints.Watch("sft")
    state = type("State", (), {"global_step": 7})
    watch.on_log(None, state, None, {"grad_norm": 1.0})
    with pytest.raises(BadInput, match="step 7: the gradient norm is inf"):
        watch.on_log(None, state, None, {"loss": 1.0, "grad_norm": float("inf")})


def test_sft_without_held_out_or_fitting_samples_says_so(project: Any, samples: list[Sample]) -> None:
    training = data.training_samples(samples)
    with pytest.raises(BadInput, match=r"no held-out sample.*raise filter.heldout_share"):
        stages.sft.work(project("sft", {}, training))


def test_sft_names_the_shortest_sample_when_none_fits(project: Any, samples: list[Sample]) -> None:
    with pytest.raises(BadInput, match=r"none of 16 .* fits into sft.batch_tokens, 12; the shortest has \d\d tokens"):
        stages.sft.work(project("sft", {"sft.batch_tokens": 12}, samples))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sft.epochs": 0}, "sft.epochs is 0; it must be above 0"),
        ({"sft.learning_rate": float("nan")}, "sft.learning_rate is"),
        ({"sft.trl": {"gradient_acumulation_steps": 8}}, "did you mean gradient_accumulation_steps"),
        ({"sft.trl": {"weight_decay": "much"}}, "sft.trl.weight_decay is 'much'; SFTConfig takes float"),
        ({"sft.trl": {"learning_rate": 1.0}}, "sft.trl.learning_rate is decided by learning_rate; set it there"),
        (
            {"sft.trl": {"lr_scheduler_type": "cosin"}},
            "sft.trl: SFTConfig refuses it: cosin is not a valid",
        ),
        ({"sft.trl": {"fsdp": "full_shard"}}, "sft.trl.fsdp: sharded weights cannot be stored here yet"),
        ({"sft.lora": {"alpha": 8}}, "sft.lora.alpha is no field of LoraConfig; did you mean lora_alpha"),
    ],
)
def test_settings_that_nothing_would_follow_are_refused(
    project: Any, samples: list[Sample], changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        stages.sft.work(project("sft", changes, samples))


def long_pair(sample: Sample, ident: str, **changes: str) -> Pair:
    return Pair(**{**vars(make_pairs([sample])[0]), "id": ident, **changes})


def test_over_long_pairs_are_rejected_with_their_reason_and_the_books_agree(
    project: Any, samples: list[Sample]
) -> None:
    pairs = [*make_pairs(samples), long_pair(samples[8], "question", prompt="Sum. " + "very long words " * 200)]
    pairs.append(long_pair(samples[8], "answer", chosen="```python\n" + "x = 1\n" * 200 + "```"))
    ctx = project("dpo", {f"dpo.{name}": value for name, value in (DPO | {"heldout_share": 0.25}).items()}, pairs)
    run_shard(ctx.plan, 0, stages.dpo.work)
    account = json.loads((ctx.plan.part(0) / "account.json").read_text())
    assert account["opened"] == 10 and account["metrics"]["pairs"] == 6
    held = account["metrics"]["heldout"]
    assert held["pairs"] == held["tasks"] == 2 and set(held) == {"pairs", "tasks", "margin", "accuracy"}
    from xinstruct.files import read_records

    rejected = read_records(ctx.plan.part(0) / "rejected.parquet", "rejected")
    assert sorted((row.id, row.reason) for row in rejected) == [("answer", "too_long"), ("question", "too_long")]
    assert "dpo.max_tokens is 256" in rejected[0].detail


def test_dpo_without_a_pair_that_fits_says_so(project: Any, samples: list[Sample]) -> None:
    with pytest.raises(BadInput, match=r"all 8 pairs are longer than dpo.max_tokens, which is 9"):
        stages.dpo.work(project("dpo", {"dpo.max_tokens": 9}, make_pairs(samples)))


def test_free_space_is_looked_at_before_training(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xinstruct.models.device import load_model

    model = load_model(tiny, None, "sdpa")
    checkpoints.refuse_full_disk(model, tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(BadInput, match=r"training writes up to .* GB .* are free; free space"):
        checkpoints.refuse_full_disk(model, tmp_path)


def test_what_libraries_say_of_a_full_disk_is_understood(tmp_path: Path) -> None:
    import subprocess

    import torch
    from safetensors.torch import save_file

    from xinstruct.surroundings import disk_is_full

    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True)
    if os.geteuid() or mounted.returncode:
        pytest.skip("only root can mount a disk to fill")
    try:
        for write in (
            lambda: save_file({"a": torch.zeros(100_000)}, tmp_path / "model.safetensors"),
            lambda: torch.save({"a": torch.zeros(100_000)}, tmp_path / "optimizer.pt"),
        ):
            with pytest.raises(Exception) as found:
                write()
            assert disk_is_full(found.value), found.value
        assert not disk_is_full(RuntimeError("shape mismatch")) and not disk_is_full(ValueError("x"))
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
