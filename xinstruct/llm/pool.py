"""The endpoints of a Client: load balancing, retries, failover, and one clear error when all are gone.

Several URLs are replicas of one model: a request goes to the one with the most room, and to another when that one
refuses the connection or has asked for a pause (Retry-After). All replicas must serve the same model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import aiohttp

from xinstruct.files import BadInput
from xinstruct.llm.calls import ENDPOINT_ERRORS, TRANSIENT_ERRORS, Done, Gate, Reply, Request, kind_of
from xinstruct.llm.endpoint import Endpoint, open_session
from xinstruct.llm.replies import endless, read_reply
from xinstruct.llm.transport import Attempts, CallFailed, Policy, RetryableError
from xinstruct.params import TeacherParams

PLAIN = Request("", ({"role": "user", "content": "Say yes."},), max_tokens=4)  # what any server answers
_ENDLESS = 3  # attempts of a call; a null reason to end in the last one, and no answer with a reason yet: it gives none
_REST = 2.0  # seconds that an endpoint which refuses connections is left alone while another answers


class Pool:
    """One endpoint or several replicas. Call `probe` first, then `run` as often as needed."""

    def __init__(self, urls: Sequence[str], params: TeacherParams) -> None:
        self.endpoints = [Endpoint(url, params) for url in urls]
        self.policy = Policy.of(params)
        self.most = sum(endpoint.limiter.most for endpoint in self.endpoints)
        self.lost = 0  # calls in a row that failed by no fault of their own
        self._trusted = False  # something was answered: the key is right
        self._endless = False  # it gives no reason to end
        self._ending = False  # it has given one

    @property
    def served(self) -> str:
        """The model's name."""
        return self.endpoints[0].served

    @property
    def continues(self) -> bool:
        """True if every endpoint's dialect continues a prefill."""
        return all(endpoint.dialect != "openai" for endpoint in self.endpoints)

    def probe(self) -> None:
        """Probe every endpoint. Raises BadInput if one cannot be used or if their models differ."""

        async def look() -> None:
            async with open_session() as session:
                await asyncio.gather(*(endpoint.probe(session) for endpoint in self.endpoints))

        asyncio.run(look())
        if len(names := {endpoint.served for endpoint in self.endpoints}) > 1:
            raise BadInput(f"teacher.model: its URLs serve different models {sorted(names)}; set teacher.served_as")

    async def run(self, requests: Sequence[Request], done: Done, gate: Gate) -> None:
        """Answer all requests that `gate` admits; `done` is called with each reply as it comes."""
        for endpoint in self.endpoints:
            endpoint.limiter = endpoint.limiter.renewed()
        todo = iter(requests)
        async with open_session() as session, asyncio.TaskGroup() as group:
            for _ in range(min(self.most, len(requests))):
                group.create_task(self._work(session, todo, done, gate))

    async def _work(self, session: aiohttp.ClientSession, todo: Iterator[Request], done: Done, gate: Gate) -> None:
        for request in todo:
            if not await gate(request):
                return
            done(request, await self._answer(session, request))

    async def _answer(self, session: aiohttp.ClientSession, request: Request) -> Reply:
        tries = Attempts(self.policy)
        while True:
            endpoint = min(self.endpoints, key=lambda one: one.limiter.load)
            try:
                reply = await self._attempt(session, endpoint, request, tries.made)
            except RetryableError as trouble:
                try:
                    await self._pause(endpoint, trouble, tries)
                except CallFailed as error:
                    return self._lost(error, tries)
            except CallFailed as error:
                self.lost = 0  # it answered
                if error.kind == "refused":
                    await self._trust(session, endpoint, error)
                return Reply(error=str(error), attempts=tries.made + 1, trouble=tries.trouble)
            else:
                self.lost = 0
                waited = time.monotonic() - tries.begun
                return replace(reply, attempts=tries.made + 1, waited=waited, trouble=tries.trouble)

    async def _trust(self, session: aiohttp.ClientSession, endpoint: Endpoint, refused: CallFailed) -> None:
        """See whether one prompt was refused or everything is. Raises BadInput when a plain question is, too."""
        if self._trusted:
            return
        try:
            await endpoint.call(session, PLAIN)
        except CallFailed as error:
            if error.kind == "refused":
                words = "access is refused (is XINSTRUCT_API_KEY the right key?)"
                raise BadInput(f"{endpoint.url}: {words}: {refused}") from None
        except RetryableError:
            return
        self._trusted = True

    async def _attempt(self, session: aiohttp.ClientSession, endpoint: Endpoint, request: Request, made: int) -> Reply:
        async with endpoint.limiter:
            start = time.monotonic()
            try:
                payload = await endpoint.call(session, request)
            except RetryableError as trouble:
                trouble.started = start
                raise
            seconds = time.monotonic() - start
        null = made + 1 >= _ENDLESS and endless(payload)
        self._endless = self._endless or (null and not self._ending)
        reply = read_reply(payload, request, 1, seconds, self._endless)
        if (kind := kind_of(reply.error)) in TRANSIENT_ERRORS:
            raise RetryableError(kind, reply.error.removeprefix(f"{kind}: "))
        endpoint.limiter.succeeded(start, seconds)
        self._trusted, self._ending = True, not self._endless
        return reply

    async def _pause(self, endpoint: Endpoint, trouble: RetryableError, tries: Attempts) -> None:
        """Wait as the error demands, or not at all when another endpoint is free."""
        pause = tries.failed(trouble, endpoint.url)
        limiter, started = endpoint.limiter, trouble.started
        if trouble.kind in ("busy", "timeout"):
            limiter.slower(started, pause if trouble.retry_after is not None else 0.0)
        elif trouble.kind == "unreachable" and len(self.endpoints) > 1:
            limiter.slower(started, max(pause, _REST))
        if not any(other.limiter.resting() <= 0 for other in self.endpoints if other is not endpoint):
            await asyncio.sleep(pause)

    def _lost(self, error: CallFailed, tries: Attempts) -> Reply:
        """Return the reply of a call that was given up. Stops all calls when the server is gone."""
        self.lost += 1
        if error.kind in ENDPOINT_ERRORS or self.lost > self.most:
            state = "overloaded" if error.kind == "busy" else "gone"
            urls = ", ".join(endpoint.url for endpoint in self.endpoints)
            raise BadInput(f"{urls}: the server is {state} ({error}); answered calls are kept, run again to go on")
        waited = time.monotonic() - tries.begun
        return Reply(error=str(error), attempts=tries.made, waited=waited, trouble=tries.trouble)
