"""What Python looks like."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from functools import cache

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits.base import INSTANCE, LISTS, Imported, Nodes, Traits

_LIBRARY = sys.stdlib_module_names | {"__future__"}


@cache
def _builtins() -> frozenset[str]:
    return frozenset(dir(builtins)) | {"__name__", "__doc__"}


def _import_names(text: str) -> Imported:
    flat = re.sub(r"[()\\\n]", " ", re.sub(r"#.*", "", text))
    if found := re.match(r"from\s+([\w.]+)\s+import\s+(.*)$", flat, re.DOTALL):
        module, rest = found.group(1), found.group(2)
        lead = f"from {module} import "
    else:
        module, rest, lead = "", flat.replace("import", "", 1), "import "
    names = {}
    for part in rest.split(","):
        words = part.split()
        if words:
            bound = words[-1].split(".")[0]
            names[bound] = (lead + " ".join(words), (module or words[0]).split(".")[0] in _LIBRARY)
    return names


def _docstring(facts: Facts, body: Node, first: Node) -> tuple[int, int, str] | None:
    if first.type == "expression_statement" and first.named_child_count == 1:
        string = first.named_child(0)
        if string is not None and string.type == "string" and body.named_child_count > 1:
            return first.start_byte, first.end_byte, facts.text(string)
    return None


def _bare(definition: Definition, body: bytes) -> bytes:
    return re.sub(rb"^@staticmethod\s*", b"", body) if definition.scopes else body


def _faults(facts: Facts, definition: Definition) -> list[str]:
    if definition.kind != "function" or not any(definition.scopes):
        return []
    decorators = [child for child in definition.whole.children if child.type == "decorator"]
    return [] if any("staticmethod" in facts.text(child) for child in decorators) else [INSTANCE]


def _is_program(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _body_opens(rest: str, line: str) -> int:
    return int("def " in line and rest[0] == ":")


def _preamble(prompt: str, function: str) -> str:
    """The prompt's imports and helper functions."""
    try:
        body = ast.parse(prompt).body
    except SyntaxError:  # a prompt that ends at its header or inside a suite
        body = ast.parse(prompt + "    pass\n").body
    own = [n for n in body if not (isinstance(n, ast.FunctionDef) and n.name == function)]
    return "\n".join(ast.unparse(node) for node in own if not isinstance(node, ast.Expr))


TRAITS = Traits(
    "python",
    syntax=Grammar("python", "tree_sitter_python", literals=("string", "string_content")),
    suffixes=(".py",),
    programs=("python",),
    marks=re.compile(rb"^(?:def \w+\(.*\).*:|from [\w.]+ import \w|class \w+(?:\(.*\))?:)\s*$", re.MULTILINE),
    builtins=_builtins,
    import_names=_import_names,
    doc_inside=True,
    inner_doc=_docstring,
    bare=_bare,
    faults=_faults,
    scalars={"int": "int", "float": "float", "bool": "bool", "str": "string", "string": "string", "None": "none",
             "integer": "int", "boolean": "bool", "Text": "string", "Number": "float"},
    lists=LISTS - {"Iterator"},
    tuples=frozenset(("Tuple", "tuple")),
    unions=True,
    untyped_calls=True,
    definition=r"^[ \t]*(?:async\s+)?def\s+{name}\s*\(|^{name}\s*=\s*lambda\b",
    is_program=_is_program,
    indented=True,
    stops=("```", "\ndef ", "\nprint(", "\n#", "\nif __name__"),
    body_opens=_body_opens,
    main=re.compile(r"^if\s+__name__\s*==.*(?:\n(?:[ \t].*|\s*$))*", re.M),
    nodes=Nodes(
        functions=("function_definition",),
        types=("class_definition",),
        imports=("import_statement", "import_from_statement", "future_import_statement"),
        values=("expression_statement",),
        wrappers=("decorated_definition",),
    ),
    calls=("{type}.{name}({args})", "{type}().{name}({args})"),
    usual_imports=(
        "import bisect, collections, copy, datetime, functools, hashlib, heapq, itertools, json, math, operator, os, "
        "random, re, string, sys, time\nfrom collections import *\nfrom functools import *\nfrom heapq import *\n"
        "from itertools import *\nfrom typing import *\n"
    ),
    preamble=_preamble,
    none="None",
)  # fmt: skip
