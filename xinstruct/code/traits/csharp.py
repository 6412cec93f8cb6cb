"""What C# looks like."""

from __future__ import annotations

import re

from xinstruct.code.facts import Definition
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits import shared
from xinstruct.code.traits.base import Traits

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
    main=re.compile(
        r"^[ \t]*(?:(?:public|private|internal)\s+)?static\s+(?:void|int)\s+Main\s*\([^)]*\)\s*\{", re.M
    ),
    preamble=shared.import_lines,
)  # fmt: skip
