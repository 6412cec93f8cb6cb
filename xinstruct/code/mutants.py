"""Broken variants of a program with one small change each. Cases that fail none of them are worthless."""

from __future__ import annotations

import random
import re

from xinstruct.code.lexical import blanked

_SWAPS = (
    (r"(?<=\s)<=(?=\s)", ">"), (r"(?<=\s)>=(?=\s)", "<"), (r"(?<=\s)<(?=\s)", ">="), (r"(?<=\s)>(?=\s)", "<="),
    (r"(?<![=!<>])===(?!=)", "!=="), (r"(?<![=!<>])==(?!=)", "!="), (r"!==", "==="), (r"!=(?!=)", "=="),
    (r"&&", "||"), (r"\|\|", "&&"), (r"\band\b", "or"), (r"\bor\b", "and"), (r"\bnot\s+", ""),
    (r"(?<=[\w)\]] )\+(?= )", "-"), (r"(?<=[\w)\]] )-(?= )", "+"), (r"(?<=[\w)\]] )\*(?= )", "+"),
    (r"(?<=[\w)\]] )/(?= )", "*"), (r"(?<=[\w)\]] )%(?= )", "+"), (r"\+\+", "--"), (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"), (r"\bTrue\b", "False"), (r"\bFalse\b", "True"), (r"\bmin\b", "max"), (r"\bmax\b", "min"),
    (r"\s-eq\s", " -ne "), (r"\s-ne\s", " -eq "), (r"\s-lt\s", " -ge "), (r"\s-gt\s", " -le "),
    (r"\blower\b", "upper"), (r"\bupper\b", "lower"), (r"(?<![\w.])1(?![\w.])", "2"), (r"(?<![\w.])0(?![\w.])", "1"),
    (r"(?<![\w.])([2-9]|[1-9]\d+)(?![\w.])", "0"),
)  # fmt: skip


def make_mutants(language: str, code: str, count: int, seed: int) -> list[str]:
    """Return up to `count` variants with one operator, constant or comparison changed (no strings, no comments)."""
    bare = blanked(language, code)
    spots = [
        (match.start(), match.end(), new)
        for pattern, new in _SWAPS
        for match in re.finditer(pattern, code)
        if bare[match.start() : match.end()] == match.group()
    ]
    random.Random(seed).shuffle(spots)
    return [code[:start] + new + code[end:] for start, end, new in spots[:count]]
