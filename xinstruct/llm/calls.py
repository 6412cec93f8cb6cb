"""What is asked of a model and what comes back; every other module here speaks in these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

# The kinds of errors of a call. Each error text starts with one of these words and a colon.
ENDPOINT_ERRORS = ("busy", "unreachable")  # the server's state: any other call would fail too
TRANSIENT_ERRORS = ("dropped", "timeout", "server", "garbled")  # mostly the server's fault, sometimes one request's
PERMANENT_ERRORS = ("rejected", "context", "filtered", "schema", "length")  # this request's own fault


@dataclass(frozen=True)
class Request:
    """One call. `prefill` is how the assistant's answer starts; the seed makes sampling repeatable.

    `sample` is its number among several answers to one prompt, which share their seed. An answer ends before the
    first of its `stop` strings, with keep_stop behind it. `schema` is a JSON schema: the server is asked to hold
    the answer to it and it is validated here. `logprobs` is how many alternatives per token to report; 0: none.
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
        """The seed that a server is given: those of one prompt's samples follow each other."""
        return self.seed + self.sample

    def cut(self, text: str) -> tuple[str, bool]:
        """A text up to the first stop string, and whether it has one."""
        found = ((text.find(stop), stop) for stop in self.stop)
        ends = [at + (len(stop) if self.keep_stop else 0) for at, stop in found if at >= 0]
        return text[: min(ends, default=len(text))], bool(ends)

    def content(self) -> dict[str, Any]:
        """Everything that may change the answer, JSON-able: all fields but the id."""
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
        """`count` requests for independent answers, with ids "ID-0", ...

        One call each rather than the protocol's `n`, which Ollama and transformers serve do not have:
        every answer has its own key in the journal, so 8 samples after 4 ask for 4 more only.
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
        """Whether it ended by itself, neither cut at its length nor failed."""
        return self.finish_reason == "stop"

    def brief(self) -> dict[str, Any]:
        """What is worth keeping of an answer in a file."""
        return {"text": self.text, "tokens": self.completion_tokens, "finished": self.finished}


@dataclass(frozen=True)
class Reply:
    """What a backend got for one request, before it becomes an Answer.

    seconds: of the attempt that succeeded. waited: from the first attempt to the end, pauses
    included. trouble: the class of the last attempt that failed, "" when the first one succeeded.
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
    """The class of an error text: its first word."""
    return error.split(":", 1)[0]


Done = Callable[[Request, Reply], None]
Gate = Callable[[Request], Awaitable[bool]]  # whether a request may be sent; may wait
