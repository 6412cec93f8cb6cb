"""What of a function may be changed to make a variant of it that ends and that its inputs can tell from it.

Left alone are comments, docs, guards that only raise (inputs that get there are no cases) and whatever keeps a loop
from ending: a variant that runs forever says little and costs a time limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from xinstruct.code.declarations import function_node, parameter_list
from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.statements import is_doc
from xinstruct.code.traits import Traits, traits_of

_LOOPS = ("while_statement", "do_statement", "for_statement", "c_style_for_statement")
_ALONE = ("comment", "line_comment", "block_comment", "parameters", "formal_parameters", "parameter_list", "decorator")
_IDENTIFIERS = ("identifier", "variable_name")
_RAISES = re.compile(
    r"[\s{(:]*(?:throw|raise|panic)\b"
    r"|[\s;]*(?:(?:echo|printf)[^;\n]*>&2[\s;]*)?(?:return|exit) [1-9]\d*\b"
)
_ASSIGNED = re.compile(r"(\w+)\s*(?:[-+*/%&|^]|//)?=(?!=)\s*([^;\n]*)")
_GROWS = re.compile(r"\b(?:break|return|pop|shift|push|append|add|remove)\b|[^=<>!]=(?!=)")


@dataclass(frozen=True, eq=False)
class Source:
    """One parsed function; the language's opening stands before it."""

    traits: Traits
    data: bytes
    root: Node

    @staticmethod
    def of(language: str, code: str) -> Source | None:
        """Parse a function; None where the language has no grammar or the text is too hard for it."""
        traits = traits_of(language)
        data = encoded(traits.opening + code)
        tree = parsed(traits, data) if traits.syntax else None
        return Source(traits, data, tree.root_node) if tree else None

    def text(self, node: Node) -> str:
        """Return a node's text."""
        return self.data[node.start_byte : node.end_byte].decode()

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Return the first function's parameters with what else is written of each, which is its type.

        Those of a shell function are the positions that it reads.
        """
        if self.traits.positional:
            return dict.fromkeys(sorted({name.decode() for name in re.findall(rb"\$\{?([1-9])(?!\d)", self.data)}), "")
        holder = parameter_list(function_node(self.function)) if self.function else None
        named = {self._name(child): self.text(child) for child in holder.named_children} if holder else {}
        unlike = ("", "self", "cls", "this")
        return {name: text.replace(name, "", 1) for name, text in named.items() if name not in unlike}

    @cached_property
    def function(self) -> Node | None:
        """Return the first node that lists parameters."""
        return next((node for node in _inside(self.root) if parameter_list(function_node(node))), None)

    @cached_property
    def result(self) -> str:
        """Return the declared type of the first function's result, "" where none is declared."""
        fields = ("return_type", "returns", "type")
        nodes = (self.function.child_by_field_name(name) for name in fields) if self.function else iter(())
        declared = next(filter(None, nodes), None)
        return self.text(declared).strip(": ") if declared else ""

    @cached_property
    def returnable(self) -> tuple[str, ...]:
        """Return the parameters whose declared type is the result's; all of them where no result is declared."""
        pattern = re.compile(rf"(?<![\w.<\[]){re.escape(self.result)}(?![\w.<\[])")
        return tuple(name for name, text in self.parameters.items() if not self.result or pattern.search(text))

    def like(self, name: str) -> str:
        """Return another parameter of the same type as this one; "" when there is none, or it is no parameter."""
        kind = self.parameters.get(name)
        names = [other for other, its in self.parameters.items() if its == kind]
        return names[names.index(name) - 1] if len(names) > 1 else ""

    def _name(self, node: Node) -> str:
        named = node.child_by_field_name("name") or node.child_by_field_name("declarator") or node
        leaf = next((n for n in _inside(named) if n.type in _IDENTIFIERS), None)
        return self.text(leaf) if leaf else ""

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that may be changed, in order."""
        return tuple(_inside(self.root, self))


def _inside(node: Node, source: Source | None = None) -> Iterator[Node]:
    """Yield a node and those inside in order; of a source, without what is left alone."""
    todo = [node]
    while todo:
        node = todo.pop()
        if source is not None and (node.type in _ALONE or is_doc(node) or _only_raises(source, node)):
            continue
        yield node
        todo += reversed(node.children)


def _only_raises(source: Source, node: Node) -> bool:
    if node.type in ("throw_statement", "raise_statement", "throw_expression"):
        return True
    if node.type != "if_statement" or node.child_by_field_name("alternative"):
        return False
    if source.traits.positional:
        text = source.text(node).partition("then")[2]
        return bool(_RAISES.match(text)) and not re.search(r"\bel(?:if|se)\b", text)
    body = node.child_by_field_name("consequence") or node.child_by_field_name("body")
    return body is not None and bool(_RAISES.match(source.text(body)))


def condition(node: Node) -> Node | None:
    """Return a branch's or loop's condition without its brackets; None where there is none, as of a loop over items."""
    found = node.child_by_field_name("condition")
    if found is None and node.type == "conditional_expression" and node.named_child_count == 3:
        found = node.named_children[1]  # Python's
    while found is not None and found.type in ("parenthesized_expression", "condition_clause") and found.named_children:
        found = found.named_children[0]
    return found


def may_loop(source: Source, node: Node) -> str:
    """Return how a change of this node could keep a loop from ending: "" (in no way), "head", "tight" or "never".

    head: it stands in the condition of a loop that counts. tight: in the condition of another loop, which a change may
    only end sooner. never: it sets what such a condition reads, or counts.
    """
    statement, child, up = None, node, node.parent
    while up is not None:
        if child.type.endswith(("_statement", "assignment", "declaration")) or child.type in ("command", "pipeline"):
            statement = statement or child
        test = condition(up) if up.type in _LOOPS else None
        if test is not None:
            if child.start_byte <= test.start_byte and test.end_byte <= child.end_byte:
                return "head" if "for" in up.type else "tight"
            if child != up.child_by_field_name("body") and child.start_byte > test.end_byte:
                return "never"  # how a loop counts
            if "for" not in up.type and _steers(source, statement or child, up, test):
                return "never"
        child, up = up, up.parent
    return ""


def _steers(source: Source, statement: Node, loop: Node, test: Node) -> bool:
    """Tell whether a statement in a loop sets what its condition reads, directly or by way of another name."""
    names = _read(source.text(test))
    text = source.text(statement)
    if not names:
        return bool(_GROWS.search(text))
    body = _ASSIGNED.findall(source.text(loop))
    for _ in body[:5]:
        names |= {name for target, value in body if target in names for name in _read(value)}
    target = re.match(r"[\s$(*]*(?:\+\+|--)?(?:local |let |int |var )?[$(]*(\w+)", text)
    return bool(target and target.group(1) in names)


def _read(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text)) - {"true", "True", "and", "or", "not", "len"}
