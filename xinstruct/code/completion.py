"""Where an answer begins and ends: code cut out of what a model wrote, and a function cut in two.

A started answer is continued behind the function's own first lines and cut where the function ends.
An answer that was not started is taken from its fenced block. Leaves out what surrounds a function
(languages/header.py) and what becomes of the code (answers.py).
"""

from __future__ import annotations

import re

from xinstruct.code.extraction import extract_code, fenced_blocks
from xinstruct.code.traits import traits_of


def stops(language: str) -> tuple[str, ...]:
    """What ends one bare function: its brace at the line's start, or the next statement."""
    return traits_of(language).stops


def complete(language: str, opened: str, text: str, finish_reason: str = "stop") -> tuple[str, bool]:
    """The started function and what the model wrote after it, cut where the function ends.

    Returns the code and whether the function's end was found.
    """
    traits, body = traits_of(language), text.split("```")[0]
    if traits.indented:
        match = re.search(r"^\S", body, re.M)
        kept = body[: match.start()] if match else body
        return (opened + kept).rstrip() + "\n", match is not None or finish_reason == "stop"
    if finish_reason == "stop":
        body += "\n}"  # the stop string itself is not part of an answer
    if traits.closing_line:
        match = re.search(r"^\}", body, re.M)
        return (opened + (body[: match.end()] if match else body)).rstrip() + "\n", match is not None
    return _close(opened, body)


_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/", re.S)


def _masked(code: str) -> str:
    return _STRING.sub(lambda m: " " * len(m.group()), code)


def _close(opened: str, body: str) -> tuple[str, bool]:
    """Cut a brace language's body at the brace that closes the function."""
    depth = sum((char == "{") - (char == "}") for char in _masked(opened))
    masked = _masked(body)
    for index, char in enumerate(masked):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return f"{opened}{body[: index + 1]}\n", True
    return (opened + body).rstrip() + "\n", False


def whole_answer(language: str, name: str, text: str) -> str:
    """The code of an answer that was not started, "" when there is none."""
    if traits_of(language).definition:
        return extract_code(text, language, name)[0]
    return next((block for _, block in fenced_blocks(text)), "")


def body_of(code: str, name: str) -> str:
    """What stands behind a function's first line; all of the code where it does not define the function."""
    match = re.search(rf"\b{re.escape(name)}\b[^\n{{]*(?:\{{|\n)", code)
    return code[match.end() :] if match else code


def first_part(function: str, head: int) -> str:
    """A function up to about the middle of its body, "" where nothing can be left out; `head` is the body's offset.

    The cut is at a line's end where the body has several lines, else at a blank, never inside a string.
    """
    body = function[head:]
    for pattern in (r"\n", r" "):
        spots = [match.start() for match in re.finditer(pattern, body) if _divides(body, match.start())]
        if spots:
            return function[: head + min(spots, key=lambda at: (abs(at - len(body) // 2), at))].rstrip()
    return ""


def _divides(body: str, at: int) -> bool:
    before, after = body[:at], body[at:]
    closed = all(before.count(mark) % 2 == 0 for mark in "\"'`")
    return closed and bool(re.search(r"\w", before)) and bool(re.search(r"\w", after))
