"""How each server wants a call written, and how its answer is read.

All speak the OpenAI protocol; they differ in how an answer is continued and in which further fields
they take. The dialect is told by `owned_by` in /v1/models. Sources: the servers' documentation
(vLLM and SGLang: continue_final_message, add_generation_prompt; Ollama and llama.cpp continue a
trailing assistant message). Optional fields that a server refuses by name are left out from then on.
"""

from __future__ import annotations

from typing import Any

from xinstruct.llm.calls import Reply, Request
from xinstruct.llm.transport import CallFailed

_OWNERS = {"llamacpp": "llamacpp", "vllm": "vllm", "sglang": "sglang", "library": "ollama"}
OPTIONAL = ("seed", "top_p", "stop", "response_format", "top_k", "min_p", "repetition_penalty")
_SEED_RANGE = 2**31  # what every server takes


def dialect_of(models: dict[str, Any]) -> str:
    """The dialect of a /v1/models answer: llamacpp, vllm, sglang, ollama or openai."""
    owners = [str(entry.get("owned_by", "")) for entry in models.get("data", []) if isinstance(entry, dict)]
    return next((_OWNERS[owner] for owner in owners if owner in _OWNERS), "openai")


def completion_body(request: Request, prompt: str) -> dict[str, Any]:
    """Body for llama.cpp's /v1/completions: a prompt that is already rendered, prefill included."""
    body: dict[str, Any] = {"prompt": prompt, "cache_prompt": True, "top_k": 0, "min_p": 0.0} | _sampling(request)
    if request.schema is not None:
        body["json_schema"] = request.schema
    return body


def chat_body(dialect: str, model: str, request: Request) -> dict[str, Any]:
    """Body for /v1/chat/completions."""
    messages = list(request.messages)
    body: dict[str, Any] = {"model": model} | _sampling(request)
    if request.prefill:
        messages.append({"role": "assistant", "content": request.prefill})
        if dialect in ("vllm", "sglang"):
            body |= {"continue_final_message": True}
        if dialect == "vllm":
            body |= {"add_generation_prompt": False}
    if dialect in ("vllm", "sglang"):
        # They take defaults from the checkpoint's generation_config otherwise.
        body |= {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
    if request.schema is not None:
        shape = {"name": "answer", "schema": request.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    return body | {"messages": messages}


def _sampling(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed % _SEED_RANGE,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    return body


def refused_field(error: CallFailed, body: dict[str, Any]) -> str:
    """The optional field that a server says it does not take, or ""."""
    text = str(error)
    return next((name for name in OPTIONAL if name in body and name in text), "") if error.kind == "rejected" else ""


def read_reply(payload: dict[str, Any], request: Request, attempts: int, seconds: float) -> Reply:
    """The reply of either protocol. An unreadable one is a Reply with an error."""
    try:
        choice = payload["choices"][0]
        text = choice["message"].get("content") if "message" in choice else choice["text"]
        reason = "length" if choice.get("finish_reason") == "length" else "stop"
        usage = payload.get("usage") or {}
        counts = int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        return Reply(error=f"server: not an answer of the OpenAI protocol ({error!r})", attempts=attempts)
    # Some servers send the started answer back, some only what follows it.
    text = (text or "").removeprefix(request.prefill) if "message" in choice else text
    cut = min((at for at in (text.find(stop) for stop in request.stop) if at >= 0), default=len(text))
    return Reply(text[:cut], "stop" if cut < len(text) else reason, *counts, attempts, seconds)
