"""Samples as conversations, and conversations as tokens with labels.

A sample becomes a user turn (its instruction) and an assistant turn (its answer in one fenced code block). The prompt
is rendered and tokenized by models/chat.py, separately from the answer, so that a model is trained on exactly the
token ids that it is given when it generates. Rows are packed in trainers.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.code.names import fenced
from xinstruct.files import BadInput
from xinstruct.models.chat import Message, answer_text, prompt_ids
from xinstruct.records import Pair, Sample

IGNORED = -100  # label of a token that takes no part in the loss


@dataclass(frozen=True)
class Encoded:
    """One conversation as tokens. `labels` equals `input_ids` on the answer and is IGNORED before it."""

    input_ids: list[int]
    labels: list[int]

    @property
    def prompt(self) -> list[int]:
        """The tokens before the answer."""
        return self.input_ids[: len(self.input_ids) - self.answer_tokens]

    @property
    def answer(self) -> list[int]:
        """The answer's tokens and its end token."""
        return self.input_ids[len(self.input_ids) - self.answer_tokens :]

    @property
    def answer_tokens(self) -> int:
        """The number of tokens that the loss is taken over."""
        return sum(label != IGNORED for label in self.labels)


def conversation(sample: Sample) -> list[Message]:
    """Return user turn (instruction) and assistant turn (fenced code, or an explanation's prose) of a sample."""
    answer = sample.response if sample.task == "explanation" else fenced(sample.response, sample.language)
    return [{"role": "user", "content": sample.instruction}, {"role": "assistant", "content": answer}]


def training_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples that a model may be trained on, by id; held-out ones are never among them."""
    return sorted((s for s in samples if s.split == "train"), key=lambda s: s.id)


def heldout_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples that are held out from training, by id."""
    return sorted((s for s in samples if s.split == "heldout"), key=lambda s: s.id)


def encode(tokenizer: Any, messages: Sequence[Message]) -> Encoded:
    """Encode a conversation that ends with an assistant turn; the loss covers that turn and its end token.

    Raises BadInput when the last turn is not the assistant's.
    """
    if not messages or messages[-1]["role"] != "assistant":
        raise BadInput("a conversation to train on must end with an assistant turn")
    prompt = prompt_ids(tokenizer, messages[:-1])
    text = answer_text(tokenizer, messages[-1]["content"])
    answer = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return Encoded([*prompt, *answer], [IGNORED] * len(prompt) + answer)


def encode_pair(tokenizer: Any, pair: Pair) -> tuple[Encoded, Encoded]:
    """Encode a pair's chosen and rejected conversation as SFT does.

    Blank space behind an answer, such as the line break behind a code block at which sampling stops, is left out.
    """
    user = {"role": "user", "content": pair.prompt}
    chosen, rejected = (
        encode(tokenizer, [user, {"role": "assistant", "content": answer.rstrip()}])
        for answer in (pair.chosen, pair.rejected)
    )
    return chosen, rejected
