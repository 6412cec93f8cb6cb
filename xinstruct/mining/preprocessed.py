"""What a C++ definition loses when it is taken out of its file: defaults that a header states, conditions, namespaces.

Each loss is named as something missing. Left out: names (``resolve``).
"""

from __future__ import annotations

import re

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.signatures import parameter_list

_CONDITIONS = {"preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif"}
_GUARD = 0.8  # of a file: a condition around so much of it is an include guard


def torn(facts: Facts, definition: Definition) -> list[str]:
    """Why a definition does not mean the same alone, [] when it does."""
    node = definition.node
    if node.type in {"type_definition", "alias_declaration"}:  # a name of another namespace taken over
        own = len(re.findall(rf"\b{re.escape(definition.name)}\b", facts.text(node)))
        return [f"(alias {definition.name})"] if own > 1 else []
    if node.type.startswith("preproc_"):
        return [f"(condition of {definition.name})"] if _conditional(facts, node) else []
    called = [(call, facts.text(call)) for call in facts.names(definition, "call")]
    bound = {facts.text(found) for found in facts.names(definition, "bind")}
    lost = []
    for call in facts.names(definition, "far_call"):
        scope, _, name = facts.text(call).rpartition("::")
        if scope in definition.scopes:
            called.append((call, name))
        elif scope in bound:  # of a type parameter, which only the package's own types have
            lost.append(f"({scope}::{name})")
    return lost + [f"(call of {name})" for call, name in called if not _fits(facts, call, name)]


def _conditional(facts: Facts, node: Node) -> bool:
    around = node.parent
    if around is None or around.type not in _CONDITIONS:
        return False
    return around.end_byte - around.start_byte < _GUARD * len(facts.source)


def _fits(facts: Facts, callee: Node, name: str) -> bool:
    """Whether a call passes as many arguments as some definition of that name in the file takes."""
    call = callee.parent
    passed = call.child_by_field_name("arguments") if call is not None else None
    taken = [_arity(found.node) for found in facts.helpers.get(name, []) if found.kind == "function"]
    if passed is None or not taken:
        return True
    count = sum("comment" not in child.type for child in passed.named_children)
    return any(least <= count <= most for least, most in taken)


def _arity(node: Node) -> tuple[int, int]:
    """Fewest and most arguments of a function definition."""
    listed = parameter_list(node)
    if listed is None:
        return 0, 99
    kinds = [child.type for child in listed.named_children]
    needed = kinds.count("parameter_declaration")
    if [child.type for child in listed.children].count("...") or "variadic_parameter_declaration" in kinds:
        return 0, 99
    return needed, needed + kinds.count("optional_parameter_declaration")
