"""Any server of the OpenAI protocol behind a Teacher: vLLM, SGLang, llama.cpp, Ollama, a paid API.

The API key comes from $XINSTRUCT_API_KEY or $OPENAI_API_KEY only and is written nowhere.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp

from xinstruct.files import BadInput
from xinstruct.llm.calls import Reply, Request
from xinstruct.llm.dialects import chat_body, completion_body, dialect_of, read_reply, refused_field
from xinstruct.llm.transport import CallFailed, Limiter, Policy, Posted, post

Done = Callable[[Request, Reply], None]
_PROBE_SECONDS = 30.0
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


def normal_url(url: str) -> str:
    """A base_url that ends in a version ("http://host:1234" means its /v1)."""
    base = url.rstrip("/")
    return base if "/" in base.split("://", 1)[-1] else f"{base}/v1"


class Endpoint:
    """One base_url. `probe` finds the served model and the dialect; then `run` may be called."""

    def __init__(self, base_url: str, params: dict[str, Any]) -> None:
        self.url = normal_url(base_url)
        self.served = str(params.get("served_as") or "")
        self.most = max(1, int(params.get("slots", 8)))
        self.policy = Policy(backoff=float(params.get("backoff", 0.5)), timeout=float(params.get("timeout", 600)))
        self.dialect = ""
        self.without: set[str] = set()
        self.unreached = 0  # calls in a row that found no server

    def probe(self) -> None:
        """Ask for the list of models. Raises BadInput: not reachable, no models, or not the one wanted."""
        models = asyncio.run(self._models())
        names = [str(entry.get("id")) for entry in models.get("data", []) if isinstance(entry, dict)]
        if not names:
            raise BadInput(f"{self.url}: serves no model; load one there or set teacher.model to another base_url")
        if self.served and self.served not in names and f"{self.served}:latest" not in names:
            shown = ", ".join(names[:10])
            raise BadInput(f"{self.url}: does not serve {self.served!r} (teacher.served_as); it serves: {shown}")
        self.served = self.served or names[0]
        self.dialect = dialect_of(models)

    async def _models(self) -> dict[str, Any]:
        try:
            async with (
                self._session() as session,
                session.get(f"{self.url}/models", timeout=_probe_timeout()) as answer,
            ):
                if answer.status != 200:
                    raise BadInput(f"{self.url}/models: HTTP {answer.status}: {(await answer.text())[:200]}")
                found = await answer.json(content_type=None)
                return found if isinstance(found, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                f"{self.url}: no OpenAI-protocol server answers there ({error}); start it, or set teacher.model "
                "to a model's name, a folder or another base_url"
            ) from None

    def _session(self) -> aiohttp.ClientSession:
        key = os.environ.get("XINSTRUCT_API_KEY") or os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Looking for a proxy costs two thread switches a request: only where one is configured.
        proxied = any(os.environ.get(name) for name in _PROXIES)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers, trust_env=proxied)

    async def run(self, requests: Sequence[Request], done: Done) -> None:
        """Answer all, at most `slots` at the same time; `done` is called with each reply as it comes."""
        limiter = Limiter(self.most)
        todo = iter(requests)
        async with self._session() as session, asyncio.TaskGroup() as group:
            for _ in range(min(self.most, len(requests))):
                group.create_task(self._work(session, todo, limiter, done))

    async def _work(
        self, session: aiohttp.ClientSession, todo: Iterator[Request], limiter: Limiter, done: Done
    ) -> None:
        for request in todo:
            async with limiter:
                reply = await self._answer(session, request, limiter)
            done(request, reply)

    async def _answer(self, session: aiohttp.ClientSession, request: Request, limiter: Limiter) -> Reply:
        try:
            if request.prefill and self.dialect == "llamacpp":
                got = await self._continue_exactly(session, request, limiter)
            else:
                body = chat_body(self.dialect, self.served, request)
                got = await self._post(session, "/chat/completions", body, limiter)
        except CallFailed as error:
            self._count_unreached(error)
            return Reply(error=str(error))
        self.unreached = 0
        return read_reply(got.payload, request, got.attempts, got.seconds)

    def _count_unreached(self, error: CallFailed) -> None:
        """Stop everything when the server is gone: each further call would wait in vain as long."""
        self.unreached = self.unreached + 1 if error.kind == "unreachable" else 0
        if self.unreached > self.most:
            raise BadInput(f"{self.url}: the server is gone ({error}); answered calls are kept, run again to go on")

    async def _continue_exactly(self, session: aiohttp.ClientSession, request: Request, limiter: Limiter) -> Posted:
        """llama.cpp renders the prompt by the model's template; the started answer follows it literally."""
        root = self.url.removesuffix("/v1")
        body = {"messages": list(request.messages)}
        prompt = (await post(session, f"{root}/apply-template", body, self.policy)).payload["prompt"]
        return await self._post(session, "/completions", completion_body(request, prompt + request.prefill), limiter)

    async def _post(self, session: aiohttp.ClientSession, path: str, body: dict[str, Any], limiter: Limiter) -> Posted:
        """POST; a field that the server names as unknown is left out here and from then on."""
        while True:
            sent = {name: value for name, value in body.items() if name not in self.without}
            try:
                return await post(session, self.url + path, sent, self.policy, limiter)
            except CallFailed as error:
                name = refused_field(error, sent)
                if not name:
                    raise
                if name not in self.without:
                    print(f"{self.url}: does not take {name!r}; asked without it ({error})", file=sys.stderr)
                self.without.add(name)


def _probe_timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_PROBE_SECONDS)
