"""Direct preference optimisation with TRL on pairs that were labelled by execution.

The reference is the model that training starts from: a frozen copy of its adapter, the weights below a new adapter, or
with rank 0 a second, frozen model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.models.chat import load_tokenizer
from xinstruct.params import DpoParams
from xinstruct.progress import say
from xinstruct.records import Pair, content_id
from xinstruct.training.data import Encoded, encode_pair

LOGGED = {
    "loss": "loss",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
    "rewards/chosen": "chosen",
    "rewards/rejected": "rejected",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}


@dataclass(frozen=True)
class EncodedPair:
    """A pair as tokens: both conversations, encoded as in SFT."""

    pair: Pair
    chosen: Encoded
    rejected: Encoded

    @property
    def tokens(self) -> int:
        """The length of the longer conversation."""
        return max(len(self.chosen.input_ids), len(self.rejected.input_ids))


def encoded(tokenizer: Any, pairs: Sequence[Pair]) -> list[EncodedPair]:
    """Return pairs as tokens, by id."""
    return [EncodedPair(pair, *encode_pair(tokenizer, pair)) for pair in sorted(pairs, key=lambda pair: pair.id)]


def split(rows: Sequence[EncodedPair], share: float, seed: int) -> tuple[list[EncodedPair], list[EncodedPair]]:
    """Return (pairs to train on, held-out pairs): about `share` of the tasks, drawn by seed, with all their pairs."""
    tasks = sorted({row.pair.task_id for row in rows}, key=lambda task: content_id("heldout", str(seed), task))
    held = set(tasks[: min(round(share * len(tasks)), len(tasks) - 1)]) if tasks else set()
    return [row for row in rows if row.pair.task_id not in held], [row for row in rows if row.pair.task_id in held]


def optimise(
    start: Path,
    rows: Sequence[EncodedPair],
    params: DpoParams,
    seed: int,
    scratch: Path,
    final: Path,
    live: Path | None = None,
) -> list[dict[str, float]]:
    """Train the model in `start` on pairs and store the adapter, or at rank 0 all weights, in `final`.

    `params` is the dpo section of params.yaml, `live` the folder of `checkpoints.train`. Returns one row per step with
    "step" and LOGGED's columns: chosen and rejected are beta times the answers' log-ratios to the reference, margin
    their difference, accuracy the share of pairs where it is positive. Raises BadInput as `sft.fine_tune` does.
    """
    from xinstruct.models.device import deterministic
    from xinstruct.training.checkpoints import Watch, train
    from xinstruct.training.lora import open_start, store

    deterministic(seed)
    tokenizer = load_tokenizer(start)
    model, lora = open_start(start, params, "sdpa")
    trainer = build_trainer(model, lora, tokenizer, rows, params, seed, scratch, _reference(start, params))
    log = train(trainer, Watch("dpo"), LOGGED, live)
    store(trainer.model, tokenizer, start, final)
    say(f"dpo: {len(rows)} pairs, {len(log)} steps")
    return log


def _reference(start: Path, params: DpoParams) -> Any:
    """Return the frozen second model that full training needs; adapters are switched off or copied instead."""
    import torch

    from xinstruct.models.device import load_model

    return None if params.lora_rank else load_model(start, torch.float32, "sdpa").eval()


def build_trainer(
    model: Any,
    lora: Any,
    tokenizer: Any,
    rows: Sequence[EncodedPair],
    params: DpoParams,
    seed: int,
    scratch: Path,
    reference: Any = None,
) -> Any:
    """Return a PairTrainer (TRL's DPOTrainer) over pairs, ready to train; `lora` as `open_start` gives it."""
    from datasets import Dataset
    from trl import DPOConfig

    from xinstruct.training.settings import built, made, shared, steps
    from xinstruct.training.trainers import PairTrainer

    data = [
        {"prompt_ids": row.chosen.prompt, "chosen_ids": row.chosen.answer, "rejected_ids": row.rejected.answer}
        for row in rows
    ]
    usual = shared(scratch, params, seed, steps(len(rows), params))
    usual |= {"beta": params.beta, "max_length": params.max_tokens}
    return built(
        PairTrainer,
        "params.yaml: dpo.trl",
        model=model,
        ref_model=reference,
        args=made(DPOConfig, usual, params.trl, "params.yaml: dpo.trl"),
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=lora,
    )


def gaps(model: Any, rows: Sequence[EncodedPair]) -> list[float]:
    """Return ln p(chosen) - ln p(rejected) of every pair."""
    from xinstruct.training.loss import encoded_loss

    chosen = encoded_loss(model, [row.chosen for row in rows])
    rejected = encoded_loss(model, [row.rejected for row in rows])
    return [worse - better for (better, _), (worse, _) in zip(chosen, rejected, strict=True)]


def margins(start: Path, final: Path, rows: Sequence[EncodedPair], beta: float) -> list[float]:
    """Return beta times how much further apart the stored model puts each pair than the one it started from."""
    import torch

    from xinstruct.models.device import load_model

    before, after = (gaps(load_model(folder, torch.float32).eval(), rows) for folder in (start, final))
    return [beta * (now - then) for then, now in zip(before, after, strict=True)]
