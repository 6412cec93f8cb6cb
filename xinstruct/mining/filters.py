"""Filters of snippets by measures of their text, with the thresholds of ``filters.yaml``.

Each rule has a name of the closed list of reasons. Rules on the parse tree are in ``extract``, secrets in ``secrets``,
duplicates in the stage, which sees all packages.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from xinstruct.code.lexical import comments
from xinstruct.code.traits import traits_of
from xinstruct.files import read_yaml
from xinstruct.records import Reason

_FILE = Path(__file__).parent / "filters.yaml"
DATA_FILES = ("filters.yaml",)
_LICENCE_HEADER = re.compile(
    r"licensed under the|all rights reserved|permission is hereby granted|redistribution and use in source|"
    r"SPDX-License-Identifier|^\s*(?:\(c\)|copyright\b)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKER = re.compile(
    r"^\s*(?:todo|fixme|xxx|hack|noqa|pylint|eslint|nolint|region\b|pragma|type:|biome-|prettier-|istanbul |c8 |v8 |"
    r"@ts-|tslint|jshint|jscs|oxlint|deno-|stylelint|shellcheck|sonar|codeql|clang-|cppcheck)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"^\s*(?:const|let|var|return|if|for|while|import|export|function|static|public|private)\b.*[;{]\s*$", re.MULTILINE
)
_LEANS = re.compile(
    r"^\W*(?:same as|as|like|see|just like|similar to) (?:the )?(?:above|below|previous)\b|^\W*ditto\b", re.I
)
_NAMES_ANOTHER = re.compile(r"^\s*[\w.:]+\([^()]*\)\s*;?\s*$")
_ORIGIN = re.compile(  # a single line that says where the code was had from
    r"^\W*(?:(?:copied|taken|borrowed|ported|adapted|derived|stolen|based|inspired|lifted|converted|translated)\s+"
    r"(?:\w+\s+)?(?:from|on|by)\s|"
    r"(?:from|source:|via|credits?:?|see:?)\s+\S+[./:]\S)(?:(?!\.\s)[^\n])*(?:\nmodified\b[^\n]*)?$",
    re.IGNORECASE,
)
_ABOUT_OTHERS = re.compile(  # what stands above a group of functions, or tells who needs them
    r"^\W*(?:(?:various|miscellaneous|misc|some|several|other|more|these)\b[^.\n]{0,60}s\W*$|"
    r"(?:functions|helpers|methods|utilities|routines)\b|"
    r"(?:[\w-]+\s+){0,2}(?:helper|utility|auxiliary|internal)\s+(?:functions|methods|routines)\b|"
    r"[^.\n]*\b(?:these|following|below)\s+(?:functions|methods|routines)\b|"
    r"(?:(?:this|it) is |is )?(?:only )?(?:used|needed|required) (?:only )?(?:by|in|inside|within|to avoid)\b"
    r"[^.\n]*\W*$|"
    r"(?:only )?(?:exposed|visible|public|exported|package protected)\b[^.\n]*\b(?:test\w*|unit)\b[^.\n]*\W*$|"
    r"(?:note|nb|n\.b\.|remark|caution|warning)\b\s*:?[^\n]*$|"
    r"this is (?:significantly|much|a lot|slightly) (?:faster|slower)\b|"
    r"this (?:\w+ )?(?:overload|version|specialization|helper) (?:is (?:used|called|selected|needed)|reduces|exists)\b|"
    r"(?:we )?(?:can'?t|cannot|can not|don'?t|do not) use\b|why\b[^\n]*\?|(?:an? )?workaround\b|"
    r"(?:the )?(?:base|general|default|special|numeric|trivial|fast|slow|common|edge|simple|other|scalar|integral)\b"
    r"[^.;\n]{0,60}\bcase\.?$)",
    re.IGNORECASE,
)
_ABOUT_FILE = re.compile(
    r"^\W*(?:(?:this|the)\s+(?:bash |shell )?(?:script|file|module|header|package|program)\b|"
    r"(?:bash |shell )?script\s+(?:to|for|used|that|which)\b)",
    re.IGNORECASE,
)
_NO_DOC = {  # what a doc comment must not begin with
    _CODE: "code that was commented out",
    _MARKER: "a marker, not a description",
    _LEANS: "leans on its neighbour's doc",
    _ORIGIN: "only where it is from",
    _NAMES_ANOTHER: "names a function, says nothing",
}
_EXAMPLE_LINE = re.compile(r"^\s*(?:example|returns) \d+:.*$", re.MULTILINE)
_TAG_LINE = re.compile(r"^\s*[@:\\](?!brief|summary|return|desc)\w+.*$", re.MULTILINE)

Broken = tuple[Reason, str]


@cache
def thresholds(language: str) -> dict[str, float]:
    """Return the thresholds of one language by name, with defaults filled in."""
    table = read_yaml(_FILE)
    return {**table["default"], **(table.get(language) or {})}


def doc_reason(language: str, doc: str) -> Broken | None:
    """Return why a doc comment is no documentation: a licence header, a marker, no prose."""
    limits = thresholds(language)
    if _LICENCE_HEADER.search(doc):
        return Reason.LICENCE_HEADER, ""
    solid = re.sub(r"\s", "", doc)
    prose = _EXAMPLE_LINE.sub("", re.sub(r"(?i)\{?@inheritdoc\}?", "", doc))
    words = len(re.findall(r"[^\W\d_]{2,}", _TAG_LINE.sub("", prose)))
    letters = sum(map(str.isalpha, solid)) / max(1, len(solid))
    for pattern, why in _NO_DOC.items():
        if pattern.match(doc):
            return Reason.POOR_DOC, why
    if why := traits_of(language).poor_doc(doc):
        return Reason.POOR_DOC, why
    if words < limits["doc_words_min"]:
        return Reason.POOR_DOC, f"{max(0, words)} words"
    if letters < limits["doc_letters_min"]:
        return Reason.POOR_DOC, f"{letters:.2f} letters"
    return None


def header_reason(doc: str) -> Broken | None:
    """Return why a doc comment above a function is about the file or several functions, or None."""
    if _ABOUT_OTHERS.match(doc):
        return Reason.POOR_DOC, "says nothing of the function itself"
    return (Reason.POOR_DOC, "the file's header") if _ABOUT_FILE.match(doc) else None


def code_reason(language: str, code: str) -> Broken | None:
    """Return why a definition's text is refused: line lengths, share of letters, share of comments."""
    limits = thresholds(language)
    lines = [len(line) for line in code.splitlines() if line.strip()]
    if not lines:
        return Reason.TRIVIAL, "no code"
    if max(lines) > limits["line_max"] or sum(lines) / len(lines) > limits["line_mean_max"]:
        return Reason.LONG_LINES, f"longest {max(lines)}"
    solid = re.sub(r"\s", "", code)
    letters = sum(map(str.isalnum, solid)) / len(solid)
    if letters < limits["alphanumeric_min"]:
        return Reason.LOW_ALPHANUMERIC, f"{letters:.2f}"
    share = sum(end - start for start, end in comments(language, code)) / len(code)
    return (Reason.COMMENT_SHARE, f"{share:.2f}") if share > limits["comment_max"] else None


def resolved_reason(language: str, used: int, missing: int) -> Broken | None:
    """Return why too many of a function's names are defined elsewhere; `used` counts all that it does not bind."""
    share = 1 - missing / used if used else 1.0
    return (Reason.UNRESOLVED, f"{share:.2f}") if share < thresholds(language)["resolved_min"] else None
