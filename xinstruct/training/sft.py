"""Supervised fine-tuning with TRL: loss on answers only, samples packed but kept apart.

``fine_tune`` trains, resumes, merges and saves. The caller leaves out samples longer than a packed row (``too_long``):
nothing is cut silently.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.models.chat import load_tokenizer
from xinstruct.params import SftParams
from xinstruct.training.data import Encoded


def too_long(row: Encoded, params: SftParams) -> bool:
    """Tell whether a sample exceeds a packed row."""
    return len(row.input_ids) > params.batch_tokens


def fine_tune(
    start: Path, rows: Sequence[Encoded], params: SftParams, seed: int, scratch: Path, final: Path
) -> list[dict[str, float]]:
    """Train the model in `start` on encoded samples and write the merged model to `final`.

    `params` is the sft section of params.yaml, `scratch` holds the checkpoints. Returns
    [{"step", "loss", "learning_rate"}], the loss being the mean over the step's answer tokens.
    """
    from xinstruct.models.device import deterministic, load_model, stored_dtype
    from xinstruct.training.checkpoints import Watch, save_merged, train
    from xinstruct.training.lora import weight_dtype

    deterministic(seed)
    tokenizer = load_tokenizer(start)
    model = load_model(start, weight_dtype(params.lora_rank, params.dtype))
    stored = stored_dtype(start)
    trainer = build_trainer(model, tokenizer, rows, params, seed, scratch)
    watch = Watch("sft")
    log = train(trainer, watch)
    rate = watch.rate(sum(len(row.input_ids) for row in rows), trainer.state)
    print(f"sft: {rate:.0f} tokens/s", file=sys.stderr, flush=True)
    save_merged(trainer.model, tokenizer, final, stored)
    return [
        {"step": entry["step"], "loss": float(entry["loss"]), "learning_rate": float(entry["learning_rate"])}
        for entry in log
    ]


def build_trainer(
    model: Any, tokenizer: Any, rows: Sequence[Encoded], params: SftParams, seed: int, scratch: Path
) -> Any:
    """Return a PackedTrainer (TRL's SFTTrainer) over encoded samples, ready to train."""
    from datasets import Dataset
    from trl import SFTConfig

    from xinstruct.training.lora import adapter, arguments, steps
    from xinstruct.training.trainers import PackedTrainer

    data = Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
    packs = packed_rows(rows, params.batch_tokens)
    total = steps(packs, params.batch_size, params.epochs)
    config = SFTConfig(
        **arguments(scratch, params, seed, total, params.warmup_steps),
        max_length=params.batch_tokens,
        packing=True,
        packing_strategy="bfd",
    )
    return PackedTrainer(
        model=model,
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=adapter(params.lora_rank),
    )


def packed_rows(rows: Sequence[Encoded], capacity: int) -> int:
    """Return roughly how many packed rows the samples fill (best fit, decreasing)."""
    room: list[int] = []
    for size in sorted((len(row.input_ids) for row in rows), reverse=True):
        fits = [i for i, left in enumerate(room) if left >= size]
        if fits:
            room[min(fits, key=lambda i: room[i])] -= size
        else:
            room.append(capacity - size)
    return len(room)
