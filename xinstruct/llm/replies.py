"""How a server's answer is read: ``read_reply``, for chat and plain completions of every dialect.

What servers vary is taken: a text in parts, numbers that are missing or null, reasons to end of their own. An answer
that is none is an error: withheld, broken off, or nothing but thinking.
"""

from __future__ import annotations

import math
from typing import Any

from xinstruct.code.thinking import split_thinking
from xinstruct.llm.calls import Reply, Request, Token
from xinstruct.llm.transport import is_context_error, told

_CUT = ("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length", "length_limit", "limit")
_WITHHELD = ("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "refusal")
_BROKEN = ("abort", "aborted", "error", "cancelled", "canceled", "failed", "timeout", "incomplete", "null", "none", "")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")  # where servers put the thinking
_CHARACTERS = 4  # a token, where a server does not count


def read_reply(
    payload: dict[str, Any], request: Request, attempts: int, seconds: float, endless: bool = False
) -> Reply:
    """Read the reply of either protocol. An unusable or unfinished answer is a Reply with an error.

    endless: the server gives null for the reason to end of whole answers, too. Such an answer, and one without any
    reason, is taken; it counts as cut where its tokens do not show that it ended by itself.
    """
    try:
        choice = payload["choices"][0]
        text, thoughts, refusal = _said(choice)
        counts = _counts(payload.get("usage"), request, text + thoughts)
        tokens = _logprobs(choice) if request.logprobs else ()
        reason = _reason(choice, payload, request, endless)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        return Reply(error=f"garbled: not an answer of the OpenAI protocol ({error!r})", attempts=attempts)
    if error_text := refusal or _unfinished(reason, payload, choice):
        return Reply(error=error_text, attempts=attempts)
    # Some servers send the prefill back, some only what follows it.
    text = text.removeprefix(request.prefill) if "message" in choice else text
    thinking, answer = split_thinking(text)
    answer, stopped = request.cut(answer)
    ended = "length" if reason == "length" and not stopped else "stop"
    if (thoughts or thinking) and not answer.strip():
        return _only_thought(ended, request, counts, attempts)
    return Reply(thinking + answer, ended, *counts, attempts, seconds, logprobs=tokens)


def _only_thought(ended: str, request: Request, counts: tuple[int, int], attempts: int) -> Reply:
    used = f"used up its {request.max_tokens} tokens" if ended == "length" else "ended by itself"
    return Reply("", "error", *counts, attempts, error=f"thinking: the model {used} without an answer")


def _said(choice: dict[str, Any]) -> tuple[str, str, str]:
    """Return the text of an answer, the thinking that a server keeps apart, and why it is refused."""
    if "message" not in choice:
        text, thoughts = _joined(choice["text"])
        return text, thoughts, ""
    message = choice["message"]
    text, thoughts = _joined(message.get("content"))
    thoughts += "".join(str(message[name]) for name in _THOUGHTS if message.get(name))
    refused = message.get("refusal") if not text else ""
    return text, thoughts, f"filtered: the model refused: {str(refused)[:300]}" if refused else ""


def _joined(content: Any) -> tuple[str, str]:
    """Return text and thinking of a content, which may be a list of parts."""
    if content is None or isinstance(content, str):
        return content or "", ""
    texts, thoughts = [], []
    for part in [content] if isinstance(content, dict) else list(content):
        if isinstance(part, str):
            texts.append(part)
        elif "think" in (kind := str(part.get("type", "text"))) or "reason" in kind:
            thoughts.append(str(part.get(kind) or part.get("text") or ""))
        else:
            text = part.get("text", "")
            texts.append(str(text.get("value", "") if isinstance(text, dict) else text or ""))
    return "".join(texts), "".join(thoughts)


def _counts(usage: Any, request: Request, text: str) -> tuple[int, int]:
    """Return tokens of prompt and answer, estimated from the characters where a server does not count them."""
    usage = usage if isinstance(usage, dict) else {}
    asked = sum(len(message["content"]) for message in request.messages) + len(request.prefill)
    found = []
    for name, size in (("prompt_tokens", asked), ("completion_tokens", len(text))):
        value = usage.get(name)
        found.append(math.ceil(size / _CHARACTERS) if value is None else int(value))
    return found[0], found[1]


def _reason(choice: dict[str, Any], payload: dict[str, Any], request: Request, endless: bool) -> str:
    """Return stop, length, or the server's own word for an answer that must not be used."""
    if "finish_reason" not in choice or (endless and choice["finish_reason"] is None):
        spent = (payload.get("usage") or {}).get("completion_tokens")
        return "stop" if spent is not None and int(spent) < request.max_tokens else "length"
    word = str(choice["finish_reason"]).lower()
    if word in _CUT:
        return "length"
    return word if word in (*_WITHHELD, *_BROKEN) else "stop"


def endless(payload: dict[str, Any]) -> bool:
    """Tell whether an answer gives null for its reason to end."""
    try:
        choice = payload["choices"][0]
        return "finish_reason" in choice and choice["finish_reason"] is None and not payload.get("error")
    except (KeyError, IndexError, TypeError):
        return False


def _unfinished(reason: str, payload: dict[str, Any], choice: dict[str, Any]) -> str:
    """Return why an answer must not be used: withheld, or broken off (a server that shuts down says "abort")."""
    if reason in _WITHHELD:
        return f"filtered: the endpoint withheld the answer (finish_reason {reason})"
    if reason in ("stop", "length"):
        return ""
    text = told(payload) or told(choice)
    kind = "context" if is_context_error(text) else "garbled"
    return f"{kind}: the answer did not end (finish_reason {reason!r}) {text}".rstrip()


def _logprobs(choice: dict[str, Any]) -> tuple[Token, ...]:
    """Return the token log-probabilities of a chat answer, or of a plain completion in its two formats."""
    found = choice.get("logprobs") or {}
    if "content" in found:
        return tuple(
            Token(str(row["token"]), _number(row["logprob"]), _alternatives(row.get("top_logprobs")))
            for row in found["content"] or []
        )
    tokens, values = found.get("tokens") or [], found.get("token_logprobs") or []
    tops = found.get("top_logprobs") or [{}] * len(tokens)
    return tuple(Token(str(t), _number(v), dict(top or {})) for t, v, top in zip(tokens, values, tops, strict=True))


def _alternatives(rows: Any) -> dict[str, float]:
    return {str(row["token"]): _number(row["logprob"]) for row in rows or []}


def _number(value: Any) -> float:
    """Return a log-probability; None (some servers' first token) and minus infinity become the least float."""
    number = -math.inf if value is None else float(value)
    return number if math.isfinite(number) else -1e30
