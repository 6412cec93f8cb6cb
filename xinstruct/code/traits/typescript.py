"""What TypeScript looks like: JavaScript with declared types."""

from __future__ import annotations

import re

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits.base import Nodes, Traits
from xinstruct.code.traits.javascript import DEFINITION, LITERALS, SCALARS, body_opens, import_names


def _faults(facts: Facts, definition: Definition) -> list[str]:
    parent = definition.node.parent
    declared = parent is not None and parent.type == "ambient_declaration"
    return [f"(declared {definition.name})"] if declared else []


TRAITS = Traits(
    "typescript",
    syntax=Grammar(
        "typescript", "tree_sitter_typescript", "language_typescript", literals=(*LITERALS, "template_literal_type")
    ),
    suffixes=(".ts",),
    excluded=(".d.ts",),
    programs=("deno", "ts"),
    family="javascript",
    import_names=import_names,
    faults=_faults,
    scalars=SCALARS,
    number="number",
    dicts=frozenset(),
    unions=True,
    integer="integer",
    predicate=re.compile(r"\w+ is "),
    untyped_calls=True,
    definition=DEFINITION,
    braces=True,
    nodes=Nodes(
        functions=("function_declaration", "generator_function_declaration", "method_definition"),
        types=(
            "class_declaration",
            "abstract_class_declaration",
            "interface_declaration",
            "enum_declaration",
            "type_alias_declaration",
        ),
        imports=("import_statement",),
        values=("lexical_declaration", "variable_declaration"),
        wrappers=("export_statement",),
        words=("identifier", "type_identifier"),
    ),
    calls=("({type} as any).{name}({args})", "(new ({type} as any)()).{name}({args})"),
    body_opens=body_opens,
)
