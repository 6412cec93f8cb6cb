"""Conversations as prompts: the one rendering by the chat template that training, generation and serving share.

The prompt is rendered by the tokenizer's own template, with whatever system turn the template adds. The labels of a
training conversation are made in training/data.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput

Message = dict[str, str]


def load_tokenizer(folder: Path) -> Any:
    """Load a checkpoint folder's tokenizer. Raises BadInput when it is missing or has no chat template."""
    from transformers import AutoTokenizer

    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; run the stage that makes it (dvc repro)")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise BadInput(f"{folder}: the tokenizer has no chat template; add chat_template.jinja to the folder")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def render_prompt(tokenizer: Any, messages: Sequence[Message], prefill: str = "") -> str:
    """Return the text a model sees before its answer, with `prefill`, the given start of the answer."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return str(text) + prefill


def prompt_ids(tokenizer: Any, messages: Sequence[Message], prefill: str = "") -> list[int]:
    """Return the token ids of render_prompt; special tokens come from the template only."""
    text = render_prompt(tokenizer, messages, prefill)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
