"""The ChatModel protocol: what every stage asks of a model, whoever runs it.

It is implemented by ``client.Client`` (a server, or one that is launched here, with journal, budget and
retries) and by ``local.LocalModel`` (a checkpoint in this process's own engines, without a journal).
Agents, stages and benchmarks take either; ``MeteredModel`` wraps one and counts its tokens.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from xinstruct.files import BadInput
from xinstruct.llm.calls import Answer, Request


class ChatModel(Protocol):
    """A model that answers conversations. Several answers to one conversation take several requests."""

    def ask(self, requests: Sequence[Request], desc: str = ...) -> list[Answer]:
        """Return the answers in the order of the requests; a failed call is an Answer with its error."""
        ...


class MeteredModel:
    """A ChatModel that counts calls and tokens by their purpose (the `desc` of `ask`), and may be asked ahead.

    An answer from the journal counts like a new one, so a resumed run reports the same numbers.
    """

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self.counts: Counter[tuple[str, str]] = Counter()
        self._held: dict[str, Answer] = {}

    def ahead(self, requests: Sequence[Request], desc: str) -> None:
        """Ask what several steps are going to ask, all at once: an engine is fastest with many requests at a time.

        The steps' own `ask` takes the answers, and counts them.
        """
        for request, answer in zip(requests, self.model.ask(requests, desc), strict=True):
            self._held[_key(request)] = answer

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        """See ChatModel."""
        held = {key: self._held.pop(key) for key in map(_key, requests) if key in self._held}
        missing = [request for request in requests if _key(request) not in held]
        held |= dict(zip(map(_key, missing), self.model.ask(missing, desc) if missing else [], strict=True))
        answers = [held[_key(request)] for request in requests]
        purpose = desc.replace(" ", "_")
        self.counts[purpose, "calls"] += len(answers)
        for answer in answers:
            self.counts[purpose, "prompt_tokens"] += answer.prompt_tokens
            self.counts[purpose, "completion_tokens"] += answer.completion_tokens
        return answers

    @property
    def spent(self) -> dict[str, dict[str, int]]:
        """The counts by purpose: {"answers": {"calls": 80, "prompt_tokens": ..., "completion_tokens": ...}, ...}."""
        found: dict[str, dict[str, int]] = {}
        for (purpose, field), count in sorted(self.counts.items()):
            found.setdefault(purpose, {})[field] = count
        return found


def ask_ahead(model: ChatModel, requests: Sequence[Request], desc: str) -> None:
    """Ask what the next steps are going to ask, if the model holds answers for them; else they ask by themselves."""
    if isinstance(model, MeteredModel) and requests:
        model.ahead(requests, desc)


def _key(request: Request) -> str:
    return json.dumps([request.id, request.content()])


def ask_all(model: ChatModel, requests: Sequence[Request], desc: str) -> list[Answer]:
    """Return the answers to all requests. Raises BadInput when any of them has no answer."""
    answers = model.ask(requests, desc)
    if failed := [answer for answer in answers if answer.error]:
        raise BadInput(f"{desc}: {len(failed)} of {len(answers)} questions have no answer: {failed[0].error}")
    return answers
