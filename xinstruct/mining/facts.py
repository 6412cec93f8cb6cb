"""One parsed file: its definitions, comments, imports and where every name stands.

The query runs once over the whole file, in C; a function's own names are then a slice of the sorted
positions. Leaves out what the names mean: ``resolve`` decides that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

from tree_sitter import Node, QueryCursor

from xinstruct.mining.grammars import Grammar

_WRAPPERS = {
    "export_statement",
    "decorated_definition",
    "template_declaration",
    "expression_statement",
    "assignment_expression",
    "field_declaration",
}


@dataclass(frozen=True)
class Definition:
    """A function or constant that may be mined or serve as a helper."""

    name: str
    node: Node
    kind: str  # function, constant
    scope: str  # innermost class, namespace or module object; "" at the top
    scopes: tuple[str, ...]

    @property
    def span(self) -> tuple[int, int]:
        """Byte range, template parameters included."""
        parent = self.node.parent
        if parent is not None and parent.type in {"template_declaration", "decorated_definition"}:
            return parent.start_byte, parent.end_byte
        return self.node.start_byte, self.node.end_byte

    @property
    def outer(self) -> Node:
        """The node that a doc comment stands before (its export statement, its template line)."""
        node = self.node
        while node.parent is not None and node.parent.type in _WRAPPERS:
            node = node.parent
        return node


@dataclass
class Facts:
    """What a query found in one file, positions sorted."""

    grammar: Grammar
    source: bytes
    root: Node
    functions: list[Definition] = field(default_factory=list)
    helpers: dict[str, list[Definition]] = field(default_factory=dict)
    imports: list[Node] = field(default_factory=list)
    marks: dict[str, list[Node]] = field(default_factory=dict)
    starts: dict[str, list[int]] = field(default_factory=dict)

    def text(self, node: Node) -> str:
        """Source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode()

    def within(self, mark: str, start: int, end: int) -> list[Node]:
        """The nodes captured as `mark` that lie in a byte range."""
        starts = self.starts.get(mark, [])
        left, right = bisect_left(starts, start), bisect_left(starts, end)
        return [node for node in self.marks[mark][left:right] if node.end_byte <= end] if right > left else []


def parse(grammar: Grammar, source: bytes) -> Facts:
    """Parse one file (UTF-8) and run the language's query over it."""
    root = grammar.parser().parse(source).root_node
    facts = Facts(grammar, source, root)
    raw: list[tuple[str, Node, str]] = []
    marks: dict[str, list[Node]] = defaultdict(list)
    for _pattern, found in QueryCursor(grammar.query()).matches(root):
        names = found.get("name", [])
        for kind in ("function", "constant"):
            for node, name in zip(found.get(kind, []), names, strict=False):
                raw.append((kind, node, facts.text(name)))
        if "class" in found:
            marks["class"].append(found["class"][0])
            marks["scope"].append(found["scope"][0])
        for mark, nodes in found.items():
            if mark not in {"function", "constant", "name", "class", "scope"}:
                marks[mark] += nodes
    for mark, nodes in marks.items():
        if mark not in {"class", "scope"}:
            nodes.sort(key=lambda node: node.start_byte)
            facts.starts[mark] = [node.start_byte for node in nodes]
    facts.marks = dict(marks)
    facts.imports = marks["import"]
    _define(facts, raw)
    return facts


def _define(facts: Facts, raw: list[tuple[str, Node, str]]) -> None:
    """Sort definitions by place, give each its scope, leave out what stands inside a function."""
    classes = zip(facts.marks.get("class", []), facts.marks.get("scope", []), strict=True)
    spans = [(facts.text(name), node) for node, name in classes]
    last_end = -1
    seen: set[tuple[int, int]] = set()
    for kind, node, name in sorted(
        raw, key=lambda item: (item[1].start_byte, -item[1].end_byte, item[0] != "function")
    ):
        key = (node.start_byte, node.end_byte)
        if node.start_byte < last_end or key in seen:
            continue
        seen.add(key)
        scopes = tuple(s for s, c in spans if c.start_byte <= node.start_byte and node.end_byte <= c.end_byte)
        definition = Definition(name, node, kind, scopes[-1] if scopes else "", scopes)
        facts.helpers.setdefault(name, []).append(definition)
        if kind == "function":
            facts.functions.append(definition)
            last_end = node.end_byte
