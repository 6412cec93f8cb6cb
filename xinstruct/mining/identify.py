"""Which language a file's content speaks, held against what its name says.

Only content that plainly speaks another of the mined languages counts as a conflict: a shebang, an
opening tag, or marks of another language with none of its own. Left out: files of no known name.
"""

from __future__ import annotations

import re

_SHEBANG = re.compile(rb"^#!\s*\S*/(?:env\s+(?:-S\s+)?)?([a-z]+)")
_PROGRAMS = {b"python": "python", b"node": "javascript", b"bash": "bash", b"php": "php", b"sh": "sh", b"zsh": "zsh",
             b"fish": "fish", b"perl": "perl", b"ruby": "ruby", b"deno": "typescript", b"ts": "typescript"}  # fmt: skip
_MARKS = {
    "php": re.compile(rb"^\s*<\?php", re.IGNORECASE),
    "python": re.compile(rb"^(?:def \w+\(.*\).*:|from [\w.]+ import \w|class \w+(?:\(.*\))?:)\s*$", re.MULTILINE),
    "java": re.compile(rb"^(?:package [\w.]+;|import java[\w.]*\.\w+;)", re.MULTILINE),
    "csharp": re.compile(rb"^\s*(?:using [A-Z][\w.]*;|namespace [A-Z][\w.]*\s*[{;]?\s*$)", re.MULTILINE),
    "cpp": re.compile(
        rb"^\s*#\s*(?:include\s*[<\"]|ifndef|define|pragma)|^\s*(?:namespace \w*\s*\{|template\s*<)", re.M
    ),
    "javascript": re.compile(
        rb"^(?:export (?:default |function |const |\{)|module\.exports|import .* from ['\"]|"
        rb"(?:async )?function \w+\s*\()",
        re.MULTILINE,
    ),
}
_FAMILY = {"typescript": "javascript"}


def language_of_content(expected: str, source: bytes) -> str:
    """The language that the first 20 kB of a file speak; `expected` unless they plainly speak another."""
    head = source[:20_000]
    if shebang := _SHEBANG.match(head):
        program = _PROGRAMS.get(shebang.group(1), expected)
        shell = expected == "bash" and program == "sh"
        return expected if shell or program == _FAMILY.get(expected, expected) else program
    if _MARKS["php"].match(head):
        return "php"
    own = _MARKS.get(_FAMILY.get(expected, expected))
    if own is None or own.search(head):
        return expected
    spoken = [name for name, marks in _MARKS.items() if marks.search(head)]
    return spoken[0] if len(spoken) == 1 else expected
