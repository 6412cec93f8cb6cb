"""Low-rank adapters and the arguments that SFT and DPO share.

Rank 0 means full fine-tuning: the weights are then kept in float32 (bfloat16 would round small updates away) and
multiplied in bfloat16 by autocast. With adapters the frozen weights stay in bfloat16 and only the adapters are
float32.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from xinstruct.models.device import device, pick_dtype
from xinstruct.params import DpoParams, Dtype, SftParams

SAVES = 8  # checkpoints per run: a killed run loses an eighth at most


def adapter(rank: int) -> Any:
    """Return LoRA on every linear layer but the vocabulary projection, scaled by 2; None for rank 0."""
    if rank <= 0:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def weight_dtype(rank: int, dtype: Dtype) -> Any:
    """Return the number type of the weights during training."""
    import torch

    return pick_dtype(dtype) if rank > 0 else torch.float32


def steps(rows: int, batch: int, epochs: float) -> int:
    """Return the number of optimizer steps of a run."""
    return max(1, math.ceil(math.ceil(rows / batch) * epochs))


def arguments(
    folder: Path, params: SftParams | DpoParams, seed: int, total_steps: int, warmup_steps: int = 0
) -> dict[str, Any]:
    """Return the TRL arguments that both stages share: schedule, seeds, checkpoints, no output."""
    import torch

    on_cpu = device() == "cpu"
    return {
        "output_dir": str(folder),
        "num_train_epochs": params.epochs,
        "learning_rate": params.learning_rate,
        "per_device_train_batch_size": params.batch_size,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warmup_steps,
        "weight_decay": 0.0,
        "bf16": pick_dtype(params.dtype) == torch.bfloat16,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": on_cpu,
        "activation_checkpointing": not on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": max(1, total_steps // SAVES),
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
    }
