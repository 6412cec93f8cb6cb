"""Device, number type and determinism, chosen once for training, generation and loss.

``dtype: auto`` is bfloat16 where the processor multiplies it natively (a CUDA device with bf16, a CPU with AVX512-BF16
or AMX) and float32 elsewhere. docs/training.md holds the measured figures.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, replaced_folder
from xinstruct.models.adapters import attach, base_of, holds_model, is_adapter, is_tuned
from xinstruct.params import Dtype
from xinstruct.progress import quiet_libraries


def device() -> str:
    """Return this process's CUDA device ("cuda:1" for the second one of a machine), or "cpu"."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def native_bfloat16() -> bool:
    """Tell whether the device multiplies bfloat16 matrices in hardware."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(bool(getattr(torch.cpu, name)()) for name in checks if hasattr(torch.cpu, name))


def pick_dtype(name: Dtype) -> Any:
    """Return the torch dtype of a `dtype` parameter."""
    import torch

    if name == "auto":
        name = "bfloat16" if native_bfloat16() else "float32"
    return getattr(torch, name)


def dtype_for(folder: Path, name: Dtype) -> Any:
    """Return the torch dtype in which a checkpoint is run: `auto` is float32 for what training wrote."""
    return pick_dtype("float32" if name == "auto" and is_tuned(folder) else name)


def deterministic(seed: int) -> None:
    """Seed every generator and prefer deterministic kernels: same machine, same threads, same bytes."""
    import torch
    from transformers import set_seed

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # filling fresh tensors would cost time and guards only against reading memory never written
    torch.utils.deterministic.fill_uninitialized_memory = False


def quiet() -> None:
    """Switch the libraries' bars off while they load and train. Their warnings stay."""
    import datasets
    import transformers

    quiet_libraries()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()


def attention() -> str:
    """Return the name of the attention that keeps packed samples apart and wastes least on this device."""
    if device() == "cpu":
        from xinstruct.models.attention import NAME

        return NAME
    try:
        import flash_attn  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return "sdpa"
    return "flash_attention_2"


def load_model(folder: Path, dtype: Any, attn: str = "") -> Any:
    """Load a causal language model from a checkpoint or adapter folder onto the device.

    An adapter is merged in float32. Raises BadInput when there is no model, when an adapter's base is not the one it
    was trained on, and when weights of `dtype` would lose what training changed (merge.py).
    """
    import torch

    from xinstruct.models.merge import rounded

    if not is_tuned(folder):
        return load_base(folder, dtype, attn)
    model = load_base(folder, torch.float32, attn)
    if is_adapter(folder):
        model = attach(model, folder).merge_and_unload()
    return rounded(model, folder, dtype)


def load_base(folder: Path, dtype: Any, attn: str = "") -> Any:
    """Load the whole checkpoint in `folder`, or the one below the adapter in it, with the folder's end tokens."""
    from transformers import AutoModelForCausalLM, GenerationConfig

    if not holds_model(folder):
        raise BadInput(f"{folder}: no model here (config.json is missing); run the stage that makes it (dvc repro)")
    quiet()
    source = base_of(folder) if is_adapter(folder) else folder
    model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, attn_implementation=attn or attention())
    if source != folder and (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model.to(device())


def copy_model(source: Path, target: Path) -> None:
    """Copy a checkpoint folder, atomically."""
    with replaced_folder(target) as tmp:
        shutil.copytree(source, tmp, dirs_exist_ok=True)
