"""What is asked of an answer, and how its next token is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from xinstruct.files import BadInput

_SEEDS = 2**63


@dataclass(frozen=True)
class Job:
    """One answer wanted. ids: tokens of the rendered prompt, started answer included.

    Greedy at temperature 0. top_p: draw among the likeliest tokens that hold this much. seed: with the
    job itself it decides every draw. stop: the answer ends after any of these strings. logprobs: how
    many alternatives to report for each token; 0 reports nothing. schema: JSON text that an engine with a
    grammar holds the answer to; the batched engine does not.
    """

    ids: tuple[int, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: int = 0
    schema: str = ""

    def draws(self) -> list[float]:
        """One number in [0, 1) for each token that may come."""
        if self.temperature <= 0:
            return []
        generator = torch.Generator().manual_seed(self.seed % _SEEDS)
        return [float(x) for x in torch.rand(self.max_tokens, generator=generator, dtype=torch.float64)]


@dataclass
class Made:
    """One answer: token ids (end token included), whether it ended by itself, its text without the end token.

    logprobs: per token its own log-probability and the likeliest alternatives, where asked for.
    """

    ids: list[int] = field(default_factory=list)
    finished: bool = False
    text: str = ""
    logprobs: list[tuple[float, list[tuple[int, float]]]] = field(default_factory=list)


def refuse_too_long(job: Job, context: int) -> None:
    """Raises BadInput for a job without a prompt, or one that does not fit into `context` tokens."""
    if not job.ids:
        raise BadInput("an empty prompt: there is nothing to go on from")
    if len(job.ids) + job.max_tokens > context:
        size = f"{len(job.ids)} tokens and max_tokens {job.max_tokens}"
        raise BadInput(f"the prompt has {size}, which exceeds the context size of {context}")


def choose(logits: Any, jobs: list[Job], draws: list[float]) -> list[int]:
    """The next token of every row: the likeliest, or the one that the row's number falls on.

    logits: (rows, vocabulary), float32. draws: one number per row, not looked at where greedy.
    """
    greedy = logits.argmax(-1)
    if all(job.temperature <= 0 for job in jobs):
        return [int(token) for token in greedy.tolist()]
    heats = [job.temperature if job.temperature > 0 else 1.0 for job in jobs]
    chances = torch.softmax(logits / torch.tensor(heats, device=logits.device)[:, None], dim=-1)
    for row, job in enumerate(jobs):
        if job.top_p < 1 and job.temperature > 0:
            chances[row] = _nucleus(chances[row], job.top_p)
    drawn = _draw(chances, torch.tensor(draws, dtype=torch.float32, device=logits.device)).tolist()
    return [int(a if job.temperature > 0 else b) for a, b, job in zip(drawn, greedy.tolist(), jobs, strict=True)]


def _draw(chances: Any, draws: Any) -> Any:
    """Index per row at which the summed chances pass `draws` (share of the row's sum)."""
    heights = chances.cumsum(-1)
    levels = (draws * heights[:, -1])[:, None]
    found = torch.searchsorted(heights, levels, right=True).squeeze(1)
    return found.clamp(max=chances.shape[-1] - 1)


def _nucleus(chances: Any, top_p: float) -> Any:
    """The chances with everything but the likeliest tokens that hold `top_p` set to zero."""
    ordered, places = chances.sort(descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(chances).scatter(0, places, ordered * (before < top_p))


def likeliest(logits: Any, token: int, count: int) -> tuple[float, list[tuple[int, float]]]:
    """Log-probability of a token and the `count` likeliest (token, log-probability); logits: (vocabulary,)."""
    logs = torch.log_softmax(logits, -1)
    values, places = logs.topk(count)
    return float(logs[token]), list(zip(places.tolist(), values.tolist(), strict=True))
