"""What is stored is what was trained: losses, margins, greedy answers to 1e-3; weights rounded to bf16 fail this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.helpers import run
from tests.params import own
from tests.training.pairs import DPO, make_pairs
from xinstruct.files import BadInput, hash_path
from xinstruct.models import chat
from xinstruct.models.adapters import base_of, is_adapter, weight_bytes
from xinstruct.models.device import load_model
from xinstruct.models.engine import Engine
from xinstruct.models.fetch import _student_folder
from xinstruct.models.merge import merge
from xinstruct.models.sampling import GenerationRequest
from xinstruct.models.workers import how_many
from xinstruct.params import DpoParams, SftParams
from xinstruct.records import Sample
from xinstruct.training import data, dpo, sft
from xinstruct.training.checkpoints import MARKER, Watch, train
from xinstruct.training.lora import open_start, store
from xinstruct.training.loss import completion_loss, encoded_loss

pytestmark = pytest.mark.slow
NEAR = 1e-3


@pytest.fixture(scope="module")
def start(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as checkpoints come: in bf16."""
    folder = tmp_path_factory.mktemp("bf16") / "start"
    load_model(tiny, torch.bfloat16, "sdpa").save_pretrained(folder)
    chat.load_tokenizer(tiny).save_pretrained(folder)
    return folder


def plain(trainer: Any) -> Any:
    """The trained model, which computes in float32 whatever the trainer's products were."""
    return trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False).float().eval()


def tuned(start: Path, samples: list[Sample], params: SftParams, folder: Path) -> tuple[Any, Path]:
    """SFT as fine_tune does it, with the model that is left in memory."""
    tokenizer = chat.load_tokenizer(start)
    rows = [data.encode(tokenizer, data.conversation(sample)) for sample in samples]
    model, lora = open_start(start, params)
    trainer = sft.build_trainer(model, lora, tokenizer, rows, params, 3, folder / "scratch")
    train(trainer, Watch("sft"), sft.LOGGED, None)
    store(trainer.model, tokenizer, start, folder / "sft")
    return plain(trainer), folder / "sft"


def preferring(start: Path, samples: list[Sample], params: DpoParams, folder: Path) -> tuple[Any, Path]:
    """DPO as optimise does it, with the model that is left in memory."""
    tokenizer = chat.load_tokenizer(start)
    rows = dpo.encoded(tokenizer, make_pairs(samples))
    model, lora = open_start(start, params, "sdpa")
    reference = dpo._reference(start, params)
    trainer = dpo.build_trainer(model, lora, tokenizer, rows, params, 3, folder / "scratch", reference)
    train(trainer, Watch("dpo"), dpo.LOGGED, None)
    store(trainer.model, tokenizer, start, folder / "dpo")
    return plain(trainer), folder / "dpo"


@pytest.fixture(scope="module")
def small(samples: list[Sample]) -> SftParams:
    found: SftParams = own("sft", epochs=4, learning_rate=1e-3, batch_tokens=256, batch_size=1, lora_rank=4)
    return found


@pytest.fixture(scope="module")
def memory_and_disk(
    start: Path, samples: list[Sample], small: SftParams, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    return tuned(start, samples, small, tmp_path_factory.mktemp("tuned"))


def losses(model: Any, tokenizer: Any, samples: list[Sample]) -> list[float]:
    rows = [data.encode(tokenizer, data.conversation(sample)) for sample in samples]
    return [total for total, _ in encoded_loss(model, rows)]


def stored_losses(folder: Path, samples: list[Sample]) -> list[float]:
    return [total for total, _ in completion_loss(folder, [data.conversation(sample) for sample in samples])]


def test_losses_and_greedy_answers_of_the_stored_adapter_are_those_of_the_model_in_memory(
    start: Path, memory_and_disk: tuple[Any, Path], samples: list[Sample]
) -> None:
    model, folder = memory_and_disk
    tokenizer = chat.load_tokenizer(folder)
    trained = losses(model, tokenizer, samples)
    assert stored_losses(folder, samples) == pytest.approx(trained, abs=NEAR)
    assert max(abs(a - b) for a, b in zip(trained, stored_losses(start, samples), strict=True)) > 100 * NEAR
    assert weight_bytes(folder) == 2 * weight_bytes(start) and how_many(folder) >= 1
    engine = Engine(folder, slots=16, context=512)
    prompts = [chat.prompt_ids(tokenizer, data.conversation(sample)[:1]) for sample in samples[:6]]
    answers = run(engine, [GenerationRequest(tuple(ids), 24) for ids in prompts])
    for ids, answer in zip(prompts, answers, strict=True):
        whole = model.generate(
            torch.tensor([ids]), max_new_tokens=24, do_sample=False, eos_token_id=sorted(engine.ends)
        )
        assert whole[0, len(ids) :].tolist() == answer.ids


def test_weights_rounded_to_bf16_fail_that_test_and_are_refused(
    memory_and_disk: tuple[Any, Path], samples: list[Sample], tmp_path: Path
) -> None:
    model, folder = memory_and_disk
    trained = losses(model, chat.load_tokenizer(folder), samples)
    with pytest.raises(BadInput, match=r"as bfloat16 weights, rounding takes \d+% of what training changed"):
        merge(folder, tmp_path / "refused", "bfloat16")
    with pytest.raises(BadInput, match="rounding takes"):
        Engine(folder, slots=16, context=512, dtype="bfloat16")
    assert not (tmp_path / "refused").exists()
    assert merge(folder, tmp_path / "whole", "float32") == 0
    assert stored_losses(tmp_path / "whole", samples) == pytest.approx(trained, abs=NEAR)
    assert merge(folder, tmp_path / "rounded", "bfloat16", most=9.0) > 0.1
    assert stored_losses(tmp_path / "rounded", samples) != pytest.approx(trained, abs=NEAR)
    (tmp_path / "next").mkdir()
    _student_folder(folder, tmp_path / "next")  # what a next round starts from
    assert stored_losses(tmp_path / "next", samples) == pytest.approx(trained, abs=NEAR)


def test_dpo_goes_on_from_the_adapter_of_sft_which_is_its_reference(
    start: Path, memory_and_disk: tuple[Any, Path], samples: list[Sample], tmp_path: Path
) -> None:
    tuned_folder = memory_and_disk[1]
    params = own("dpo", **DPO | {"learning_rate": 1e-3})
    model, folder = preferring(tuned_folder, samples, params, tmp_path)
    assert is_adapter(folder) and base_of(folder) == start
    rows = dpo.encoded(chat.load_tokenizer(folder), make_pairs(samples))
    now = dpo.gaps(model, rows)
    model.set_adapter("ref")
    trained = [params.beta * (a - b) for a, b in zip(now, dpo.gaps(model, rows), strict=True)]
    stored = dpo.margins(tuned_folder, folder, rows, params.beta)
    assert stored == pytest.approx(trained, abs=NEAR) and min(stored) > 0
    assert dpo.gaps(model, rows) == pytest.approx(dpo.gaps(memory_and_disk[0], rows), abs=NEAR)
    merge(folder, tmp_path / "rounded", "bfloat16", most=9.0)
    assert dpo.margins(tuned_folder, tmp_path / "rounded", rows, params.beta) != pytest.approx(trained, abs=NEAR)


def test_a_killed_dpo_run_goes_on_with_adapter_and_reference(
    memory_and_disk: tuple[Any, Path], samples: list[Sample], tmp_path: Path
) -> None:
    params = own("dpo", **DPO | {"epochs": 1})
    _, folder = preferring(memory_and_disk[1], samples, params, tmp_path)
    whole = hash_path(folder)
    *_, last = sorted((tmp_path / "scratch").glob("checkpoint-*"), key=lambda path: path.stat().st_mtime)
    (last / MARKER).unlink()  # as if the run had been killed while it wrote this one
    model, folder = preferring(memory_and_disk[1], samples, params, tmp_path)
    assert hash_path(folder) == whole
    model.set_adapter("ref")
    rows = dpo.encoded(chat.load_tokenizer(folder), make_pairs(samples))
    assert dpo.gaps(model, rows) == pytest.approx(dpo.gaps(memory_and_disk[0], rows), abs=NEAR)


def test_dpo_with_another_rank_than_the_adapter_is_refused(memory_and_disk: tuple[Any, Path]) -> None:
    for changed in ({"lora_rank": 8}, {"lora": {"lora_alpha": 3}}, {"lora": {"target_modules": ["q_proj"]}}):
        with pytest.raises(BadInput, match="holds an adapter with"):
            open_start(memory_and_disk[1], own("dpo", **DPO | changed))


def test_full_training_is_stored_as_it_was_trained_too(start: Path, samples: list[Sample], tmp_path: Path) -> None:
    full = own("sft", epochs=2, learning_rate=1e-4, batch_tokens=256, batch_size=1, lora_rank=0)
    model, folder = tuned(start, samples[:8], full, tmp_path)
    trained = losses(model, chat.load_tokenizer(folder), samples)
    assert stored_losses(folder, samples) == pytest.approx(trained, abs=NEAR)
    assert merge(folder, tmp_path / "rounded", "bfloat16", most=9.0) > 0.1
    assert stored_losses(tmp_path / "rounded", samples) != pytest.approx(trained, abs=NEAR)
    model, chosen = preferring(folder, samples, own("dpo", **DPO | {"lora_rank": 0, "learning_rate": 1e-4}), tmp_path)
    rows = dpo.encoded(chat.load_tokenizer(chosen), make_pairs(samples))
    assert dpo.gaps(load_model(chosen, torch.float32).eval(), rows) == pytest.approx(dpo.gaps(model, rows), abs=NEAR)
    assert sum(dpo.margins(folder, chosen, rows, 0.1)) > 0
