"""Imports that code does not need: names that it never says, headers and wildcards of which it uses nothing.

An import goes when none of the names that it brings stands anywhere else in the code, comments apart; provides.yaml
says what those bring that bind no single name. Whether the code still works without them is for the caller to see.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tree_sitter import Node

from xinstruct.code.facts import Facts, parse
from xinstruct.code.lexical import blanked, encoded
from xinstruct.code.traits import traits_of
from xinstruct.code.traits.base import Imported
from xinstruct.files import read_yaml

DATA_FILES = ("provides.yaml",)
_WORD = re.compile(r"[^\W\d][\w$]*|[$][\w$]*")
_SET = re.compile(r"<([\w./]+)>|\s([\w.]+(?:\.\*)?)\s*;")  # the header, package or namespace of an import
_ALWAYS = re.compile(r"\*\s*$")  # of Python: binds names that it does not say


def without_unused_imports(language: str, code: str) -> str:
    """Return the code less its unneeded imports at the top level; other text, comments too, stays as it is."""
    traits = traits_of(language)
    if not traits.suffixes:  # a language that is not mined: nothing is known of its imports
        return code
    facts = parse(traits, encoded(code))
    imports = [node for node in facts.imports if node.parent == facts.root]
    words = _words(facts, imports)
    cuts: list[tuple[int, int, str]] = []  # bytes from and to, and the text that takes their place
    kept: list[str] = []
    for node in imports:
        start, end = _lines(facts.source, node)
        text = facts.text(node).strip()
        needed = _needed(language, facts, text, words)
        if needed == text or (cuts and start < cuts[-1][1]) or not _alone(language, facts.source, node, start, end):
            kept.append(text)
        else:
            cuts.append((start, end, needed))
    return _cut(facts.source, cuts, _instead(language, words, kept)) if cuts else code


def without_imports(language: str, code: str) -> str:
    """Return the code less all its imports at the top level, for comparing it with other code."""
    traits = traits_of(language)
    if not traits.suffixes:
        return code
    facts = parse(traits, encoded(code))
    parts, at = [], 0
    for node in (node for node in facts.imports if node.parent == facts.root):
        parts.append(facts.source[at : node.start_byte])
        at = node.end_byte
    return b"".join([*parts, facts.source[at:]]).decode()


def _cut(source: bytes, cuts: list[tuple[int, int, str]], instead: list[str]) -> str:
    parts, at = [], 0
    for start, end, needed in cuts:
        lines = [*instead, needed] if needed else instead
        parts += [source[at:start], *(f"{line}\n".encode() for line in lines)]
        at, instead = end, []
    head, rest = b"".join(parts), source[at:]
    return (head + rest if head.strip() else rest.lstrip(b"\r\n")).decode()


def _words(facts: Facts, imports: list[Node]) -> set[str]:
    """Return all words of the code that stand neither in its imports nor in comments."""
    parts, at = [], 0
    for node in imports:
        parts.append(facts.without_comments(at, node.start_byte))
        at = node.end_byte
    return set(_WORD.findall(" ".join([*parts, facts.without_comments(at, len(facts.source))])))


def _needed(language: str, facts: Facts, text: str, words: set[str]) -> str:
    """Return an import as far as it is needed: its own text, fewer names of it, or ""."""
    if _ALWAYS.search(text):
        return text
    said = set(_WORD.findall(blanked(language, text)))  # a module's name in quotes is no name that is bound
    names = {name: entry for name, entry in facts.traits.import_names(text).items() if name in said}
    if names:
        used = {name: entry for name, entry in names.items() if name in words}
        return text if len(used) == len(names) else _fewer(text, names, used)
    brought = _brought(language, text)
    return text if brought is None or any(map(brought.fullmatch, words)) else ""


def _brought(language: str, text: str) -> re.Pattern[str] | None:
    """Return the pattern of the words that an import of no single name brings, None where that is not known."""
    found = _SET.search(text)
    return _provided(language).get(next(filter(None, found.groups()))) if found else None


def _instead(language: str, words: set[str], kept: list[str]) -> list[str]:
    """Return imports of words that the code had by way of others only, and may have no longer."""
    brought = [pattern for text in kept if (pattern := _brought(language, text))]
    return [
        line
        for line, pattern in _direct(language).items()
        if any(pattern.fullmatch(word) and not any(one.fullmatch(word) for one in brought) for word in words)
    ]


def _fewer(text: str, names: Imported, used: Imported) -> str:
    """Return the statement with the used names only, where each of its names can be imported alone."""
    if len({statement for statement, _ in names.values()}) < len(names):
        return text if used else ""
    leads = [statement.rpartition("import ") for statement, _ in used.values()]
    return leads[0][0] + "import " + ", ".join(name for _, _, name in leads) if leads else ""


def _lines(source: bytes, node: Node) -> tuple[int, int]:
    """Return the bytes of the whole lines that an import stands on."""
    last = node.start_byte + len(source[node.start_byte : node.end_byte].rstrip())
    stop = source.find(b"\n", last)
    return source.rfind(b"\n", 0, node.start_byte) + 1, len(source) if stop < 0 else stop + 1


def _alone(language: str, source: bytes, node: Node, start: int, end: int) -> bool:
    """Tell whether nothing but a comment stands beside an import on its lines."""
    last = node.start_byte + len(source[node.start_byte : node.end_byte].rstrip())
    after = blanked(language, source[last:end].decode())
    return not source[start : node.start_byte].strip() and not after.strip().strip(";").strip()


@cache
def _provided(language: str) -> dict[str, re.Pattern[str]]:
    return _patterns(language)


@cache
def _direct(language: str) -> dict[str, re.Pattern[str]]:
    return _patterns(f"{language} by way of others")


def _patterns(section: str) -> dict[str, re.Pattern[str]]:
    listed = read_yaml(Path(__file__).with_name(DATA_FILES[0])).get(section) or {}
    return {name: re.compile("|".join(str(words).split())) for name, words in listed.items()}
