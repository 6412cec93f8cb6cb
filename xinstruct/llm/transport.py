"""One POST request: the errors it may meet, and how often it is retried.

==============================  ===========  =======================================================
event                           class        reaction
==============================  ===========  =======================================================
429, 503                        busy         waits as Retry-After says (else backs off), `patience` long
no connection                   unreachable  backs off, or another endpoint is asked, `patience` long
kept-alive connection dropped   dropped      asked again at once on a fresh one, then backs off
no answer, or body stands still timeout      backs off and asks again, `attempts` times
408, other 5xx                  server       backs off and asks again, `attempts` times
cut, invalid or unfinished body garbled      backs off and asks again, `attempts` times
400, 413 about its length       context      CallFailed at once
4xx about its content           filtered     CallFailed at once: this prompt is not answered
403                             refused      CallFailed at once: this prompt, or the key (pool.py finds out)
other 4xx                       rejected     CallFailed at once: this request is at fault
401, 404                                     BadInput: any other call would fail too
200 with an error for a body                 as its own code says, else server
==============================  ===========  =======================================================
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from xinstruct.files import BadInput
from xinstruct.llm.calls import ENDPOINT_ERRORS
from xinstruct.params import TeacherParams

_FATAL = {
    401: "the API key is missing or wrong (set XINSTRUCT_API_KEY)",
    404: "not found (is the URL right, up to its /v1, and the model's name, teacher.served_as?)",
}
_SLOW_DOWN = (429, 503)
_CONTEXT_SIGNS = (
    "exceed_context_size", "context_length_exceeded", "context length", "context size", "context window",
    "longer than the maximum model length", "input length", "input is too long", "prompt is too long",
)  # fmt: skip


_CONTENT_SIGNS = ("moderation", "content_filter", "content filter", "content policy", "content_policy", "flagged")
_REFUSED = 403


class CallFailed(Exception):
    """A call without an answer; `kind` is the class of its error."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class RetryableError(Exception):
    """A failed attempt that may be repeated. `retry_after` is the server's wish in seconds, or None."""

    def __init__(self, kind: str, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.kind, self.retry_after = kind, retry_after
        self.started = 0.0  # when its attempt was sent (monotonic)


@dataclass(frozen=True)
class Policy:
    """The patience of a call; all times in seconds. backoff is the first wait, it doubles up to `longest`.

    connect: for a connection. timeout: for a whole attempt. stall: between two pieces of a body.
    """

    attempts: int = 6
    backoff: float = 0.5
    longest: float = 60.0
    timeout: float = 600.0
    connect: float = 10.0
    stall: float = 60.0
    patience: float = 300.0

    @staticmethod
    def of(params: TeacherParams) -> Policy:
        """Return the policy of params.yaml's `teacher` section."""
        return Policy(
            attempts=params.attempts,
            backoff=params.backoff,
            timeout=params.timeout,
            connect=params.connect_timeout,
            stall=params.stall_timeout,
            patience=params.patience,
        )


class Attempts:
    """The failed attempts of one call, which decide whether and when it is repeated."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.made = 0
        self.trouble = ""
        self.begun = time.monotonic()
        self._counted = 0

    def failed(self, trouble: RetryableError, where: str) -> float:
        """Return the seconds to wait before the next attempt. Raises CallFailed when there is none."""
        self.made += 1
        self.trouble = trouble.kind
        pause = self._pause(trouble)
        waited = time.monotonic() - self.begun
        if trouble.kind in ENDPOINT_ERRORS:
            # What the server's state forbids is no fault of this call: time limits it, not attempts.
            if waited + pause > self.policy.patience:
                raise CallFailed(trouble.kind, f"{where}: {trouble} (tried {self.made} times in {waited:.0f} s)")
            return pause
        self._counted += 1
        if self._counted >= self.policy.attempts:
            raise CallFailed(trouble.kind, f"{where}: {trouble} (tried {self.made} times)")
        return pause

    def _pause(self, trouble: RetryableError) -> float:
        if trouble.retry_after is not None:
            return min(max(0.0, trouble.retry_after), self.policy.longest)
        if trouble.kind == "dropped" and self.made == 1:
            return 0.0
        return min(self.policy.backoff * 2.0 ** min(self.made - 1, 30), self.policy.longest)


@dataclass(frozen=True)
class Posted:
    """A JSON answer, the number of attempts it took, and the seconds of the last one."""

    payload: dict[str, Any]
    attempts: int
    seconds: float


async def post(session: aiohttp.ClientSession, url: str, body: dict[str, Any], policy: Policy) -> Posted:
    """POST JSON and return the JSON object. Raises CallFailed or BadInput as the table says."""
    tries = Attempts(policy)
    while True:
        start = time.monotonic()
        try:
            payload = await once(session, url, body, policy)
        except RetryableError as trouble:
            await asyncio.sleep(tries.failed(trouble, url))
        else:
            return Posted(payload, tries.made + 1, time.monotonic() - start)


async def once(session: aiohttp.ClientSession, url: str, body: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Make one attempt. Raises RetryableError (may be tried again), CallFailed or BadInput."""
    limits = aiohttp.ClientTimeout(total=policy.timeout, sock_connect=policy.connect)
    try:
        async with session.post(url, json=body, timeout=limits) as answer:
            text = await _body(answer, policy.stall)
            if answer.status != 200:
                raise _failure(url, answer.status, text.decode(errors="replace"), answer.headers)
    except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
        raise RetryableError("dropped", f"connection dropped ({error})") from None
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise RetryableError("unreachable", str(error)) from None
    except TimeoutError as error:
        raise RetryableError("timeout", str(error) or f"no answer in {policy.timeout:g} s") from None
    except aiohttp.ClientError as error:
        raise RetryableError("garbled", f"the answer was cut off ({error})") from None
    return _parsed(url, text)


async def _body(answer: aiohttp.ClientResponse, stall: float) -> bytes:
    """Return the whole body. Raises TimeoutError when no part of it comes for `stall` seconds."""
    pieces = []
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(stall) as limit:
            while piece := await answer.content.readany():
                pieces.append(piece)
                limit.reschedule(clock() + stall)
    except TimeoutError:
        raise TimeoutError(f"the body stood still for {stall:g} s") from None
    return b"".join(pieces)


def _parsed(url: str, text: bytes) -> dict[str, Any]:
    try:
        payload = loaded(text)
    except ValueError:
        raise RetryableError("garbled", f"the answer is not JSON: {text[:100]!r}") from None
    if not isinstance(payload, dict) or ("choices" in payload and not payload["choices"]) or _is_error(payload):
        if isinstance(payload, dict) and (words := told(payload)):
            raise _failure(url, _status(payload), words, {})
        raise RetryableError("garbled", f"the answer holds no choices: {text[:100]!r}")
    return payload


def loaded(text: bytes) -> Any:
    """Return what JSON says, with halves of surrogate pairs, which no file or database takes, replaced.

    Raises ValueError when it is not JSON.
    """
    found = json.loads(text)
    return _whole(found) if b"\\ud" in text.lower() else found


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


def _is_error(payload: dict[str, Any]) -> bool:
    return "choices" not in payload and bool(payload.get("error") or payload.get("object") == "error")


def told(payload: dict[str, Any]) -> str:
    """Return the words of an error in an answer's body, "" where it holds none."""
    error = payload.get("error") or (payload if payload.get("object") == "error" else None)
    if isinstance(error, dict):
        return str(error.get("message") or error.get("detail") or json.dumps(error))
    return str(error or "")


def _status(payload: dict[str, Any]) -> int:
    """Return the HTTP status that an error in a body stands for: its code, where that is one, else 500."""
    error = payload.get("error")
    code = (error if isinstance(error, dict) else payload).get("code")
    number = int(code) if isinstance(code, int | str) and str(code).isdigit() else 500
    return number if 400 <= number < 600 else 500


def refused_parameter(text: str) -> str:
    """Return the parameter that an error text, which may quote its JSON, names as the one at fault, or ""."""
    found = re.search(r"\"param(?:eter)?\"\s*:\s*\"([\w.]+)\"", text)
    return found.group(1).split(".")[0] if found else ""


def _failure(url: str, status: int, text: str, headers: Any) -> Exception:
    shown = f"HTTP {status}: {text[:300]}"
    if status in _SLOW_DOWN:
        return RetryableError("busy", shown, retry_after(headers.get("Retry-After", "")))
    if status >= 500 or status == 408:
        return RetryableError("server", shown)
    if status in _FATAL:
        return BadInput(f"{url}: {_FATAL[status]}: {shown}")
    return CallFailed(_kind(status, text), shown)


def _kind(status: int, text: str) -> str:
    if is_context_error(text):
        return "context"
    if any(sign in text.lower() for sign in _CONTENT_SIGNS):
        return "filtered"
    return "refused" if status == _REFUSED else "rejected"


def is_context_error(text: str) -> bool:
    """Tell whether a server's error says that prompt and answer exceed its context."""
    return any(sign in text.lower() for sign in _CONTEXT_SIGNS)


def retry_after(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for (a number or a date), or None."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError):
        return None
