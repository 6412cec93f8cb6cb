"""Batched local generation whose answers do not depend on the order in which they were asked.

Requests are sorted by length and text, cut into batches and left-padded. A prompt that is sampled
several times is read once. Rows that have ended leave the batch. Every answer draws from its own
random numbers, seeded by its prompt's text, so shuffling the requests or asking in another order
changes nothing. (What shares a batch can still move a bfloat16 logit in its last digit; batches are
formed from the sorted requests, so equal sets of requests give equal bytes.)

Leaves out serving and beam search. Usage: ``Generator(Path("models/sft")).generate(conversations,
max_new_tokens=200)``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from xinstruct.records import content_id
from xinstruct.training.compute import device, load_model, pick_dtype
from xinstruct.training.data import Message, load_tokenizer, prompt_ids

BATCH = {"cpu": 64, "cuda": 256}  # rows generated at once
SHRINK = 0.8  # a batch is compacted when no more than this share of its rows still runs


@dataclass(frozen=True)
class Generation:
    """One answer: its text (without the prefill), its tokens, whether it ended by itself."""

    text: str
    tokens: int
    finished: bool


@dataclass
class _Row:
    """One answer in the making."""

    prompt: int
    sample: int
    randoms: Any = None
    ids: list[int] = field(default_factory=list)
    finished: bool = False


class Generator:
    """A checkpoint, loaded once, that answers conversations."""

    def __init__(self, folder: Path, dtype: str = "auto", batch: int = 0) -> None:
        self.tokenizer = load_tokenizer(folder)
        self.model = load_model(folder, pick_dtype(dtype), "sdpa").eval()
        self.batch = batch or BATCH[device()]
        ends = self.model.generation_config.eos_token_id
        self.ends = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self._pieces: dict[int, str] = {}

    def generate(
        self,
        conversations: list[list[Message]],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        samples: int = 1,
        seed: int = 0,
        prefill: list[str] | None = None,
        stop: tuple[str, ...] = (),
        desc: str = "generating",
    ) -> list[list[Generation]]:
        """`samples` answers for each conversation, in input order.

        prefill: the start of the answer, one per conversation. stop: an answer ends after any of
        these strings (kept in its text). Greedy at temperature 0, where samples would be equal and
        one answer is repeated.
        """
        starts = prefill or [""] * len(conversations)
        prompts = [prompt_ids(self.tokenizer, c, s) for c, s in zip(conversations, starts, strict=True)]
        drawn = samples if temperature > 0 else 1
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), prompts[i]))
        rows = [_Row(i, k) for i in order for k in range(drawn)]
        if temperature > 0:
            for row in rows:
                row.randoms = _randoms(prompts[row.prompt], row.sample, seed, max_new_tokens)
        self._run(rows, prompts, max_new_tokens, temperature, stop, desc)
        answers: list[list[Generation]] = [[] for _ in conversations]
        for row in rows:
            answers[row.prompt].append(self._answer(row, stop))
        return [found * (samples if drawn == 1 else 1) for found in answers]

    def _run(
        self, rows: list[_Row], prompts: list[list[int]], limit: int, heat: float, stop: tuple[str, ...], desc: str
    ) -> None:
        begun, done = time.monotonic(), 0
        interval = 0.2 if sys.stderr.isatty() else 10.0
        with tqdm(total=len(rows), desc=desc, unit="answer", mininterval=interval, file=sys.stderr) as bar:
            # the longest first: the time left is then an upper bound
            for start in reversed(range(0, len(rows), self.batch)):
                part = rows[start : start + self.batch]
                self._batch(part, prompts, limit, heat, stop)
                done += sum(len(row.ids) for row in part)
                bar.set_postfix_str(f"{done / (time.monotonic() - begun):.0f} tokens/s", refresh=False)
                bar.update(len(part))
        seconds = time.monotonic() - begun
        print(f"{desc}: {done} tokens, {done / max(seconds, 1e-9):.0f} tokens/s", file=sys.stderr, flush=True)

    def _batch(
        self, rows: list[_Row], prompts: list[list[int]], limit: int, heat: float, stop: tuple[str, ...]
    ) -> None:
        """Answer one batch of rows. The prompts are read once each, whatever the number of samples."""
        import torch

        with torch.inference_mode():
            logits, cache, mask = self._read([row.prompt for row in rows], prompts)
            active = list(rows)
            for _ in range(limit):
                tokens = self._choose(logits, active, heat)
                for row, token in zip(active, tokens.tolist(), strict=True):
                    if not row.finished:
                        self._append(row, token, stop)
                going = [i for i, row in enumerate(active) if not row.finished]
                if not going:
                    return
                if len(going) <= SHRINK * len(active):
                    keep = torch.tensor(going, device=mask.device)
                    cache.batch_select_indices(keep)
                    mask, tokens, active = mask[keep], tokens[keep], [active[i] for i in going]
                mask = torch.cat([mask, mask.new_ones(len(active), 1)], dim=1)
                logits = self._forward(tokens[:, None], mask, mask.sum(1, keepdim=True) - 1, cache)

    def _read(self, wanted: list[int], prompts: list[list[int]]) -> tuple[Any, Any, Any]:
        """Read prompts, left-padded. Returns next-token logits, cache and mask, one row per wanted one."""
        import torch

        from xinstruct.training.cache import make_cache

        unique = list(dict.fromkeys(wanted))
        width = max(len(prompts[i]) for i in unique)
        pads = [width - len(prompts[i]) for i in unique]
        pad = self.tokenizer.pad_token_id
        target = self.model.device
        ids = torch.tensor([[pad] * n + prompts[i] for n, i in zip(pads, unique, strict=True)], device=target)
        mask = torch.tensor([[0] * n + [1] * (width - n) for n in pads], device=target)
        cache = make_cache(self.model.config)
        logits = self._forward(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)
        if unique != wanted:
            place = {prompt: at for at, prompt in enumerate(unique)}
            at = torch.tensor([place[i] for i in wanted], device=target)
            cache.batch_select_indices(at)
            logits, mask = logits[at], mask[at]
        return logits, cache, mask

    def _forward(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1].float()

    def _choose(self, logits: Any, active: list[_Row], heat: float) -> Any:
        """The next token of every row: the likeliest, or drawn by the row's own random number."""
        import torch

        if heat <= 0:
            return logits.argmax(-1)
        heights = torch.softmax(logits / heat, dim=-1).cumsum(-1)
        drawn = [row.randoms[min(len(row.ids), len(row.randoms) - 1)] for row in active]
        levels = torch.tensor(drawn, device=logits.device)[:, None] * heights[:, -1:]
        return torch.searchsorted(heights, levels, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)

    def _append(self, row: _Row, token: int, stop: tuple[str, ...]) -> None:
        row.ids.append(token)
        row.finished = token in self.ends or bool(stop and self._stopped(row, stop))

    def _stopped(self, row: _Row, stop: tuple[str, ...]) -> bool:
        """Whether the answer's end holds a stop string; decodes only when the last token could close one."""
        token = row.ids[-1]
        if token not in self._pieces:
            self._pieces[token] = self.tokenizer.decode([token])
        if not any(text[-1] in self._pieces[token] for text in stop):
            return False
        tail = self.tokenizer.decode(row.ids[-32:])
        return any(text in tail for text in stop)

    def _answer(self, row: _Row, stop: tuple[str, ...]) -> Generation:
        ids = row.ids[:-1] if row.ids and row.ids[-1] in self.ends else row.ids
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        ends = [text.index(s) + len(s) for s in stop if s in text]
        return Generation(text[: min(ends)] if ends else text, len(row.ids), row.finished)


def _randoms(prompt: Sequence[int], sample: int, seed: int, count: int) -> list[float]:
    """The random numbers of one answer: uniform in [0, 1), one per token, from its prompt and number."""
    import torch

    key = int(content_id(str(seed), str(sample), ",".join(map(str, prompt))), 16) >> 1
    generator = torch.Generator().manual_seed(key)
    return [float(x) for x in torch.rand(count, generator=generator)]
