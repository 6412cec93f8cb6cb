"""Conversations as prompts: the one rendering by the chat template that training, generation and serving share.

The prompt is rendered by the tokenizer's own template, with whatever system turn the template adds. The labels of a
training conversation are made in training/data.py.
"""

from __future__ import annotations

import functools
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


def answer_text(tokenizer: Any, content: str) -> str:
    """Return what a model writes after a prompt: the template's text around `content`, up to the end token.

    The end token is the one that the template puts after an assistant's turn, or the tokenizer's own if it puts none
    there; a base model's own often is another. Raises BadInput for a template without a generation prompt.
    """
    lead, tail = _around(tokenizer, str(tokenizer.chat_template))
    return f"{lead}{content}{tail}"


def end_id(tokenizer: Any) -> int:
    """Return the id of the token that ends an assistant's turn. Raises BadInput as `answer_text` does."""
    return int(tokenizer(answer_text(tokenizer, ""), add_special_tokens=False)["input_ids"][-1])


def end_ids(tokenizer: Any, generation_config: Any) -> int | list[int]:
    """Return the tokens that end generation: those of a model's generation_config and the template's own."""
    known = generation_config.eos_token_id
    ends = sorted({end_id(tokenizer), *(known if isinstance(known, list) else [known])} - {None})
    return ends if len(ends) > 1 else ends[0]


@functools.lru_cache(maxsize=16)
def _around(tokenizer: Any, _template: str) -> tuple[str, str]:
    """Return the template's text before and after an answer, found by rendering one that is easy to find."""
    mark = "xinstruct-answer"
    asked = [{"role": "user", "content": "Hello."}]
    prompt = render_prompt(tokenizer, asked)
    told = f"{tokenizer.name_or_path}: the chat template"
    if prompt == tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=False):
        raise BadInput(f"{told} ignores add_generation_prompt, so answers would have no header; correct the template")
    whole = str(tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": mark}], tokenize=False))
    if not whole.startswith(prompt) or mark not in whole[len(prompt) :]:
        raise BadInput(f"{told} renders an answered conversation other than its prompt begins; correct the template")
    lead, rest = whole[len(prompt) :].split(mark, 1)
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    ends = [number for number in tokenizer(rest, add_special_tokens=False)["input_ids"] if number in special]
    if not ends:
        return lead, str(tokenizer.eos_token)
    token = str(tokenizer.convert_ids_to_tokens(ends[0]))
    return lead, rest[: rest.index(token) + len(token)]
