"""What an answer is worth as training data, by its code alone: how many statements it has, what makes it its own.

Statements are counted by the grammars, alike in all languages: nested ones count; braces, labels, imports, docstrings
and the declarations of functions do not. Left out: what the code does (the judge), unneeded imports (``unused``).
"""

from __future__ import annotations

import re

from tree_sitter import Node

from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.shapes import code_tokens, numbered
from xinstruct.code.traits import Traits, traits_of
from xinstruct.code.unused import without_imports

_STATEMENT = re.compile(r"_statement$")
_NAMED_OTHERWISE = {
    "lexical_declaration", "variable_declaration", "local_variable_declaration", "declaration", "for_range_loop",
    "command", "declaration_command", "variable_assignment", "pipeline", "list", "test_command", "negated_command",
    "unset_command",
}  # fmt: skip
# blocks, labels, wrappers around one statement, declarations, and what does nothing
_NONE = {
    "compound_statement", "default_statement", "labeled_statement", "redirected_statement", "global_statement",
    "local_function_statement", "import_statement", "import_from_statement", "future_import_statement",
    "empty_statement", "pass_statement",
}  # fmt: skip
_ONE_WITH_ITS_PARTS = {
    "pipeline", "list", "negated_command", "command", "declaration_command", "local_declaration_statement",
    "using_statement",
}  # fmt: skip
_EXPRESSION_OF_ITS_OWN = {"command_substitution", "process_substitution"}
_BLOCKS = {"block", "switch_block", "switch_block_statement_group"}  # a switch of Java in one is a statement


def statements(language: str, code: str, name: str) -> int:
    """Return the number of statements in the body of a function, the largest of that name; 1 for a bare expression.

    Of code without that function all statements are counted. Raises ValueError where the language has no grammar, or
    the text keeps its parser busy for too long.
    """
    traits = traits_of(language)
    root = _root(traits, code)
    return max((_in_body(traits, body) for body in _bodies(root, name)), default=_count(traits, root))


def normal_form(language: str, code: str) -> str:
    """Return a text that is equal for codes that differ in names, comments, layout and imports only.

    Raises ValueError as `statements` does.
    """
    traits = traits_of(language)
    tokens = list(code_tokens(traits, _root(traits, without_imports(language, code)), constants=True))
    own = {text for text, name in tokens if name} - traits.known()
    return " ".join(numbered(tokens, own))


def _root(traits: Traits, code: str) -> Node:
    lead = "" if code.lstrip().startswith(traits.opening[:2]) else traits.opening
    tree = parsed(traits, encoded(lead + code))
    if tree is None:
        raise ValueError(f"no program of {traits.name}: its parser takes too long")
    return tree.root_node


def _bodies(root: Node, name: str) -> list[Node]:
    """Return the bodies of the functions of that name."""
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        function = node.child_by_field_name("value") or node.child_by_field_name("right") or node
        body = function.child_by_field_name("body")
        if body is not None and _name(node) == name:
            found.append(body)
        stack += node.children
    return found


def _name(node: Node) -> str:
    """Return the name that a node declares: its own field, or what its declarators or an assignment lead to."""
    named = node.child_by_field_name("name") or node.child_by_field_name("left")
    inner = node.child_by_field_name("declarator")
    while named is None and inner is not None:
        deeper = inner.child_by_field_name("declarator") or next(
            (child for child in inner.named_children if child.type.endswith("declarator")), None
        )
        named, inner = (inner, None) if deeper is None else (None, deeper)
    return re.split(r"::|\.", (named.text or b"").decode("utf-8", "replace"))[-1] if named is not None else ""


def _in_body(traits: Traits, body: Node) -> int:
    count = _count(traits, body)
    # An expression in the place of a block is what `return` of it would be.
    return count or int(not any(child.type == "{" for child in body.children) and body.type != "block")


def _count(traits: Traits, root: Node) -> int:
    count, stack = 0, [(root, False)]
    while stack:
        node, counts = stack.pop()
        count += counts and _is_statement(traits, node)
        if node.type not in _EXPRESSION_OF_ITS_OWN:
            stack += _children(node)
    return count


def _children(node: Node) -> list[tuple[Node, bool]]:
    """Return the children of a node, each with whether it may count as a statement of its own."""
    loop, then = node.type.startswith(("for", "c_style_for")), node.type != "elif_clause"
    found = []
    for index, child in enumerate(node.children):
        field = node.field_name_for_child(index)
        then = then or child.type == "then"
        part = node.type in _ONE_WITH_ITS_PARTS or field == "condition" or (loop and field != "body")
        found.append((child, then and (not part or child.type == "do_group")))
    return found


def _is_statement(traits: Traits, node: Node) -> bool:
    if not node.is_named or node.type in _NONE:
        return False
    if node.type == "case_statement":  # of Bash; in other languages it is a label
        return any(child.type == "case_item" for child in node.children)
    if node.type == "switch_expression":
        return node.parent is not None and node.parent.type in _BLOCKS
    if node.type == "expression_statement" and node.named_child_count == 1:
        only = node.named_child(0)
        return only is None or only.type not in traits.grammar.literals  # a docstring
    return node.type in _NAMED_OTHERWISE or bool(_STATEMENT.search(node.type))
