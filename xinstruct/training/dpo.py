"""Direct preference optimisation with TRL on pairs that were labelled by execution.

The reference is the tuned model itself: the weights below the adapters. With rank 0 a second,
frozen copy of the model is the reference.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.models.chat import load_tokenizer
from xinstruct.params import DpoParams
from xinstruct.records import Pair
from xinstruct.training.data import preference_row

MAX_LENGTH = 2048  # longest prompt and answer together; no pair of the default run comes near it
LOGGED = {"loss": "loss", "rewards/margins": "margin", "rewards/accuracies": "accuracy"}


def optimise(
    start: Path, pairs: Sequence[Pair], params: DpoParams, seed: int, scratch: Path, final: Path
) -> list[dict[str, float]]:
    """Train the model in `start` on pairs and write the merged model to `final`.

    `params` is the dpo section of params.yaml. Returns [{"step", "loss", "margin", "accuracy"}]:
    margin is beta times the difference of the answers' log-ratios to the reference, accuracy the
    share of pairs where it is positive.
    """
    from xinstruct.models.device import deterministic, load_model, stored_dtype
    from xinstruct.training.checkpoints import Watch, save_merged, train
    from xinstruct.training.lora import weight_dtype

    deterministic(seed)
    tokenizer = load_tokenizer(start)
    model = load_model(start, weight_dtype(params.lora_rank, params.dtype), "sdpa")
    stored = stored_dtype(start)
    trainer = build_trainer(model, tokenizer, pairs, params, seed, scratch)
    log = train(trainer, Watch("dpo"))
    save_merged(trainer.model, tokenizer, final, stored)
    print(f"dpo: {len(pairs)} pairs, {len(log)} steps", file=sys.stderr, flush=True)
    return [{"step": entry["step"], **{ours: float(entry[key]) for key, ours in LOGGED.items()}} for entry in log]


def build_trainer(
    model: Any, tokenizer: Any, pairs: Sequence[Pair], params: DpoParams, seed: int, scratch: Path
) -> Any:
    """Return TRL's DPOTrainer over pairs, ready to train."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from xinstruct.training.lora import adapter, arguments, steps

    ordered = sorted(pairs, key=lambda pair: pair.id)
    data = Dataset.from_list([preference_row(tokenizer, pair) for pair in ordered])
    total = steps(len(pairs), params.batch_size, params.epochs)
    config = DPOConfig(**arguments(scratch, params, seed, total), beta=params.beta, max_length=MAX_LENGTH)
    return DPOTrainer(
        model=model,
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=adapter(params.lora_rank),
    )
