"""How each server wants a call written; how its answer is read: replies.py.

All speak the OpenAI protocol; they differ in which further fields they take and in how a prefilled
answer is continued, so each is sent only what it is known to take (``FIELDS``):

============  =====================================  ======================  ==========================
dialect       prefill                                schema                  told by
============  =====================================  ======================  ==========================
vllm          continue_final_message,                response_format         owned_by "vllm"
              add_generation_prompt false
sglang        continue_final_message                 response_format         owned_by "sglang"
llamacpp      /apply-template, then /completions     json_schema             owned_by "llamacpp"
xinstruct     /apply-template, then /completions     json_schema             owned_by "xinstruct"
ollama        trailing assistant message             response_format         owned_by "library", /api/version
transformers  template rendered here, /completions   validated here only     /load_model in /openapi.json
openai        trailing assistant message             response_format         anything else
============  =====================================  ======================  ==========================

A field that a server refuses by name all the same is left out from then on (endpoint.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.transport import CallFailed, refused_parameter

_OWNERS = {"llamacpp": "llamacpp", "xinstruct": "xinstruct", "vllm": "vllm", "sglang": "sglang", "library": "ollama"}
_COMMON = {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop"}
_SHAPED = _COMMON | {"response_format", "logprobs", "top_logprobs"}
_DEFAULTS = {"top_k", "min_p", "repetition_penalty"}
_KEEP = "include_stop_str_in_output"
FIELDS = {
    "openai": _SHAPED,
    "llamacpp": _SHAPED | {"top_k", "min_p"},
    "xinstruct": _COMMON | {"logprobs", "top_logprobs", _KEEP},
    "vllm": _SHAPED | _DEFAULTS | {"continue_final_message", "add_generation_prompt", _KEEP},
    "sglang": _SHAPED | _DEFAULTS | {"continue_final_message"},
    "ollama": _SHAPED,
    "transformers": _COMMON | {"generation_config"},
}
OPTIONAL = ("seed", "top_p", "stop", "response_format", *sorted(_DEFAULTS), "top_logprobs", "logprobs")
NEEDED = ("max_tokens", "temperature")  # left out only where a server says that it does not know them
NEWER = {"max_tokens": "max_completion_tokens"}  # a refused field -> the one that says the same
RENDERED = ("llamacpp", "xinstruct", "transformers")  # whose prompts with a prefill are sent as plain text
_SEED_RANGE = 2**31  # what every server takes
_REFUSED = re.compile(  # of a field that is wanted but for a server that knows it not, or not any more
    r"unsupported|not supported|(?:does|do) not support|unknown|unrecognized|unexpected|not permitted|not allowed"
    r"|extra (?:inputs|fields)|deprecated|no longer|only the default|use '?max_completion_tokens", re.IGNORECASE
)  # fmt: skip


def dialect_of(models: dict[str, Any]) -> str:
    """Return the dialect that a /v1/models answer states by `owned_by`; "openai" when it states none."""
    owners = [str(entry.get("owned_by", "")) for entry in models.get("data", []) if isinstance(entry, dict)]
    return next((_OWNERS[owner] for owner in owners if owner in _OWNERS), "openai")


def completion_body(request: Request, prompt: str, dialect: str = "llamacpp", model: str = "") -> dict[str, Any]:
    """Return the body for /v1/completions: a prompt that is already rendered, including a prefill."""
    if dialect == "transformers":
        return {"model": model, "prompt": prompt} | _sampling(request, dialect) | _generation_config(request)
    if dialect == "xinstruct":
        tops = {"logprobs": request.logprobs} if request.logprobs else {}
        shape = {"json_schema": request.schema} if request.schema is not None else {}
        return {"prompt": prompt} | _sampling(request, dialect) | tops | shape
    body: dict[str, Any] = {"prompt": prompt, "cache_prompt": True, "top_k": 0, "min_p": 0.0}
    body |= _sampling(request, dialect)
    if request.schema is not None:
        body["json_schema"] = request.schema
    if request.logprobs:
        body["n_probs"] = request.logprobs
    return body


def chat_body(dialect: str, model: str, request: Request) -> dict[str, Any]:
    """Return the body for /v1/chat/completions."""
    messages = list(request.messages)
    body: dict[str, Any] = {"model": model} | _sampling(request, dialect)
    if request.prefill:
        messages.append({"role": "assistant", "content": request.prefill})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    # vLLM and SGLang take defaults from the checkpoint's generation_config otherwise.
    body |= {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0} if dialect in ("vllm", "sglang") else {}
    if request.schema is not None:
        schema = rooted(request.schema) if dialect == "openai" else request.schema
        shape = {"name": "answer", "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    body |= _generation_config(request) if dialect == "transformers" else {}
    known = FIELDS[dialect]
    return {name: value for name, value in body.items() if name in known} | {"messages": messages}


def rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose root is an object, as paid APIs demand: another root is its only property, ``answer``.

    The repair of answers takes what stands there for the answer.
    """
    if schema.get("type", "object") == "object":
        return schema
    shared = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in shared and key != "$schema"}
    own = {"type": "object", "properties": {"answer": inner}, "required": ["answer"], "additionalProperties": False}
    return own | shared


def _sampling(request: Request, dialect: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.own_seed % _SEED_RANGE,
    }
    # A server that cannot keep the stop string in its answer is not told it: read_reply cuts behind it.
    if request.stop and (not request.keep_stop or _KEEP in FIELDS[dialect]):
        body |= {"stop": list(request.stop)} | ({_KEEP: True} if request.keep_stop else {})
    return body


def _generation_config(request: Request) -> dict[str, str]:
    """Return the only field that transformers serve samples by; temperature alone does not set do_sample."""
    sampled = request.temperature > 0
    config: dict[str, Any] = {"do_sample": sampled, "max_new_tokens": request.max_tokens}
    config |= {"temperature": request.temperature, "top_p": request.top_p, "top_k": 0} if sampled else {}
    return {"generation_config": json.dumps(config)}


def template_renderer(folder: str) -> Callable[[Request], str]:
    """Return a function that renders prompts by a checkpoint's own chat template.

    Raises OSError when it is not on this machine, BadInput when its tokenizer has no chat template.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise BadInput(f"{folder}: the tokenizer has no chat template; an instruction-tuned model is needed")

    def render(request: Request) -> str:
        text = tokenizer.apply_chat_template(list(request.messages), add_generation_prompt=True, tokenize=False)
        return f"{text}{request.prefill}"

    return render


def refused_field(error: CallFailed, body: dict[str, Any]) -> str:
    """Return the field that a server refuses by name in an error and that can be left out or renamed, or ""."""
    if error.kind != "rejected":
        return ""
    text = str(error)
    able = [name for name in (*NEEDED, *OPTIONAL) if name in body and (name in OPTIONAL or _REFUSED.search(text))]
    if (named := refused_parameter(text)) in able:
        return named
    return next((name for name in able if re.search(rf"(?<![\w-]){name}(?![\w-])", text)), "")


def without_refused(body: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """Return the body without the fields that a server refuses; one that has a newer name is sent under that."""
    kept = {name: value for name, value in body.items() if name not in refused}
    newer = {NEWER[name]: body[name] for name in refused & NEWER.keys() if name in body}
    return kept | {name: value for name, value in newer.items() if name not in refused}
