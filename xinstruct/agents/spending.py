"""What each purpose costs in tokens: created prompts, answers, feedback, objections, scoring.

Counted whether an answer came from the journal or not, so a resumed run says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request


class Metered:
    """A teacher whose calls are counted by what they are for."""

    def __init__(self, teacher: ChatModel) -> None:
        self.teacher = teacher
        self.counts: Counter[tuple[str, str]] = Counter()

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        """See ChatModel."""
        answers = self.teacher.ask(requests, desc)
        purpose = desc.replace(" ", "_")
        self.counts[purpose, "calls"] += len(answers)
        for answer in answers:
            self.counts[purpose, "prompt_tokens"] += answer.prompt_tokens
            self.counts[purpose, "completion_tokens"] += answer.completion_tokens
        return answers

    @property
    def spent(self) -> dict[str, dict[str, int]]:
        """{"answers": {"calls": 80, "prompt_tokens": ..., "completion_tokens": ...}, ...}."""
        found: dict[str, dict[str, int]] = {}
        for (purpose, field), count in sorted(self.counts.items()):
            found.setdefault(purpose, {})[field] = count
        return found
