"""What a function compares its input with: its strings, its numbers, and in a shell the words of its patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from xinstruct.code.lexical import blanked, encoded, literals, parsed
from xinstruct.code.traits import traits_of

MOST = 40  # of each sort
_PLAIN = re.compile(r"""[A-Za-z@]*(["'])((?:(?!\1)[^\\\n$]|\\[nrt]){1,24})\1""")
_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\t": "\t"}
_MARKS = re.compile(r"[!#%&()*+,\-./:;<=>?@\[\]^_`{|}~]")
_NUMBER = re.compile(r"(?<![\w.$])(?<!\$\{)(0[xX][\da-fA-F]+|\d[\d_]*(?:\.\d+)?)[lLuUfFdD]*(?![\w.])")
_EXPANSION = re.compile(r"\$\{\w+\}?")  # of a shell, or interpolated
_PATTERNS = ("extglob_pattern", "regex", "word")
_HOLDERS = ("case_item", "binary_expression", "expansion")
_TESTS = r"-(?:eq|ne|lt|le|gt|ge)\b"


def words(language: str, code: str) -> list[str]:
    """Return the code's short plain strings in order, then the single punctuation marks of all its strings."""
    texts = [code[start:end] for start, end in literals(language, code, nested=True)]
    plain = [_unescaped(match.group(2)) for text in texts if (match := _PLAIN.fullmatch(text))]
    patterns = list(_patterns(language, code))
    marks = [mark for text in [*patterns, *texts] for mark in _MARKS.findall(_EXPANSION.sub("", text))]
    found = [*plain, *(word for text in patterns if (word := re.sub(r"[\\*?\[\]()|\"']", "", text)))]
    return [*dict.fromkeys(found)][:MOST] + [mark for mark in dict.fromkeys(marks) if mark not in found][:12]


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nrt]", lambda match: _ESCAPES[match.group()], text)


def numbers(language: str, code: str) -> list[int | float]:
    """Return the numbers written in the code, in order; where it shifts bits, the powers of two of these, too."""
    bare = blanked(language, code)
    found = [_number(match.group(1).replace("_", "")) for match in _NUMBER.finditer(bare)]
    if re.search(r"<<|>>", bare):
        found += [2**number for number in found if isinstance(number, int) and 2 < number < 63]
    return list(dict.fromkeys(found))[:MOST]


def _number(text: str) -> int | float:
    if "." in text:
        return float(text)
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _patterns(language: str, code: str) -> Iterator[str]:
    """Yield the patterns of a shell function: of `case`, of `[[ x == y ]]` and of `${x%y}`."""
    traits = traits_of(language)
    if not traits.positional or traits.syntax is None:
        return
    source = encoded(code)
    tree = parsed(traits, source)
    todo: list[Node] = [tree.root_node] if tree else []
    while todo:
        node = todo.pop()
        todo += reversed(node.children)
        if node.type in _PATTERNS and node.parent and node.parent.type in _HOLDERS:
            yield source[node.start_byte : node.end_byte].decode()


def counts_with(language: str, code: str, position: int) -> bool:
    """Tell whether a function without declared types calculates with its parameter of this position, from 1."""
    if not traits_of(language).positional:
        return False
    names = "|".join(_aliases(code, str(position)))
    value = rf"[\"']?\$\{{?(?:{names})\b[^}}\s]*\}}?[\"']?"
    used = (
        rf"{value}\s+{_TESTS}",
        rf"{_TESTS}\s+{value}",
        rf"\b(?:seq|let|expr|head -n|tail -n|printf [\"']%\d*[dxo])[^|;\n]*{value}",
        rf"{value}[^|\n]*\|\s*bc\b",
        rf"\$\{{\w+:\s*\$?\{{?(?:{names})\b",
        rf"\b(?:local|declare|typeset)\s+-i\s+(?:{names})\b",
    )
    inside = re.findall(r"\(\((.*?)\)\)", code, re.S)
    named = "|".join(name for name in _aliases(code, str(position)) if not name.isdigit())
    calculated = any(re.search(rf"\$\{{?(?:{names})\b|\b(?:{named or '(?!)'})\b", text) for text in inside)
    return calculated or any(re.search(pattern, code) for pattern in used)


def _aliases(code: str, name: str) -> list[str]:
    """Return a shell variable's name and those of the variables that are set to its value."""
    found = [name]
    for known in found:
        for other in re.findall(rf"\b(\w+)=[\"']?\$\{{?{known}\b", code):
            if other not in found:
                found.append(other)
    return found
