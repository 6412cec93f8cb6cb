"""A queue grouped by prompt: a worker that has computed a prompt stays with it, an idle one helps out."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class PrefixQueue(Generic[T]):
    """Items in order of arrival. `take` keeps each worker at its prompt while that prompt has items.

    A worker None stays with no prompt: all prompts come once before any comes again. An engine that keeps what it has
    read (OpenVINO's) then reads each prompt once; of equal prompts read at the same time it reads every one.
    """

    def __init__(self) -> None:
        self.groups: dict[Hashable, deque[T]] = {}
        self.fresh: deque[Hashable] = deque()  # prompts that nobody has taken from yet
        self.at: dict[Hashable, Hashable] = {}

    def __bool__(self) -> bool:
        return bool(self.groups)

    def add(self, prompt: Hashable, item: T) -> None:
        """Append an item to those of its prompt."""
        if prompt not in self.groups:
            self.groups[prompt] = deque()
            self.fresh.append(prompt)
        self.groups[prompt].append(item)

    def take(self, worker: Hashable | None) -> T | None:
        """Return a worker's next item: of its own prompt, else of a new one, else of the prompt with most left."""
        prompt = self.at.get(worker) if worker is not None else None
        if prompt not in self.groups:
            if not self.groups:
                return None
            prompt = self._new() or max(self.groups, key=lambda one: len(self.groups[one]))
        if worker is not None:
            self.at[worker] = prompt
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
