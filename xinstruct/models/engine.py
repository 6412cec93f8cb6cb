"""Many answers at a time: requests enter free slots, prompts are read in pieces, all slots step together.

    engine = Engine(Path("models/start"))
    answers = engine.run([Job(ids, max_tokens=100), ...])

What a prompt shares with one that a slot still holds is copied instead of read again, so the worked
examples that all prompts of a stage begin with, and a prompt of many samples, are read once. Prompt
tokens but the last are read in pieces of one prompt; the last one is the first to be stepped. Each
answer is a function of its own job: the company in a batch changes no bit of it (kv_cache.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from xinstruct.models.chat import load_tokenizer
from xinstruct.models.device import load_model, pick_dtype
from xinstruct.models.kv_cache import NAME, ROWS, Slots, refuse_other_layers
from xinstruct.models.sampling import Job, Made, choose, likeliest, refuse_too_long
from xinstruct.params import Dtype
from xinstruct.processes import cores

PIECE = 128  # prompt tokens read in one pass
SLOTS = {"cpu": 48, "cuda": 256}
_TAIL = 32  # tokens decoded to look for a stop string


@dataclass
class _Row:
    """An answer in the making."""

    job: Job
    done: Callable[[Made], None]
    made: Made = field(default_factory=Made)
    draws: list[float] = field(default_factory=list)
    cancelled: bool = False

    def position(self) -> int:
        """Where the token that is stepped next stands."""
        return len(self.job.ids) + len(self.made.ids) - 1

    def last(self) -> int:
        """The token that is stepped next."""
        return self.made.ids[-1] if self.made.ids else self.job.ids[-1]


class Engine:
    """A checkpoint in memory that answers jobs. Not for several threads at once."""

    def __init__(
        self, folder: Path, slots: int = 0, context: int = 4096, dtype: Dtype = "auto", threads: int = 0
    ) -> None:
        """Raises BadInput when `folder` holds no checkpoint, or one with layers that it cannot run."""
        torch.set_num_threads(threads or cores())
        self.folder = folder
        self.tokenizer = load_tokenizer(folder)
        self.model = load_model(folder, pick_dtype(dtype), NAME).eval()
        config = self.model.config
        refuse_other_layers(config, folder)
        self.context = min(context, int(getattr(config, "max_position_embeddings", context)))
        self.count = -(-max(slots or SLOTS[self.model.device.type], 1) // ROWS) * ROWS
        self.slots = Slots(self.count, self.context, int(config.num_hidden_layers))
        ends = self.model.generation_config.eos_token_id
        self.ends = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self.waiting: deque[_Row] = deque()
        self.rows: list[_Row | None] = [None] * self.count
        self.held: list[tuple[int, ...]] = [()] * self.count  # prompt tokens that a slot's first tokens are
        self.tokens = 0  # made so far, in all answers
        self._pieces: dict[int, str] = {}

    def add(self, job: Job, done: Callable[[Made], None]) -> Callable[[], None]:
        """Queue a job. Returns what cancels it. Raises BadInput when it does not fit into the context."""
        refuse_too_long(job, self.context)
        row = _Row(job, done, draws=job.draws())
        self.waiting.append(row)

        def cancel() -> None:
            row.cancelled = True

        return cancel

    def step(self) -> bool:
        """Take in what fits, then one token for every row. Returns False when nothing is left to do."""
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

    # ---- taking in

    def _admit(self, row: _Row) -> None:
        """Put a row into a free slot, with all of its prompt but the last token read."""
        if row.cancelled:
            return
        if row.job.max_tokens <= 0:
            row.done(row.made)
            return
        known, source = max((_shared(held, row.job.ids), -slot) for slot, held in enumerate(self.held))
        slot = -source if self.rows[-source] is None else self._stalest()
        self.slots.copy(-source, slot, known)
        self.held[slot] = row.job.ids[:known]
        for start in range(known, len(row.job.ids) - 1, PIECE):
            self._read(slot, row.job.ids[start : min(start + PIECE, len(row.job.ids) - 1)], start)
        self.held[slot] = row.job.ids[:-1]
        self.rows[slot] = row

    def _stalest(self) -> int:
        """The free slot whose prompt helps the waiting rows least: the one that holds least."""
        return min((slot for slot, row in enumerate(self.rows) if row is None), key=lambda slot: len(self.held[slot]))

    def _read(self, slot: int, ids: Sequence[int], start: int) -> None:
        """One piece of a prompt into a slot; what fills the piece up is overwritten later."""
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
                self.held[hole], self.held[slot] = self.held[slot], self.held[slot]

    # ---- stepping

    def _advance(self, active: list[_Row]) -> None:
        room = -(-len(active) // ROWS) * ROWS
        spare = room - len(active)
        target = self.model.device
        ids = torch.tensor([row.last() for row in active] + [0] * spare, device=target)[:, None]
        places = [row.position() for row in active]
        positions = torch.tensor(places + [self.context + 1] * spare, device=target)[:, None]
        mask = self.slots.aim(None, positions, max(places))
        logits = self._forward(self.model, ids, positions, mask).logits[: len(active), -1].float()
        draws = [row.draws[len(row.made.ids)] if row.draws else 0.0 for row in active]
        tokens = choose(logits, [row.job for row in active], draws)
        self.tokens += len(active)
        for at, (row, token) in enumerate(zip(active, tokens, strict=True)):
            if row.job.logprobs:
                row.made.logprobs.append(likeliest(logits[at], token, row.job.logprobs))
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
        row.made.ids.append(token)
        row.made.finished = token in self.ends or bool(row.job.stop and self._stopped(row))
        if row.made.finished or len(row.made.ids) >= row.job.max_tokens:
            self.rows[slot] = None
            ids = row.made.ids[:-1] if token in self.ends else row.made.ids
            row.made.text = self.tokenizer.decode(ids, skip_special_tokens=True)
            row.done(row.made)

    def _stopped(self, row: _Row) -> bool:
        """Whether the answer's end holds a stop string; decodes only when the last token could close one."""
        token = row.made.ids[-1]
        if token not in self._pieces:
            self._pieces[token] = self.tokenizer.decode([token])
        if not any(text[-1] in self._pieces[token] for text in row.job.stop):
            return False
        tail = self.tokenizer.decode(row.made.ids[-_TAIL:])
        return any(text in tail for text in row.job.stop)


def _shared(held: tuple[int, ...], wanted: tuple[int, ...]) -> int:
    """How many tokens both begin with; the last of `wanted` is never among them."""
    most = min(len(held), len(wanted) - 1)
    if held[:most] == wanted[:most]:
        return most
    return next(i for i in range(most) if held[i] != wanted[i])
