"""The nodes of a function's declaration: which one carries the parameters, and which one lists them."""

from __future__ import annotations

from tree_sitter import Node


def function_node(node: Node) -> Node:
    """The node that carries parameters: past a declarator, past references in C++."""
    if node.type in {"lexical_declaration", "variable_declaration"}:
        for child in node.named_children:
            if child.type == "variable_declarator" and (value := child.child_by_field_name("value")):
                return value
    return node


def parameter_list(node: Node) -> Node | None:
    """The node that lists the parameters, None when there is none."""
    found = node.child_by_field_name("parameters")
    inner = node.child_by_field_name("declarator")
    while found is None and inner is not None:
        found = inner.child_by_field_name("parameters")
        inner = inner.child_by_field_name("declarator") or next(
            (child for child in inner.named_children if child.type.endswith("declarator")), None
        )
    return found
