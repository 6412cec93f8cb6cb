"""The loss of a model on finished conversations: the negative log-likelihood of every answer token.

Conversations are packed into rows as in training, and only the answers' positions reach the vocabulary projection. The
sum for one conversation does not depend on the others in its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.models.chat import Message, load_tokenizer
from xinstruct.models.device import dtype_for, load_model
from xinstruct.params import Dtype
from xinstruct.training.data import IGNORED, Encoded, encode

ROW_TOKENS = 2048


def completion_loss(
    folder: Path, conversations: Sequence[Sequence[Message]], dtype: Dtype = "auto"
) -> list[tuple[float, int]]:
    """Return per conversation, in input order: (sum of -ln p over the answer's tokens, number of tokens)."""
    if not conversations:
        return []
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, dtype_for(folder, dtype)).eval()
    return encoded_loss(model, [encode(tokenizer, messages) for messages in conversations])


def mean_loss(losses: Sequence[tuple[float, int]]) -> float:
    """Return the loss per answer token over all conversations; 0.0 when there are none."""
    tokens = sum(count for _, count in losses)
    return sum(total for total, _ in losses) / tokens if tokens else 0.0


def encoded_loss(model: Any, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
    """Like completion_loss, for tokenized conversations and a loaded model."""
    import torch

    order = sorted(range(len(rows)), key=lambda i: len(rows[i].input_ids))
    found: dict[int, tuple[float, int]] = {}
    with torch.inference_mode():
        for group in _groups(order, rows):
            sums = _row_loss(model, [rows[i] for i in group])
            found |= {i: (total, rows[i].answer_tokens) for i, total in zip(group, sums, strict=True)}
    return [found[i] for i in range(len(rows))]


def _groups(order: list[int], rows: Sequence[Encoded]) -> list[list[int]]:
    """Group indices into rows of at most ROW_TOKENS tokens (a longer conversation has its own row)."""
    groups: list[list[int]] = []
    room = 0
    for i in order:
        size = len(rows[i].input_ids)
        if not groups or size > room:
            groups.append([])
            room = ROW_TOKENS
        groups[-1].append(i)
        room -= size
    return groups


def _row_loss(model: Any, rows: list[Encoded]) -> list[float]:
    import torch

    device = model.device
    ids = torch.tensor([[token for row in rows for token in row.input_ids]], device=device)
    places = torch.tensor([[i for row in rows for i in range(len(row.input_ids))]], device=device)
    # the label of a sample's first token is always ignored, so no label crosses into the next sample
    targets = torch.tensor([label for row in rows for label in (IGNORED, *row.labels[1:])], device=device)
    at = (targets != IGNORED).nonzero().flatten()
    out = model(input_ids=ids, position_ids=places, use_cache=False, logits_to_keep=at - 1)
    nll = torch.nn.functional.cross_entropy(out.logits[0].float(), targets[at], reduction="none")
    parts = nll.double().split([row.answer_tokens for row in rows])
    return [float(part.sum()) for part in parts]
