"""Samples as conversations, conversations as tokens: the one rendering that training and generation share.

A sample becomes a user turn (its instruction) and an assistant turn (its answer in one fenced code
block). The prompt is rendered by the tokenizer's own chat template, with whatever system turn the
template adds, and is tokenized apart from the answer, so that a model is trained on exactly the
token ids that it is given when it generates. Leaves out packing (trainers.py) and generation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.languages import get
from xinstruct.records import Pair, Sample

Message = dict[str, str]
IGNORED = -100  # label of a token that takes no part in the loss


@dataclass(frozen=True)
class Encoded:
    """One conversation as tokens. `labels` equals `input_ids` on the answer and is IGNORED before it."""

    input_ids: list[int]
    labels: list[int]

    @property
    def answer_tokens(self) -> int:
        """How many tokens the loss is taken over."""
        return sum(label != IGNORED for label in self.labels)


def fenced(code: str, language: str) -> str:
    """The answer as a chat model writes it: one code block with the language's fence tag."""
    return f"```{get(language).fence}\n{code.strip()}\n```"


def conversation(sample: Sample) -> list[Message]:
    """User turn (instruction) and assistant turn (fenced code, or an explanation's prose) of a sample."""
    answer = sample.response if sample.task == "explanation" else fenced(sample.response, sample.language)
    return [{"role": "user", "content": sample.instruction}, {"role": "assistant", "content": answer}]


def training_samples(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that a model may be trained on, in the order of their ids. Held-out ones never are."""
    return sorted((s for s in samples if s.split == "train"), key=lambda s: s.id)


def heldout_samples(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that are kept from training, in the order of their ids."""
    return sorted((s for s in samples if s.split == "heldout"), key=lambda s: s.id)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint folder. Raises BadInput when it is missing or has no chat template."""
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
    """The text a model sees before its answer; `prefill` is the start of the answer, given to it."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return str(text) + prefill


def prompt_ids(tokenizer: Any, messages: Sequence[Message], prefill: str = "") -> list[int]:
    """Token ids of render_prompt; special tokens come from the template only."""
    text = render_prompt(tokenizer, messages, prefill)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode(tokenizer: Any, messages: Sequence[Message]) -> Encoded:
    """A conversation that ends with an assistant turn; the loss covers that turn and its end token.

    Raises BadInput when the last turn is not the assistant's.
    """
    if not messages or messages[-1]["role"] != "assistant":
        raise BadInput("a conversation to train on must end with an assistant turn")
    prompt = prompt_ids(tokenizer, messages[:-1])
    answer = tokenizer(messages[-1]["content"], add_special_tokens=False)["input_ids"]
    answer = [*answer, tokenizer.eos_token_id]
    return Encoded([*prompt, *answer], [IGNORED] * len(prompt) + answer)


def preference_row(tokenizer: Any, pair: Pair) -> dict[str, str]:
    """What TRL's DPOTrainer reads: the rendered prompt and the two answers, each with its end token."""
    prompt = render_prompt(tokenizer, [{"role": "user", "content": pair.prompt}])
    end = tokenizer.eos_token
    return {"prompt": prompt, "chosen": pair.chosen + end, "rejected": pair.rejected + end}
