"""Finding one's way in C-like source (Java, C#, C++, C, Go): what stands at the top level, outside of all braces.

Leaves out preprocessor conditions and everything a compiler does.
"""

from __future__ import annotations

import re

from xinstruct.code.lexical import blanked, levels


def outermost(language: str, code: str) -> str:
    """The code with comments, literals and everything inside braces replaced by blanks; offsets and lines stay."""
    text = blanked(language, code)
    inside = (depth > (char == "{") for char, depth in zip(text, levels(text, "{}"), strict=True))
    return "".join(" " if hidden and char != "\n" else char for char, hidden in zip(text, inside, strict=True))


def at_top(language: str, code: str, name: str) -> bool:
    """Whether `name(` stands outside all braces: a function that no class or namespace encloses."""
    pattern = rf"(?<![\w.$]){re.escape(name)}\s*(?:<[^<>{{}}]*>)?\s*\("
    return bool(re.search(pattern, outermost(language, code)))


def cut(language: str, code: str, pattern: str) -> tuple[str, str]:
    """(rest, taken): lines at the top level that match the pattern are taken out, in order."""
    found = list(re.finditer(pattern, outermost(language, code), re.M))
    taken = "".join(code[m.start() : m.end()].strip() + "\n" for m in found)
    for match in reversed(found):
        code = code[: match.start()] + code[match.end() :]
    return code, taken


def indent(code: str) -> str:
    """The code indented by four (for reading only; a text block's content would shift)."""
    return code if '"""' in code else re.sub(r"^(?=[^\n])", "    ", code, flags=re.M)
