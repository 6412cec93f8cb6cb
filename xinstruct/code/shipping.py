"""The final text of a definition: bare when it stands alone, else as its author wrote it.

A bare function loses annotations, modifiers and the qualifiers that name its own class; a doc inside the body is
removed. Which definitions are needed is decided in ``resolve``.
"""

from __future__ import annotations

import re
import textwrap

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts


def own_qualifiers(facts: Facts, definition: Definition, scopes: tuple[str, ...]) -> list[Node]:
    """Return qualifiers that name an enclosing class or namespace and are removed with it."""
    own = set(scopes) | facts.traits.own_classes
    return [node for node in facts.names(definition, "qualifier") if facts.text(node) in own]


def shipped(facts: Facts, definition: Definition, scopes: tuple[str, ...]) -> str:
    """Return the definition's final text: annotations and own qualifiers removed, dedented."""
    start, end = definition.span
    cuts = [(node.start_byte, node.end_byte) for node in facts.names(definition, "erase")]
    for node in own_qualifiers(facts, definition, scopes):
        stop = node.end_byte
        while facts.source[stop : stop + 1] in b".: \t" and stop < end:
            stop += 1
        cuts.append((node.start_byte, stop))
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    return _cleaned(facts, definition, _without(facts.source, start, end, cuts), start)


def verbatim(facts: Facts, definition: Definition) -> str:
    """Return the definition's text as its author wrote it, dedented and without a doc inside."""
    start, end = definition.span
    cuts = []
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    text = (indent + _without(facts.source, start, end, cuts)).decode().replace("\t", "    ").replace("\r\n", "\n")
    return textwrap.dedent(text).strip("\n")


def _without(source: bytes, start: int, end: int, cuts: list[tuple[int, int]]) -> bytes:
    parts, at = [], start
    for left, right in sorted(cuts):
        if left >= at:
            parts.append(source[at:left])
            at = right
    return b"".join([*parts, source[at:end]])


def _cleaned(facts: Facts, definition: Definition, body: bytes, start: int) -> str:
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    body = facts.traits.bare(definition, body.lstrip(b" \t\r\n"))
    text = (indent + body).decode().replace("\t", "    ").replace("\r\n", "\n")
    text = re.sub(r"\n[ \t]*(?=\n)", "\n", textwrap.dedent(text))
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
    return facts.traits.closed(definition, text)


def inner_doc(facts: Facts, definition: Definition) -> tuple[int, int, str] | None:
    """Return the doc at the start of the body (a Python docstring, comments of a JavaScript body)."""
    body = definition.node.child_by_field_name("body")
    if body is None or definition.kind != "function" or not body.named_child_count:
        return None
    first = body.named_child(0)
    return facts.traits.inner_doc(facts, body, first) if first is not None else None
