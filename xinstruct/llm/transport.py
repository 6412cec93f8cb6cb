"""One POST that does not give up too early: retries by error class, backoff, adaptive concurrency.

==============================  ================================================================
what happened                   what is done
==============================  ================================================================
kept-alive connection dropped   asked again at once on a fresh one
429, 503                        waits as Retry-After says (else backs off); concurrency is halved
408, 5xx, cut or invalid body   backs off and asks again
401, 403, 404                   BadInput: no other call would fare better
other 4xx                       CallFailed at once: this request is at fault ("context" apart)
no connection, timeout          backs off, then CallFailed
==============================  ================================================================
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from xinstruct.files import BadInput

_FATAL = {401: "the API key is missing or wrong (set XINSTRUCT_API_KEY)", 403: "access is refused", 404: "not found"}
_SLOW_DOWN = (429, 503)
_CONTEXT_SIGNS = ("exceed_context_size", "context_length_exceeded", "maximum context length", "context size")


class CallFailed(Exception):
    """A call that got no answer. kind: context, rejected, unreachable or server."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


@dataclass(frozen=True)
class Policy:
    """How patient a call is. backoff is the first wait in seconds; it doubles up to `longest`."""

    attempts: int = 6
    backoff: float = 0.5
    longest: float = 60.0
    timeout: float = 600.0

    def wait(self, attempt: int, retry_after: str = "") -> float:
        """Seconds before the attempt after `attempt` (1 is the first)."""
        try:
            return min(max(0.0, float(retry_after)), self.longest)
        except ValueError:
            return float(min(self.backoff * 2 ** (attempt - 1), self.longest))


class Limiter:
    """Requests in flight: one more per round of successes, half as many when told to slow down."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.flying = 0
        self._turn = asyncio.Condition()

    async def __aenter__(self) -> None:
        if self.flying < max(1, int(self.limit)):  # the common case, without a lock
            self.flying += 1
            return
        async with self._turn:
            await self._turn.wait_for(lambda: self.flying < max(1, int(self.limit)))
            self.flying += 1

    async def __aexit__(self, *error: object) -> None:
        self.flying -= 1
        if self.limit < self.most:
            async with self._turn:
                self._turn.notify_all()

    def faster(self) -> None:
        """A call succeeded."""
        self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def slower(self) -> None:
        """The server asked for less."""
        self.limit = max(1.0, self.limit / 2)


class _Again(Exception):
    """Worth another attempt."""

    def __init__(self, kind: str, text: str, retry_after: str = "", at_once: bool = False) -> None:
        super().__init__(text)
        self.kind, self.retry_after, self.at_once = kind, retry_after, at_once


@dataclass(frozen=True)
class Posted:
    """A JSON answer, how many attempts it took and the seconds of the last."""

    payload: dict[str, Any]
    attempts: int
    seconds: float


async def post(
    session: aiohttp.ClientSession, url: str, body: dict[str, Any], policy: Policy, limiter: Limiter | None = None
) -> Posted:
    """POST JSON and return the JSON object. Raises CallFailed or BadInput as the table says."""
    for attempt in range(1, policy.attempts + 1):
        start = time.monotonic()
        try:
            payload = await _once(session, url, body, policy)
        except _Again as again:
            if attempt == policy.attempts:
                raise CallFailed(again.kind, f"{url}: {again} (tried {attempt} times)") from None
            if again.kind == "busy" and limiter:
                limiter.slower()
            await asyncio.sleep(0 if again.at_once else policy.wait(attempt, again.retry_after))
        else:
            if limiter:
                limiter.faster()
            return Posted(payload, attempt, time.monotonic() - start)
    raise AssertionError("unreachable")


async def _once(session: aiohttp.ClientSession, url: str, body: dict[str, Any], policy: Policy) -> dict[str, Any]:
    try:
        async with session.post(url, json=body, timeout=aiohttp.ClientTimeout(total=policy.timeout)) as answer:
            text = await answer.read()
            if answer.status != 200:
                shown = text.decode(errors="replace")
                raise _failure(url, answer.status, shown, answer.headers.get("Retry-After", ""))
    except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
        raise _Again("unreachable", f"connection dropped ({error})", at_once=True) from None
    except aiohttp.ClientConnectorError as error:
        raise _Again("unreachable", str(error)) from None
    except TimeoutError:
        raise _Again("unreachable", f"no answer in {policy.timeout:g} s") from None
    except aiohttp.ClientError as error:
        raise _Again("server", f"the answer was cut off ({error})") from None
    try:
        payload = json.loads(text)
    except ValueError:
        raise _Again("server", f"the answer is not JSON: {text[:100]!r}") from None
    if not isinstance(payload, dict) or not payload.get("choices", [1]):
        raise _Again("server", f"the answer holds no choices: {text[:100]!r}")
    return payload


def _failure(url: str, status: int, text: str, retry_after: str) -> Exception:
    shown = f"HTTP {status}: {text[:300]}"
    if status in _SLOW_DOWN:
        return _Again("busy", shown, retry_after)
    if status >= 500 or status == 408:
        return _Again("server", shown)
    if status in _FATAL:
        return BadInput(f"{url}: {_FATAL[status]}: {shown}")
    kind = "context" if any(sign in text.lower() for sign in _CONTEXT_SIGNS) else "rejected"
    return CallFailed(kind, shown)
