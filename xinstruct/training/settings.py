"""TRL's and PEFT's own settings: every field of SFTConfig, DPOConfig and LoraConfig, checked against the classes.

A field that a parameter of this project already decides is refused in `trl` and `lora`, with that parameter's name, so
that no value is ever overruled by another.
"""

from __future__ import annotations

import math
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from xinstruct.files import BadInput
from xinstruct.models.device import device, pick_dtype
from xinstruct.params import DpoParams, Params, SftParams, nearest, number

SAVES = 8  # checkpoints per run: a killed run loses an eighth at most
_OWN = {  # field: what decides it
    "num_train_epochs": "epochs",
    "learning_rate": "learning_rate",
    "warmup_steps": "warmup_steps",
    "warmup_ratio": "warmup_steps",
    "per_device_train_batch_size": "batch_size",
    "bf16": "dtype",
    "fp16": "dtype",
    "beta": "beta",
    "max_length": "batch_tokens (sft) and max_tokens (dpo)",
    "r": "lora_rank",
    "seed": "random_seed",
    "data_seed": "random_seed",
    "output_dir": "the stage",
    "resume_from_checkpoint": "the stage",
    "use_cpu": "the stage",
    "logging_nan_inf_filter": "the stage, which stops at the first loss that is no number",
    "disable_tqdm": "the stage",
    "eos_token": "the chat template",
    "pad_token": "the tokenizer",
    "chat_template_path": "the tokenizer",
    "model_init_kwargs": "dtype",
    "do_train": "the stage",
    "gradient_checkpointing": "trl.activation_checkpointing, its new name",
    "task_type": "the stage",
    "base_model_name_or_path": "the stage",
    "inference_mode": "the stage",
}
_SHARDING = ("fsdp", "fsdp_config", "deepspeed", "parallelism_config")


def made(kind: Any, usual: dict[str, Any], own: dict[str, Any], at: str) -> Any:
    """Return a settings class of TRL or PEFT from this project's usual values and a person's own; `at` names these.

    Raises BadInput naming a key that the class does not have, that another parameter decides, or whose value it cannot
    take.
    """
    check(kind, own, at)
    try:
        return kind(**usual | {name: number(value) for name, value in own.items()})
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise BadInput(f"{at}: {kind.__name__} refuses it: {' '.join(str(error).split())}") from error


def built(trainer: type[Any], at: str, **parts: Any) -> Any:
    """Return a trainer of its parts. Raises BadInput with TRL's own words when settings do not go together."""
    try:
        return trainer(**parts)
    except (ValueError, NotImplementedError) as error:
        raise BadInput(f"{at}: {trainer.__name__} refuses it: {' '.join(str(error).split())}") from error


def check(kind: Any, own: dict[str, Any], at: str) -> None:
    """Refuse keys and types that a settings class does not have. Raises BadInput."""
    hints, known = get_type_hints(kind), [field.name for field in fields(kind) if field.init]
    for name, value in own.items():
        if name not in known:
            raise BadInput(f"{at}.{name} is no field of {kind.__name__}; {nearest(name, known)}")
        if name in _OWN:
            raise BadInput(f"{at}.{name} is decided by {_OWN[name]}; set it there")
        if name in _SHARDING and value:
            raise BadInput(f"{at}.{name}: sharded weights cannot be stored here yet; whole copies train in `processes`")
        if not _fits(hints[name], number(value)):
            raise BadInput(f"{at}.{name} is {value!r}; {kind.__name__} takes {_words(hints[name])}")


def check_own(stage: str, params: SftParams | DpoParams, source: str = "params.yaml") -> None:
    """Check what one stage's section sets under `trl` and `lora`, before any work is done. Raises BadInput."""
    from peft import LoraConfig
    from trl import DPOConfig, SFTConfig

    made(SFTConfig if stage == "sft" else DPOConfig, shared(Path(), params, 0, 1), params.trl, f"{source}: {stage}.trl")
    made(LoraConfig, {}, params.lora, f"{source}: {stage}.lora")


def check_all(params: Params, source: str = "params.yaml") -> None:
    """Check what is set under `trl` and `lora` of both stages; nothing is imported when nothing is. Raises BadInput."""
    for stage, section in (("sft", params.sft), ("dpo", params.dpo)):
        if section.trl or section.lora:
            check_own(stage, section, source)


def _fits(kind: Any, value: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(one, value) for one in inner)
    if origin is Literal:
        return value in inner
    if kind in (None, NoneType):
        return value is None
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return value in [one.value for one in kind]
    plain = {list: list, set: list, tuple: list}.get(origin or kind, origin or kind)
    return not isinstance(plain, type) or plain not in (bool, str, list, dict) or isinstance(value, plain)


def _words(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(_words(one) for one in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(str(one.value) for one in kind)
    return {None: "null", NoneType: "null"}.get(kind, getattr(kind, "__name__", str(kind)))


def shared(folder: Path, params: SftParams | DpoParams, seed: int, total_steps: int) -> dict[str, Any]:
    """Return the TRL arguments that both stages set unless told otherwise: schedule, seeds, checkpoints, no output."""
    import torch

    on_cpu = device() == "cpu"
    return {
        "output_dir": str(folder),
        "num_train_epochs": params.epochs,
        "learning_rate": params.learning_rate,
        "per_device_train_batch_size": params.batch_size,
        "lr_scheduler_type": "cosine",
        "warmup_steps": params.warmup_steps,
        "weight_decay": 0.0,
        "bf16": pick_dtype(params.dtype) == torch.bfloat16,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": on_cpu,
        "activation_checkpointing": not on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": max(1, total_steps // SAVES),
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
    }


def steps(rows: int, params: SftParams | DpoParams) -> int:
    """Return the number of optimizer steps of a run."""
    accumulated = int(params.trl.get("gradient_accumulation_steps", 1))
    per_epoch = math.ceil(math.ceil(rows / (params.batch_size * params.processes)) / accumulated)
    return int(params.trl.get("max_steps", 0)) or max(1, math.ceil(per_epoch * params.epochs))
