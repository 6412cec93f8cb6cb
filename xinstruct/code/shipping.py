"""The text of a definition as it goes out: bare where it stands alone, as its author wrote it where it does not.

A bare function loses annotations, modifiers and the qualifiers that name its own class; a doc that
stands inside the body is taken out of it. Left out: which definitions go out (``resolve``).
"""

from __future__ import annotations

import re
import textwrap

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts

_DOCUMENTS = re.compile(r"\b(?:example|returns) \d+:|@param\b|@returns?\b")  # else it is about the first statement
_NOTES = re.compile(rb"\A(?:\s*(?://[^\n]*\n|/\*.*?\*/))+\s*", re.DOTALL)
_PHP_OPAQUE = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|//[^\n]*|#(?!\[)[^\n]*|/\*.*?\*/", re.DOTALL)
OWN_CLASS = {"self", "static"}
_IGNORED_MODIFIERS = re.compile(
    rb"^(?:(?:public|protected|private|internal|static|final|abstract|sealed|synchronized|strictfp|inline|default|native|transient|volatile|"
    rb"unsafe|extern|virtual|override|new|partial|async|readonly|const)\s+)*"
)


def own_qualifiers(facts: Facts, definition: Definition, scopes: tuple[str, ...]) -> list[Node]:
    """Qualifiers that name an enclosing class or namespace and fall away with it."""
    own = set(scopes) | (OWN_CLASS if facts.grammar.name == "php" else set())
    return [node for node in facts.names(definition, "qualifier") if facts.text(node) in own]


def needs_class(facts: Facts, definition: Definition) -> bool:
    """Whether a PHP method names its class in a way that does not fall away: `new static`, `self::class`, a type."""
    start, end = definition.span
    text = _PHP_OPAQUE.sub("''", facts.source[start:end].decode())
    own = "|".join(map(re.escape, (*definition.scopes, *OWN_CLASS)))
    if re.search(rf"\b(?:{own})\s*::\s*class\b|\b__(?:DIR|FILE|CLASS|NAMESPACE|METHOD)__\b", text):
        return True
    text = re.sub(rf"\b(?:{own})\s*::\s*(?=[\w$])", "", text)
    return bool(re.search(r"\b(?:self|parent)\b|\bstatic\b(?!\s+(?:fn|function|public|protected|private)\b)", text))


_UP_THE_TREE = re.compile(r"(?<![\w*])\.\./\w|(?<!<)<\s*\w[\w.-]*/")  # files of its repository
_OF_ITS_SCRIPT = re.compile(r"BASH_SOURCE|\$\{?(?:[\d@*]|#\}?)(?!\w)|\bmktemp\b")
_GROWN = re.compile(r"(?m)^\s*(?:export\s+)?(\w+)=[\"']?\$\{?\1\b(?!\}?\s*:?[-=%#/])")


def shell_needs(text: str, function: bool) -> list[str]:
    """What shell code needs that no name tells: where it lies, its script's arguments, a variable that only grows."""
    place = _UP_THE_TREE if function else _OF_ITS_SCRIPT
    found = ["(its script)"] if place.search(text) else []
    for grown in _GROWN.finditer(text):
        name = re.escape(grown.group(1))
        if not re.search(rf"\b{name}=|\b(?:local|declare|typeset)\b[^\n;]*\b{name}\b", text[: grown.start()]):
            found.append(f"${grown.group(1)}")
    return found


def shipped(facts: Facts, definition: Definition, scopes: tuple[str, ...]) -> str:
    """The definition's text as it goes out: annotations and own qualifiers cut, dedented."""
    start, end = definition.span
    cuts = [(node.start_byte, node.end_byte) for node in facts.names(definition, "erase")]
    for node in own_qualifiers(facts, definition, scopes):
        stop = node.end_byte
        while facts.source[stop : stop + 1] in b".: \t" and stop < end:
            stop += 1
        cuts.append((node.start_byte, stop))
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    return _cleaned(facts, definition, _without(facts.source, start, end, cuts), start)


def verbatim(facts: Facts, definition: Definition) -> str:
    """The definition's text as its author wrote it, dedented and without the doc that stands inside."""
    start, end = definition.span
    cuts = []
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    text = (indent + _without(facts.source, start, end, cuts)).decode().replace("\t", "    ").replace("\r\n", "\n")
    return textwrap.dedent(text).strip("\n")


def _without(source: bytes, start: int, end: int, cuts: list[tuple[int, int]]) -> bytes:
    parts, at = [], start
    for left, right in sorted(cuts):
        if left >= at:
            parts.append(source[at:left])
            at = right
    return b"".join([*parts, source[at:end]])


def _cleaned(facts: Facts, definition: Definition, body: bytes, start: int) -> str:
    language = facts.grammar.name
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    body = body.lstrip(b" \t\r\n")
    if definition.node.type == "method_declaration" or (
        language in {"java", "csharp"} and definition.kind == "constant"
    ):
        lead = {"java": b"public static ", "csharp": b"public static ", "php": b""}[language]
        body = _NOTES.sub(b"", body)  # a note between an annotation and the modifiers
        head = _IGNORED_MODIFIERS.match(body)
        words = head.group() if head else b""
        if definition.kind == "constant":
            lead = b"public const " if b"const" in words else b"static final " if language == "java" else b"static "
        body = lead + body[len(words) :]
    if language == "csharp":
        body = re.sub(rb"(\(\s*)this\s+", rb"\1", body, count=1)
    if language == "php" and definition.kind == "constant":
        body = _IGNORED_MODIFIERS.sub(b"", body)
        body = re.sub(rb"^(?:const\s+)?", b"const ", body)
    if language == "python" and definition.scopes:
        body = re.sub(rb"^@staticmethod\s*", b"", body)
    text = (indent + body).decode().replace("\t", "    ").replace("\r\n", "\n")
    text = re.sub(r"\n[ \t]*(?=\n)", "\n", textwrap.dedent(text))
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
    if language == "cpp" and definition.node.type not in {"function_definition", "preproc_def", "preproc_function_def"}:
        text = text if text.endswith((";", "}")) else text + ";"
    return text


def inner_doc(facts: Facts, definition: Definition) -> tuple[int, int, str] | None:
    """A doc that stands first inside the body (a Python docstring, comments of a JavaScript body)."""
    body = definition.node.child_by_field_name("body")
    if body is None or definition.kind != "function" or not body.named_child_count:
        return None
    first = body.named_child(0)
    if first is None:
        return None
    if facts.grammar.name == "python":
        if first.type == "expression_statement" and first.named_child_count == 1:
            string = first.named_child(0)
            if string is not None and string.type == "string" and body.named_child_count > 1:
                return first.start_byte, first.end_byte, facts.text(string)
        return None
    if facts.grammar.name != "javascript" or first.type != "comment":
        return None
    last = first
    for child in body.named_children:
        if child.type != "comment":
            break
        last = child
    text = facts.source[first.start_byte : last.end_byte].decode()
    return (first.start_byte, last.end_byte, text) if _DOCUMENTS.search(text) else None
