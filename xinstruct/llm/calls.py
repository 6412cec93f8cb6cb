"""Requests, answers and errors of model calls, which all other modules of this package use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

# The kinds of errors of a call. Each error text starts with one of these words and a colon.
ENDPOINT_ERRORS = ("busy", "unreachable")  # the server's state: any other call would fail too
TRANSIENT_ERRORS = ("dropped", "timeout", "server", "garbled")  # mostly the server's fault, sometimes one request's
# This request's own fault; "thinking": there is thinking and no answer.
PERMANENT_ERRORS = ("rejected", "refused", "context", "filtered", "schema", "length", "thinking")


@dataclass(frozen=True)
class Request:
    """One call. `prefill` is the start of the assistant's answer; the seed makes sampling repeatable.

    `sample` is its number among several answers to one prompt, which share their seed. An answer ends before the
    first of its `stop` strings, with keep_stop behind it. `schema` is a JSON schema: the server is asked to enforce
    it, and the answer is validated here. `logprobs` is the number of alternatives per token to report; 0: none.
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
    logprobs: int = 0
    sample: int = 0
    keep_stop: bool = False

    @property
    def own_seed(self) -> int:
        """The seed that a server is given: the samples of one prompt have consecutive ones."""
        return self.seed + self.sample

    def cut(self, text: str) -> tuple[str, bool]:
        """Return a text up to its first stop string, and whether it has one."""
        found = ((text.find(stop), stop) for stop in self.stop)
        ends = [at + (len(stop) if self.keep_stop else 0) for at, stop in found if at >= 0]
        return text[: min(ends, default=len(text))], bool(ends)

    def content(self) -> dict[str, Any]:
        """Return everything that may change the answer, as JSON values: all fields but the id."""
        content: dict[str, Any] = {
            "messages": list(self.messages),
            "prefill": self.prefill,
            "max_tokens": self.max_tokens,
            "temperature": float(self.temperature),
            "top_p": float(self.top_p),
            "stop": list(self.stop),
            "seed": self.own_seed,
            "schema": self.schema,
        }
        # Named only where asked for, so that the keys of all other calls stay what they were.
        content |= {"logprobs": self.logprobs} if self.logprobs else {}
        return content | ({"keep_stop": True} if self.keep_stop else {})

    def samples(self, count: int) -> list[Request]:
        """Return `count` requests for independent answers, with ids "ID-0", ...

        They are separate calls rather than the protocol's `n`, which Ollama and transformers serve do not have. Every
        answer has its own key in the journal, so 8 samples after 4 ask for 4 more only.
        """
        return [replace(self, id=f"{self.id}-{i}", sample=i) for i in range(count)]


@dataclass(frozen=True)
class Token:
    """One token of an answer with its log-probability and those of the likeliest alternatives."""

    text: str
    logprob: float
    top: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """The answer to one Request: `text` continues its prefill. finish_reason: stop, length or error.

    With "error" the text is empty and `error` says why ("context: ...", "schema: ...", ...).
    """

    id: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached: bool
    error: str = ""
    logprobs: tuple[Token, ...] = ()

    @property
    def finished(self) -> bool:
        """True if it ended by itself, neither cut at its length nor failed."""
        return self.finish_reason == "stop"

    def brief(self) -> dict[str, Any]:
        """Return the part of an answer that is kept in files."""
        return {"text": self.text, "tokens": self.completion_tokens, "finished": self.finished}


@dataclass(frozen=True)
class Reply:
    """A backend's result for one request, before it becomes an Answer.

    seconds: of the attempt that succeeded. waited: from the first attempt to the end, pauses included. trouble: the
    class of the last attempt that failed, "" when the first one succeeded.
    """

    text: str = ""
    finish_reason: str = "error"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    attempts: int = 1
    seconds: float = 0.0
    error: str = ""
    waited: float = 0.0
    trouble: str = ""
    logprobs: tuple[Token, ...] = ()


def kind_of(error: str) -> str:
    """Return the class of an error text, which is its first word."""
    return error.split(":", 1)[0]


Done = Callable[[Request, Reply], None]
Gate = Callable[[Request], Awaitable[bool]]  # whether a request may be sent; may wait
