"""The embedded model behind a Client: its servers and the order in which they are asked.

A checkpoint folder is run by one batched server (batched.py) with an engine per core (servers=0) or
`servers` of them, whose answers depend on their own request only. A GGUF file is run by one server of
OpenVINO (quantised.py), fastest on a CPU, whose answers may change with what runs beside them, or by
llama.cpp: one server per core with one slot and one thread each is its default. An answer then depends on
its own request only, too: the bytes are the same with any number of servers, in any order, after a kill
(its batched products round differently with what runs beside them; measured, docs/llm.md).
Three rules keep llama.cpp so:

- the prompt is evaluated by a call of its own before its first answer, so that every answer starts
  from a prompt whose last token alone is evaluated anew;
- of the prompt before it, a server may keep only tokens that were evaluated as a prompt: when a
  prompt continues the last one, perhaps into its answer, nothing is kept;
- after any failure nothing is kept.

With servers=1 and slots > 1 llama.cpp batches (better for models of several GB); then answers that
are asked in another order may differ in a few tokens.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import aiohttp

from xinstruct.llm.calls import PERMANENT_ERRORS, Done, Gate, Reply, Request
from xinstruct.llm.dialects import completion_body
from xinstruct.llm.replies import read_reply
from xinstruct.llm.server import EmbeddedServer
from xinstruct.llm.transport import CallFailed, Policy, post
from xinstruct.models.prefix_queue import PrefixQueue
from xinstruct.params import TeacherParams
from xinstruct.processes import cores
from xinstruct.progress import TICK

_AHEAD = 2  # requests that the batched server holds per slot, so that a free one is filled at once
# A server of ours that does not answer is dead: it is started again, not waited for.
_POLICY = Policy(attempts=2, backoff=0.05, timeout=1800, stall=1800, patience=0)


class Line:
    """One server and the known part of its state; it answers one request at a time."""

    def __init__(self, server: EmbeddedServer, exact: bool, dialect: str) -> None:
        self.server = server
        self.exact = exact
        self.dialect = dialect
        self.last: str | None = None  # prompt evaluated last
        self.known = True  # whether everything the server keeps is known

    async def answer(self, session: aiohttp.ClientSession, prompt: str, request: Request) -> Reply:
        """Return one answer. A server that died is started again; the second failure in a row is the reply."""
        begun = time.monotonic()
        for attempt in (1, 2, 3):
            try:
                if self.exact:
                    await self._evaluate(session, prompt)
                body = completion_body(request, prompt, self.dialect)
                got = await post(session, f"{self.server.url}/v1/completions", body, self._policy())
                self.server.restarts = 0  # only deaths in a row count against it
                reply = read_reply(got.payload, request, attempt, got.seconds)
                return replace(reply, waited=time.monotonic() - begun)  # with its prompt's evaluation
            except CallFailed as error:
                self.last, self.known = None, False
                if error.kind in PERMANENT_ERRORS or attempt == 3:
                    return Reply(error=str(error), attempts=attempt)
                await asyncio.to_thread(self.server.revive)
        raise AssertionError("unreachable")

    def _policy(self) -> Policy:
        # A second try inside post would find a state that is not known any more.
        return replace(_POLICY, attempts=1) if self.exact else _POLICY

    async def _evaluate(self, session: aiohttp.ClientSession, prompt: str) -> None:
        if prompt == self.last:
            return
        keep = self.known and not (self.last is not None and prompt.startswith(self.last))
        body = {"prompt": prompt, "max_tokens": 0, "temperature": 0, "cache_prompt": keep}
        await post(session, f"{self.server.url}/v1/completions", body, self._policy())
        self.last, self.known = prompt, True


class Embedded:
    """The embedded servers of one model: a checkpoint folder or a GGUF file. Started lazily, stopped by close()."""

    def __init__(self, model: Path, params: TeacherParams, engine: str = "llamacpp") -> None:
        """engine: what runs a GGUF file, llamacpp or openvino."""
        self.engine = "batched" if model.is_dir() else engine
        self.pooled = self.engine != "llamacpp"  # one server takes all requests and batches them
        wanted = params.servers
        self.count = 1 if self.pooled else wanted or cores()
        self.slots = params.slots if self.pooled or wanted == 1 else 1
        threads = max(1, cores() // self.count)
        engines = wanted if self.engine == "batched" else 0
        self.servers = [
            EmbeddedServer(model, params.context, self.slots, threads, engines=engines, engine=engine)
            for _ in range(self.count)
        ]
        self.lines: list[Line] = []
        self._rendered: dict[str, str] = {}

    def start(self) -> None:
        """Start all servers at once and wait for them. Raises BadInput when one does not start."""
        if self.lines:
            return
        try:
            for server in self.servers:
                server.launch()
            for server in self.servers:
                server.wait()
        except BaseException:
            self.close()
            raise
        exact = self.slots == 1 and not self.pooled
        ahead = _AHEAD if self.pooled else 1
        dialect = "xinstruct" if self.pooled else "llamacpp"
        self.lines = [Line(server, exact, dialect) for server in self.servers for _ in range(self.slots * ahead)]

    async def run(
        self, requests: Sequence[Request], done: Done, gate: Gate, made: Callable[[int], None] = lambda tokens: None
    ) -> None:
        """Answer all requests that `gate` admits; `done` is called with each reply as it comes.

        `made` is called about once a second with the number of tokens so far, including those of unfinished answers,
        but not for a GGUF file, whose server counts finished answers only.
        """
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            prompts = [await self._render(session, request) for request in requests]
            queue: PrefixQueue[tuple[str, Request]] = PrefixQueue()
            for prompt, request in zip(prompts, requests, strict=True):
                queue.add(prompt, (prompt, request))
            counting = asyncio.create_task(self._count(session, made)) if self.pooled else None
            try:
                async with asyncio.TaskGroup() as group:
                    for line in self.lines:
                        group.create_task(self._work(session, line, queue, done, gate))
            finally:
                if counting:
                    counting.cancel()

    async def _work(
        self,
        session: aiohttp.ClientSession,
        line: Line,
        queue: PrefixQueue[tuple[str, Request]],
        done: Done,
        gate: Gate,
    ) -> None:
        # A line of llama.cpp goes on with its prompt; the batched server groups what it is sent by itself; OpenVINO's
        # cache has a prompt from its second time on.
        asker = None if self.engine == "openvino" else self if self.pooled else line
        while (item := queue.take(asker)) is not None and await gate(item[1]):
            done(item[1], await line.answer(session, *item))

    async def _count(self, session: aiohttp.ClientSession, made: Callable[[int], None]) -> None:
        """Report the tokens of the batched server to `made`; a server that was restarted counts from zero."""
        total, last = 0, await self._tokens(session, 0)
        while True:
            await asyncio.sleep(TICK)
            now = await self._tokens(session, last)
            total, last = total + (now - last if now >= last else now), now
            made(total)

    async def _tokens(self, session: aiohttp.ClientSession, last: int) -> int:
        """Return the tokens generated by the batched server; `last` when it does not answer (it may be restarting)."""
        try:
            async with session.get(f"{self.servers[0].url}/health") as answer:
                return int((await answer.json())["tokens"])
        except (aiohttp.ClientError, TimeoutError):
            return last

    async def _render(self, session: aiohttp.ClientSession, request: Request) -> str:
        """Return the prompt by the model's own chat template (its server renders it) with the prefill appended."""
        key = json.dumps(request.messages)
        if key not in self._rendered:
            await asyncio.to_thread(self.servers[0].revive)
            body = {"messages": list(request.messages)}
            got = await post(session, f"{self.servers[0].url}/apply-template", body, Policy())
            self._rendered[key] = str(got.payload["prompt"])
        return self._rendered[key] + request.prefill

    def close(self) -> None:
        """Stop all servers."""
        for server in self.servers:
            server.stop()
        self.lines = []
