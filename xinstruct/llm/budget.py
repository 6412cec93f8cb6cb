"""Hard limits on the spending of a stage and of a whole run: tokens, money, minutes.

A limit covers all paid calls of a run, over all its processes; answers from the journal cost nothing. A request is
sent only when the amount spent, the most that requests in flight can cost and the most this one can cost still fit;
otherwise nothing new is sent, answers in flight are kept, and BudgetReached ends the stage. A run is one command: all
processes of its process group (``dvc repro`` with all its stages), or all that share $XINSTRUCT_RUN. The next run has
its limits anew and continues from the journal.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from xinstruct.files import BadInput
from xinstruct.llm.calls import Reply, Request
from xinstruct.llm.journal import Journal, Spent
from xinstruct.params import BudgetParams, PriceParams, TeacherParams

# A prompt's tokens at most, before the server has counted them: code has 3 to 4 bytes per token, and
# chat templates put a few tokens around each message (and some a system message of their own).
_BYTES_PER_TOKEN = 2
_PER_MESSAGE = 24
_REFRESH = 5.0  # seconds between two looks at what other processes of the run have spent


class BudgetReached(BadInput):
    """A limit is reached. All answers are in the journal; the stage's outputs are not written."""


class Prices:
    """Money per million tokens of one model, from params.yaml's teacher.prices; 0 when it has no price."""

    def __init__(self, table: Mapping[str, PriceParams], model: str) -> None:
        price = table.get(model)
        self.prompt, self.completion = (price.prompt, price.completion) if price else (0.0, 0.0)
        self.known = bool(self.prompt or self.completion)

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the cost of that many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Budget:
    """The limits of `teacher.budget`; `admit` each request before it is sent, `settle` it afterwards."""

    def __init__(self, params: TeacherParams, journal: Journal, prices: Prices, model: str) -> None:
        """Raises BadInput for a limit of money when `model` has no price."""
        self.limits = _limits(params.budget)
        self.journal, self.prices = journal, prices
        self.reached = ""
        self._flying: dict[int, tuple[float, float]] = {}  # id(request) -> prompt and completion tokens at most
        self._spent: dict[str, Spent] = {}
        self._looked = 0.0
        self._settled = asyncio.Event()
        if any(name == "money" for _, name in self.limits) and not prices.known:
            raise BadInput(
                f"params.yaml: teacher.budget limits money but teacher.prices has no {model!r}; add its price"
            )

    async def admit(self, request: Request) -> bool:
        """Tell whether the request may be sent. Waits while only requests in flight stand in its way."""
        if not self.limits:
            return True
        while not self.reached:
            if not (short := self._short(request)):
                self._flying[id(request)] = _most(request)
                return True
            if short.endswith("minutes") or not self._flying:
                self.reached = short
                break
            self._settled.clear()
            await self._settled.wait()
        self._settled.set()  # whoever waits sees that it is over
        return False

    def settle(self, request: Request, reply: Reply) -> None:
        """Book an admitted request that was answered or has failed."""
        if self._flying.pop(id(request), None):
            for scope, spent in self._spent.items():
                prompt, completion = spent.prompt_tokens + reply.prompt_tokens, reply.completion_tokens
                self._spent[scope] = Spent(prompt, spent.completion_tokens + completion, spent.since)
            self._settled.set()

    def begin(self) -> None:
        """Start a new batch in an event loop of its own, with nothing in flight."""
        self._flying.clear()
        self._settled = asyncio.Event()

    def message(self, unasked: int, desc: str) -> str:
        """Return the message for a person when a limit is reached."""
        scope, name = self.reached.split(".")
        self._look(force=True)
        shown = f"{self.limits[scope, name]:,g} {name}"
        return (
            f"budget: teacher.budget.{self.reached} ({shown}) is reached: this {scope} spent {self._shown(scope)}; "
            f"{unasked} calls of {desc!r} were not asked. Every answer is kept: run again to go on from there, "
            "or raise the limit first"
        )

    def _shown(self, scope: str) -> str:
        spent = self._spent[scope]
        parts = [f"{spent.prompt_tokens + spent.completion_tokens:,} tokens"]
        if self.prices.known:
            parts.append(f"{self.prices.cost(spent.prompt_tokens, spent.completion_tokens):.4f} of money")
        return ", ".join([*parts, f"{(time.time() - spent.since) / 60:.1f} minutes"])

    def _short(self, request: Request) -> str:
        """Return the limit that the request exceeds, as "scope.name", or ""."""
        self._look()
        return next((f"{s}.{n}" for (s, n), most in self.limits.items() if self._would(s, n, request) > most), "")

    def _would(self, scope: str, name: str, request: Request) -> float:
        """Return the most that would be spent with everything in flight and this request."""
        spent = self._spent[scope]
        if name == "minutes":
            return (time.time() - spent.since) / 60
        ahead = [*self._flying.values(), _most(request)]
        prompt = spent.prompt_tokens + sum(p for p, _ in ahead)
        completion = spent.completion_tokens + sum(c for _, c in ahead)
        return prompt + completion if name == "tokens" else self.prices.cost(prompt, completion)

    def _look(self, force: bool = False) -> None:
        """Read from the journal how much the run has spent, including its other processes."""
        if not force and time.monotonic() - self._looked < _REFRESH:
            return
        self._looked = time.monotonic()
        self._spent = {"run": self.journal.spent(), "stage": self.journal.spent(self.journal.stage)}


def _most(request: Request) -> tuple[float, float]:
    """Return the most tokens a request can take: its prompt (estimated from its bytes) and its answer."""
    size = sum(len(message["content"].encode()) for message in request.messages) + len(request.prefill.encode())
    return size / _BYTES_PER_TOKEN + _PER_MESSAGE * len(request.messages), float(request.max_tokens)


def _limits(params: BudgetParams) -> dict[tuple[str, str], float]:
    """Return the limits above zero by (scope, name)."""
    scopes = {"stage": asdict(params.stage), "run": asdict(params.run)}
    return {(scope, name): value for scope, limits in scopes.items() for name, value in limits.items() if value}


def run_id() -> str:
    """Return the common id of the processes of one command: $XINSTRUCT_RUN, else their process group."""
    if given := os.environ.get("XINSTRUCT_RUN"):
        return given
    group = os.getpgrp()
    try:
        # Numbers of processes are used again: the start time of the group's first one tells them apart.
        began = Path(f"/proc/{group}/stat").read_text(encoding="latin-1").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        began = "0"
    return f"{group}-{began}"
