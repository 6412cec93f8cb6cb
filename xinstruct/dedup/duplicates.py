"""Duplicates among samples of one language: the best of alike ones is kept, and each of the others names its twin.

Evidence, strongest first: equal normal forms of the code; equal results on common inputs; equal instructions; near
code and near instructions, by MinHash with every pair verified. Two samples of one instruction that are known to
return different results are two problems told badly, and both stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from xinstruct.dedup.minhash import Near, near
from xinstruct.dedup.normal import forms
from xinstruct.dedup.tokens import tokens

CODE, RESULTS, INSTRUCTION = "code", "results", "instruction"


@dataclass(frozen=True)
class Document:
    """What is compared of a sample: its words, the forms of its code, and a key of its results ("" when unknown)."""

    instruction: str
    code: str  # the tokens, without comments
    normal: str
    results: str = ""  # "<inputs>:<results>"

    @staticmethod
    def of(language: str, instruction: str, code: str, results: str = "") -> Document:
        """Return the document of an instruction and an answer's code."""
        found = forms(language, code)
        return Document(" ".join(tokens(instruction)), found.tokens, found.normal, results)


@dataclass(frozen=True)
class Copy:
    """Why a document is a duplicate: the number of the kept one, the kind of evidence and the similarity."""

    of: int
    evidence: str
    similarity: float
    exact: bool = False


@dataclass(frozen=True)
class Thresholds:
    """Jaccard similarities of token 5-grams from which code and instructions are alike."""

    code: float
    instruction: float
    permutations: int


@dataclass
class _Kept:
    """The kept documents, by the keys under which their copies find them."""

    exact: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))


def duplicates(documents: Sequence[Document], thresholds: Thresholds) -> dict[int, Copy]:
    """Return the duplicates by number. `documents` are in order of preference: of alike ones the first is kept."""
    code = near([one.code for one in documents], thresholds.code, thresholds.permutations)
    words = near([one.instruction for one in documents], thresholds.instruction, thresholds.permutations, signs=False)
    kept, found = _Kept(), {}
    for at, document in enumerate(documents):
        copies = (*_exact(documents, at, kept), *_near(documents, at, kept, {CODE: code, INSTRUCTION: words}))
        best = min(copies, key=lambda copy: (not copy.exact, -copy.similarity, copy.of), default=None)
        if best is not None:
            found[at] = best
            continue
        for key in _keys(document):
            kept.exact[key].append(at)
        for name, neighbours in ((CODE, code), (INSTRUCTION, words)):
            kept.groups[name, neighbours.group[at]].append(at)
    return found


def _keys(document: Document) -> Iterator[tuple[str, str]]:
    texts = {CODE: document.normal, RESULTS: document.results, INSTRUCTION: document.instruction}
    yield from ((name, text) for name, text in texts.items() if text)


def _exact(documents: Sequence[Document], at: int, kept: _Kept) -> Iterator[Copy]:
    for name, text in _keys(documents[at]):
        for other in islice(filter(_allows(documents, at, name), kept.exact.get((name, text), ())), 1):
            yield Copy(other, name, 1.0, exact=True)


def _near(documents: Sequence[Document], at: int, kept: _Kept, found: dict[str, Near]) -> Iterator[Copy]:
    for name, neighbours in found.items():
        own = neighbours.group[at]
        for group, similarity in [(own, 1.0), *neighbours.edges.get(own, ())] if own >= 0 else []:
            for other in islice(filter(_allows(documents, at, name), kept.groups.get((name, group), ())), 1):
                yield Copy(other, name, similarity)


def _allows(documents: Sequence[Document], at: int, name: str) -> Callable[[int], bool]:
    """Return a test whether evidence of a kind holds against another document."""
    if name != INSTRUCTION:
        return lambda other: True
    return lambda other: not differ(documents[at].results, documents[other].results)


def differ(one: str, two: str) -> bool:
    """Tell whether two keys of results are of the same inputs and say different things."""
    return bool(one and two) and one != two and one.partition(":")[0] == two.partition(":")[0]
