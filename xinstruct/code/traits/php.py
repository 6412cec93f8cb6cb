"""What PHP looks like."""

from __future__ import annotations

import re
from functools import cache

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar, standard_names
from xinstruct.code.lexical import blanked
from xinstruct.code.traits import shared
from xinstruct.code.traits.base import Imported, Nodes, Traits

_OWN_CLASSES = frozenset(("self", "static"))
_CLASS_WORDS = re.compile(r"\b(?:self|static|parent|__\w+__)\b")
_WORDS = "match list print echo empty isset unset array clone exit die eval include require fn function abstract "
_FUNCTIONS = "copy rename unlink touch mkdir rmdir file glob link symlink chmod chown stat exec system header mail"


def _import_names(text: str) -> Imported:
    return dict.fromkeys(re.findall(r"(\w+)\s*;", text), (text, False))


def _free(facts: Facts, definition: Definition, used: set[str], bound: set[str]) -> set[str]:
    used = {name.removeprefix("\\") for name in used}  # a function of the global namespace
    for node in facts.names(definition, "qualifier"):
        if facts.text(node) not in {*definition.scopes, *_OWN_CLASSES}:
            used.add(facts.text(node))
    return used - bound


def _bare(definition: Definition, body: bytes) -> bytes:
    if definition.node.type == "method_declaration":
        body = shared.led("php", body, b"")
    if definition.kind == "constant":
        body = shared.MODIFIERS.sub(b"", body)
        body = re.sub(rb"^(?:const\s+)?", b"const ", body)
    return body


def _faults(facts: Facts, definition: Definition) -> list[str]:
    found = shared.instance_faults(facts, definition)
    if definition.scopes and definition.name.lower() in _taken():
        found.append(f"({definition.name} is taken by PHP)")
    if definition.scopes and _needs_class(facts, definition):
        found.append("(its class)")
    return found


@cache
def _taken() -> frozenset[str]:
    return standard_names("php") | frozenset(f"{_WORDS}{_FUNCTIONS}".split())


def _needs_class(facts: Facts, definition: Definition) -> bool:
    """Whether a method names its class in a way that does not fall away: `new static`, `self::class`, a type."""
    start, end = definition.span
    text = facts.source[start:end].decode()
    if not _CLASS_WORDS.search(text) and not any(scope in text for scope in definition.scopes):
        return False
    text = blanked("php", text)
    own = "|".join(map(re.escape, (*definition.scopes, *sorted(_OWN_CLASSES))))
    if re.search(rf"\b(?:{own})\s*::\s*class\b|\b__(?:DIR|FILE|CLASS|NAMESPACE|METHOD)__\b", text):
        return True
    text = re.sub(rf"\b(?:{own})\s*::\s*(?=[\w$])", "", text)
    return bool(re.search(r"\b(?:self|parent)\b|\bstatic\b(?!\s+(?:fn|function|public|protected|private)\b)", text))


def _clean(text: str) -> str:
    return text.strip().lstrip("\\")


TRAITS = Traits(
    "php",
    syntax=Grammar(
        "php", "tree_sitter_php", "language_php",
        literals=("string", "encapsed_string", "heredoc", "nowdoc", "shell_command_expression", "string_content"),
    ),
    suffixes=(".php",),
    opening="<?php\n",
    programs=("php",),
    marks=re.compile(rb"^\s*<\?php", re.IGNORECASE),
    marked=True,
    fixed_names=True,
    variable_mark="$",
    scoped=True,
    own_classes=_OWN_CLASSES,
    free=_free,
    import_names=_import_names,
    foreign_type=re.compile(r"\\\w+\\\w+"),  # a class in a namespace of its own
    bare=_bare,
    faults=_faults,
    scalars={"int": "int", "integer": "int", "float": "float", "double": "float", "bool": "bool", "boolean": "bool",
             "string": "string", "void": "none", "number": "float"},
    question_mark=True,
    unions=True,
    clean=_clean,
    parameter_refused=re.compile(r"&"),
    untyped_calls=True,
    definition=r"\bfunction\s+&?{name}\s*\(",
    braces=True,
    nodes=Nodes(
        functions=("function_definition", "method_declaration"),
        types=("class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
        imports=("namespace_use_declaration",),
        values=("const_declaration",),
        words=("name",),
    ),
    calls=("{type}::{name}({args})", "(new {type}())->{name}({args})"),
)  # fmt: skip
