"""What C++ looks like."""

from __future__ import annotations

import re
from functools import partial

from tree_sitter import Node

from xinstruct.code.declarations import parameter_list
from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar, standard_names
from xinstruct.code.traits import shared
from xinstruct.code.traits.base import INSTANCE, Nodes, Parameter, Traits, listed_types

GRAMMAR = Grammar(
    "cpp",
    "tree_sitter_cpp",
    literals=("string_literal", "raw_string_literal", "char_literal", "string_content", "raw_string_content"),
    unread=("preproc_arg",),
)
_CONDITIONS = {"preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif"}
_GUARD = 0.8  # of a file: a condition around so much of it is an include guard


def _torn(facts: Facts, definition: Definition) -> list[str]:
    """What a definition loses outside of its file: defaults that a header states, conditions, namespaces."""
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


def _faults(facts: Facts, definition: Definition) -> list[str]:
    found = _torn(facts, definition)
    return found if definition.kind != "function" or _static(facts, definition) else [*found, INSTANCE]


def _static(facts: Facts, function: Definition) -> bool:
    """Whether a function needs no object: it stands in no class or is declared static."""
    around = function.whole.parent
    if around is None or around.type != "field_declaration_list":
        return True
    children = function.node.children
    return any(child.type == "storage_class_specifier" and facts.text(child) == "static" for child in children)


def _import_kept(text: str) -> bool:
    found = re.match(r"#\s*include\s*<([^>]+)>", text)
    return bool(found and found.group(1) in standard_names("cpp_headers"))


def _closed(definition: Definition, text: str) -> str:
    if definition.node.type in {"function_definition", "preproc_def", "preproc_function_def"}:
        return text
    return text if text.endswith((";", "}")) else text + ";"


def _clean(text: str) -> str:
    text = re.sub(r"\b(const|std::|inline|static|constexpr|absl::|struct|mutable|extern|typename)\s*", "", text)
    text = re.sub(r"\bstd::", "", text).replace("&", "").strip()
    return re.sub(r"\s*\*", "*", text)


def _type_parameters(declared: Node) -> Node | None:
    """Those of the template declaration around a function."""
    return declared.parent.child_by_field_name("parameters") if declared.parent is not None else listed_types(declared)


def _parameter(facts: Facts, node: Node) -> Parameter:
    text = facts.text(node)
    head, _, default = text.partition("=")
    found = re.match(r"^(.*?[\s&*])(\w+)\s*$", head.strip())
    if found is None or ("&" in head and "const" not in head) or ("*" in head and "char" not in head):
        return "", "", bool(default)
    if "*" in head and "const" not in head:
        return "", "", False
    return found.group(2), found.group(1), bool(default)


TRAITS = Traits(
    "cpp",
    syntax=GRAMMAR,
    suffixes=(".h", ".hh", ".hpp", ".cc", ".cpp", ".cxx", ".ipp"),
    headers=(".h", ".hpp", ".hh"),
    marks=re.compile(
        rb"^\s*#\s*(?:include\s*[<\"]|ifndef|define|pragma)|^\s*(?:namespace \w*\s*\{|template\s*<)", re.M
    ),
    overloads=True,
    import_kept=_import_kept,
    glue="\n",
    closed=_closed,
    faults=_faults,
    fault_marks="(",  # being torn from its header is no name that lies elsewhere either
    scalars={"int": "int", "long": "int", "short": "int", "unsigned": "int", "size_t": "int", "int8_t": "int",
             "int16_t": "int", "int32_t": "int", "int64_t": "int", "uint8_t": "int", "uint16_t": "int",
             "uint32_t": "int", "uint64_t": "int", "unsigned int": "int", "long long": "int", "unsigned long": "int",
             "unsigned long long": "int", "ptrdiff_t": "int", "double": "float", "float": "float", "bool": "bool",
             "string": "string", "string_view": "string", "void": "none", "char*": "string"},
    clean=_clean,
    clean_inner=_clean,
    integer="int64_t",
    type_parameters=_type_parameters,
    parameter=_parameter,
    definition=shared.TYPED,
    balanced=True,
    braces=True,
    nodes=Nodes(
        functions=("function_definition",),
        types=("class_specifier", "struct_specifier", "enum_specifier", "union_specifier", "namespace_definition"),
        imports=("preproc_include", "using_declaration"),
        values=("declaration", "alias_declaration", "type_definition", "preproc_def", "preproc_function_def"),
        scopes=("preproc_ifdef", "preproc_if", "preproc_else", "linkage_specification"),
        wrappers=("template_declaration",),
        words=("identifier", "type_identifier", "namespace_identifier"),
    ),
    entry="main",
    calls=("{type}::{name}({args})", "{type}().{name}({args})"),
    preamble=partial(shared.import_lines, "cpp"),
    none="std::nullopt",
)  # fmt: skip
