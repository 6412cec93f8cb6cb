"""Copies of samples in other data: earlier runs and public sets, by the columns of their instructions and answers.

The other data are read a block at a time, whatever their size. An answer in fences is compared by the code in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from xinstruct.code.names import NAMES, known_as
from xinstruct.dedup.duplicates import CODE, INSTRUCTION, Document, Thresholds
from xinstruct.dedup.minhash import nearest
from xinstruct.dedup.normal import forms
from xinstruct.dedup.reading import Record, data_files, records
from xinstruct.dedup.tokens import shingles
from xinstruct.files import BadInput
from xinstruct.params import AgainstParams

_BLOCK = 5000  # records
_Other = tuple[tuple[tuple[str, str], ...], Document]  # normal forms by language, and the document
_FENCE = re.compile(r"```([\w+#-]*)[^\n]*\n(.*?)(?:```|\Z)", re.S)


@dataclass(frozen=True)
class Match:
    """The record that a sample repeats ("file:number"), the kind of evidence, and the similarity."""

    record: str
    evidence: str
    similarity: float
    exact: bool


def matches(
    documents: Sequence[Document], languages: Sequence[str], given: AgainstParams, thresholds: Thresholds
) -> dict[int, Match]:
    """Return the documents that have a copy in the given data: number -> the most similar record.

    `languages` are those of the documents. Raises BadInput for data that cannot be read or lack the columns.
    """
    if not given.instruction and not given.code:
        raise BadInput(f"deduplicate.against: {given.path} has neither a column of instructions nor one of code")
    found: dict[int, Match] = {}
    for names, others in _blocks(given, sorted(set(languages))):
        for at, match in _block(documents, languages, names, others, thresholds):
            if at not in found or _rank(found[at]) < _rank(match):
                found[at] = match
    return found


def _rank(match: Match) -> tuple[bool, float]:
    return match.exact, match.similarity


def _blocks(given: AgainstParams, languages: Sequence[str]) -> Iterator[tuple[list[str], list[_Other]]]:
    """Yield blocks of (names of the records, what is compared of them)."""
    for path in data_files(Path(given.path)):
        numbered = enumerate(records(path), 1)
        while block := list(islice(numbered, _BLOCK)):
            yield (
                [f"{path}:{number}" for number, _ in block],
                [_document(path, one, given, languages) for _, one in block],
            )


def _document(path: Path, record: Record, given: AgainstParams, languages: Sequence[str]) -> _Other:
    """Return what is compared of a record; code of no stated language may be of any that the samples have."""
    for column in filter(None, (given.instruction, given.code)):
        if column not in record:
            raise BadInput(f"{path}: no column {column!r} (deduplicate.against); it has {', '.join(record)}")
    text, language = str(record.get(given.code) or ""), str(record.get("language") or "").lower()
    if fenced := _FENCE.findall(text):
        language = language or fenced[0][0].lower()
        text = "\n".join(code for _, code in fenced)
    with suppress(ValueError):  # of none that is known: compared as words
        language = known_as(language, NAMES)
    instruction = str(record.get(given.instruction) or "")
    possible = [language] if language in NAMES else languages
    normals = tuple((each, forms(each, text).normal) for each in possible if text)
    return normals, Document.of(language, instruction, text)


def _block(
    documents: Sequence[Document],
    languages: Sequence[str],
    names: Sequence[str],
    others: Sequence[_Other],
    thresholds: Thresholds,
) -> Iterator[tuple[int, Match]]:
    known = {(CODE, *normal): name for name, (normals, _) in zip(names, others, strict=True) for normal in normals}
    known |= {(INSTRUCTION, "", one.instruction): name for name, (_, one) in zip(names, others, strict=True)}
    for at, (own, language) in enumerate(zip(documents, languages, strict=True)):
        for evidence, kind, text in ((CODE, language, own.normal), (INSTRUCTION, "", own.instruction)):
            if text and (evidence, kind, text) in known:
                yield at, Match(known[evidence, kind, text], evidence, 1.0, True)
    texts = {
        CODE: ([one.code for one in documents], [one.code for _, one in others], thresholds.code),
        INSTRUCTION: (
            [one.instruction for one in documents],
            [one.instruction for _, one in others],
            thresholds.instruction,
        ),
    }
    for evidence, (ours, theirs, least) in texts.items():
        near = nearest(shingles(ours), shingles(theirs), least, thresholds.permutations)
        for at, (other, similarity) in near.items():
            yield at, Match(names[other], evidence, similarity, False)
