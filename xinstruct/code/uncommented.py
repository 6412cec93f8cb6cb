"""Code without what it says of itself: comments, and statements that are nothing but a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from xinstruct.code.lexical import comments, encoded, parsed
from xinstruct.code.statements import is_doc
from xinstruct.code.traits import Traits, traits_of

_CUT = "\0"  # stands where something was cut


def uncommented(language: str, code: str) -> str:
    """Return code without comments and doc strings, and without the lines that this leaves blank."""
    spans = sorted({*comments(language, code), *_docs(traits_of(language), code)}, reverse=True)
    marked = code
    for start, end in spans:
        marked = marked[:start] + _CUT + marked[end:]
    kept = (line for line in marked.split("\n") if _CUT not in line or line.replace(_CUT, "").strip())
    return "\n".join(re.sub(rf"[ \t]*{_CUT}[ \t]*$|{_CUT}", "", line) for line in kept).strip("\n")


def _docs(traits: Traits, code: str) -> Iterator[tuple[int, int]]:
    source = encoded(code)
    tree = parsed(traits, source)
    left: list[Node] = [tree.root_node] if tree is not None else []
    while left:
        node = left.pop()
        if is_doc(node):
            start = len(source[: node.start_byte].decode("utf-8", "replace"))
            yield start, start + len((node.text or b"").decode("utf-8", "replace"))
        left += node.children
