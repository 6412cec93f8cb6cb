"""Attention over packed rows on a CPU: each sample of a row attends only to itself, at the cost of its own length.

TRL packs several samples into one row and marks where each starts by position ids that go back to zero. transformers'
own sdpa would build a mask over the whole row (right, but quadratic in the row); here the row is cut at the marks and
each piece goes through causal sdpa alone. Rows that come with an attention mask (padded batches, decoding) go to
transformers' sdpa unchanged.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "packed_sdpa"


def packed_attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **kwargs: Any) -> Any:
    """Compute a layer's attention; query is (batch, heads, tokens, head size). Returns (output, None)."""
    bounds = _bounds(query, key, attention_mask, kwargs.get("position_ids"))
    if len(bounds) <= 2:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    pieces = [
        scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, start:end],
            value[:, :, start:end],
            dropout_p=kwargs.get("dropout", 0.0),
            scale=kwargs.get("scaling"),
            is_causal=True,
        )
        for start, end in itertools.pairwise(bounds)
    ]
    return torch.cat(pieces, dim=2).transpose(1, 2).contiguous(), None


def _bounds(query: Any, key: Any, mask: Any, position_ids: Any) -> list[int]:
    """Return the start of every sample of a packed row, and the row's end; empty when the row is not packed."""
    tokens = query.shape[2]
    if mask is not None or position_ids is None or query.shape[0] != 1 or tokens != key.shape[2]:
        return []
    starts = (position_ids[0] == 0).nonzero().flatten().tolist()
    return [*starts, tokens]


def packed_mask(*args: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
    """Return no mask for rows without padding (packed_attention cuts them), transformers' mask for the others."""
    single = kwargs.get("batch_size", 1) == 1 and kwargs.get("q_length") == kwargs.get("kv_length")
    if attention_mask is None and single:
        return None
    return sdpa_mask(*args, attention_mask=attention_mask, **kwargs)


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, packed_mask)
