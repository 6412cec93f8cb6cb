"""What several languages look like: functions with declared types, methods of classes, words of modifiers."""

from __future__ import annotations

import re

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.lexical import blanked, comments
from xinstruct.code.traits.base import INSTANCE

# A type, the name, parameters and then a body: a call or a prototype has no body.
TYPED = (
    r"^(?![ \t]*(?:if|else|while|for|return|switch|new|throw|catch|case)\b)"
    r"[ \t]*(?:[\w:<>,&*\[\]?.()]+[ \t]+)*[\w:<>,&*\[\]?.()]*[\w>&*\]?)](?:[ \t]+|\n)[*&]*{name}\s*\([^;{{}}]*\)"
    r"\s*(?:(?:const|noexcept|override|final|throws\s+[\w., \t]+|where\s[^{{;]*|->[^{{;]*)\s*)*(?:\{{|=>)"
)
MODIFIERS = re.compile(
    rb"^(?:(?:public|protected|private|internal|static|final|abstract|sealed|synchronized|strictfp|inline|default|native|transient|volatile|"
    rb"unsafe|extern|virtual|override|new|partial|async|readonly|const)\s+)*"
)
_IMPORT_LINE = re.compile(r"^[ \t]*(?:#include\b|using\s+[\w.:=<> ]+;|import\b|package\b|use\s).*$", re.M)


def import_lines(language: str, prompt: str, function: str) -> str:
    """The lines of a prompt that import something, and none of its comments."""
    lines = _IMPORT_LINE.finditer(blanked(language, prompt))
    return "\n".join(prompt[line.start() : line.end()] for line in lines)


def led(language: str, body: bytes, lead: bytes) -> bytes:
    """A member with `lead` for its modifiers, without notes between its annotations and them."""
    body = _without_notes(language, body)
    return lead + body[len(_modifiers_before(body)) :]


def constant(language: str, body: bytes, lead: bytes) -> bytes:
    """A constant with `lead` for its modifiers, or with `const` where it has that."""
    words = _modifiers_before(_without_notes(language, body))
    return led(language, body, b"public const " if b"const" in words else lead)


def _modifiers_before(body: bytes) -> bytes:
    head = MODIFIERS.match(body)
    return head.group() if head else b""


def _without_notes(language: str, body: bytes) -> bytes:
    """A member without the comments that it begins with."""
    if not body.startswith((b"/", b"#")):
        return body
    text, at = body.decode(), 0
    for start, end in comments(language, text):
        if text[at:start].strip():
            break
        at = end
    return text[at:].lstrip().encode() if at else body


def modifiers(facts: Facts, node: Node) -> str:
    """The words of a node's modifiers."""
    kinds = {"modifiers", "modifier", "static_modifier", "visibility_modifier"}
    return " ".join(facts.text(child) for child in node.children if child.type in kinds)


def instance_faults(facts: Facts, definition: Definition) -> list[str]:
    """An abstract method cannot be had alone; `this` is forbidden and instance fields are missing names."""
    method = definition.kind == "function" and definition.node.type == "method_declaration"
    return [INSTANCE] if method and "abstract" in modifiers(facts, definition.node) else []


def member_faults(facts: Facts, definition: Definition) -> list[str]:
    """What keeps a member of a Java or C# class from standing alone."""
    start, end = definition.span
    found = instance_faults(facts, definition)
    if definition.kind == "function" and b"{" not in facts.source[start:end]:
        found.append("(no body)")
    if definition.kind == "constant" and _instance_field(facts, definition.node):
        found.append("(instance field)")
    return found


def _instance_field(facts: Facts, node: Node) -> bool:
    """Whether a field belongs to an object: what a bare function can not have. Interface constants are static."""
    if node.type != "field_declaration":
        return False
    bare = node.parent is not None and node.parent.type == "interface_body"
    return not bare and not re.search(r"\b(static|const)\b", modifiers(facts, node))
