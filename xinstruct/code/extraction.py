"""Find the code in a model's answer: fenced, badly fenced or not fenced at all.

``extract_code`` returns the code and the name of the rule that found it, so that a run can count
how often each was needed and a fall in a score can be told from a fall in formatting. It repairs
only what a cut-off or a repeated wrapper does to braces; it never rewrites code, renames a
function or adds an import.
"""

from __future__ import annotations

import re

from xinstruct.code.lexical import blanked, levels
from xinstruct.code.names import NAMES
from xinstruct.code.traits import traits_of

NONE = "none"  # the rule's name when there is no code

_PREAMBLE = re.compile(
    r"\s*(?:import\b|from\s+\S+\s+import\b|using\b|#include\b|<\?php|package\b|require\b|use\s|template\s*<|@\w"
    r"|(?:(?:public|final|static|abstract|sealed|partial|export)\s+)*class\s+\w|namespace\b|declare\s*\("
    r"|(?:const|let|var)\s+.*\brequire\(|//|/\*|\*|#|\{\s*$|$)"
)
_CODE_LINE = re.compile(
    r"\s|[}\])#@]|//|/\*|(?:def|class|import|from|if|for|while|try|with|return|function|export|using|struct)\b"
    r"|[\w.]+\s*(?:=|\()|.*[;{]\s*$"
)
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*$", re.MULTILINE)


def extract_code(answer: str, language: str, function: str, last: bool = False) -> tuple[str, str]:
    """The code of an answer and the rule that found it; ("", "none") when there is none.

    Rules, first that holds: ``fence`` (a block with the language's tag that defines the function,
    else any such block, else the first block with the tag, else the first one: ``fence``,
    ``other_fence``, ``fence_without_function``, ``other_fence_without_function``);
    ``unclosed_fence`` (cut off inside its only block); ``started_fence`` (the fence was opened
    before the answer began); ``whole_code`` (no fence, and all of it is Python); ``no_fence`` (from
    the first line that defines the function). With `last` the last of equally good blocks is taken,
    for answers that work up to their solution. Java, C# and C++ add ``+closed_braces`` or
    ``+dropped_braces`` when braces had to be balanced.
    """
    code, rule = _locate(answer.replace("\r\n", "\n"), language, function, last)
    if not code.strip():
        return "", NONE
    code = code.strip("\n").rstrip() + "\n"
    if traits_of(language).balanced:
        code, repair = balance_braces(language, code)
        rule += repair
    return code, rule


def defines(code: str, language: str, function: str) -> bool:
    """Tell whether the code has a definition of the function (judged by its text, not by a parser)."""
    return _definition(language, function).search(code) is not None


def definition_line(code: str, language: str, function: str) -> int:
    """Return the line (from 0) that begins the function's definition. Raises ValueError without one."""
    match = _definition(language, function).search(code)
    if match is None:
        raise ValueError(f"no definition of {function} in {language} code")
    return code.count("\n", 0, match.start())


def fence_tag_matches(tag: str, language: str) -> bool:
    """Tell whether a fence's tag names the language, under any of its customary names."""
    return tag.lower() in NAMES[language].tags


def fenced_blocks(answer: str) -> list[tuple[str, str]]:
    """Return (tag, text) of each fenced block, in order; an unclosed one is the last."""
    return _blocks(answer)[0]


def _definition(language: str, function: str) -> re.Pattern[str]:
    pattern = traits_of(language).definition
    if not pattern:
        raise ValueError(f"{language}: code/traits says nothing of how a function is defined")
    return re.compile(pattern.format(name=re.escape(function)), re.MULTILINE)


def _locate(answer: str, language: str, function: str, last: bool) -> tuple[str, str]:
    blocks, before, unclosed = _blocks(answer)
    if before is not None and defines(before, language, function):
        return _from_definition(before, language, function), "started_fence"
    ranks = [_rank(tag, text, language, function) for tag, text in blocks]
    best = _best(blocks, ranks, last)
    if best is None or not best[1].strip():
        if traits_of(language).is_program(answer) and defines(answer, language, function):
            return answer, "whole_code"
        found = _from_definition(answer, language, function)
        return found, "no_fence" if found else NONE
    if unclosed and best is blocks[-1]:
        return best[1], "unclosed_fence"
    names = ("fence", "other_fence", "fence_without_function", "other_fence_without_function")
    return best[1], names[min(ranks)]


def _best(blocks: list[tuple[str, str]], ranks: list[int], last: bool) -> tuple[str, str] | None:
    equals = [block for block, rank in zip(blocks, ranks, strict=True) if rank == min(ranks)]
    return equals[-1 if last else 0] if equals else None


def _blocks(answer: str) -> tuple[list[tuple[str, str]], str | None, bool]:
    """Return fenced blocks as (tag, text), text before a lone closing fence, and whether the last is unclosed."""
    fences = list(_FENCE.finditer(answer))
    if len(fences) == 1 and not fences[0].group(1) and not answer[fences[0].end() :].strip():
        return [], answer[: fences[0].start()], False
    blocks: list[tuple[str, str]] = []
    start: re.Match[str] | None = None
    for fence in fences:
        if start is None:
            start = fence
        else:  # a tagged fence inside a block: its own was forgotten
            blocks.append((start.group(1), _text(answer, start, fence.start())))
            start = fence if fence.group(1) else None
    if start is not None:
        blocks.append((start.group(1), _text(answer, start, len(answer))))
    return blocks, None, start is not None


def _text(answer: str, fence: re.Match[str], end: int) -> str:
    """Return a block's lines without the indentation of its fence (in a list item the whole block is indented)."""
    text = answer[fence.end() + 1 : end]
    width = len(fence.group()) - len(fence.group().lstrip())
    return re.sub(rf"^[ \t]{{1,{width}}}", "", text, flags=re.M) if width else text


def _rank(tag: str, text: str, language: str, function: str) -> int:
    return 2 * (not defines(text, language, function)) + (not fence_tag_matches(tag, language))


def _from_definition(text: str, language: str, function: str) -> str:
    """Return code from the function's definition (with the preamble right above it) up to prose."""
    match = _definition(language, function).search(text)
    if match is None:
        return ""
    lines = text.split("\n")
    first = text.count("\n", 0, match.start())
    start = first
    while start > 0 and _PREAMBLE.match(lines[start - 1]):
        start -= 1
    end = next((i for i in range(first + 1, len(lines)) if lines[i] and not _CODE_LINE.match(lines[i])), len(lines))
    return "\n".join(line for line in lines[start:end] if not _FENCE.match(line))


def balance_braces(language: str, code: str) -> tuple[str, str]:
    """Balance curly braces of a brace language's code outside strings and comments: (code, what was done).

    Missing closing braces are added at the end (``+closed_braces``); closing braces that end the
    text and close nothing are dropped (``+dropped_braces``). Others are left for the compiler.
    """
    depths = [0, *levels(blanked(language, code), "{}")]
    if min(depths) < 0:
        return _drop_braces(code, -min(depths))
    if depths[-1] > 0:
        return code.rstrip() + "\n" + "}\n" * depths[-1], "+closed_braces"
    return code, ""


def _drop_braces(code: str, surplus: int) -> tuple[str, str]:
    text = code.rstrip()
    for _ in range(surplus):
        if not text.endswith("}"):
            return code, ""
        text = text[:-1].rstrip()
    return text + "\n", "+dropped_braces"
