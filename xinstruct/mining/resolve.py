"""Does a function stand alone? Its free names, the same-file helpers that answer them, the text to ship.

A name is free when the function uses it and does not bind it; it is answered by the language itself,
by a standard-library import, or by a definition of the same file (and of the same class where the
language has classes), transitively. Left out: the text that goes out (``shipping``), names reached
through an object, and imports of other files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import GRAMMARS
from xinstruct.code.shipping import OWN_CLASS, needs_class, own_qualifiers, shell_needs, shipped, verbatim
from xinstruct.mining.imports import imports_of
from xinstruct.mining.preprocessed import torn

_DEPTH = 3
INSTANCE = "(instance method)"
_HELPER_BYTES = 6000


@dataclass
class Resolved:
    """A function's text with everything it needs, or the names that nothing answers."""

    code: str
    helpers: str
    missing: list[str] = field(default_factory=list)
    used: int = 0  # names that the function and its helpers use without binding them
    imports: list[str] = field(default_factory=list)  # import statements behind the names used, wherever they lead


def resolve(facts: Facts, function: Definition) -> Resolved:
    """Collect imports and helpers of a function. `missing` is empty when it is self-contained."""
    walk = _Walk(facts, function)
    walk.visit(function, 0)
    helpers = [definition for definition in walk.order if definition.node != function.node]
    helpers.sort(key=lambda definition: definition.span[0])
    texts = [shipped(facts, definition, function.scopes) for definition in helpers]
    if sum(map(len, texts)) > _HELPER_BYTES:
        walk.missing.append("(helpers too large)")
    lead = list(dict.fromkeys(walk.imports))
    glue = "\n" if facts.grammar.name in {"bash", "cpp"} else "\n\n"
    body = glue.join(["\n".join(lead), *texts] if lead else texts)
    code = verbatim(facts, function) if walk.missing else shipped(facts, function, function.scopes)
    return Resolved(code, body, sorted(set(walk.missing)), len(walk.asked),
                    sorted(set(walk.used_imports)))  # fmt: skip


@cache
def _php_taken() -> frozenset[str]:
    words = "match list print echo empty isset unset array clone exit die eval include require fn function abstract "
    words += "copy rename unlink touch mkdir rmdir file glob link symlink chmod chown stat exec system header mail"
    return GRAMMARS["php"].known() | frozenset(words.split())


class _Walk:
    def __init__(self, facts: Facts, function: Definition) -> None:
        self.facts = facts
        self.function = function
        self.order: list[Definition] = []
        found = imports_of(facts)
        self.imports: list[str] = list(found.always)
        self.missing: list[str] = []
        self.asked: set[str] = set()
        self.used_imports: list[str] = list(self.imports)
        self.modules = found.names

    def visit(self, definition: Definition, depth: int) -> None:
        if definition in self.order:
            return
        self.order.append(definition)
        self.missing += self._faults(definition)
        if self.facts.grammar.name == "cpp" and definition.kind == "function":
            self._overloads(definition, depth)
        for name in sorted(free_names(self.facts, definition)):
            self._answer(name, depth)

    def _faults(self, definition: Definition) -> list[str]:
        """What keeps a definition from standing alone whatever it calls, in the order in which it is told."""
        facts, language, kind = self.facts, self.facts.grammar.name, definition.kind
        start, end = definition.span
        parent = definition.node.parent
        scoped_php = language == "php" and bool(definition.scopes)
        bodiless = language in {"java", "csharp"} and b"{" not in facts.source[start:end]
        java_constant = language == "java" and kind == "constant"
        banned = facts.names(definition, "forbid")
        told = [
            (scoped_php and definition.name.lower() in _php_taken(), f"({definition.name} is taken by PHP)"),
            (scoped_php and needs_class(facts, definition), "(its class)"),
            (kind == "function" and bodiless, "(no body)"),
            (bool(banned), facts.text(banned[0])[:40] if banned else ""),
            (kind == "function" and not _callable_bare(facts, definition), INSTANCE),
            (java_constant and _filled(facts, definition), f"(static block of {definition.name})"),
            (parent is not None and parent.type == "ambient_declaration", f"(declared {definition.name})"),
            (kind == "constant" and _instance_field(facts, definition), "(instance field)"),
        ]
        found = [text for there, text in told if there]
        if language == "bash":
            found += shell_needs(facts.text(definition.node), kind == "function")
        return found + (torn(facts, definition) if language == "cpp" else [])

    def _overloads(self, definition: Definition, depth: int) -> None:
        """A call of its own name may mean another overload, which then is a helper."""
        calls = sum(self.facts.text(node) == definition.name for node in self.facts.names(definition, "use"))
        others = [d for d in self.facts.helpers[definition.name] if d is not definition and self._visible(d)]
        for other in others if calls > 1 else []:
            if depth >= _DEPTH or len(others) > 6:
                self.missing.append(definition.name)
                return
            self.visit(other, depth + 1)

    def _answer(self, name: str, depth: int) -> None:
        self.asked.add(name)
        bare = name.removeprefix("$")
        found = [d for d in self.facts.helpers.get(bare, []) if self._visible(d)]
        if found:
            if depth >= _DEPTH or len(found) > 6:
                self.missing.append(name)
                return
            for definition in found:
                self.visit(definition, depth + 1)
        elif name in self.modules:
            text, standard = self.modules[name]
            self.used_imports.append(text)
            (self.imports if standard else self.missing).append(text if standard else name)
        elif name not in self.facts.grammar.known():
            self.missing.append(name)

    def _visible(self, other: Definition) -> bool:
        if not self.facts.grammar.scoped:
            return other.scopes == self.function.scopes[: len(other.scopes)]
        return other.scope == self.function.scope


def free_names(facts: Facts, definition: Definition) -> set[str]:
    """Names a definition uses and neither binds nor merely mentions (members, labels, own class)."""
    if facts.grammar.name == "bash":
        used = {f"${facts.text(node)}" for node in facts.names(definition, "variable")}
        used = {name for name in used if not name[1:].isdigit()}
        used |= {facts.text(node) for node in facts.names(definition, "use")}
        return used - {f"${facts.text(node)}" for node in facts.names(definition, "set")} - {definition.name}
    skipped = {node.start_byte for mark in ("skip", "bind") for node in facts.names(definition, mark)}
    for node in own_qualifiers(facts, definition, definition.scopes):
        member = _member(node)
        if member is not None:  # a member of its own class or namespace is a use of that definition
            skipped.discard(member.start_byte)
        skipped.add(node.start_byte)
    erased = [(node.start_byte, node.end_byte) for node in facts.names(definition, "erase")]
    used = set()
    for node in facts.names(definition, "use"):
        at = node.start_byte
        if at not in skipped and not any(left <= at < right for left, right in erased):
            used.add(facts.text(node))
    bound = {facts.text(node) for node in facts.names(definition, "bind")}
    if facts.grammar.name == "php":
        used = {name.removeprefix("\\") for name in used}  # a function of the global namespace
        for node in facts.names(definition, "qualifier"):
            if facts.text(node) not in {*definition.scopes, *OWN_CLASS}:
                used.add(facts.text(node))
    recursive = {definition.name} if not facts.grammar.scoped else set()
    if facts.grammar.name == "java":  # no variable is called
        return (used - bound) | {facts.text(node) for node in facts.names(definition, "call")}
    return used - bound - recursive


def _member(qualifier: Node) -> Node | None:
    parent = qualifier.parent
    if parent is None:
        return None
    return parent.child_by_field_name("name") or parent.child_by_field_name("field")


def _callable_bare(facts: Facts, function: Definition) -> bool:
    node = function.node
    if facts.grammar.name in {"java", "csharp", "php"} and node.type == "method_declaration":
        return "abstract" not in _modifiers(facts, node)  # `this` is forbidden and instance fields are missing names
    if facts.grammar.name == "python" and any(s for s in function.scopes):
        decorators = [child for child in function.whole.children if child.type == "decorator"]
        return any("staticmethod" in facts.text(child) for child in decorators)
    around = function.whole.parent
    if around is None or around.type != "field_declaration_list":
        return True
    return any(child.type == "storage_class_specifier" and facts.text(child) == "static" for child in node.children)


def _filled(facts: Facts, constant: Definition) -> bool:
    """Whether a static block fills a Java constant: alone it is empty."""
    pattern = rf"\bstatic\s*\{{[^}}]*?\b{re.escape(constant.name)}\s*(?:\[[^\]]*\]\s*=|=|\.\w+\()"
    return bool(re.search(pattern.encode(), facts.source))


def _instance_field(facts: Facts, constant: Definition) -> bool:
    """Whether a field belongs to an object: what a bare function can not have. Interface constants are static."""
    if facts.grammar.name not in {"java", "csharp"} or constant.node.type != "field_declaration":
        return False
    parent = constant.node.parent
    bare = parent is not None and parent.type == "interface_body"
    return not bare and not re.search(r"\b(static|const)\b", _modifiers(facts, constant.node))


def _modifiers(facts: Facts, node: Node) -> str:
    kinds = {"modifiers", "modifier", "static_modifier", "visibility_modifier"}
    return " ".join(facts.text(child) for child in node.children if child.type in kinds)
