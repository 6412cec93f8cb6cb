"""The fenced blocks of a model's answer: ``blocks_of(text)``.

What is Markdown is read as CommonMark has it, by markdown-it: containers, lengths and signs of fences. What models
write that is none is mended first, line by line: a closing fence behind the code or before prose, a block opened
behind text or left open before the next one, a whole block on one line, and one that is indented too far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from xinstruct.code.names import NAMES

_OTHER_TAGS = "text txt plain plaintext output console log json jsonc yaml yml toml ini xml html css sql diff markdown"
_TAGS = {tag for name in NAMES.values() for tag in name.tags} | set(
    f"{_OTHER_TAGS} md r kotlin kt swift scala matlab powershell ps1 dart haskell tsx jsx makefile dockerfile".split()
)
_DOCUMENTS = ("", "md", "markdown", "text", "txt", "plaintext")  # tags of blocks that hold a text with blocks
_TAG = re.compile(r"\{?\.?(?:lang(?:uage)?-)?([\w+#.-]*)")
_LINE = re.compile(r"^(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<marks>`{3,}|~{3,})(?P<rest>.*)$")
_BEHIND = re.compile(r"^(?P<text>.*\S.*?)(?P<marks>(?<!`)`{3,}(?!`))[ \t]*(?P<tag>[\w+#.-]*)[ \t]*$")
_WHOLE = re.compile(r"(?<!`)(?P<marks>`{3,})(?!`)[ \t]*(?P<code>[^`\n](?:(?!`{3})[^\n])*?)[ \t]*(?P=marks)(?!`)")
_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(?P<code>[^`\n]+)\1(?!`)")
_REMARK = re.compile(r"\s*(?:/\*+|\*+|//+!?|#+|--+|;+|%+|\"{3}|'{3})\s*")  # marks behind it are in a comment
_FAR = 4  # columns by which a line is indented too far to be a fence


@dataclass(frozen=True)
class Block:
    """A fenced block: its tag in lower case, its text, the lines that it takes, and whether a fence closes it."""

    tag: str
    text: str
    lines: tuple[int, int] = (0, 0)
    closed: bool = True
    level: int = 0  # how deep in other blocks


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks in order, with the blocks inside of a block that is a document itself before it."""
    return readings(text)[-1]


def readings(text: str) -> list[list[Block]]:
    """Return the blocks as CommonMark has them and, where fences seem to be misplaced, those of the mended text."""
    found = _read(text)
    read = [found]
    if not found or any(not block.closed or _doubtful(block) for block in found) or _overlooked(text, found):
        read.append(_read(mended(text)) or found)
    return [[inner for block in blocks for inner in _unfolded(block)] for blocks in read]


def outside(text: str) -> str:
    """Return the text without its fenced blocks."""
    text = mended(text)
    taken = {line for block in _read(text) for line in range(*block.lines)}
    return "\n".join(line for number, line in enumerate(text.split("\n")) if number not in taken)


def before_a_closing_fence(text: str) -> tuple[str, bool]:
    """Return what stands before the first fence if that names no language, and whether the fences are odd in number.

    The fence may then close a block that was opened before the text began.
    """
    lines, before = text.split("\n"), ""
    for number, line in enumerate(lines):
        fence = _LINE.match(line)
        glued = None if fence else _glued(line, "```")
        if (fence is None and glued is None) or (fence and not _near(fence["lead"], "")):
            continue
        if fence is None or not _names_a_block(fence["rest"].strip()):
            before = "\n".join([*lines[:number], glued or ""])
        break
    return before, any(not block.closed for block in _read(mended(text)))


def spans_of(text: str) -> list[Block]:
    """Return the code that stands in the line: whole blocks on one line, then what is between single marks."""
    whole = [_one_line(match["code"]) for match in _WHOLE.finditer(text)]
    return [*whole, *(Block("", f"{match['code'].strip()}\n") for match in _SPAN.finditer(text))]


def tag_of(info: str) -> str:
    """Return the language that a fence names, in lower case: of ``{.python}``, ``Python3 title=x``, ``py:a.py``."""
    match = _TAG.match(info.strip())
    return match.group(1).lower().rstrip(".") if match else ""


def _read(text: str) -> list[Block]:
    lines = text.split("\n")
    tokens = [token for token in _markdown().parse(text) if token.type == "fence"]
    return [_block(token, lines) for token in tokens]


@cache
def _markdown() -> MarkdownIt:
    # A block behind a line of HTML (<details>) is none to CommonMark, but is to whoever wrote it.
    return MarkdownIt("commonmark").disable(["inline", "reference", "html_block"])


def _block(token: Token, lines: list[str]) -> Block:
    start, end = token.map or [0, 0]
    last = lines[min(end, len(lines)) - 1].strip(" \t>")
    closed = end - start > 1 and len(last) >= len(token.markup) and not last.strip(token.markup[0])
    return Block(tag_of(token.info), token.content, (start, end), closed)


def _overlooked(text: str, found: list[Block]) -> bool:
    """Whether a fence stands outside of all blocks."""
    taken = {line for block in found for line in range(*block.lines)}
    left = (line for number, line in enumerate(text.split("\n")) if number not in taken)
    return any(_LINE.match(line) or _behind(line) for line in left)


def _doubtful(block: Block) -> bool:
    """Whether a block holds what may have been meant for a fence: a model forgot or misplaced one."""
    return any(_LINE.match(line) or _glued(line, "```") for line in block.text.split("\n"))


def _unfolded(block: Block) -> Iterator[Block]:
    if block.tag in _DOCUMENTS and block.level < 3:
        for inner in _read(block.text):
            yield from _unfolded(replace(inner, level=block.level + 1, closed=inner.closed and block.closed))
    yield block


def _one_line(code: str) -> Block:
    word, _, rest = code.strip().partition(" ")
    tag = tag_of(word)
    return Block(tag, f"{rest.strip()}\n") if rest and tag in _TAGS else Block("", f"{code.strip()}\n")


# ---- what is not Markdown


def mended(text: str) -> str:
    """Return the text with each fence on a line of its own and every block closed before the next one opens."""
    made: list[str] = []
    opening: _Opening | None = None
    for line in text.split("\n"):
        opening = _outside_line(line, made) if opening is None else _inside_line(line, opening, made)
    return "\n".join(made)


@dataclass(frozen=True)
class _Opening:
    """The fence of the block that is open."""

    marks: str
    lead: str  # of its lines: the blanks that put them into the same container
    far: str = ""  # what it was indented by, if that is too far: its lines lose it
    item: int = -1  # the line that it stands on behind the mark of a list

    def closes(self, marks: str) -> bool:
        return marks[0] == self.marks[0] and len(marks) >= len(self.marks)


def _outside_line(line: str, made: list[str]) -> _Opening | None:
    fence = _LINE.match(line)
    if fence and (whole := _WHOLE.fullmatch(line[len(fence["lead"]) :].rstrip())):
        block, lead = _one_line(whole["code"]), re.sub(r"[^>\s]", " ", fence["lead"])
        made += [f"{fence['lead']}```{block.tag}", f"{lead}{block.text.rstrip()}", f"{lead}```"]
        return None
    if fence and "`" not in fence["rest"]:
        return _opened(fence, made)
    behind = _behind(line)
    if behind and (not behind["tag"] or tag_of(behind["tag"]) in _TAGS):
        made += [behind["text"].rstrip(), "", behind["marks"] + behind["tag"]]
        return _Opening(behind["marks"], "")
    made.append(line)
    return None


def _behind(line: str) -> re.Match[str] | None:
    """Return the match of a line whose text a fence ends that opens a block."""
    return _BEHIND.match(line) if line.count("```") % 2 else None  # counted first: the pattern is slow on long lines


def _opened(fence: re.Match[str], made: list[str]) -> _Opening:
    lead = fence["lead"]
    blanks = re.sub(r"[^>\s]", " ", lead).expandtabs(4)
    far = not lead.strip() and len(blanks) >= _FAR and not _in_a_list(made, len(blanks))
    made.append(fence.group().lstrip() if far else fence.group())
    if far:
        return _Opening(fence["marks"], "", lead)
    return _Opening(fence["marks"], blanks, item=len(made) - 1 if lead.strip(" \t>") else -1)


def _in_a_list(made: list[str], width: int) -> bool:
    """Whether a line that is so far indented belongs to an item of a list above it."""
    for line in reversed(made):
        item = re.match(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+", line)
        if item:
            return width - len(item.group().expandtabs(4)) < _FAR
        if line.strip() and not line.startswith((" ", "\t")):
            return False
    return False


def _inside_line(line: str, opening: _Opening, made: list[str]) -> _Opening | None:
    if opening.item >= 0 and line.strip() and not line.expandtabs(4).startswith(opening.lead):
        made[opening.item] = made[opening.item].lstrip("-*+0123456789.) \t")  # the item does not hold its block
        opening = _Opening(opening.marks, "")
    own = line.removeprefix(opening.far) if line.startswith(opening.far) else line.lstrip()
    fence = _LINE.match(own)
    if fence and opening.closes(fence["marks"]) and _near(fence["lead"], opening.lead):
        rest = fence["rest"].strip()
        if not rest:
            made.append(own)
            return None
        made.append(opening.lead + opening.marks)  # the block that is open ends here, whatever follows
        if _names_a_block(rest):
            return _opened(fence, made)
        made.append(opening.lead + rest)
        return None
    if (code := _glued(own, opening.marks)) is not None:
        made += [code, opening.lead + opening.marks]
        return None
    made.append(own)
    return opening


def _near(lead: str, own: str) -> bool:
    """Whether a fence behind such a lead can close a block whose lines begin with `own`."""
    return not re.search(r"[-*+\d]", lead) and len(lead.expandtabs(4)) - len(own) < _FAR


def _names_a_block(rest: str) -> bool:
    """Whether what follows the marks is the head of a block and no prose."""
    word, _, more = rest.partition(" ")
    known = tag_of(word) in _TAGS
    return known and (not more or bool(re.match(r"[\w-]+=|[{:]", more.strip())) or len(more.split()) == 1)


def _glued(line: str, marks: str) -> str | None:
    """Return the code of a line that ends in a closing fence, None where it does not."""
    if not line.rstrip().endswith(marks):
        return None
    sign = re.escape(marks[0])
    found = re.match(rf"^(?P<code>.*[^\s{sign}].*?[ \t]*)(?<!{sign}){sign}{{{len(marks)},}}[ \t]*$", line)
    if (
        found is None
        or _LINE.match(line)
        or _REMARK.fullmatch(found["code"])
        or len(re.findall(rf"{sign}{{{len(marks)},}}", line)) % 2 == 0
    ):
        return None
    return found["code"].rstrip()
