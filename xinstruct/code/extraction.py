"""Find the code in a model's answer: fenced, badly fenced or not fenced at all.

``extract_code`` returns the code and the name of the rule that found it, so that a run can count
how often each was needed and a fall in a score can be told from a fall in formatting. It repairs
only what a cut-off or a repeated wrapper does to braces; it never rewrites code, renames a
function or adds an import.
"""

from __future__ import annotations

import re
import textwrap

from xinstruct.code.fences import Block, before_a_closing_fence, blocks_of, outside, readings, spans_of, tag_of
from xinstruct.code.lexical import blanked, encoded, levels, parsed
from xinstruct.code.names import NAMES
from xinstruct.code.thinking import final_answer
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

_HEADS = 50  # lines above a function that are tried as the beginning of its code
_FENCED = re.compile(r"^([ \t]*)(?:`{3,}|~{3,})", re.MULTILINE)


def extract_code(answer: str, language: str, function: str, last: bool = False) -> tuple[str, str]:
    """The code of an answer and the rule that found it; ("", "none") when there is none.

    What the model thought aloud is no answer (thinking.py). Rules, first that holds: ``started_fence`` (the fence was
    opened before the answer began); ``fence`` or ``other_fence`` (a block that defines the function, one with the
    language's tag first); ``whole_code`` (no block, and all of it is code); ``no_fence`` (the function stands outside
    of every block); ``span`` (it stands between marks within a line); ``fence_without_function``,
    ``other_fence_without_function``. A block that the answer breaks off in is ``unclosed_fence``. With `last` the last
    of equally good blocks is taken, for answers that work up to their solution. Java, C# and C++ add
    ``+closed_braces`` or ``+dropped_braces`` when braces had to be balanced.
    """
    code, rule = _locate(final_answer(answer.replace("\r\n", "\n")), language, function, last)
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
    """Tell whether a fence's tag names the language, under any of its customary names, with or without a version."""
    tag, tags = tag_of(tag), NAMES[language].tags
    return tag in tags or tag.rstrip("0123456789.") in tags


def fenced_blocks(answer: str) -> list[tuple[str, str]]:
    """Return (tag, text) of each fenced block, in order; an unclosed one is the last."""
    return [(block.tag, block.text) for block in blocks_of(answer)]


def _definition(language: str, function: str) -> re.Pattern[str]:
    pattern = traits_of(language).definition
    if not pattern:
        raise ValueError(f"{language}: code/traits says nothing of how a function is defined")
    return re.compile(pattern.format(name=re.escape(function)), re.MULTILINE)


def _locate(answer: str, language: str, function: str, last: bool) -> tuple[str, str]:
    if not _has_fence(answer, language) and defines(answer, language, function) and _is_code(language, answer):
        return answer, "whole_code"
    blocks, good = _read(answer, language, function)
    before, odd = before_a_closing_fence(answer)
    if (odd or not good) and defines(before, language, function):
        return _from_definition(before, language, function), "started_fence"
    if good:
        return _chosen(good, language, function, last)
    if found := _from_definition(outside(answer) if blocks else answer, language, function):
        return found, "no_fence"
    spans = [span for span in spans_of(answer) if defines(span.text, language, function)]
    if spans:
        return spans[-1 if last else 0].text, "span"
    return _chosen(blocks, language, function, last, "_without_function") if blocks else ("", NONE)


def _read(answer: str, language: str, function: str) -> tuple[list[Block], list[Block]]:
    """Return the blocks, and those that define the function, in the reading of the fences that gives code."""
    blocks: list[Block] = []
    good: list[Block] = []
    for reading in readings(answer):
        blocks = [block for block in reading if block.text.strip()]
        good = [block for block in blocks if defines(block.text, language, function)]
        if any(block.closed and _parses(language, block.text) for block in good):
            break
    return blocks, good


def _has_fence(text: str, language: str) -> bool:
    """Whether lines of the text are fences. In a language of indentation those far in may be a docstring's."""
    most = 3 if traits_of(language).indented else len(text)
    return any(len(fence.group(1)) <= most for fence in _FENCED.finditer(text))


def _chosen(blocks: list[Block], language: str, function: str, last: bool, suffix: str = "") -> tuple[str, str]:
    """Return the text of the first block with the language's tag, else of the first one, and the rule's name."""
    tagged = [block for block in blocks if fence_tag_matches(block.tag, language)]
    best = (tagged or blocks)[-1 if last else 0]
    if not best.closed:
        return _without_prose(best.text, language, function), "unclosed_fence"
    return best.text, f"{'fence' if tagged else 'other_fence'}{suffix}"


def _is_code(language: str, text: str) -> bool:
    """Whether a whole text is code of the language. Grammars that take any words for code are not asked."""
    traits = traits_of(language)
    if traits.indented or not traits.braces or traits.opening:
        return traits.is_program(text)
    return _parses(language, text)


def _parses(language: str, text: str) -> bool:
    """Whether a text that is probably code has no error of syntax."""
    traits = traits_of(language)
    if traits.indented or not traits.syntax:
        return traits.is_program(text)
    opening = "" if traits.opening.strip() in text else traits.opening
    tree = parsed(traits, encoded(opening + text))
    return tree is not None and not tree.root_node.has_error


def _without_prose(text: str, language: str, function: str) -> str:
    """Return a block that was never closed without the words behind its code."""
    if _is_code(language, text) or not defines(text, language, function):
        return text
    lines = text.split("\n")
    first = definition_line(text, language, function)
    return "\n".join(lines[: _end(lines, first)])


def _from_definition(text: str, language: str, function: str) -> str:
    """Return code from the function's definition (with the code right above it) up to prose."""
    match = _definition(language, function).search(text)
    if match is None:
        return ""
    lines = text.split("\n")
    first = text.count("\n", 0, match.start())
    start, end = first, _end(lines, first)
    while start > 0 and _PREAMBLE.match(lines[start - 1]):
        start -= 1
    heads = [i for i in range(start) if lines[i].strip() and not lines[i][0].isspace() and _looks_like_code(lines[i])]
    whole = (i for i in heads[:_HEADS] if _is_code(language, "\n".join(lines[i:end])))  # helpers and data above it
    start = next(whole, start)
    code = "\n".join(lines[start:end])
    return textwrap.dedent(code) if traits_of(language).indented else code  # Markdown's other kind of block


def _looks_like_code(line: str) -> bool:
    return bool(_CODE_LINE.match(line) or _PREAMBLE.match(line))


def _end(lines: list[str], first: int) -> int:
    """Return the line behind the definition that begins in line `first` that is prose, or the number of lines."""
    return next((i for i in range(first + 1, len(lines)) if lines[i] and not _CODE_LINE.match(lines[i])), len(lines))


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
