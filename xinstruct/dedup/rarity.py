"""How much a shared word says: its rarity in documented code, in bits.

``rarity.txt`` lists words by bits, the negative logarithm of their share of 40-line pieces of documented packages in
eight languages. ``asked.txt`` lists the words in which tasks are put, which are rarer in code than in instructions:
they say 1 bit, like numbers and single letters; characters of scripts without spaces say 2, unlisted words 10. A word
that many problems of a benchmark use, or many functions of the mined corpus, says no more than that tells apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import log2
from pathlib import Path

_HERE = Path(__file__).parent
DATA_FILES = ("rarity.txt", "asked.txt")
UNKNOWN, CHARACTER, NUMBER = 10.0, 2.0, 1.0
_MANY = 50  # problems, below which their words' frequencies say nothing


@cache
def listed() -> Mapping[str, float]:
    """Return the bits of all listed words."""
    lines = [line.split() for line in (_HERE / "rarity.txt").read_text(encoding="utf-8").splitlines()]
    asked = (_HERE / "asked.txt").read_text(encoding="utf-8").split()
    return {word: float(bits) for bits, *words in lines for word in words} | dict.fromkeys(asked, NUMBER)


class Rarity:
    """Bits of words, given the words of each problem of the benchmarks and of each text of the mined corpus."""

    def __init__(self, problems: Iterable[set[str]] = (), corpus: Iterable[set[str]] = ()) -> None:
        self._counts: list[tuple[int, Counter[str]]] = []
        self._known: dict[str, float] = {}
        for texts in (problems, corpus):
            words: Counter[str] = Counter()
            total = 0
            for text in texts:
                words.update(text)
                total += 1
            if total >= _MANY:
                self._counts.append((total, words))

    def bits(self, word: str) -> float:
        """Return what one word says."""
        if word not in self._known:
            self._known[word] = self._bits(word)
        return self._known[word]

    def _bits(self, word: str) -> float:
        if len(word) == 1 and not word.isascii():
            return CHARACTER
        if len(word) == 1 or not any(map(str.isalpha, word)):
            return NUMBER
        own = [log2(total / words[word]) for total, words in self._counts if words[word] > 2]
        return min([listed().get(word, UNKNOWN), *own])

    def weight(self, words: Sequence[str]) -> float:
        """Return what a run of words says: every different word once, and every character of an unspaced script."""
        different = set(words)
        characters = {word for word in different if len(word) == 1 and not word.isascii()}
        repeated = sum(word in characters for word in words) if characters else 0
        return sum(map(self.bits, different - characters)) + CHARACTER * repeated
