"""Packing changes nothing: no attention between samples, the same loss, the same gradients."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xinstruct.models import chat, device
from xinstruct.params import SftParams
from xinstruct.records import Sample
from xinstruct.training import data
from xinstruct.training.loss import completion_loss, encoded_loss, mean_loss
from xinstruct.training.sft import build_trainer

pytestmark = pytest.mark.slow


def encoded(tiny: Path, samples: list[Sample]) -> list[data.Encoded]:
    tokenizer = chat.load_tokenizer(tiny)
    return [data.encode(tokenizer, data.conversation(sample)) for sample in samples]


def by_hand(model: Any, row: data.Encoded) -> float:
    """One sample alone, through the model's own loss."""
    import torch

    with torch.no_grad():
        out = model(input_ids=torch.tensor([row.input_ids]), labels=torch.tensor([row.labels]))
    return float(out.loss) * row.answer_tokens


def test_sums_equal_the_models_own_loss_one_sample_at_a_time(tiny: Path, samples: list[Sample]) -> None:
    rows = encoded(tiny, samples)
    model = device.load_model(tiny, device.pick_dtype("float32")).eval()
    alone = device.load_model(tiny, device.pick_dtype("float32"), "eager").eval()
    for row, (total, tokens) in zip(rows, encoded_loss(model, rows), strict=True):
        assert tokens == row.answer_tokens
        assert total == pytest.approx(by_hand(alone, row), rel=1e-5)


def test_order_of_conversations_does_not_matter(tiny: Path, samples: list[Sample]) -> None:
    talks = [data.conversation(sample) for sample in samples]
    forward = completion_loss(tiny, talks, "float32")
    backward = completion_loss(tiny, talks[::-1], "float32")
    assert forward == backward[::-1]
    assert mean_loss(forward) == pytest.approx(sum(t for t, _ in forward) / sum(n for _, n in forward))
    assert completion_loss(tiny, []) == [] and mean_loss([]) == 0.0


def packed_batch(tiny: Path, samples: list[Sample], folder: Path, params: SftParams) -> tuple[Any, Any]:
    """A trainer and its first batch: rows that really hold several samples."""
    tokenizer = chat.load_tokenizer(tiny)
    model = device.load_model(tiny, device.pick_dtype("float32"))
    trainer = build_trainer(
        model, None, tokenizer, encoded(tiny, samples), replace(params, lora_rank=0, batch_size=2), 3, folder
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["input_ids"].shape[0] == 1 and int((batch["position_ids"] == 0).sum()) > 3
    return trainer, batch


def test_packed_loss_and_gradient_equal_unpacked(
    tiny: Path, samples: list[Sample], tmp_path: Path, params: SftParams
) -> None:
    import torch

    trainer, batch = packed_batch(tiny, samples, tmp_path, params)
    starts = [*(batch["position_ids"][0] == 0).nonzero().flatten().tolist(), batch["input_ids"].shape[1]]
    alone = device.load_model(tiny, torch.float32, "eager")
    total, count = torch.zeros(()), 0
    for start, end in itertools.pairwise(starts):
        ids, labels = batch["input_ids"][:, start:end], batch["labels"][:, start:end]
        tokens = int((labels[:, 1:] != data.IGNORED).sum())
        if tokens:
            total, count = total + alone(input_ids=ids, labels=labels).loss * tokens, count + tokens
    (total / count).backward()
    loss = trainer.compute_loss(trainer.model, dict(batch))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float((total / count).detach()), abs=1e-5)
    for (name, ours), theirs in zip(trainer.model.named_parameters(), alone.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-5), name


def test_loss_equals_that_of_trl(tiny: Path, samples: list[Sample], tmp_path: Path, params: SftParams) -> None:
    from trl import SFTTrainer

    trainer, batch = packed_batch(tiny, samples, tmp_path, params)
    theirs = SFTTrainer.compute_loss(trainer, trainer.model, dict(batch))
    ours = trainer.compute_loss(trainer.model, dict(batch))
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=1e-5)


@pytest.mark.parametrize("attention", ["packed_sdpa", "sdpa"])
def test_no_sample_sees_another_in_its_row(tiny: Path, attention: str) -> None:
    """Changing one sample of a packed row leaves every logit of the others exactly as it was."""
    import torch

    import xinstruct.models.attention  # noqa: F401  (registers packed_sdpa)

    model = device.load_model(tiny, torch.float32, attention).eval()
    places = torch.tensor([[*range(5), *range(7), *range(6)]])
    ids = torch.arange(18)[None] + 10
    changed = ids.clone()
    changed[0, 5:12] += 50
    with torch.no_grad():
        before = model(input_ids=ids, position_ids=places, use_cache=False).logits[0]
        after = model(input_ids=changed, position_ids=places, use_cache=False).logits[0]
    assert torch.equal(before[:5], after[:5]) and torch.equal(before[12:], after[12:])
    assert not torch.allclose(before[5:12], after[5:12])
