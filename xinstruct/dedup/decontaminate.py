"""Overlaps of words: which problems of a benchmark a text repeats, in which field, and how much that says.

A run of shared words counts when it is as long as an n-gram and its words, weighted by their rarity, say enough; so
"that takes a string as an argument and returns a" is no overlap. Problems that say less in all are found as wholes.
Runs that many problems of one file share are its boilerplate. Scripts without spaces are read character by character.
``benchmark_texts`` reads the texts of any folder.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xinstruct.dedup.problems import problems
from xinstruct.dedup.rarity import Rarity
from xinstruct.dedup.tokens import tokens

WEIGHT = 40.0  # bits
_SHORT = 4  # words by which texts that are found as wholes are looked up
_LEAST, _PROSE, _LONG = 15.0, 7.0, 6  # bits of a whole text; of one sentence of at least so many words
_CODE = re.compile(r"[(){};=]")
_SHARED = 5  # problems that share a run of words, more of which make it boilerplate


@dataclass(frozen=True)
class Hit:
    """One overlap: the problem, its field, and the words that both have, with what they say in bits."""

    item: str
    field: str
    words: str
    weight: float
    whole: bool  # the field is in the text from its first word to its last


@dataclass(frozen=True)
class _Text:
    item: str
    field: str
    words: tuple[str, ...]
    prose: bool

    @staticmethod
    def of(item: str, *rest: str) -> _Text:
        """Return the text of (problem, text) or (problem, field, text)."""
        text = rest[-1]
        return _Text(item, rest[0] if len(rest) > 1 else "", tuple(tokens(text)), not _CODE.search(text))

    def whole(self, weight: float) -> bool:
        """Tell whether a text of this weight says enough to be looked for as a whole."""
        enough = weight >= _LEAST or (self.prose and weight >= _PROSE and len(self.words) >= _LONG)
        return enough and len(self.words) >= _SHORT


class Overlap:
    """An index of the texts of benchmark problems, given as (problem, text) or (problem, field, text)."""

    def __init__(
        self, given: Iterable[tuple[str, ...]], n: int, weight: float = WEIGHT, corpus: Iterable[str] = ()
    ) -> None:
        self.n, self._least = n, weight
        self._texts = [_Text.of(*one) for one in given]
        self.names = sorted({text.item for text in self._texts})
        problems: dict[str, set[str]] = defaultdict(set)
        for text in self._texts:
            problems[text.item].update(text.words)
        self.rarity = Rarity(problems.values(), (set(tokens(text)) for text in corpus))
        self._grams: dict[int, list[int]] = defaultdict(list)
        self._starts: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._index()

    def _index(self) -> None:
        whole = Counter(dict.fromkeys((text.words, _number(text.item)) for text in self._texts))
        shared = Counter(words for words, _ in whole)
        for at, text in enumerate(self._texts):
            weight = self.rarity.weight(text.words)
            if weight >= self._least and len(text.words) >= self.n:
                for gram in set(self._runs(text.words)):
                    self._grams[gram].append(at)
            elif text.whole(weight) and shared[text.words] <= _SHARED:
                self._starts[text.words[:_SHORT]].append(at)
        for gram, where in list(self._grams.items()):
            if len({_number(self._texts[at].item) for at in where}) > _SHARED:
                del self._grams[gram]

    def _runs(self, words: Sequence[str]) -> Iterator[int]:
        for start in range(max(1, len(words) - self.n + 1)):
            yield hash(tuple(words[start : start + self.n]))

    def hits(self, text: str) -> list[Hit]:
        """Return the strongest overlap with each problem, the strongest first."""
        words = tokens(text)
        best: dict[str, Hit] = {}
        for hit in (*self._wholes(words), *self._partial(words)):
            if hit.item not in best or (best[hit.item].weight, best[hit.item].field) < (hit.weight, hit.field):
                best[hit.item] = hit
        return sorted(best.values(), key=lambda hit: (-hit.weight, hit.item))

    def find(self, text: str) -> tuple[str, str] | None:
        """Return (name of the benchmark's problem, shared words) of the strongest overlap, or None."""
        found = self.hits(text)
        return (found[0].item, found[0].words) if found else None

    def _wholes(self, words: list[str]) -> Iterator[Hit]:
        for start in range(len(words) - _SHORT + 1):
            for at in self._starts.get(tuple(words[start : start + _SHORT]), ()):
                text = self._texts[at]
                if tuple(words[start : start + len(text.words)]) == text.words:
                    yield self._hit(text, text.words)

    def _partial(self, words: list[str]) -> Iterator[Hit]:
        """Yield the runs that a text shares with a problem: n-grams in a row, put together."""
        places: dict[int, list[int]] = defaultdict(list)
        for start, gram in enumerate(self._runs(words)):
            for at in self._grams.get(gram, ()):
                places[at].append(start)
        for at, starts in places.items():
            first = starts[0]
            for start, after in zip(starts, [*starts[1:], -1], strict=True):
                if after != start + 1:
                    run = words[first : start + self.n]
                    if self.rarity.weight(run) >= self._least:
                        yield self._hit(self._texts[at], run)
                    first = after

    def _hit(self, text: _Text, run: Sequence[str]) -> Hit:
        weight = round(self.rarity.weight(run), 1)
        return Hit(text.item, text.field, " ".join(run), weight, tuple(run) == text.words)


def _number(item: str) -> str:
    """Return what the translations of one problem have in common: the number in its name, else the name."""
    name = item.rpartition("/")[2]
    return str((re.findall(r"\d+", name) or [name])[0])


def benchmark_texts(folders: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    """Yield (problem id, field, text) of every text of every problem below the folders. Raises BadInput."""
    for problem in problems(folders):
        yield from ((problem.item, field, text) for field, text in problem.texts)
