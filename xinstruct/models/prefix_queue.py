"""What waits to be answered, grouped by prompt: who has read a prompt goes on with it, whoever is free helps."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByPrompt(Generic[T]):
    """Items in the order they came. `take` keeps each asker at its prompt while that has items."""

    def __init__(self) -> None:
        self.groups: dict[Hashable, deque[T]] = {}
        self.fresh: deque[Hashable] = deque()  # prompts that nobody has taken from yet
        self.at: dict[Hashable, Hashable] = {}

    def __bool__(self) -> bool:
        return bool(self.groups)

    def add(self, prompt: Hashable, item: T) -> None:
        """Put an item behind the others of its prompt."""
        if prompt not in self.groups:
            self.groups[prompt] = deque()
            self.fresh.append(prompt)
        self.groups[prompt].append(item)

    def take(self, asker: Hashable) -> T | None:
        """The next item for an asker: of its own prompt, else of a new one, else of the one with most left."""
        prompt = self.at.get(asker)
        if prompt not in self.groups:
            if not self.groups:
                return None
            prompt = self._new() or max(self.groups, key=lambda one: len(self.groups[one]))
        self.at[asker] = prompt
        group = self.groups[prompt]
        item = group.popleft()
        if not group:
            del self.groups[prompt]
        return item

    def _new(self) -> Hashable | None:
        while self.fresh:
            if (prompt := self.fresh.popleft()) in self.groups:
                return prompt
        return None
