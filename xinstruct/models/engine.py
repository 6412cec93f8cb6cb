"""Batched generation: requests enter free slots, prompts are prefilled in chunks, all slots decode together.

    engine = Engine(Path("models/start"))
    engine.add(GenerationRequest(ids, max_tokens=100), done)
    while engine.step():
        pass

A prefix that a prompt shares with one in a slot is copied and not computed again, so the worked examples
that all prompts of a stage begin with, and a prompt of many samples, are computed once. All prompt tokens
but the last are computed in chunks of one prompt; the last one is the first to be decoded. An answer is a
function of its own request: what else is in the batch does not change a bit of it (kv_cache.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from xinstruct.models.chat import load_tokenizer
from xinstruct.models.device import dtype_for, load_model
from xinstruct.models.kv_cache import NAME, ROWS, Slots, most_rows, refuse_other_layers
from xinstruct.models.sampling import Completion, GenerationRequest, choose, likeliest, refuse_too_long
from xinstruct.params import Dtype
from xinstruct.processes import cores

PIECE = 128  # prompt tokens computed in one pass, unless `most_rows` is less
SLOTS = {"cpu": 48, "cuda": 256}
_TAIL = 32  # tokens decoded to look for a stop string


@dataclass
class _Row:
    """An unfinished answer."""

    request: GenerationRequest
    done: Callable[[Completion], None]
    completion: Completion = field(default_factory=Completion)
    draws: list[float] = field(default_factory=list)
    cancelled: bool = False

    def position(self) -> int:
        """Return the position of the token that is decoded next."""
        return len(self.request.ids) + len(self.completion.ids) - 1

    def last(self) -> int:
        """Return the token that is decoded next."""
        return self.completion.ids[-1] if self.completion.ids else self.request.ids[-1]


class Engine:
    """A checkpoint in memory that answers GenerationRequests. It is not safe for several threads at once."""

    def __init__(
        self, folder: Path, slots: int = 0, context: int = 4096, dtype: Dtype = "auto", threads: int = 0
    ) -> None:
        """Raises BadInput when `folder` holds no checkpoint, or one with layers that it cannot run."""
        torch.set_num_threads(threads or cores())
        self.folder = folder
        self.tokenizer = load_tokenizer(folder)
        self.model = load_model(folder, dtype_for(folder, dtype), NAME).eval()
        config = self.model.config
        refuse_other_layers(config, folder)
        self.context = min(context, int(getattr(config, "max_position_embeddings", context)))
        most = most_rows(self.model)
        self.count = min(-(-max(slots or SLOTS[self.model.device.type], 1) // ROWS) * ROWS, most)
        self.piece = min(PIECE, most)
        self.slots = Slots(self.count, self.context, int(config.num_hidden_layers))
        ends = self.model.generation_config.eos_token_id
        self.ends = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self.waiting: deque[_Row] = deque()
        self.rows: list[_Row | None] = [None] * self.count
        self.cached: list[tuple[int, ...]] = [()] * self.count  # by slot: the prompt tokens that its cache begins with
        self.tokens = 0  # made so far, in all answers
        self._pieces: dict[int, str] = {}

    def add(self, request: GenerationRequest, done: Callable[[Completion], None]) -> Callable[[], None]:
        """Queue a request and return a function that cancels it. Raises BadInput when it exceeds the context."""
        refuse_too_long(request, self.context)
        row = _Row(request, done, draws=request.draws())
        self.waiting.append(row)

        def cancel() -> None:
            row.cancelled = True

        return cancel

    def step(self) -> bool:
        """Admit what fits, then decode one token for every row. Returns False when nothing is left to do."""
        with torch.inference_mode():
            return self._step()

    def _step(self) -> bool:
        for slot, row in enumerate(self.rows):
            if row and row.cancelled:
                self.rows[slot] = None
        while self.waiting and None in self.rows:
            self._admit(self.waiting.popleft())
        self._close_ranks()
        active = [row for row in self.rows if row]
        if active:
            self._advance(active)
        return bool(self.waiting or any(self.rows))

    # ---- admission

    def _admit(self, row: _Row) -> None:
        """Put a row into a free slot and compute its prompt up to the last token."""
        if row.cancelled:
            return
        if row.request.max_tokens <= 0:
            row.done(row.completion)
            return
        known, source = max((_shared(cached, row.request.ids), -slot) for slot, cached in enumerate(self.cached))
        slot = -source if self.rows[-source] is None else self._stalest()
        self.slots.copy(-source, slot, known)
        self.cached[slot] = row.request.ids[:known]
        for start in range(known, len(row.request.ids) - 1, self.piece):
            self._read(slot, row.request.ids[start : min(start + self.piece, len(row.request.ids) - 1)], start)
        self.cached[slot] = row.request.ids[:-1]
        self.rows[slot] = row

    def _stalest(self) -> int:
        """Return the free slot whose cached prompt is the shortest."""
        return min((slot for slot, row in enumerate(self.rows) if row is None), key=lambda slot: len(self.cached[slot]))

    def _read(self, slot: int, ids: Sequence[int], start: int) -> None:
        """Compute one chunk of a prompt into a slot; the padding of the chunk is overwritten later."""
        room = -(-len(ids) // ROWS) * ROWS
        target = self.model.device
        padded = torch.tensor([[*ids, *([0] * (room - len(ids)))]], device=target)
        positions = torch.arange(start, start + room, device=target)[None]
        mask = self.slots.aim(slot, positions, start + len(ids) - 1)
        self._forward(self.model.base_model, padded, positions, mask)

    def _close_ranks(self) -> None:
        """Move rows down so that the active slots are the first ones."""
        active = sum(row is not None for row in self.rows)
        holes = [slot for slot in range(active) if self.rows[slot] is None]
        for slot in range(active, self.count):
            row = self.rows[slot]
            if row is not None:
                hole = holes.pop()
                self.slots.copy(slot, hole, row.position())
                self.rows[hole], self.rows[slot] = row, None
                self.cached[hole], self.cached[slot] = self.cached[slot], self.cached[slot]

    # ---- decoding

    def _advance(self, active: list[_Row]) -> None:
        room = -(-len(active) // ROWS) * ROWS
        spare = room - len(active)
        target = self.model.device
        ids = torch.tensor([row.last() for row in active] + [0] * spare, device=target)[:, None]
        places = [row.position() for row in active]
        positions = torch.tensor(places + [self.context + 1] * spare, device=target)[:, None]
        mask = self.slots.aim(None, positions, max(places))
        logits = self._forward(self.model, ids, positions, mask).logits[: len(active), -1].float()
        draws = [row.draws[len(row.completion.ids)] if row.draws else 0.0 for row in active]
        tokens = choose(logits, [row.request for row in active], draws)
        self.tokens += len(active)
        for at, (row, token) in enumerate(zip(active, tokens, strict=True)):
            if row.request.logprobs:
                row.completion.logprobs.append(likeliest(logits[at], token, row.request.logprobs))
            self._append(at, row, token)

    def _forward(self, module: Any, ids: Any, positions: Any, mask: Any) -> Any:
        allowed = torch.zeros(mask.shape, device=mask.device).masked_fill_(mask, float("-inf"))
        return module(
            input_ids=ids,
            position_ids=positions,
            attention_mask=allowed,
            past_key_values=self.slots,
            use_cache=True,
        )

    def _append(self, slot: int, row: _Row, token: int) -> None:
        row.completion.ids.append(token)
        row.completion.finished = token in self.ends or bool(row.request.stop and self._stopped(row))
        if row.completion.finished or len(row.completion.ids) >= row.request.max_tokens:
            self.rows[slot] = None
            ids = row.completion.ids[:-1] if token in self.ends else row.completion.ids
            row.completion.text = self.tokenizer.decode(ids, skip_special_tokens=True)
            row.done(row.completion)

    def _stopped(self, row: _Row) -> bool:
        """Tell whether the answer ends in a stop string; it is only decoded when the last token could complete one."""
        token = row.completion.ids[-1]
        if token not in self._pieces:
            self._pieces[token] = self.tokenizer.decode([token])
        if not any(text[-1] in self._pieces[token] for text in row.request.stop):
            return False
        tail = self.tokenizer.decode(row.completion.ids[-_TAIL:])
        return any(text in tail for text in row.request.stop)


def _shared(cached: tuple[int, ...], wanted: tuple[int, ...]) -> int:
    """Return the length of the common prefix; the last token of `wanted` never belongs to it."""
    most = min(len(cached), len(wanted) - 1)
    if cached[:most] == wanted[:most]:
        return most
    return next(i for i in range(most) if cached[i] != wanted[i])
