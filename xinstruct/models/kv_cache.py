"""The cache of keys and values of all unfinished answers, one slot each, and attention over it.

transformers runs the model; this is its cache and its attention. A slot's tokens stay in place, so that admitting a
request, ending one and sharing a prompt move that slot's tokens only. A row's result does not depend on the rows
beside it: matrix products of ROWS rows to `most_rows` and attention with masked tails came out bit for bit equal
whatever else was in them (a test verifies this on the machine it runs on). Models with layers that attend to a window
of tokens or keep a state are refused.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AttentionInterface

from xinstruct.files import BadInput

NAME = "xinstruct_slots"
ROWS = 16  # fewer rows take other kernels, which round differently
_TILED = 32  # more rows than that: AMX adds up in another order
SPAN = 128  # the room of a slot is a multiple of so many tokens


def slot_attention(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, **_: Any
) -> Any:
    """Compute a layer's attention: query (rows, heads, tokens, size), key and value (rows, fewer heads, room, size).

    The query heads that share a key head are lined up as if they were further tokens, so that keys and values are
    read once and not repeated. Plain products, softmax in float32: torch's own attention rounds differently with the
    thread that a row falls to. Returns (rows, tokens, heads, size), None.
    """
    rows, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    grouped = query.reshape(rows, key.shape[1], groups * tokens, size)
    scores = (grouped @ key.transpose(2, 3)).float()
    scores *= size**-0.5 if scaling is None else scaling
    scores += attention_mask.repeat(1, 1, groups, 1) if tokens > 1 else attention_mask
    found = (torch.softmax(scores, -1).to(value.dtype) @ value).view(rows, heads, tokens, size)
    return found.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, slot_attention)


class Slots:
    """The cache. `aim` selects the rows and positions of the next forward pass.

    keys and values: per layer (slots, heads, room, size) in the model's number type, allocated with the first token.
    The room grows to the size of the longest answer, and attention reads all of it: products of a part would copy that
    part first. Its last token is where rows that only pad the batch write. Tokens are the last axis of the keys'
    memory, which makes their product twice as fast.
    """

    is_compileable = False

    def __init__(self, count: int, context: int, layers: int) -> None:
        self.count = count
        self.context = context
        self.room = SPAN
        self.keys: list[Any] = [None] * layers
        self.values: list[Any] = [None] * layers
        self._slot: int | None = None
        self._positions: Any = None

    def aim(self, slot: int | None, positions: Any, longest: int) -> Any:
        """Select the tokens of one slot, or (None) one token each of the first slots.

        positions: (rows, tokens); one past `longest`, the highest that counts, belongs to a row that only pads the
        batch. Returns the mask for the model, (rows, 1, tokens, room): True at positions that are not attended to.
        """
        self._grow(longest + 2)
        self._slot, self._positions = slot, positions.clamp(max=self.room - 1)
        return (torch.arange(self.room, device=positions.device) <= positions[:, None, :, None]).logical_not()

    def _grow(self, wanted: int) -> None:
        """Make room for `wanted` tokens in every slot."""
        if wanted <= self.room:
            return
        self.room = -(-wanted // SPAN) * SPAN
        for kept, make in ((self.keys, _turned), (self.values, _plain)):
            for layer, old in enumerate(kept):
                if old is not None:
                    kept[layer] = make(old, (*old.shape[:2], self.room, old.shape[3]))
                    kept[layer][:, :, : old.shape[2]] = old

    def update(self, key: Any, value: Any, layer: int, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write a layer's tokens, (rows, heads, tokens, size). Returns everything that its rows may attend to."""
        if self.keys[layer] is None:
            shape = (self.count, key.shape[1], self.room, key.shape[3])
            self.keys[layer], self.values[layer] = _turned(key, shape), _plain(value, shape)
        slot = self._slot
        for kept, new in ((self.keys[layer], key), (self.values[layer], value)):
            if slot is None:
                kept[torch.arange(len(new), device=new.device), :, self._positions[:, 0]] = new[:, :, 0]
            else:
                kept[slot, :, self._positions[0]] = new[0]
        rows = slice(len(key)) if slot is None else slice(slot, slot + 1)
        return self.keys[layer][rows], self.values[layer][rows]

    def copy(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` tokens of a slot to another one."""
        if source == target or not length:
            return
        for kept in (*self.keys, *self.values):
            if kept is not None:
                kept[target, :, :length] = kept[source, :, :length]

    def get_seq_length(self, *_: Any) -> int:
        """Return 0; part of transformers' interface, unused because positions are always given."""
        return 0


def most_rows(model: Any) -> int:
    """Return how many rows a product may have at most for its bits not to depend on their number."""
    tiles = model.device.type == "cpu" and model.dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported()
    return _TILED if tiles else sys.maxsize


def _plain(like: Any, shape: tuple[int, ...]) -> Any:
    return torch.zeros(shape, dtype=like.dtype, device=like.device)


def _turned(like: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of a shape whose last two axes are swapped in memory."""
    return _plain(like, (*shape[:2], shape[3], shape[2])).transpose(2, 3)


def refuse_other_layers(config: Any, folder: Path) -> None:
    """Raise BadInput for a model whose layers are not all plain full attention."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        other = ", ".join(sorted(kinds - {"full_attention"}))
        raise BadInput(
            f"{folder}: has layers of {other}, which generation here does not run; serve the checkpoint "
            "(vllm serve FOLDER, or transformers serve) and name that base_url"
        )
