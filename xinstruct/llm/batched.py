"""The batched engine behind the OpenAI protocol, in a process of its own: any transformers checkpoint.

    python -m xinstruct.llm.batched --model models/start --port 8080 --slots 48

Speaks what llama.cpp's server speaks and the client needs: /health, /v1/models, /apply-template,
/v1/completions, /v1/chat/completions. Answers depend on their own request only (xinstruct/models).
A caller that goes away gives its slot back. quantised.py puts the same service before OpenVINO's engine.
What requests may say beyond that is in protocol.py; `n` answers have consecutive seeds.
Left out: grammars of this engine (its answers are held to a JSON schema by the client alone).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import TemplateError

from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.child import READY, arguments
from xinstruct.llm.protocol import answers_wanted, events, most_tokens, turns
from xinstruct.models.workers import EngineDied, EnginePool
from xinstruct.processes import cores, live_with

OWNER = "xinstruct"


class Service:
    """The HTTP side: it reads requests, waits for the engines, writes answers."""

    def __init__(self, engines: EnginePool, tokenizer: Any, name: str) -> None:
        self.engines = engines
        self.name = name
        self.tokenizer = tokenizer

    def application(self) -> web.Application:
        """Return the application with its routes."""
        app = web.Application(client_max_size=64 << 20)
        app.add_routes(
            [
                web.get("/health", self.health),
                web.get("/v1/models", self.models),
                web.post("/apply-template", self.template),
                web.post("/v1/completions", self.completions),
                web.post("/v1/chat/completions", self.chat),
            ]
        )
        return app

    async def health(self, _: web.Request) -> web.Response:
        """Report the engines' progress. The status is always ok, since an engine's death ends the process."""
        return web.json_response({"status": "ok", "worked_seconds": self.engines.worked, "tokens": self.engines.tokens})

    async def models(self, _: web.Request) -> web.Response:
        """List the one model."""
        meta = {"n_ctx": self.engines.context}
        return web.json_response({"object": "list", "data": [{"id": self.name, "owned_by": OWNER, "meta": meta}]})

    async def template(self, request: web.Request) -> web.StreamResponse:
        """Render {"messages": [...]} to the text that the model is given."""
        return await self._guarded(request, lambda body: _now({"prompt": self._render(turns(body["messages"]))}))

    async def completions(self, request: web.Request) -> web.StreamResponse:
        """Continue a rendered prompt."""
        return await self._guarded(request, lambda body: self._answer(body, str(body["prompt"]), chat=False))

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer messages; a last one by the assistant is a prefill."""

        async def answer(body: dict[str, Any]) -> dict[str, Any]:
            said = turns(body["messages"])
            prefill = said.pop()["content"] if said and said[-1]["role"] == "assistant" else ""
            return await self._answer(body, self._render(said) + prefill, chat=True)

        return await self._guarded(request, answer)

    def _render(self, messages: Any) -> str:
        from xinstruct.models.chat import render_prompt

        return render_prompt(self.tokenizer, messages)

    async def _guarded(self, request: web.Request, answer: Callable[[dict[str, Any]], Any]) -> web.StreamResponse:
        try:
            body = await request.json()
            payload = await answer(body)
            return await _streamed(request, payload, body) if body.get("stream") else web.json_response(payload)
        except (BadInput, TemplateError, ValueError, KeyError, TypeError, AttributeError) as error:
            return web.json_response({"error": {"code": 400, "message": f"{error}"}}, status=400)

    async def _answer(self, body: dict[str, Any], prompt: str, chat: bool) -> dict[str, Any]:
        wanted = self._generation(body, prompt, chat)
        each = [replace(wanted, seed=wanted.seed + number) for number in range(answers_wanted(body))]
        made = await asyncio.gather(*map(self._completed, each))
        keep_stop = bool(body.get("include_stop_str_in_output"))
        choices = [self._choice(wanted, one, number, chat, keep_stop) for number, one in enumerate(made)]
        counts = {"prompt_tokens": len(wanted.ids), "completion_tokens": sum(len(one.ids) for one in made)}
        head = {"id": f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}", "created": int(time.time())}
        head |= {"object": "chat.completion" if chat else "text_completion", "model": self.name}
        return head | {"choices": choices, "usage": counts | {"total_tokens": sum(counts.values())}}

    def _choice(self, wanted: Any, completion: Any, number: int, chat: bool, keep_stop: bool) -> dict[str, Any]:
        text, stopped = Request("", (), stop=wanted.stop, keep_stop=keep_stop).cut(completion.text)
        ended = completion.finished or stopped
        choice: dict[str, Any] = {"index": number, "finish_reason": "stop" if ended else "length"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        return choice | ({"logprobs": self._logprobs(completion)} if wanted.logprobs else {})

    def _generation(self, body: dict[str, Any], prompt: str, chat: bool) -> Any:
        from xinstruct.models.sampling import GenerationRequest

        stop = body.get("stop") or ()
        tops = body.get("top_logprobs") if chat and body.get("logprobs") else body.get("logprobs")
        return GenerationRequest(
            tuple(self.tokenizer(prompt, add_special_tokens=False)["input_ids"]),
            most_tokens(body),
            float(body.get("temperature") or 0.0),
            float(body.get("top_p") or 1.0),
            int(body.get("seed") or 0),
            (stop,) if isinstance(stop, str) else tuple(str(text) for text in stop if text),
            int(tops or 0),
            json.dumps(body["json_schema"]) if body.get("json_schema") else "",
        )

    async def _completed(self, wanted: Any) -> Any:
        """Return the engine's completion. Raises BadInput when the request does not fit; a disconnect cancels it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(completion: Any) -> None:
            if not future.done():
                future.set_result(completion)

        def report(completion: Any) -> None:
            loop.call_soon_threadsafe(settle, completion)

        cancel = self.engines.add(wanted, report)
        try:
            return await future
        except asyncio.CancelledError:
            cancel()
            raise

    def _logprobs(self, completion: Any) -> dict[str, Any]:
        """Return log-probabilities in both formats: chat's `content`, and the lists of plain completions."""
        spell = self.tokenizer.decode
        tokens = [spell([token]) for token in completion.ids]
        own = [value for value, _ in completion.logprobs]
        tops = [{spell([token]): value for token, value in top} for _, top in completion.logprobs]
        content = [
            {"token": token, "logprob": value, "top_logprobs": [{"token": t, "logprob": v} for t, v in top.items()]}
            for token, value, top in zip(tokens, own, tops, strict=True)
        ]
        return {"content": content, "tokens": tokens, "token_logprobs": own, "top_logprobs": tops}


async def _streamed(request: web.Request, payload: dict[str, Any], body: dict[str, Any]) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await answer.prepare(request)
    for event in events(payload, body):
        await answer.write(event)
    await answer.write_eof()
    return answer


async def _now(value: dict[str, Any]) -> dict[str, Any]:
    return value


async def _serve(args: argparse.Namespace) -> None:
    from xinstruct.models.chat import load_tokenizer

    folder = Path(args.model)
    # The owner starts a server that ended again: what its engines held is asked anew.
    engines = EnginePool(folder, args.slots, args.context, count=args.engines, died=lambda: os._exit(1))
    await serve(Service(engines, load_tokenizer(folder), folder.name), args.port)


async def serve(service: Service, port: int) -> None:
    """Serve on 127.0.0.1 until the process ends; the address is printed behind READY."""
    runner = web.AppRunner(service.application(), handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    print(f"{READY}http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 1 when the model does not load."""
    parser = arguments("xinstruct.llm.batched", "Serve a checkpoint folder", "the checkpoint folder")
    parser.add_argument(
        "--engines", type=int, default=0, help="engines that share the slots; 0: one per core (default)"
    )
    args = parser.parse_args(argv)
    live_with(args.parent)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads or cores()])
    try:
        asyncio.run(_serve(args))
    except (BadInput, EngineDied, OSError, ValueError) as error:
        print(f"{args.model}: {error}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
