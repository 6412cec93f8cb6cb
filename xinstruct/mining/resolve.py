"""Resolution of a function's free names: whether it is self-contained, with which helpers, in which text.

A name is free when the function uses it and does not bind it; it is resolved by the language itself, by a
standard-library import, or by a definition of the same file (and of the same class if the language has classes),
transitively. The final text is made in ``shipping``; names reached through an object and imports of other files are not
resolved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.shipping import own_qualifiers, shipped, verbatim
from xinstruct.mining.imports import imports_of

_DEPTH = 3
_HELPER_BYTES = 6000


@dataclass
class Resolved:
    """A function's text with everything it needs, or the names that remain unresolved."""

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
    body = facts.traits.glue.join(["\n".join(lead), *texts] if lead else texts)
    code = verbatim(facts, function) if walk.missing else shipped(facts, function, function.scopes)
    return Resolved(code, body, sorted(set(walk.missing)), len(walk.asked),
                    sorted(set(walk.used_imports)))  # fmt: skip


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
        if self.facts.traits.overloads and definition.kind == "function":
            self._overloads(definition, depth)
        for name in sorted(free_names(self.facts, definition)):
            self._answer(name, depth)

    def _faults(self, definition: Definition) -> list[str]:
        """What keeps a definition from standing alone whatever it calls."""
        banned = self.facts.names(definition, "forbid")
        told = [self.facts.text(banned[0])[:40]] if banned else []
        return told + self.facts.traits.faults(self.facts, definition)

    def _overloads(self, definition: Definition, depth: int) -> None:
        """Add overloads as helpers: a call of the function's own name may mean another one."""
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
        elif name not in self.facts.traits.known():
            self.missing.append(name)

    def _visible(self, other: Definition) -> bool:
        if not self.facts.traits.scoped:
            return other.scopes == self.function.scopes[: len(other.scopes)]
        return other.scope == self.function.scope


def free_names(facts: Facts, definition: Definition) -> set[str]:
    """Return names that a definition uses and neither binds nor merely mentions (members, labels, own class)."""
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
    return facts.traits.free(facts, definition, used, bound)


def _member(qualifier: Node) -> Node | None:
    parent = qualifier.parent
    if parent is None:
        return None
    return parent.child_by_field_name("name") or parent.child_by_field_name("field")
