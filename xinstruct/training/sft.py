"""Supervised fine-tuning with TRL: loss on answers only, samples packed but kept apart.

``fine_tune`` trains, resumes and stores. The caller leaves out samples longer than a packed row (``too_long``):
nothing is cut silently.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.models.chat import load_tokenizer
from xinstruct.params import SftParams
from xinstruct.progress import say
from xinstruct.training.data import Encoded

LOGGED = {name: name for name in ("loss", "learning_rate", "grad_norm")}


def too_long(row: Encoded, params: SftParams) -> bool:
    """Tell whether a sample exceeds a packed row."""
    return len(row.input_ids) > params.batch_tokens


def fine_tune(
    start: Path,
    rows: Sequence[Encoded],
    params: SftParams,
    seed: int,
    scratch: Path,
    final: Path,
    live: Path | None = None,
) -> list[dict[str, float]]:
    """Train the model in `start` on encoded samples and store the adapter, or at rank 0 all weights, in `final`.

    `params` is the sft section of params.yaml, `scratch` holds the checkpoints, `live` what DVCLive writes
    (`checkpoints.train`). Returns [{"step", "loss", "learning_rate", "grad_norm"}], the loss being the mean over the
    step's answer tokens.
    Raises BadInput as `lora.open_start`, `settings.made` and `checkpoints.train` do.
    """
    from xinstruct.models.device import deterministic
    from xinstruct.training.checkpoints import Watch, train
    from xinstruct.training.lora import open_start, store

    deterministic(seed)
    tokenizer = load_tokenizer(start)
    model, lora = open_start(start, params)
    trainer = build_trainer(model, lora, tokenizer, rows, params, seed, scratch)
    watch = Watch("sft")
    log = train(trainer, watch, LOGGED, live)
    rate = watch.rate(sum(len(row.input_ids) for row in rows), trainer.state)
    say(f"sft: {rate:.0f} tokens/s")
    store(trainer.model, tokenizer, start, final)
    return log


def build_trainer(
    model: Any,
    lora: Any,
    tokenizer: Any,
    rows: Sequence[Encoded],
    params: SftParams,
    seed: int,
    scratch: Path,
) -> Any:
    """Return a PackedTrainer (TRL's SFTTrainer) over encoded samples, ready to train; `lora` as `open_start` gives it.

    A batch is `batch_size` packed rows; with `trl: {packing: false, padding_free: true}` it is so many samples.
    """
    from datasets import Dataset
    from trl import SFTConfig

    from xinstruct.training.packing import refuse_leaks
    from xinstruct.training.settings import built, made, shared, steps
    from xinstruct.training.trainers import PackedTrainer

    data = Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
    packing = params.trl.get("packing", True)
    if packing or params.trl.get("padding_free"):
        refuse_leaks(model, params.batch_tokens)
    count = packed_rows(rows, params.batch_tokens) if packing else len(rows)
    usual = shared(scratch, params, seed, steps(count, params)) | {
        "max_length": params.batch_tokens if packing else None,  # none is longer: `too_long` are left out
        "packing": True,
        "packing_strategy": "bfd",
    }
    return built(
        PackedTrainer,
        "params.yaml: sft.trl",
        model=model,
        args=made(SFTConfig, usual, params.trl, "params.yaml: sft.trl"),
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=lora,
    )


def packed_rows(rows: Sequence[Encoded], capacity: int) -> int:
    """Return roughly how many packed rows the samples fill (best fit, decreasing)."""
    room: list[int] = []
    count = 0
    for size in sorted((len(row.input_ids) for row in rows), reverse=True):
        at = bisect_left(room, size)
        if at == len(room):
            count += 1
            insort(room, capacity - size)
        else:
            insort(room, room.pop(at) - size)
    return count
