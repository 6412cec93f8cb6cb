"""What Java looks like."""

from __future__ import annotations

import re
from functools import partial

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits import shared
from xinstruct.code.traits.base import Imported, Nodes, Traits


def _import_kept(text: str) -> bool:
    found = re.match(r"import\s+(java[\w.]*)\.\*\s*;", text)
    return bool(found and _standard(found.group(1)))


def _standard(module: str) -> bool:
    return module.startswith(("java.", "javax."))


def _import_names(text: str) -> Imported:
    found = re.match(r"import\s+(?:static\s+)?([\w.]+)\.(\w+)\s*;", text)
    return {found.group(2): (text, _standard(found.group(1) + "."))} if found else {}


def _free(facts: Facts, definition: Definition, used: set[str], bound: set[str]) -> set[str]:
    return (used - bound) | {facts.text(node) for node in facts.names(definition, "call")}  # no variable is called


def _bare(definition: Definition, body: bytes) -> bytes:
    if definition.kind == "constant":
        return shared.constant("java", body, b"static final ")
    return shared.led("java", body, b"public static ") if definition.node.type == "method_declaration" else body


def _faults(facts: Facts, definition: Definition) -> list[str]:
    found = shared.member_faults(facts, definition)
    if definition.kind == "constant" and _filled(facts, definition):
        found.append(f"(static block of {definition.name})")
    return found


def _filled(facts: Facts, constant: Definition) -> bool:
    """Whether a static block fills a constant: alone it is empty."""
    pattern = rf"\bstatic\s*\{{[^}}]*?\b{re.escape(constant.name)}\s*(?:\[[^\]]*\]\s*=|=|\.\w+\()"
    return bool(re.search(pattern.encode(), facts.source))


def _clean(text: str) -> str:
    return re.sub(r"\bfinal\s+|@\w+(\([^)]*\))?\s*", "", text).strip()


TRAITS = Traits(
    "java",
    syntax=Grammar(
        "java", "tree_sitter_java", comments=("line_comment", "block_comment"),
        literals=("string_literal", "character_literal", "string_fragment", "multiline_string_fragment"),
    ),
    suffixes=(".java",),
    marks=re.compile(rb"^(?:package [\w.]+;|import java[\w.]*\.\w+;)", re.MULTILINE),
    scoped=True,
    free=_free,
    import_kept=_import_kept,
    import_names=_import_names,
    bare=_bare,
    faults=_faults,
    scalars={"int": "int", "long": "int", "short": "int", "byte": "int", "Integer": "int", "Long": "int",
             "double": "float", "float": "float", "Double": "float", "Float": "float", "boolean": "bool",
             "Boolean": "bool", "String": "string", "CharSequence": "string", "void": "none"},
    clean=_clean,
    integer="Integer",
    definition=shared.TYPED,
    balanced=True,
    braces=True,
    nodes=Nodes(
        functions=("method_declaration",),
        types=("class_declaration", "interface_declaration", "enum_declaration", "record_declaration",
               "annotation_type_declaration"),
        imports=("import_declaration",),
        values=("field_declaration", "local_variable_declaration"),
    ),
    entry="main",
    enclosed=True,
    calls=("{type}.{name}({args})", "new {type}().{name}({args})"),
    preamble=partial(shared.import_lines, "java"),
)  # fmt: skip
