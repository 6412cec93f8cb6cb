"""What C# looks like."""

from __future__ import annotations

import re
from functools import partial

from xinstruct.code.facts import Definition
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits import shared
from xinstruct.code.traits.base import Nodes, Traits

_CORE_USINGS = re.compile(
    r"using\s+System(\.Collections(\.Generic)?|\.Linq|\.Text(\.RegularExpressions)?|\.Globalization)?\s*;"
)


def _import_kept(text: str) -> bool:
    return bool(_CORE_USINGS.fullmatch(text))


def _bare(definition: Definition, body: bytes) -> bytes:
    if definition.kind == "constant":
        body = shared.constant("csharp", body, b"static ")
    elif definition.node.type == "method_declaration":
        body = shared.led("csharp", body, b"public static ")
    return re.sub(rb"(\(\s*)this\s+", rb"\1", body, count=1)


def _clean(text: str) -> str:
    return re.sub(r"^(this|in)\s+", "", text).strip()


TRAITS = Traits(
    "csharp",
    syntax=Grammar(
        "csharp", "tree_sitter_c_sharp",
        literals=("string_literal", "verbatim_string_literal", "raw_string_literal", "character_literal",
                  "interpolated_string_expression", "string_literal_content", "string_content"),
    ),
    suffixes=(".cs",),
    marks=re.compile(rb"^\s*(?:using [A-Z][\w.]*;|namespace [A-Z][\w.]*\s*[{;]?\s*$)", re.MULTILINE),
    scoped=True,
    import_kept=_import_kept,
    bare=_bare,
    faults=shared.member_faults,
    scalars={"int": "int", "long": "int", "short": "int", "uint": "int", "byte": "int", "ulong": "int",
             "ushort": "int", "double": "float", "float": "float", "bool": "bool", "string": "string", "Int32": "int",
             "Int64": "int", "String": "string", "Boolean": "bool", "Double": "float", "void": "none"},
    question_mark=True,
    clean=_clean,
    integer="int",
    parameter_refused=re.compile(r"^(ref|out|params)\b"),
    definition=shared.TYPED,
    balanced=True,
    braces=True,
    nodes=Nodes(
        functions=("method_declaration", "local_function_statement"),
        types=("class_declaration", "struct_declaration", "interface_declaration", "enum_declaration",
               "record_declaration", "record_struct_declaration", "delegate_declaration"),
        imports=("using_directive",),
        values=("field_declaration", "local_declaration_statement", "property_declaration"),
        scopes=("namespace_declaration", "file_scoped_namespace_declaration"),
        wrappers=("global_statement",),
    ),
    entry="Main",
    enclosed=True,
    calls=("{type}.{name}({args})", "new {type}().{name}({args})"),
    preamble=partial(shared.import_lines, "csharp"),
)  # fmt: skip
