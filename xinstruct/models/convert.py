"""Conversion of GGUF to a plain transformers checkpoint: bf16 safetensors, tokenizer, chat template.

Fine-tuning needs ordinary weights; transformers otherwise keeps GGUF weights packed. The result loads by
``AutoModelForCausalLM.from_pretrained(folder)`` without any option.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.progress import quiet_libraries

# tokenizer.ggml.pre values whose splitting before BPE transformers' converter does not carry over.
_SPLIT_DIGITS = ("smollm", "starcoder", "refact", "command-r")


def gguf_to_folder(gguf: Path, folder: Path, context: int = 0) -> None:
    """Write the checkpoint into an existing folder. Raises BadInput on a file transformers cannot read."""
    with _read_once():
        _convert(gguf, folder, context)


@contextmanager
def _read_once() -> Iterator[None]:
    """Cache the reader of a file: config, tokenizer and weights would each read its vocabulary again, for seconds."""
    import gguf

    reader = gguf.GGUFReader
    gguf.GGUFReader = functools.cache(reader)  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        gguf.GGUFReader = reader  # type: ignore[misc]


def _convert(gguf: Path, folder: Path, context: int) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    quiet_libraries()
    source: dict[str, Any] = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    try:
        unpack = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.bfloat16, quantization_config=unpack)
        tokenizer = AutoTokenizer.from_pretrained(**source)
    except (ValueError, OSError, KeyError, NotImplementedError) as error:
        raise BadInput(f"{gguf}: transformers cannot read this GGUF file ({error}); use its safetensors") from error
    if not tokenizer.chat_template:
        raise BadInput(f"{gguf}: holds no chat template; an instruction-tuned model is needed")
    _restore_splitting(tokenizer, gguf)
    if context:
        tokenizer.model_max_length = context
    _tidy(model.config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def _restore_splitting(tokenizer: Any, gguf: Path) -> None:
    """Split digits one by one if the model was trained so.

    Otherwise "   5" becomes other tokens than those the model knows (and llama.cpp makes).
    """
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers

    field = GGUFReader(str(gguf)).fields.get("tokenizer.ggml.pre")
    if field is not None and field.contents() in _SPLIT_DIGITS:
        digits = pre_tokenizers.Digits(individual_digits=True)
        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, level])


def _tidy(config: Any) -> None:
    """Correct values such as 1e-5 that were stored as float32 and read as 9.99...e-06."""
    if hasattr(config, "rms_norm_eps"):
        config.rms_norm_eps = float(f"{config.rms_norm_eps:.6g}")
