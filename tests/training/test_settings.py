"""Every field of TRL's and PEFT's classes can be set or is decided by a parameter; what is set takes effect."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.params import own
from xinstruct.experiments import command
from xinstruct.files import BadInput, read_yaml
from xinstruct.models import chat
from xinstruct.params import SftParams
from xinstruct.records import Sample
from xinstruct.training import data
from xinstruct.training.lora import open_start
from xinstruct.training.settings import _OWN, check, check_own
from xinstruct.training.sft import build_trainer, fine_tune

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_every_field_takes_its_own_default_or_names_what_decides_it() -> None:
    from peft import LoraConfig
    from trl import DPOConfig, SFTConfig

    for kind in (SFTConfig, DPOConfig, LoraConfig):
        known = [field for field in dataclasses.fields(kind) if field.init]
        assert len(known) > 30
        for field in known:
            default = getattr(kind(**{} if kind is LoraConfig else {"bf16": False, "use_cpu": True}), field.name)
            if field.name in _OWN:
                with pytest.raises(BadInput, match="is decided by"):
                    check(kind, {field.name: default}, "sft.trl")
            elif default is None or isinstance(default, bool | int | float | str | list):
                check(kind, {field.name: default}, "sft.trl")


def losses(tiny: Path, samples: list[Sample], params: SftParams, folder: Path) -> list[dict[str, float]]:
    tokenizer = chat.load_tokenizer(tiny)
    rows = [data.encode(tokenizer, data.conversation(sample)) for sample in samples]
    return fine_tune(tiny, rows, params, 3, folder / "scratch", folder / "model")


def test_accumulated_batches_are_one_batch(
    tiny: Path, samples: list[Sample], params: SftParams, tmp_path: Path
) -> None:
    by_samples = {"packing": False, "padding_free": True}
    whole = own("sft", **vars(params) | {"batch_size": 4, "trl": by_samples})
    parts = own("sft", **vars(params) | {"batch_size": 1, "trl": by_samples | {"gradient_accumulation_steps": 4}})
    one, four = (losses(tiny, samples[:8], p, tmp_path / n) for p, n in ((whole, "a"), (parts, "b")))
    assert len(one) == len(four) == 4  # two epochs of eight samples, four a step
    for a, b in zip(one, four, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=1e-4)


def test_settings_reach_the_trainer_and_the_first_step_has_a_rate(
    tiny: Path, samples: list[Sample], params: SftParams, tmp_path: Path
) -> None:
    lora = {"lora_alpha": 3, "lora_dropout": 0.25, "target_modules": ["q_proj"]}
    trl = {
        "weight_decay": 0.5,
        "lr_scheduler_type": "linear",
        "optim": "adafactor",
        "max_steps": 4,
        "max_grad_norm": 0.0,
    }
    changed = own("sft", **vars(params) | {"lora": lora, "trl": trl, "warmup_steps": 2})
    tokenizer = chat.load_tokenizer(tiny)
    rows = [data.encode(tokenizer, data.conversation(sample)) for sample in samples[:8]]
    trainer = build_trainer(*open_start(tiny, changed), tokenizer, rows, changed, 3, tmp_path / "scratch")
    found = trainer.model.peft_config["default"]
    assert (found.lora_alpha, found.lora_dropout, set(found.target_modules)) == (3, 0.25, {"q_proj"})
    assert trainer.args.weight_decay == 0.5 and trainer.args.optim == "adafactor"
    log = fine_tune(tiny, rows, changed, 3, tmp_path / "again", tmp_path / "model")
    rates = [row["learning_rate"] / params.learning_rate for row in log]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.5])


def test_settings_that_do_not_go_together_are_refused_in_trls_words(
    tiny: Path, samples: list[Sample], params: SftParams, tmp_path: Path
) -> None:
    wanted = own("sft", **vars(params) | {"trl": {"eval_strategy": "steps"}})
    with pytest.raises(BadInput, match=r"PackedTrainer refuses it: .*eval"):
        losses(tiny, samples[:2], wanted, tmp_path)
    with pytest.raises(BadInput, match="init_lora_weights: pissa_niter_4 changes the base"):
        open_start(tiny, own("sft", **vars(params) | {"lora": {"init_lora_weights": "pissa_niter_4"}}))


def test_the_papers_set_is_the_papers_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    source = ROOT / "experiments/paper-training.yaml"
    found = read_yaml(source)
    sft, dpo = (own(stage, **found[stage]) for stage in ("sft", "dpo"))
    check_own("sft", sft)
    check_own("dpo", dpo)
    assert (sft.learning_rate, sft.warmup_steps, sft.batch_tokens, sft.lora_rank) == (5e-5, 100, 2048, 0)
    assert sft.batch_size * sft.trl["gradient_accumulation_steps"] == 1024
    assert dpo.batch_size * dpo.trl["gradient_accumulation_steps"] == 512 and dpo.max_tokens == 3072
    assert "+sft.trl.gradient_accumulation_steps=128" in command(source)
