"""A key-value cache that grows in place: appending a token copies one token, not the whole cache.

transformers' DynamicCache concatenates at every step, which at batch 64 moves more memory than the
weights do. Only plain full-attention layers are replaced; a model with other layers (sliding window)
keeps transformers' own.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

STEP = 128  # tokens of room added when a layer is full


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer inside larger buffers; `keys` and `values` are views of them."""

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        """Take number type and device from the first tokens."""
        super().lazy_initialization(key_states, value_states)
        self.buffers = [key_states[:, :, :0], value_states[:, :, :0]]

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Append (batch, heads, new tokens, head size) and return everything so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        length = self.get_seq_length()
        end = length + key_states.shape[-2]
        if end > self.buffers[0].shape[-2]:
            self.buffers = [_grown(buffer, length, end + STEP) for buffer in self.buffers]
        for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:, :, length:end] = new
        self.keys, self.values = (buffer[:, :, :end] for buffer in self.buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: Any) -> None:
        """Keep (or repeat) rows of the batch."""
        if length := self.get_seq_length():
            self.buffers = [buffer[indices] for buffer in self.buffers]
            self.keys, self.values = (buffer[:, :, :length] for buffer in self.buffers)


def _grown(buffer: Any, length: int, capacity: int) -> Any:
    shape = (*buffer.shape[:2], capacity, buffer.shape[3])
    wider = torch.empty(shape, dtype=buffer.dtype, device=buffer.device)
    wider[:, :, :length] = buffer[:, :, :length]
    return wider


def make_cache(config: Any) -> Any:
    """A cache for a model; plain layers grow in place."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
