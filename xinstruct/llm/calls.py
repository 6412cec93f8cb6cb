"""What is asked of a model and what comes back; every other module here speaks in these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """One call. `prefill` is how the assistant's answer starts; the seed makes sampling repeatable.

    `schema` is a JSON schema that the server holds the answer to (the caller still validates).
    """

    id: str
    messages: tuple[dict[str, str], ...]
    prefill: str = ""
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    schema: dict[str, Any] | None = None

    def content(self) -> dict[str, Any]:
        """Everything that may change the answer, JSON-able: all fields but the id."""
        return {
            "messages": list(self.messages),
            "prefill": self.prefill,
            "max_tokens": self.max_tokens,
            "temperature": float(self.temperature),
            "top_p": float(self.top_p),
            "stop": list(self.stop),
            "seed": self.seed,
            "schema": self.schema,
        }


@dataclass(frozen=True)
class Answer:
    """The answer to one Request: `text` continues its prefill. finish_reason: stop, length or error.

    With "error" the text is empty and `error` says why ("budget", "context: ...", ...).
    """

    id: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached: bool
    error: str = ""


@dataclass(frozen=True)
class Reply:
    """What a backend got for one request, before it becomes an Answer."""

    text: str = ""
    finish_reason: str = "error"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    attempts: int = 1
    seconds: float = 0.0
    error: str = ""
