"""Requests and completions of the engine, and how the next token is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from xinstruct.files import BadInput

_SEEDS = 2**63
LOOP = 96  # tokens
MAX_PERIOD = 80  # tokens that are repeated


@dataclass(frozen=True)
class GenerationRequest:
    """One answer to generate. ids: tokens of the rendered prompt, including a prefill.

    Greedy at temperature 0. top_p: draw among the likeliest tokens that hold this much probability. seed:
    decides every draw, together with the request itself. stop: the answer ends after any of these strings.
    logprobs: how many alternatives to report for each token; 0 reports nothing. schema: JSON text that an engine with a
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
        """Return a random number in [0, 1) for each token that may be generated; none when greedy."""
        if self.temperature <= 0:
            return []
        generator = torch.Generator().manual_seed(self.seed % _SEEDS)
        return [float(x) for x in torch.rand(self.max_tokens, generator=generator, dtype=torch.float64)]


@dataclass
class Completion:
    """A generated answer: token ids (with the end token), whether it ended by itself, its text (without it).

    logprobs: per token its own log-probability and the likeliest alternatives, where asked for.
    """

    ids: list[int] = field(default_factory=list)
    finished: bool = False
    text: str = ""
    logprobs: list[tuple[float, list[tuple[int, float]]]] = field(default_factory=list)


def loops(ids: Sequence[int]) -> bool:
    """Tell whether an answer says the same over and over: its last LOOP tokens, three rounds at least, have a period.

    A small model that has begun it goes on to its last token. Looked for at every eighth token.
    """
    if len(ids) % 8 or len(ids) < LOOP:
        return False
    last = list(ids[-3 * MAX_PERIOD :])

    def periodic(period: int) -> bool:
        whole = max(LOOP, 3 * period)
        return len(last) >= whole and last[-whole:-period] == last[-whole + period :]

    return any(map(periodic, range(1, MAX_PERIOD + 1)))


def refuse_too_long(request: GenerationRequest, context: int) -> None:
    """Raise BadInput for a request without a prompt, or one that does not fit into `context` tokens."""
    if not request.ids:
        raise BadInput("an empty prompt: there is nothing to go on from")
    if len(request.ids) + request.max_tokens > context:
        size = f"{len(request.ids)} tokens and max_tokens {request.max_tokens}"
        raise BadInput(f"the prompt has {size}, which exceeds the context size of {context}")


def choose(logits: Any, requests: list[GenerationRequest], draws: list[float]) -> list[int]:
    """Return the next token of every row: the likeliest one, or the one that the row's random number selects.

    logits: (rows, vocabulary), float32. draws: one number per row, ignored where the row is greedy.
    """
    greedy = logits.argmax(-1)
    if all(request.temperature <= 0 for request in requests):
        return [int(token) for token in greedy.tolist()]
    heats = [request.temperature if request.temperature > 0 else 1.0 for request in requests]
    chances = torch.softmax(logits / torch.tensor(heats, device=logits.device)[:, None], dim=-1)
    for row, request in enumerate(requests):
        if request.top_p < 1 and request.temperature > 0:
            chances[row] = _nucleus(chances[row], request.top_p)
    drawn = _draw(chances, torch.tensor(draws, dtype=torch.float32, device=logits.device)).tolist()
    return [
        int(a if request.temperature > 0 else b) for a, b, request in zip(drawn, greedy.tolist(), requests, strict=True)
    ]


def _draw(chances: Any, draws: Any) -> Any:
    """Return, per row, the index at which the cumulated chances pass `draws` (as a share of the row's sum)."""
    heights = chances.cumsum(-1)
    levels = (draws * heights[:, -1])[:, None]
    found = torch.searchsorted(heights, levels, right=True).squeeze(1)
    return found.clamp(max=chances.shape[-1] - 1)


def _nucleus(chances: Any, top_p: float) -> Any:
    """Set all chances to zero except those of the likeliest tokens that hold `top_p`."""
    ordered, places = chances.sort(descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(chances).scatter(0, places, ordered * (before < top_p))


def likeliest(logits: Any, token: int, count: int) -> tuple[float, list[tuple[int, float]]]:
    """Return a token's log-probability and the `count` likeliest (token, log-probability); logits: (vocabulary,)."""
    logs = torch.log_softmax(logits, -1)
    values, places = logs.topk(count)
    return float(logs[token]), list(zip(places.tolist(), values.tolist(), strict=True))
