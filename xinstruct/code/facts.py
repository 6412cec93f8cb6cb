"""The facts of one parsed file: its definitions, comments, imports and the positions of all names.

One query runs over the whole file, in C. A second one, for the names, runs over a single definition and only on demand:
most functions are rejected before. The meaning of the names is resolved in ``resolve``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tree_sitter import Node, QueryCursor

if TYPE_CHECKING:
    from xinstruct.code.traits.base import Traits

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

    @cached_property
    def whole(self) -> Node:
        """Return the node with its template parameters or decorators."""
        parent = self.node.parent
        if parent is not None and parent.type in {"template_declaration", "decorated_definition"}:
            return parent
        return self.node

    @cached_property
    def span(self) -> tuple[int, int]:
        """Return the byte range, template parameters included."""
        return self.whole.start_byte, self.whole.end_byte

    @property
    def outer(self) -> Node:
        """Return the node that a doc comment precedes (its export statement, its template line)."""
        node = self.node
        while (parent := node.parent) is not None and parent.type in _WRAPPERS:
            node = parent
        return node


@dataclass
class Facts:
    """The results of the query in one file, sorted by position."""

    traits: Traits
    source: bytes
    root: Node
    functions: list[Definition] = field(default_factory=list)
    helpers: dict[str, list[Definition]] = field(default_factory=dict)
    imports: list[Node] = field(default_factory=list)
    comments: list[Node] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # of the comments
    read_imports: Any = None  # ``imports`` fills it in
    _names: dict[int, dict[str, list[Node]]] = field(default_factory=dict)

    def text(self, node: Node) -> str:
        """Return the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode()

    def without_comments(self, start: int, end: int) -> str:
        """Source text between two bytes, less the comments in it."""
        parts, at = [], start
        for node in self.comments[bisect_right(self.ends, start) :]:
            if node.start_byte >= end:
                break
            parts.append(self.source[at : max(at, node.start_byte)])
            at = max(at, min(node.end_byte, end))
        return b"".join([*parts, self.source[at:end]]).decode()

    def names(self, definition: Definition, mark: str) -> list[Node]:
        """Return the nodes in a definition that the language's second query captures as `mark`, by position."""
        found = self._names.get(definition.node.id)
        if found is None:
            found = QueryCursor(self.traits.grammar.names_query()).captures(definition.whole)
            for nodes in found.values():
                nodes.sort(key=lambda node: node.start_byte)
            self._names[definition.node.id] = found
        return found.get(mark, [])

    def comments_before(self, end: int) -> Iterator[Node]:
        """Yield comments that end at or before a byte, the last one first."""
        for at in range(bisect_right(self.ends, end) - 1, -1, -1):
            yield self.comments[at]


def parse(traits: Traits, source: bytes) -> Facts:
    """Parse one file (UTF-8) and run the language's first query over it; the second runs per definition, on demand."""
    root = traits.grammar.parser().parse(source).root_node
    facts = Facts(traits, source, root)
    raw: list[tuple[int, int, bool, str, Node, Node]] = []
    classes: list[tuple[int, int, str]] = []
    for _pattern, found in QueryCursor(traits.grammar.query()).matches(root):
        if comments := found.get("comment"):
            facts.comments += comments
        elif names := found.get("name"):
            for kind in ("function", "constant"):
                for node, name in zip(found.get(kind, ()), names, strict=False):
                    raw.append((node.start_byte, -node.end_byte, kind != "function", kind, node, name))
        elif nodes := found.get("class"):
            classes.append((nodes[0].start_byte, nodes[0].end_byte, facts.text(found["scope"][0])))
        else:
            facts.imports += found.get("import", ())
    for nodes in (facts.comments, facts.imports):
        nodes.sort(key=lambda node: node.start_byte)
    facts.ends = [node.end_byte for node in facts.comments]
    _define(facts, sorted(raw, key=lambda item: item[:3]), classes)
    return facts


def _define(
    facts: Facts, raw: list[tuple[int, int, bool, str, Node, Node]], classes: list[tuple[int, int, str]]
) -> None:
    """Give each definition its scope and drop definitions inside functions. `raw` is sorted by place."""
    last_end = -1
    seen: set[tuple[int, int]] = set()
    for start, minus_end, _, kind, node, name in raw:
        end = -minus_end
        if start < last_end or (start, end) in seen:
            continue
        seen.add((start, end))
        scopes = tuple(text for left, right, text in classes if left <= start and end <= right)
        definition = Definition(facts.text(name), node, kind, scopes[-1] if scopes else "", scopes)
        facts.helpers.setdefault(definition.name, []).append(definition)
        if kind == "function":
            facts.functions.append(definition)
            last_end = end
