"""Broken variants of a function, to tell whether its tests notice: one change each, in code and never in comments."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import zip_longest

from xinstruct.code.lexical import blanked, parsed
from xinstruct.code.mutable import Source
from xinstruct.code.mutations import ENDLESS, KINDS, Edit, edits

# For languages without a grammar.
_WRITTEN = (
    (r"(?<=\s)<=(?=\s)", ">"), (r"(?<=\s)>=(?=\s)", "<"), (r"(?<=\s)<(?=\s)", ">="), (r"(?<=\s)>(?=\s)", "<="),
    (r"(?<![=!<>])==(?!=)", "!="), (r"!=(?!=)", "=="), (r"&&", "||"), (r"\|\|", "&&"), (r"\band\b", "or"),
    (r"\bor\b", "and"), (r"(?<=[\w)\]] )\+(?= )", "-"), (r"(?<=[\w)\]] )-(?= )", "+"), (r"(?<=[\w)\]] )\*(?= )", "+"),
    (r"(?<=[\w)\]] )/(?= )", "*"), (r"(?<=[\w)\]] )%(?= )", "+"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
    (r"(?<![\w.])1(?![\w.])", "2"), (r"(?<![\w.])0(?![\w.])", "1"), (r"(?<![\w.])([2-9]|[1-9]\d+)(?![\w.])", "0"),
)  # fmt: skip


def make_mutants(language: str, code: str, count: int, seed: int) -> list[str]:
    """Return up to `count` different variants with one change each, all of which parse; fewer are the first of more.

    Kinds of change take turns, those that differ on few inputs first; what may never end comes last.
    """
    source = Source.of(language, code)
    found = list(_variants(source, seed) if source else _by_pattern(language, code, seed)) if count else []
    return list(dict.fromkeys(found))[:count]


def _variants(source: Source, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    by_kind: dict[str, list[Edit]] = {kind: [] for kind in (*KINDS, ENDLESS)}
    for edit in edits(source):
        by_kind[edit.kind].append(edit)
    for own in by_kind.values():
        rng.shuffle(own)
    last = by_kind.pop(ENDLESS)
    turns = [edit for turn in zip_longest(*by_kind.values()) for edit in turn if edit]
    flaws = _flaws(source)
    for edit in [*turns, *last]:
        data = source.data[: edit.start] + edit.new.encode() + source.data[edit.end :]
        tree = parsed(source.traits, data)
        changed = Source(source.traits, data, tree.root_node) if tree else None
        if changed and data != source.data and _flaws(changed) <= flaws:
            yield data.decode()[len(source.traits.opening) :]


def _flaws(source: Source) -> int:
    """Return how many nodes the grammar could not read."""
    if not source.root.has_error:
        return 0
    count, todo = 0, [source.root]
    while todo:
        node = todo.pop()
        count += node.is_error or node.is_missing
        todo += [child for child in node.children if child.has_error]
    return count


def _by_pattern(language: str, code: str, seed: int) -> list[str]:
    bare = blanked(language, code)
    spots = [
        (match.start(), match.end(), new)
        for pattern, new in _WRITTEN
        for match in re.finditer(pattern, code)
        if bare[match.start() : match.end()] == match.group()
    ]
    random.Random(seed).shuffle(spots)
    return [code[:start] + new + code[end:] for start, end, new in spots]
