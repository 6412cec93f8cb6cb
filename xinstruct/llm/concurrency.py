"""The number of requests in flight at one endpoint: additive increase, multiplicative decrease.

The limit starts at `most` (teacher.slots), halves when the endpoint says 429 or 503, times out or answers slower
than `slow_after` seconds, and grows by one per round of good answers. Answers to requests that were in flight when
the limit was halved do not halve it again: a storm of 256 refusals is one signal, not 256. Retry-After pauses the
whole endpoint. The choice between endpoints is made in pool.py.
"""

from __future__ import annotations

import asyncio
import time


class Limiter:
    """Limits the requests in flight at one endpoint; an async context manager around each of them."""

    def __init__(self, most: int, slow_after: float = 0.0) -> None:
        """`slow_after`: seconds after which an answer counts as a signal to slow down; 0: never."""
        self.most = most
        self.slow_after = slow_after
        self.limit = float(most)
        self.flying = 0
        self.lowest = float(most)
        self._halved = 0.0  # when the limit was last halved
        self._rest_until = 0.0
        self._waiting = 0
        self._turn = asyncio.Condition()

    @property
    def load(self) -> float:
        """The share of the limit that is in use; above 1 during a pause."""
        return self.flying / max(1, int(self.limit)) + (2.0 if self.resting() > 0 else 0.0)

    def resting(self) -> float:
        """The seconds until the endpoint may be asked again."""
        return self._rest_until - time.monotonic()

    async def __aenter__(self) -> None:
        while True:
            if (pause := self.resting()) > 0:
                await asyncio.sleep(pause)
            elif self._room():  # the common case, without a lock
                self.flying += 1
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            async with self._turn:
                await self._turn.wait_for(self._room)
        finally:
            self._waiting -= 1

    async def __aexit__(self, *error: object) -> None:
        self.flying -= 1
        if self._waiting:
            async with self._turn:
                self._turn.notify_all()

    def renewed(self) -> Limiter:
        """Return a limiter for another event loop with the limit that this one has reached."""
        fresh = Limiter(self.most, self.slow_after)
        fresh.limit, fresh.lowest = self.limit, self.lowest
        return fresh

    def _room(self) -> bool:
        return self.flying < max(1, int(self.limit))

    def succeeded(self, started: float, seconds: float) -> None:
        """Record an answer: a round of them raises the limit by one, a slow one lowers it."""
        if 0 < self.slow_after < seconds:
            self.slower(started)
        else:
            self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def slower(self, started: float, rest: float = 0.0) -> None:
        """Halve the limit of an overloaded endpoint, once per round; ask nothing for `rest` seconds."""
        now = time.monotonic()
        self._rest_until = max(self._rest_until, now + rest)
        if started >= self._halved:
            self.limit = max(1.0, self.limit / 2)
            self.lowest = min(self.lowest, self.limit)
            self._halved = now
