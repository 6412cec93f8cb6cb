"""What a reasoning model thinks aloud, told from its answer: ``final_answer(text)``.

Everything up to the last end of the thinking is no answer, whether the beginning was written or stands in the
prompt; nor is what follows a beginning without an end. Known are tags (``<think>``, ``<reasoning>``, ``[THINK]`` and
the like), special tokens and the channels of gpt-oss, also where a server dropped their special tokens.
A marker in quotes or code marks is a word that is spoken about, and one in a block of code belongs to the code.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORDS = r"(?:seed:|longcat_)?think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad"
_OPENING = (
    rf"<\s*(?:{_WORDS})(?:\s+[^<>\n]*)?>|\[think\]|◁think▷|<\|begin_of_thought\|>|<\|start_thinking\|>|<unused94>"
    r"|<\|channel\|>\s*(?:analysis|commentary)\b[^<\n]*<\|message\|>"
)
_CLOSING = (
    rf"<\s*/\s*(?:{_WORDS})\s*>|\[/think\]|◁/think▷|<\|end_of_thought\|>|<\|end_thinking\|>|<unused95>"
    r"|<\|channel\|>\s*final\b[^<\n]*(?:<\|constrain\|>[^<\n]*)?<\|message\|>|(?<=[^\s\w])assistantfinal(?=\W|[A-Z])"
)
_MARKER = re.compile(rf"(?P<opening>{_OPENING})|(?P<closing>{_CLOSING})", re.IGNORECASE)
_BARE_CHANNELS = re.compile(r"\s*(?:analysis|commentary)(?=\W|[A-Z])")  # what is left when special tokens are dropped
_BARE_FINAL = re.compile(r"assistant\s?final(?=\W|[A-Z])")
_TOKENS = re.compile(r"<\|(?:return|end|call|start)\|>")
_SOLUTION = re.compile(r"\s*(?:<\|begin_of_solution\|>|<\|start_response\|>)", re.IGNORECASE)
_SOLUTION_END = re.compile(r"<\|(?:end_of_solution|end_response)\|>\s*\Z", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}|^[ \t>]*~{3,}", re.MULTILINE)
_QUOTED = re.compile(r"""(?<!\w)[rRbBfFuU]{0,2}("|'|(?<!`)`{1,2}(?!`))(?=\S)(?:(?!\1)[^\n])*(?:\1|$)""", re.MULTILINE)


class _Marker(NamedTuple):
    start: int
    end: int
    opening: bool


def final_answer(text: str) -> str:
    """Return a model's answer without its thinking: all of a text that holds none, "" if it is nothing else."""
    return split_thinking(text)[1]


def split_thinking(text: str) -> tuple[str, str]:
    """Return the thinking of a model, with its markers, and the answer; "" for each that there is none of."""
    if _BARE_CHANNELS.match(text) and (ends := list(_BARE_FINAL.finditer(text))):
        return text[: ends[-1].end()], _clean(text[ends[-1].end() :])
    markers = _markers(text)
    if not markers:
        return "", text
    start, stop = _kept(text, markers)
    return text[:start] + text[stop:], _clean(text[start:stop])


def _clean(answer: str) -> str:
    """Return the answer without the tokens around it and the blank lines before it."""
    if tail := _TOKENS.search(answer):
        answer = answer[: tail.start()]
    answer = _SOLUTION_END.sub("", _SOLUTION.sub("", answer, count=1))
    return re.sub(r"\A(?:[ \t]*\n)+", "", answer)


def _kept(text: str, markers: list[_Marker]) -> tuple[int, int]:
    """Return from where to where the answer goes: the last part outside of all thinking that says anything."""
    parts, start = [], 0
    for marker in markers:
        if marker.opening:
            parts.append((start, marker.start))
        start = marker.end
    if not markers[-1].opening:
        parts.append((start, len(text)))
    if not any(not marker.opening for marker in markers):  # it never ends: the answer can only stand before it
        return parts[0]
    first = next(marker.end for marker in markers if not marker.opening)
    spoken = [part for part in parts if part[0] >= first and text[slice(*part)].strip()]
    return spoken[-1] if spoken else (len(text), len(text))


def _markers(text: str) -> list[_Marker]:
    """Return the markers that begin and end thinking, in order, without those that are spoken about."""
    found: list[_Marker] = []
    quoted = [match.span() for match in _QUOTED.finditer(text)] if _MARKER.search(text) else []
    inside: int | None = None  # a block of code that an opening tag stands in
    since = 0
    for match in _MARKER.finditer(text):
        if any(start < match.start() and match.end() < end for start, end in quoted):
            continue
        opening = match.group("opening") is not None
        if opening and len(_FENCE.findall(text, since, match.start())) % 2:
            inside = match.start()
        elif not opening and inside is not None:
            inside = None
        elif not opening or _begins(text, match) or match.group().startswith("<|"):
            found.append(_Marker(match.start(), match.end(), opening))
            since = match.end()
    return _without_false_starts(found)


def _begins(text: str, match: re.Match[str]) -> bool:
    """Whether an opening tag stands where thinking begins: at the start or end of its line."""
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    rest = text[match.end() :].partition("\n")[0]
    return not line.strip() or not rest.strip() or "</" in rest


def _without_false_starts(markers: list[_Marker]) -> list[_Marker]:
    """Return the markers with one opening before each closing: tags inside of thinking open nothing new."""
    kept: list[_Marker] = []
    for marker in markers:
        if not (marker.opening and kept and kept[-1].opening):
            kept.append(marker)
    return kept
