"""What clients of the OpenAI protocol may send and want back, read once for the servers of this package.

Contents in parts, both names of the limit of tokens, several answers to one question, an answer as a stream. A stream
sends each answer in one piece when it is whole: that is what clients who only speak streams need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from xinstruct.files import BadInput

_MOST_ANSWERS = 128
_LIMIT = 256  # tokens of an answer whose request names no limit


def turns(messages: Any) -> list[dict[str, str]]:
    """Return messages whose contents are texts. Raises BadInput for a part that is none, such as an image."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) and "role" in one for one in messages):
        raise BadInput("messages must be a list of objects with role and content")
    return [{"role": str(one["role"]), "content": _text(one.get("content"))} for one in messages]


def _text(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    if not isinstance(content, list):
        raise BadInput(f"the content of a message must be a text or a list of parts, not {type(content).__name__}")
    return "".join(map(_part, content))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type", "") if isinstance(part, dict) else type(part).__name__
    raise BadInput(f"content of type {kind!r} is not supported: this model reads text")


def most_tokens(body: dict[str, Any]) -> int:
    """Return how many tokens an answer may have; the newer name goes before the older one."""
    wanted = body.get("max_completion_tokens")
    return int((wanted if wanted is not None else body.get("max_tokens")) or _LIMIT)


def answers_wanted(body: dict[str, Any]) -> int:
    """Return how many answers are wanted. Raises BadInput when that is no number from 1 to 128."""
    wanted = body.get("n")
    if wanted is None:
        return 1
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= _MOST_ANSWERS:
        raise BadInput(f"n must be a whole number from 1 to {_MOST_ANSWERS}, not {wanted!r}")
    return wanted


def events(payload: dict[str, Any], body: dict[str, Any]) -> Iterator[bytes]:
    """Yield a finished answer as the server-sent events of a stream."""
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    head = {key: value for key, value in payload.items() if key not in ("choices", "usage")}
    if payload["object"] == "chat.completion":
        head["object"] = "chat.completion.chunk"
    more = {"usage": None} if usage else {}
    for choice in payload["choices"]:
        for piece in _pieces(choice):
            yield _event(head | {"choices": [piece]} | more)
    if usage:
        yield _event(head | {"choices": [], "usage": payload["usage"]})
    yield b"data: [DONE]\n\n"


def _pieces(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {"index": choice["index"], "finish_reason": None}
    values = {"logprobs": choice["logprobs"]} if "logprobs" in choice else {}
    if "message" in choice:
        yield place | {"delta": {"role": "assistant", "content": ""}}
        yield place | {"delta": {"content": choice["message"]["content"]}} | values
        yield place | {"delta": {}, "finish_reason": choice["finish_reason"]}
    else:
        yield place | {"text": choice["text"], "finish_reason": choice["finish_reason"]} | values


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
