"""Finding one's way in C-like source (Java, C#, C++, C, Go, Rust) without parsing it: what is code, what is depth.

``blank`` empties comments and literals so that braces and names can be trusted; the other
functions look at what is left. Leaves out preprocessor conditions and everything a real parser does.
"""

from __future__ import annotations

import re

_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)"""
    r'''|R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)"'''  # C++ raw string
    r'''|"""(?:\\.|.)*?"""'''  # Java text block
    r'''|\$?@\$?"(?:""|[^"])*"'''  # C# verbatim string
    r"""|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
    re.S,
)
GO_LITERAL = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|`[^`]*`|"(?:\\.|[^"\\\n])*"|'(?:\\.[^'\n]*|[^'\\\n])'""", re.S)
RUST_LITERAL = re.compile(  # a quotation mark alone begins a lifetime
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|b?r(?P<hashes>#*)".*?"(?P=hashes)|"(?:\\.|[^"\\])*"|'(?:\\.[^'\n]*|[^'\\\n])'""", re.S
)


def blank(code: str, literal: re.Pattern[str] = _LITERAL) -> str:
    """The code with comments and literals replaced by spaces; offsets and line breaks stay."""
    return literal.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code)


def outermost(code: str, literal: re.Pattern[str] = _LITERAL) -> str:
    """`blank`, with everything inside braces emptied too: what stands at the top level."""
    text = list(blank(code, literal))
    depth = 0
    for i, char in enumerate(text):
        depth -= char == "}"
        if depth > 0 and char != "\n":
            text[i] = " "
        depth += char == "{"
    return "".join(text)


def at_top(code: str, name: str) -> bool:
    """Whether `name(` stands outside all braces: a function that no class or namespace encloses."""
    return bool(re.search(rf"(?<![\w.$]){re.escape(name)}\s*(?:<[^<>{{}}]*>)?\s*\(", outermost(code)))


def cut(code: str, pattern: str) -> tuple[str, str]:
    """(rest, taken): lines at the top level that match the pattern are taken out, in order."""
    found = list(re.finditer(pattern, outermost(code), re.M))
    taken = "".join(code[m.start() : m.end()].strip() + "\n" for m in found)
    for match in reversed(found):
        code = code[: match.start()] + code[match.end() :]
    return code, taken


def commas(text: str) -> list[str]:
    """The parts between the commas that no bracket of any kind encloses; no part for an empty text."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "([{<") - (char in ")]}" or (char == ">" and text[i - 1 : i] not in ("-", "=")))
        if char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def closing(text: str, at: int) -> int:
    """The offset after the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i + 1
    return len(text)


def indent(code: str) -> str:
    """The code indented by four (for reading only; a text block's content would shift)."""
    return code if '"""' in code else re.sub(r"^(?=[^\n])", "    ", code, flags=re.M)
