"""The parts of a program, by its grammar: imports, functions, types and what else stands at its top.

``read(language, code)`` gives the parts of what a model wrote, whole or as a piece that no compiler would take by
itself (a method without its class). Putting them together for a benchmark's tests: benchmarks/assembly.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.traits import Traits, traits_of

_INNER = ("body", "declaration_list", "class_body", "field_declaration_list", "interface_body", "enum_body")
Change = tuple[int, int, str]  # bytes from, to, and what stands there then
_DEEPEST = 8  # types within types


@dataclass(frozen=True)
class Part:
    """One part of a program: its kind (import, function, type, value, other), name, text, and its own node."""

    kind: str
    name: str
    text: str
    node: Node
    outer: Node  # with what wraps it: a template's head, decorators, `export`
    static: bool = False


@dataclass(frozen=True)
class Found:
    """A function, and the types that it stands in, outermost first; none for a loose one."""

    part: Part
    types: tuple[Part, ...] = ()


class Program:
    """The parts of a text in a language that has a grammar and whose traits name its nodes."""

    def __init__(self, traits: Traits, source: bytes, root: Node) -> None:
        assert traits.nodes
        self.traits, self.nodes, self.source, self.root = traits, traits.nodes, source, root

    @property
    def broken(self) -> bool:
        """True where the grammar does not take the text."""
        return self.root.has_error

    @cached_property
    def parts(self) -> list[Part]:
        """What stands at the top, namespaces left away."""
        return list(self._within(self.root))

    def of(self, kind: str) -> list[Part]:
        """Return the parts of a kind, in order."""
        return [part for part in self.parts if part.kind == kind]

    def text(self, node: Node) -> str:
        """Return the text of a node."""
        return self.source[node.start_byte : node.end_byte].decode()

    def find(self, name: str) -> Found | None:
        """Return the function of that name, a loose one first; of several the last one that has a body."""
        loose = [part for part in self.of("function") if part.name == name and _has_body(part.node)]
        if loose:
            return Found(loose[-1])
        return next((found for part in self.of("type") for found in self._in_type(part, name, ())), None)

    def members(self, kind: Part) -> list[Part]:
        """Return what stands in a type."""
        body = body_of(kind.node)
        return list(self._within(body)) if body is not None else []

    def _in_type(self, kind: Part, name: str, around: tuple[Part, ...]) -> Iterator[Found]:
        types, members = (*around, kind), self.members(kind)
        own = [one for one in members if (one.kind, one.name) == ("function", name) and _has_body(one.node)]
        yield from (Found(one, types) for one in own)
        if len(types) < _DEEPEST:
            for inner in members:
                if inner.kind == "type":
                    yield from self._in_type(inner, name, types)

    def _within(self, node: Node) -> Iterator[Part]:
        for child in node.named_children:
            if child.type in self.nodes.scopes:
                yield from self._within(body_of(child) or child)
            else:
                yield self._part(child)

    def _part(self, outer: Node) -> Part:
        node = outer
        while node.type in self.nodes.wrappers and (inner := self._wrapped(node)) is not None:
            node = inner
        kind = next((kind for kind, types in self._kinds.items() if node.type in types), "other")
        if kind == "value" and _holds_function(node):
            kind = "function"
        name = name_of(node)
        static = bool(re.search(r"\bstatic\b", self._head(node)))
        return Part(kind, self.text(name) if name is not None else "", self.text(outer), node, outer, static)

    @cached_property
    def _kinds(self) -> dict[str, tuple[str, ...]]:
        nodes = self.nodes
        return {"function": nodes.functions, "type": nodes.types, "import": nodes.imports, "value": nodes.values}

    def _wrapped(self, node: Node) -> Node | None:
        known = {*self.nodes.wrappers, *(kind for kinds in self._kinds.values() for kind in kinds)}
        return next((child for child in node.named_children if child.type in known), None)

    def _head(self, node: Node) -> str:
        """Return the modifiers of a declaration: all before its name."""
        name = name_of(node)
        return self.source[node.start_byte : name.start_byte if name is not None else node.start_byte].decode()

    def words(self) -> set[str]:
        """Return all names in the text."""
        return {self.text(node) for node in self._leaves(self.root) if node.type in self.nodes.words}

    def renamed(self, start: int, end: int, names: Mapping[str, str], more: Sequence[Change] = ()) -> str:
        """Return the text between two bytes with these names replaced, and with more changes."""
        changes = [
            (node.start_byte, node.end_byte, names[self.text(node)])
            for node in (self._leaves(self.root) if names else ())
            if node.type in self.nodes.words and start <= node.start_byte < end and self.text(node) in names
        ]
        return changed(self.source, start, end, [*more, *changes])

    def fresh(self, name: str) -> str:
        """Return a name like this one that nothing here bears."""
        words = self.words()
        return next(f"{name}{i}" for i in range(1, len(words) + 2) if f"{name}{i}" not in words)

    def _leaves(self, node: Node) -> Iterator[Node]:
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one.child_count == 0:
                yield one
            waiting += reversed(one.children)


def read(language: str, code: str) -> Program | None:
    """Return the parts of a text; None where the language has no grammar, or the parser gives up."""
    traits = traits_of(language)
    if traits.nodes is None or traits.syntax is None:
        return None
    if traits.opening and traits.opening.strip() not in code:
        code = traits.opening + code
    source = encoded(code)
    tree = parsed(traits, source)
    return Program(traits, source, tree.root_node) if tree is not None else None


def changed(source: bytes, start: int, end: int, changes: Sequence[Change]) -> str:
    """Return the text between two bytes with spans replaced; of spans within others the outer ones count."""
    made, at = [], start
    for left, right, text in sorted(changes, key=lambda change: (change[0], -change[1])):
        if left >= at and right <= end:
            made += [source[at:left], text.encode()]
            at = right
    return b"".join([*made, source[at:end]]).decode()


def without_entry(language: str, code: str) -> str:
    """Return a program without the function that it begins with (``main``), whatever that returns or takes."""
    program = read(language, code)
    if program is None or not program.traits.entry:
        return code
    mains = [part.outer for part in _all(program, program.parts) if _is_entry(program, part)]
    lead = len(program.source) - len(encoded(code))
    gone = [(node.start_byte, _line_end(program.source, node.end_byte), "") for node in mains]
    return changed(program.source, lead, len(program.source), gone) if mains else code


def _all(program: Program, parts: list[Part], deep: int = 0) -> Iterator[Part]:
    for part in parts:
        yield part
        if part.kind == "type" and deep < _DEEPEST:
            yield from _all(program, program.members(part), deep + 1)


def _is_entry(program: Program, part: Part) -> bool:
    if (part.kind, part.name) != ("function", program.traits.entry):
        return False
    parameters = parameters_of(part.node)
    return not program.traits.enclosed or parameters is None or len(parameters.named_children) <= 1


def _line_end(source: bytes, at: int) -> int:
    """Return the place behind the blanks and the line end that follow."""
    found = re.compile(rb"[ \t]*;?[ \t]*\n?").match(source, at)
    return found.end() if found else at


# ---- nodes


def body_of(node: Node) -> Node | None:
    """Return the block of a type, function or namespace."""
    body = node.child_by_field_name("body")
    return body or next((child for child in node.named_children if child.type in _INNER), None)


def name_of(node: Node) -> Node | None:
    """Return the node of the name that a declaration gives."""
    if (name := node.child_by_field_name("name")) is not None:
        return name
    if node.type.endswith(("identifier", "name")):
        return node
    for field in ("declarator", "left"):
        if (inner := node.child_by_field_name(field)) is not None:
            return name_of(inner)
    kinds = ("variable_declarator", "variable_declaration", "function_declarator", "const_element", "assignment")
    inner = next((child for child in node.named_children if child.type in kinds), None)
    return name_of(inner) if inner is not None else None


def parameters_of(node: Node) -> Node | None:
    """Return the list of a function's parameters, or the only one of an arrow function."""
    for field in ("parameters", "parameter"):
        if (found := node.child_by_field_name(field)) is not None:
            return found
    inner = [node.child_by_field_name(field) for field in ("declarator", "value")]
    inner += [child for child in node.named_children if child.type == "variable_declarator"]
    return next((found for one in inner if one is not None and (found := parameters_of(one)) is not None), None)


def _holds_function(node: Node) -> bool:
    declared = next((child for child in node.named_children if child.type == "variable_declarator"), None)
    value = declared.child_by_field_name("value") if declared is not None else None
    return value is not None and value.type in ("arrow_function", "function_expression", "generator_function")


def _has_body(node: Node) -> bool:
    return _holds_function(node) or body_of(node) is not None or b"=>" in (node.text or b"")


# ---- what must stand first


def behind_what_comes_first(language: str, lead: str, code: str) -> str:
    """Return the code with a lead before it: behind the imports of Python's __future__, which nothing may precede."""
    if not lead.strip():
        return code
    if not traits_of(language).indented or "__future__" not in code:
        return f"{lead}{code}"
    futures, rest = _futures(code)
    return f"{futures}{lead}{rest}"


def _futures(code: str) -> tuple[str, str]:
    """Split Python code into the statements that import from __future__ and all else, line by line."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return "", code
    lines = code.split("\n")
    futures = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    for node in futures:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
        beside = [one for one in body if one.lineno == node.lineno and one not in futures]  # behind a semicolon
        lines[node.lineno - 1] = "; ".join(map(ast.unparse, beside))
    return "".join(f"{ast.unparse(node)}\n" for node in futures), "\n".join(lines)
