"""Statements of a function: how many there are, and which nodes of the syntax tree they are."""

from __future__ import annotations

from tree_sitter import Node

from xinstruct.code.lexical import blanked, encoded, parsed
from xinstruct.code.traits import traits_of

_BLOCKS = frozenset(
    ("compound_statement", "labeled_statement", "empty_statement", "global_statement", "local_function_statement",
     "export_statement", "import_statement", "import_from_statement", "using_statement")
)  # fmt: skip
_OTHERS = frozenset(
    ("declaration", "local_variable_declaration", "lexical_declaration", "variable_declaration", "command", "pipeline",
     "declaration_command", "variable_assignment", "test_command")
)  # fmt: skip
_WHOLE = frozenset(("command", "pipeline", "declaration_command", "variable_assignment", "test_command"))


def is_statement(node: Node) -> bool:
    """Tell whether a node is one statement; a block is none, nor is a declaration inside a loop's head."""
    if node.type in _BLOCKS or is_doc(node):
        return False
    parent = node.parent.type if node.parent else ""
    if node.type in _OTHERS:
        return not (parent.endswith("_statement") and parent != "compound_statement") or node.type in _WHOLE
    return node.type.endswith("_statement")


def is_doc(node: Node) -> bool:
    """Tell whether a node is a statement that consists of a text, which documents."""
    return (
        node.type == "expression_statement" and node.named_child_count == 1 and node.named_children[0].type == "string"
    )


def count_statements(language: str, code: str) -> int:
    """Return how many statements a function's code has, those inside of others too; blocks and docs are none.

    Where the language has no grammar, or the code is too hard for it, lines that hold a word are counted but the first.
    """
    traits = traits_of(language)
    tree = parsed(traits, encoded(traits.opening + code)) if traits.syntax else None
    if tree is None:
        return max(1, sum(any(map(str.isalnum, line)) for line in blanked(language, code).splitlines()) - 1)
    count, todo = 0, [tree.root_node]
    while todo:
        node = todo.pop()
        found = is_statement(node)
        count += found
        if not (found and node.type in _WHOLE):  # what a command runs for its arguments is part of it
            todo += node.named_children
    return count
