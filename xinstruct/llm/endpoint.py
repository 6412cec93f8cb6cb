"""One server of the OpenAI protocol: vLLM, SGLang, llama.cpp, Ollama, transformers serve, a paid API.

`probe` finds its model and its dialect, and refuses with one clear error anything that would fail in every call. The
API key comes from $XINSTRUCT_API_KEY or $OPENAI_API_KEY only, further headers from $XINSTRUCT_HEADERS (JSON); neither
is written anywhere. Retries and several endpoints: pool.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.concurrency import Limiter
from xinstruct.llm.dialects import (
    RENDERED,
    chat_body,
    completion_body,
    dialect_of,
    refused_field,
    template_renderer,
    without_refused,
)
from xinstruct.llm.transport import CallFailed, Policy, once
from xinstruct.params import TeacherParams

_PROBE_SECONDS = 30.0
_TELLING = (401, 429)  # of a list of models: they say more than that there is none to be read
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


def normal_url(url: str) -> str:
    """Return a base_url that ends in a version ("http://host:1234" means its /v1). Raises BadInput on a key in it."""
    base = url.rstrip("/")
    host = base.split("://", 1)[-1].split("/", 1)[0]
    if "@" in host or "?" in base:
        raise BadInput("teacher.model: a URL must hold no password or key; set XINSTRUCT_API_KEY instead")
    return base if "/" in base.split("://", 1)[-1] else f"{base}/v1"


def headers() -> dict[str, str]:
    """Return all requests' headers from the environment. Raises BadInput when $XINSTRUCT_HEADERS is no JSON object."""
    key = os.environ.get("XINSTRUCT_API_KEY") or os.environ.get("OPENAI_API_KEY")
    found = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        extra = json.loads(os.environ.get("XINSTRUCT_HEADERS") or "{}")
        return found | {str(name): str(value) for name, value in extra.items()}
    except (ValueError, AttributeError):
        raise BadInput('XINSTRUCT_HEADERS must be a JSON object, e.g. {"X-Project": "name"}') from None


def without_secrets(text: str) -> str:
    """Remove our keys from a server's text, which may have echoed them."""
    for value in headers().values():
        secret = value.removeprefix("Bearer ")
        text = text.replace(secret, "***") if secret else text
    return text


def open_session() -> aiohttp.ClientSession:
    """Open a pooled session without a limit of its own (the Limiter sets it)."""
    # Looking for a proxy costs two thread switches a request: only where one is configured.
    proxied = any(os.environ.get(name) for name in _PROXIES)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers(), trust_env=proxied)


class Endpoint:
    """One base_url. `probe` it first; then `call` makes one attempt."""

    def __init__(self, base_url: str, params: TeacherParams) -> None:
        self.url = normal_url(base_url)
        self.root = self.url.removesuffix("/v1")
        self.served = params.served_as
        self.dialect: str = params.dialect
        self.policy = Policy.of(params)
        self.start_wait = params.start_wait
        self.limiter = Limiter(params.slots, params.slow_after)
        self.window = 0  # tokens of prompt and answer together, where the server says so
        self.without: set[str] = set()
        self._render: Callable[[Request], str] | None = None

    # ---- before the first call

    async def probe(self, session: aiohttp.ClientSession) -> None:
        """Find model and dialect. Raises BadInput: not reachable, no key, no models, another model than wanted."""
        models = await self._patiently(session)
        listed = _entries(models)
        if self.dialect == "auto":
            self.dialect = await self._recognise(session, models)
        if self.dialect == "transformers":
            self._need_name()  # it lists the hub's cache, and serves folders that it does not list
            return
        names = [str(entry.get("id") or entry.get("name")) for entry in listed]
        if not names and self.served:
            return  # it does not list what it serves
        if not names:
            raise BadInput(f"{self.url}: serves no model; load one there or set teacher.model to another base_url")
        if self.served and self.served not in names and f"{self.served}:latest" not in names:
            shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
            raise BadInput(f"{self.url}: does not serve {self.served!r}; it serves: {shown}; see teacher.served_as")
        self.served = self.served or names[0]
        self.window = next((_window(entry) for entry in listed if entry.get("id") == self.served), 0)

    def _need_name(self) -> None:
        if not self.served:
            raise BadInput(f"{self.url}: set teacher.served_as to the folder or hub name that transformers serve loads")

    async def _patiently(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """Return the list of models; waits `start_wait` seconds for a server that is still starting."""
        deadline = time.monotonic() + self.start_wait
        while True:
            try:
                return await self._models(session)
            except (aiohttp.ClientError, TimeoutError, _Starting) as error:
                if time.monotonic() >= deadline:
                    raise BadInput(
                        f"{self.url}: no OpenAI-protocol server answers there ({error}); start it, or set "
                        "teacher.model to a model's name, a folder or another base_url"
                    ) from None
            await asyncio.sleep(min(0.5, max(0.05, self.start_wait / 10)))

    async def _models(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        async with session.get(f"{self.url}/models", timeout=aiohttp.ClientTimeout(total=_PROBE_SECONDS)) as answer:
            text = await answer.text(errors="replace")
        if answer.status == 503:  # llama.cpp and others while they load the model
            raise _Starting(f"HTTP 503: {text[:200]}")
        if answer.status == 401:
            raise BadInput(f"{self.url}: the API key is missing or wrong (set XINSTRUCT_API_KEY): {text[:200]}")
        if self.served and answer.status >= 400 and answer.status not in _TELLING:
            return {}  # the model is named, and whether it is served the first call tells
        if answer.status == 403:
            raise BadInput(f"{self.url}: access is refused (is XINSTRUCT_API_KEY the right key?): {text[:200]}")
        if answer.status == 404:
            raise BadInput(f"{self.url}/models: not found; the URL must go up to the version, e.g. http://host:8000/v1")
        if answer.status == 500 and await self._recognise(session, {}) == "transformers":
            return {}  # it fails to list its models where the hub's cache folder does not exist
        if answer.status != 200:
            raise BadInput(f"{self.url}/models: HTTP {answer.status}: {text[:200]}")
        try:
            found = json.loads(text)
        except ValueError:
            if self.served and not text.strip():
                return {}
            raise BadInput(f"{self.url}: no OpenAI-protocol server answers there, but: {text[:100]!r}") from None
        return found if isinstance(found, dict) else {"data": found} if isinstance(found, list) else {}

    async def _recognise(self, session: aiohttp.ClientSession, models: dict[str, Any]) -> str:
        """Return the dialect by `owned_by`, else by a page that only one server has."""
        dialect = dialect_of(models)
        if dialect != "openai":
            return dialect
        if "version" in await self._page(session, "/api/version"):
            return "ollama"
        paths = (await self._page(session, "/openapi.json")).get("paths")
        return "transformers" if isinstance(paths, dict) and "/load_model" in paths else "openai"

    async def _page(self, session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
        try:
            async with session.get(self.root + path, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                found = json.loads(await answer.text()) if answer.status == 200 else {}
                return found if isinstance(found, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return {}

    # ---- calls

    async def call(self, session: aiohttp.ClientSession, request: Request) -> dict[str, Any]:
        """Make one attempt and return the JSON answer. Raises RetryableError, CallFailed or BadInput."""
        if self.window and request.max_tokens >= self.window:
            text = f"max_tokens {request.max_tokens} alone fill the {self.window} tokens that {self.url} serves"
            raise CallFailed("context", text)
        if request.prefill and self.dialect in RENDERED:
            prompt = await self._prompt(session, request)
            body = completion_body(request, prompt, self.dialect, self.served)
            return await self._post(session, "/completions", body)
        return await self._post(session, "/chat/completions", chat_body(self.dialect, self.served, request))

    async def _prompt(self, session: aiohttp.ClientSession, request: Request) -> str:
        """Return the prompt by the model's own template, with the prefill literally behind it."""
        if self.dialect in ("llamacpp", "xinstruct"):
            body = {"messages": list(request.messages)}
            got = await once(session, f"{self.root}/apply-template", body, self.policy)
            return f"{got['prompt']}{request.prefill}"
        if self._render is None:
            try:
                self._render = await asyncio.to_thread(template_renderer, self.served)
            except BadInput:
                raise
            except (OSError, ValueError) as error:
                raise BadInput(
                    f"{self.served}: its tokenizer is not on this machine, so no answer can be prefilled ({error})"
                ) from None
        return self._render(request)

    async def _post(self, session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a POST request; a field that the server calls unknown is left out or renamed from then on."""
        while True:
            sent = without_refused(body, self.without)
            try:
                return await once(session, self.url + path, sent, self.policy)
            except CallFailed as error:
                name = refused_field(error, sent)
                if not name:
                    raise
                if name not in self.without:
                    print(f"{self.url}: does not take {name!r}; asked without it ({error})", file=sys.stderr)
                self.without.add(name)


class _Starting(Exception):
    """The server is reachable but not ready."""


def _entries(models: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a list of models, whose names some servers give alone."""
    found = models.get("data") or models.get("models") or []
    named = [{"id": entry} if isinstance(entry, str) else entry for entry in found]
    return [entry for entry in named if isinstance(entry, dict)]


def _window(entry: dict[str, Any]) -> int:
    """Return the context size of an entry of /v1/models (vLLM, SGLang: max_model_len; llama.cpp: meta.n_ctx)."""
    meta = entry.get("meta") if isinstance(entry.get("meta"), dict) else {}
    value = entry.get("max_model_len") or (meta or {}).get("n_ctx") or 0
    return int(value) if isinstance(value, int | float) else 0
