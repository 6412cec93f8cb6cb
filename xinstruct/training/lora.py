"""What a training stage starts from and what it leaves: low-rank adapters, or all weights.

With adapters the frozen weights keep the number type of `dtype` and only the adapters are float32; they are stored as
they are, on their base. Rank 0 means full fine-tuning: weights are float32 (bfloat16 would round small updates away),
multiplied in bfloat16 by autocast where `dtype` says so, and stored in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, replaced_folder, write_json
from xinstruct.models.adapters import ORIGIN, attach, base_of, is_adapter, is_tuned, origin, save_adapter
from xinstruct.models.chat import end_ids
from xinstruct.models.device import load_base, load_model, pick_dtype
from xinstruct.models.merge import fill, readable
from xinstruct.params import DpoParams, SftParams
from xinstruct.processes import rank

_CHANGING = ("pissa", "olora", "corda", "loftq")  # initialisations that take a part out of the weights below


def adapter(params: SftParams | DpoParams) -> Any:
    """Return the LoraConfig of a section, None at rank 0.

    Unless `lora` says otherwise: every linear layer but the vocabulary projection, scaled by 2. Raises BadInput
    naming a field of `lora` that LoraConfig does not have or cannot take.
    """
    from peft import LoraConfig

    from xinstruct.training.settings import made

    if params.lora_rank <= 0:
        return None
    at = "params.yaml: dpo.lora" if isinstance(params, DpoParams) else "params.yaml: sft.lora"
    if str(params.lora.get("init_lora_weights", "")).startswith(_CHANGING):
        raise BadInput(
            f"{at}.init_lora_weights: {params.lora['init_lora_weights']} changes the base, which is not stored"
        )
    rank = params.lora_rank
    usual = {"r": rank, "lora_alpha": 2 * rank, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    return made(LoraConfig, usual, params.lora, at)


def open_start(start: Path, params: SftParams | DpoParams, attn: str = "") -> tuple[Any, Any]:
    """Return the model to train, and the LoraConfig of a new adapter on it, None if it needs none.

    The adapter of an earlier stage is trained on. Raises BadInput when the section asks for another one.
    """
    import torch

    wanted = adapter(params)
    if wanted is None:
        return load_model(start, torch.float32, attn), None
    if not is_adapter(start):
        return load_model(start, _frozen(start, params), attn), wanted
    model = attach(load_base(start, _frozen(base_of(start), params), attn), start, trainable=True)
    _refuse_other(start, model.peft_config["default"], wanted)
    return model, None


def _frozen(base: Path, params: SftParams | DpoParams) -> Any:
    """Return the number type of the weights below an adapter; what an earlier stage trained stays float32."""
    return pick_dtype("float32" if is_tuned(base) else params.dtype)


def _refuse_other(start: Path, has: Any, wanted: Any) -> None:
    """Refuse settings that an adapter which is trained on cannot have any more."""
    fields = ["r", "lora_alpha", "use_rslora", "use_dora", "bias", "rank_pattern", "alpha_pattern"]
    if wanted.target_modules != "all-linear":  # which has become a set of layers
        fields.append("target_modules")
    for field in fields:
        if getattr(has, field) != getattr(wanted, field):
            raise BadInput(
                f"{start}: holds an adapter with {field} {getattr(has, field)}, which is trained on; "
                f"this stage asks for {getattr(wanted, field)}: set lora_rank and lora as in the earlier stage"
            )


def store(model: Any, tokenizer: Any, start: Path, folder: Path) -> None:
    """Write what was trained, atomically: the adapter with its base's hash, or all weights in float32.

    Of several processes, which all hold it, the first one writes.
    """
    if rank():
        return
    base = origin(start) if is_adapter(start) else {"base": start.as_posix(), "sha256": hash_path(start)}
    adapted = hasattr(model, "peft_config")
    inner = model.get_base_model() if adapted else model
    inner.generation_config.eos_token_id = end_ids(tokenizer, inner.generation_config)
    with replaced_folder(folder) as tmp:
        if adapted:
            save_adapter(model, base, tmp)
            inner.generation_config.save_pretrained(tmp)
            tokenizer.save_pretrained(tmp)
        else:
            fill(model.float(), tokenizer, tmp)
            write_json(tmp / ORIGIN, base)
        readable(tmp)
