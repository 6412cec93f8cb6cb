"""Where an answer begins and ends: code cut out of what a model wrote, and a function cut in two.

A prefilled answer continues the function's first lines and is cut where the function ends.
The code of an answer without prefill is taken from its fenced block. Leaves out what surrounds a function
(languages/header.py) and what becomes of the code (answers.py).
"""

from __future__ import annotations

import re

from xinstruct.code.extraction import extract_code, fenced_blocks
from xinstruct.code.lexical import blanked, levels, literals
from xinstruct.code.traits import traits_of


def stops(language: str) -> tuple[str, ...]:
    """Return the strings that end one bare function: its brace at the line's start, or the next statement."""
    return traits_of(language).stops


def complete(language: str, opened: str, text: str, finish_reason: str = "stop") -> tuple[str, bool]:
    """Return the prefilled function with what the model wrote after it, cut where the function ends.

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
    return _close(language, opened, body)


def _close(language: str, opened: str, body: str) -> tuple[str, bool]:
    """Cut a brace language's body at the brace that closes the function."""
    code = opened + body
    for index, depth in enumerate(levels(blanked(language, code), "{}")):
        if index >= len(opened) and depth == 0:
            return f"{code[: index + 1]}\n", True
    return code.rstrip() + "\n", False


def whole_answer(language: str, name: str, text: str) -> str:
    """Return the code of an answer without prefill, "" when there is none."""
    if traits_of(language).definition:
        return extract_code(text, language, name)[0]
    return next((block for _, block in fenced_blocks(text)), "")


def body_of(code: str, name: str) -> str:
    """Return the code behind a function's first line, or all of it if it does not define the function."""
    match = re.search(rf"\b{re.escape(name)}\b[^\n{{]*(?:\{{|\n)", code)
    return code[match.end() :] if match else code


def first_part(language: str, function: str, head: int) -> str:
    """A function up to about the middle of its body, "" where nothing can be left out; `head` is the body's offset.

    The cut is at a line's end where the body has several lines, else at a blank, never inside a literal.
    """
    body, whole = function[head:], literals(language, function)
    for pattern in (r"\n", r" "):
        spots = [match.start() for match in re.finditer(pattern, body) if _divides(body, match.start())]
        spots = [at for at in spots if not any(start < head + at < end for start, end in whole)]
        if spots:
            return function[: head + min(spots, key=lambda at: (abs(at - len(body) // 2), at))].rstrip()
    return ""


def _divides(body: str, at: int) -> bool:
    return bool(re.search(r"\w", body[:at]) and re.search(r"\w", body[at:]))
