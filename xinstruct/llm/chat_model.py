"""What every stage asks of a model, whoever runs it.

Two things answer: ``client.Client`` (a server, or one that is started here, with journal, budget and
retries) and ``local.LocalModel`` (a checkpoint in this process's own engines, which keeps nothing).
Agents, stages and benchmarks take either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xinstruct.files import BadInput
from xinstruct.llm.calls import Answer, Request


class ChatModel(Protocol):
    """Something that answers conversations. Several answers to one are several requests (Request.samples)."""

    def ask(self, requests: Sequence[Request], desc: str = ...) -> list[Answer]:
        """Answers in the order of the requests; a failed call is an Answer with its error."""
        ...


def ask_all(model: ChatModel, requests: Sequence[Request], desc: str) -> list[Answer]:
    """Answers to all requests, for callers that can use no failed one. Raises BadInput where one has none."""
    answers = model.ask(requests, desc)
    if failed := [answer for answer in answers if answer.error]:
        raise BadInput(f"{desc}: {len(failed)} of {len(answers)} questions have no answer: {failed[0].error}")
    return answers
