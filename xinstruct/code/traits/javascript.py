"""What JavaScript looks like; TypeScript takes most of it from here."""

from __future__ import annotations

import re

from tree_sitter import Node

from xinstruct.code.facts import Facts
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits.base import Imported, Nodes, Traits

SCALARS = {"boolean": "bool", "string": "string", "bigint": "", "void": "none", "Boolean": "bool", "String": "string",
           "bool": "bool", "str": "string", "integer": "int", "int": "int", "float": "float",
           "Integer": "int"}  # fmt: skip
LITERALS = ("string", "template_string", "regex", "string_fragment")
DEFINITION = r"\bfunction\s*\*?\s+{name}\b|\b(?:const|let|var)\s+{name}\s*[:=]"
_DOCUMENTS = re.compile(r"\b(?:example|returns) \d+:|@param\b|@returns?\b")  # else it is about the first statement
_FILE_HEADER = re.compile(r"^.+\n\s*={5,}\s*$", re.MULTILINE)


def import_names(text: str) -> Imported:
    """The names that an import statement binds; none is of a standard library."""
    words = re.findall(r"[\w$]+", text.partition(" from ")[0].replace("import", "", 1))
    return dict.fromkeys(words, (text, False))


def body_opens(rest: str, line: str) -> int:
    """As for braces, and behind the arrow of a function expression."""
    arrow = re.match(r"=>\s*(\{)?", rest)
    return arrow.end() if arrow else int(rest[0] == "{")


def _comments(facts: Facts, body: Node, first: Node) -> tuple[int, int, str] | None:
    """The comments that a body begins with, where they document it."""
    if first.type != "comment":
        return None
    last = first
    for child in body.named_children:
        if child.type != "comment":
            break
        last = child
    text = facts.source[first.start_byte : last.end_byte].decode()
    return (first.start_byte, last.end_byte, text) if _DOCUMENTS.search(text) else None


def _poor_doc(doc: str) -> str:
    return "the file's header" if _FILE_HEADER.match(doc) else ""


TRAITS = Traits(
    "javascript",
    syntax=Grammar("javascript", "tree_sitter_javascript", literals=LITERALS),
    suffixes=(".js", ".mjs", ".cjs"),
    programs=("node",),
    marks=re.compile(
        rb"^(?:export (?:default |function |const |\{)|module\.exports|import .* from ['\"]|"
        rb"(?:async )?function \w+\s*\()",
        re.MULTILINE,
    ),
    import_names=import_names,
    inner_doc=_comments,
    poor_doc=_poor_doc,
    example_docs=True,
    scalars=SCALARS,
    number="number",
    dicts=frozenset(),
    unions=True,
    untyped_calls=True,
    definition=DEFINITION,
    braces=True,
    nodes=Nodes(
        functions=("function_declaration", "generator_function_declaration", "method_definition"),
        types=("class_declaration",),
        imports=("import_statement",),
        values=("lexical_declaration", "variable_declaration"),
        wrappers=("export_statement",),
        words=("identifier", "type_identifier"),
    ),
    calls=("{type}.{name}({args})", "new {type}().{name}({args})"),
    body_opens=body_opens,
)
