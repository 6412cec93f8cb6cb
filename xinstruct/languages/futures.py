"""``from __future__`` of an answer before everything that a benchmark puts before the answer.

Python takes these imports at the beginning of a file only, and an answer rightly has them at its own beginning.
"""

from __future__ import annotations

import re

from xinstruct.code.lexical import comments, literals

_FUTURE = re.compile(
    r"^from[ \t]+__future__[ \t]+import[ \t]*(?:\([^)]*\)|[^\n;#]*)(?:[ \t]*;[ \t]*|[ \t]*#[^\n]*)?", re.M
)


def first(program: str, span: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    """Return the program and the span of its completion, with the completion's future imports at the very beginning.

    The lines that they are taken from stay, empty. Imports in strings and comments stay as they are.
    """
    start, end = span
    if "__future__" not in program[start:end]:
        return program, span
    opaque = [*literals("python", program), *comments("python", program)]
    found = [match for match in _FUTURE.finditer(program, start, end) if not _inside(match.start(), opaque)]
    if not found or not program[: found[0].start()].strip():
        return program, span
    words = ", ".join(word for match in found for word in _names(match.group()))
    head = f"from __future__ import {words}\n"
    for match in reversed(found):
        gone = re.sub(r"[^\n]", "", match.group())
        program = program[: match.start()] + gone + program[match.end() :]
        end += len(gone) - len(match.group())
    return head + program, (start + len(head), end + len(head))


def _inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _names(statement: str) -> list[str]:
    text = re.sub(r"#[^\n]*", "", statement).partition("import")[2].strip(" \t;()")
    return [part.strip() for part in text.replace("(", "").replace(")", "").split(",") if part.strip()]
