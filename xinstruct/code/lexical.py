"""Literals, comments and brackets of program text: where they are, and the text without what is in them.

Literals and comments are found by the language's grammar, whatever errors the text holds; where there is none, or a
text is built to keep the parser busy, by the pattern ``opaque`` of the language's traits. Places are offsets of
characters. Brackets and commas are counted in plain text, so that a list of types can be split, too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache, lru_cache

from tree_sitter import Query, QueryCursor, Tree

from xinstruct.code.grammars import Grammar
from xinstruct.code.traits import Traits, traits_of

Span = tuple[int, int]
Opaque = tuple[tuple[int, int, bool], ...]  # start, end, whether it is a comment
_SECONDS = 2.0  # of processor time for one text; grammars read some 8 MB a second, and what takes longer is no program
_MOST_ANGLES = 2_000  # in one statement: each may open type arguments, and Java's and C#'s parsers try all of them
_PAIRS = {"(": "()", "[": "[]", "{": "{}", "<": "<>"}


# ---- literals and comments


def literals(language: str, code: str, nested: bool = False) -> list[Span]:
    """String and character literals in order, interpolated code included; `nested`: those inside of others, too."""
    found = [(start, end) for start, end, comment in _opaque(language, code) if not comment]
    return found if nested else _outermost(found)


def comments(language: str, code: str) -> list[Span]:
    """Comments in order, without the line end behind them."""
    return [(start, end) for start, end, comment in _opaque(language, code) if comment]


def blanked(language: str, code: str) -> str:
    """The code with literals and comments replaced by blanks; offsets and line breaks stay."""
    parts, at = [], 0
    for start, end in _outermost([(start, end) for start, end, _ in _opaque(language, code)]):
        parts += [code[at:start], re.sub(r"[^\n]", " ", code[start:end])]
        at = end
    return "".join([*parts, code[at:]])


def _outermost(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end in spans:
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


@lru_cache(maxsize=16)  # one text is asked about several times in a row
def _opaque(language: str, code: str) -> Opaque:
    """Every literal and comment, outer ones before those inside."""
    traits = traits_of(language)
    lead = "" if traits.opening[:2] in code else traits.opening
    tree = parsed(traits, encoded(lead + code)) if traits.syntax else None
    if tree is None:
        return tuple(_by_pattern(traits, code, 0))
    found = QueryCursor(_query(traits.grammar)).captures(tree.root_node)
    nodes = [(node.start_byte, -node.end_byte, kind) for kind in found for node in found[kind]]
    spans: list[tuple[int, int, bool]] = []
    for start, end, kind in _in_characters(code, len(lead), sorted(nodes)):
        spans += _by_pattern(traits, code[start:end], start) if kind == "unread" else [(start, end, kind == "comment")]
    return _with_broken_off(code, tuple(spans)) if traits.braces else tuple(spans)


def _by_pattern(traits: Traits, text: str, at: int) -> Iterator[tuple[int, int, bool]]:
    for found in traits.opaque.finditer(text):
        yield at + found.start(), at + found.end(), found.group().startswith(("//", "/*"))


def _with_broken_off(code: str, spans: Opaque) -> Opaque:
    """Spans with the comment that a text breaks off in: no grammar takes it for one."""
    at = code.rfind("/*")
    if at < 0 or "*/" in code[at:] or any(start <= at < end for start, end, _ in spans):
        return spans
    return (*(span for span in spans if span[0] < at), (at, len(code), True))


def _in_characters(code: str, lead: int, nodes: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Spans of bytes, counted from an ASCII lead before the code, as spans of characters."""
    places = {}
    if not code.isascii():
        data, at, count = encoded(code), 0, 0
        for place in sorted({abs(byte) - lead for start, end, _ in nodes for byte in (start, end)}):
            count += len(data[at:place].decode())
            at = place
            places[place] = count
    for start, minus_end, kind in nodes:
        left, right = start - lead, -minus_end - lead
        yield places.get(left, left), places.get(right, right), kind


@cache
def _query(grammar: Grammar) -> Query:
    kinds = {"literal": grammar.literals, "comment": grammar.comments, "unread": grammar.unread}
    return grammar.compiled("\n".join(f"({node}) @{kind}" for kind, nodes in kinds.items() for node in nodes))


def encoded(code: str) -> bytes:
    """UTF-8 of any text; halves of surrogate pairs, which have none, are replaced one by one."""
    return code.encode() if code.isascii() else re.sub(r"[\ud800-\udfff]", "\ufffd", code).encode()


def parsed(traits: Traits, source: bytes) -> Tree | None:
    """The syntax tree of a text that may be anything; None where the parser takes too long for it."""
    parser, until = traits.grammar.parser(), time.thread_time() + _SECONDS
    if len(source) < 1000:
        return parser.parse(source)
    if max(part.count(b"<") for part in re.split(rb"[;{}]", source)) > _MOST_ANGLES:
        return None
    try:
        return parser.parse(
            lambda at, _: source[at : at + 65536], progress_callback=lambda at, _: time.thread_time() > until
        )
    except ValueError:  # given up
        return None


# ---- brackets


def levels(text: str, brackets: str) -> Iterator[int]:
    """How many brackets are open behind each character; `brackets`: pairs such as "()[]". An arrow closes no "<"."""
    opening, closing, depth = brackets[::2], brackets[1::2], 0
    for at, char in enumerate(text):
        if char in opening:
            depth += 1
        elif char in closing and not (char == ">" and text[at - 1 : at] in ("-", "=")):
            depth -= 1
        yield depth


def closing(text: str, at: int) -> int:
    """The offset behind the bracket that closes the one at `at`; the text's length when none does."""
    pair = _PAIRS.get(text[at], "")
    return next((at + count for count, depth in enumerate(levels(text[at:], pair), 1) if depth == 0), len(text))


def split_arguments(text: str) -> list[str]:
    """The parts between the commas that no bracket of any kind encloses, stripped; no part for an empty text."""
    parts, start = [], 0
    for at, depth in enumerate(levels(text, "()[]{}<>")):
        if text[at] == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]
