"""Declared, annotated or documented types of a function, put into the language-neutral notation.

What cannot be said there (callbacks, objects) gives no signature, never a guess; a type parameter is bound to
whole numbers.
Numbers of JavaScript and Bash are int when the doc or the parameter's name says so, else float.
Trailing parameters with a default are left off: the language lets one call without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from xinstruct.code.docs import Doc
from xinstruct.code.examples import signature_from_examples
from xinstruct.code.facts import Definition, Facts
from xinstruct.code.types import Parameter, Signature, Type, TypeSyntaxError

_INT_NAMES = re.compile(
    r"^(n|k|i|j|m|num|size|count|length|len|index|idx|start|end|times|width|depth|limit|max_?length|min_?length|"
    r"position|pos|offset|places|digits|decimals|precision|year|month|day|base|radix|repeat|total_?width)$",
    re.IGNORECASE,
)
_INT_WORDS = re.compile(
    r"\b(index|indices|count|number of|length of|integer|position|how many|distance)\b", re.IGNORECASE
)

_SCALARS: dict[str, dict[str, str]] = {
    "python": {"int": "int", "float": "float", "bool": "bool", "str": "string", "string": "string", "None": "none",
               "integer": "int", "boolean": "bool", "Text": "string", "Number": "float"},
    "typescript": {"boolean": "bool", "string": "string", "bigint": "", "void": "none", "Boolean": "bool",
                   "String": "string", "bool": "bool", "str": "string", "integer": "int", "int": "int",
                   "float": "float",
                   "Integer": "int"},
    "java": {"int": "int", "long": "int", "short": "int", "byte": "int", "Integer": "int", "Long": "int",
             "double": "float", "float": "float", "Double": "float", "Float": "float", "boolean": "bool",
             "Boolean": "bool", "String": "string", "CharSequence": "string", "void": "none"},
    "csharp": {"int": "int", "long": "int", "short": "int", "uint": "int", "byte": "int", "ulong": "int",
               "ushort": "int", "double": "float", "float": "float", "bool": "bool", "string": "string", "Int32": "int",
               "Int64": "int", "String": "string", "Boolean": "bool", "Double": "float", "void": "none"},
    "cpp": {"int": "int", "long": "int", "short": "int", "unsigned": "int", "size_t": "int", "int8_t": "int",
            "int16_t": "int", "int32_t": "int", "int64_t": "int", "uint8_t": "int", "uint16_t": "int",
            "uint32_t": "int",
            "uint64_t": "int", "unsigned int": "int", "long long": "int", "unsigned long": "int", "unsigned long long":
            "int", "ptrdiff_t": "int", "double": "float", "float": "float", "bool": "bool", "string": "string",
            "string_view": "string", "void": "none", "char*": "string"},
    "php": {"int": "int", "integer": "int", "float": "float", "double": "float", "bool": "bool", "boolean": "bool",
            "string": "string", "void": "none", "number": "float"},
    "bash": {},
}  # fmt: skip


def neutral(language: str, text: str, hint: str = "") -> Type | None:
    """The neutral type of a type written in a language, or None. `hint` is a parameter's name or its doc."""
    text = re.sub(r"\s+", " ", text).strip().rstrip("=").strip()
    if language == "javascript":
        language = "typescript"
    clean = {"cpp": _clean_cpp, "java": _clean_java, "csharp": _clean_csharp, "php": _clean_php}.get(language)
    text = clean(text) if clean else text
    try:
        return Type.parse(_spell(language, text, hint) or "?")
    except TypeSyntaxError:
        return None


def _clean_cpp(text: str) -> str:
    text = re.sub(r"\b(const|std::|inline|static|constexpr|absl::|struct|mutable|extern|typename)\s*", "", text)
    text = re.sub(r"\bstd::", "", text).replace("&", "").strip()
    return re.sub(r"\s*\*", "*", text)


def _clean_java(text: str) -> str:
    return re.sub(r"\bfinal\s+|@\w+(\([^)]*\))?\s*", "", text).strip()


def _clean_csharp(text: str) -> str:
    return re.sub(r"^(this|in)\s+", "", text).strip()


def _clean_php(text: str) -> str:
    return text.strip().lstrip("\\")


def _spell(language: str, text: str, hint: str) -> str:
    """Neutral spelling of a cleaned type, "" when it has none."""
    if text in _SCALARS[language]:
        return _SCALARS[language][text]
    if language == "typescript" and text.lower() == "number":
        return "int" if _INT_NAMES.match(hint) or _INT_WORDS.search(hint) else "float"
    if optional := _optional(language, text):
        inner = _spell(language, optional, hint)
        return f"optional<{inner}>" if inner else ""
    if text.endswith("[]"):
        inner = _spell(language, re.sub(r"^readonly\s+|^\((.*)\)(?=\[\]$)", r"\1", text)[:-2].strip("() "), hint)
        return f"list<{inner}>" if inner else ""
    if generic := re.match(r"^([\w.\\]+)\s*[<\[](.*)[>\]]$", text):
        return _generic(language, generic.group(1).split(".")[-1], generic.group(2), hint)
    return ""


def _optional(language: str, text: str) -> str:
    if language in {"csharp", "php"} and re.fullmatch(r"\??[\w\[\]]+\??", text) and "?" in text:
        return text.strip("?")
    if found := re.fullmatch(r"Optional\[(.*)\]", text):
        return found.group(1)
    parts = [part.strip() for part in text.split("|")]
    rest = [part for part in parts if part not in {"null", "undefined", "None"}]
    return rest[0] if len(parts) == 2 and len(rest) == 1 and language in {"python", "typescript", "php"} else ""


_LISTS = {"list", "List", "Sequence", "Iterable", "Collection", "Array", "ReadonlyArray", "vector", "IList", "Iterator",
          "IEnumerable", "ICollection", "array"}  # fmt: skip
_DICTS = {"dict", "Dict", "Mapping", "Map", "map", "unordered_map", "Dictionary", "IDictionary", "HashMap"}


def _generic(language: str, head: str, inner: str, hint: str) -> str:
    args = [_spell(language, _strip(language, part), hint) for part in _split(inner)]
    if not all(args):
        return ""
    if head in _LISTS and len(args) == 1 and not (language == "python" and head == "Iterator"):
        return f"list<{args[0]}>"
    if head in _DICTS and len(args) == 2 and language not in {"typescript"}:
        return f"dict<{args[0]},{args[1]}>"
    if head in {"Tuple", "tuple"} and language == "python":
        return f"tuple<{','.join(args)}>"
    return ""


def _strip(language: str, text: str) -> str:
    return _clean_cpp(text) if language == "cpp" else text.strip()


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<[") - (char in ">]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


# ---- reading the declaration


# TypeScript's `number` is a whole one where bits are shifted or masked.
_BITS = re.compile(r"<<|>>|(?<![&|])[&^~](?![&|])")


def signature_of(facts: Facts, function: Definition, doc: Doc) -> Signature | None:
    """The neutral signature of a function, or None when types are missing or cannot be said."""
    language = facts.grammar.name
    if language == "bash":
        return _bash(facts, function, doc)
    declared = function_node(function.node)
    listed = parameter_list(declared)
    if listed is None:
        return None
    if language == "javascript" and "example 1:" in doc.text:
        names = [facts.text(child) for child in listed.named_children if child.type == "identifier"]
        return signature_from_examples(function.name, names, doc.text)
    body = declared.child_by_field_name("body")
    whole = "integer " if body is not None and _BITS.search(facts.text(body)) else ""
    params: list[Parameter] = []
    bound = binder(facts, declared)
    for node in (child for child in listed.named_children if "comment" not in child.type):
        name, written, default = read_parameter(facts, node)
        kind = neutral(language, bound(written or doc.params.get(name, "")), whole + name)
        if default or name in doc.optional:
            break
        if kind is None or not name or node.type in {"list_splat_pattern", "dictionary_splat_pattern", "rest_pattern"}:
            return None
        params.append(Parameter(name.removeprefix("$"), kind))
    returns = neutral(language, bound(_returned(facts, declared) or doc.returns), whole + _return_hint(function, doc))
    if returns is None or returns.head == "none" or not params:
        return None
    return Signature(tuple(params), returns)


_INTEGER = {"typescript": "integer", "java": "Integer", "csharp": "int", "cpp": "int64_t"}


def binder(facts: Facts, declared: Node) -> Callable[[str], str]:
    """What puts whole numbers for a function's type parameters: any type will do, and integers go everywhere."""
    listed = declared.child_by_field_name("type_parameters") or next(
        (child for child in declared.named_children if child.type == "type_parameter_list"), None
    )
    integer = _INTEGER.get(facts.grammar.name)
    if facts.grammar.name == "cpp" and declared.parent is not None:
        listed = declared.parent.child_by_field_name("parameters")  # of a template declaration
    if listed is None or integer is None:
        return str
    names = [
        re.match(r"(?:const\s+|in\s+|out\s+|typename\s+|class\s+)?(\w+)", facts.text(child))
        for child in listed.named_children
    ]
    words = "|".join(found.group(1) for found in names if found)
    return lambda text: re.sub(rf"\b(?:{words})\b", integer, text) if words else text


def _return_hint(function: Definition, doc: Doc) -> str:
    tag = re.search(r"@returns?\s+(?:\{[^}]*\})?(.*)", doc.text)
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", function.name)
    return f"{words} {tag.group(1) if tag else ''}"


def function_node(node: Node) -> Node:
    """The node that carries parameters: past a declarator, past references in C++."""
    if node.type in {"lexical_declaration", "variable_declaration"}:
        for child in node.named_children:
            if child.type == "variable_declarator" and (value := child.child_by_field_name("value")):
                return value
    return node


def parameter_list(node: Node) -> Node | None:
    """The node that lists the parameters, None when there is none."""
    found = node.child_by_field_name("parameters")
    inner = node.child_by_field_name("declarator")
    while found is None and inner is not None:
        found = inner.child_by_field_name("parameters")
        inner = inner.child_by_field_name("declarator") or next(
            (child for child in inner.named_children if child.type.endswith("declarator")), None
        )
    return found


def read_parameter(facts: Facts, node: Node) -> tuple[str, str, bool]:
    """Name, written type ("" for none) and whether a default stands there."""
    if node.type == "identifier":
        return facts.text(node), "", False
    if facts.grammar.name == "cpp":
        return _cpp_parameter(facts, node)
    name = next((node.child_by_field_name(f) for f in ("name", "pattern", "left") if node.child_by_field_name(f)), None)
    if name is None:
        name = next((child for child in node.named_children if child.type == "identifier"), None)
    kind = node.child_by_field_name("type")
    default = any(node.child_by_field_name(f) for f in ("value", "default_value", "right"))
    default = default or node.type == "optional_parameter" or any(child.type == "=" for child in node.children)
    written = facts.text(kind).lstrip(":").strip() if kind is not None else ""
    if node.type in {"spread_parameter", "variadic_parameter"} or (name is not None and name.type == "rest_pattern"):
        return "", "", False
    text = facts.text(node)
    if facts.grammar.name == "csharp" and re.match(r"(ref|out|params)\b", text):
        return "", "", False
    if facts.grammar.name == "php" and "&" in text:
        return "", "", False
    return (facts.text(name) if name is not None else ""), written, default


def _cpp_parameter(facts: Facts, node: Node) -> tuple[str, str, bool]:
    text = facts.text(node)
    head, _, default = text.partition("=")
    found = re.match(r"^(.*?[\s&*])(\w+)\s*$", head.strip())
    if found is None or ("&" in head and "const" not in head) or ("*" in head and "char" not in head):
        return "", "", bool(default)
    if "*" in head and "const" not in head:
        return "", "", False
    return found.group(2), found.group(1), bool(default)


def _returned(facts: Facts, node: Node) -> str:
    for name in ("return_type", "type", "returns"):
        if (found := node.child_by_field_name(name)) is not None:
            text = facts.text(found).lstrip(":").strip()
            declarator = node.child_by_field_name("declarator")
            if declarator is not None and declarator.type == "pointer_declarator":
                text += "*"
            return "boolean" if facts.grammar.name == "typescript" and re.match(r"\w+ is ", text) else text
    return ""


def _bash(facts: Facts, function: Definition, doc: Doc) -> Signature | None:
    """Strings (ints where the doc says so) from the positions the body reads; the result is its stdout."""
    start, end = function.span
    body = facts.source[start:end].decode()
    if not re.search(r"\b(echo|printf|cat|sed|tr|awk|cut|grep|sort|head|tail|bc|expr)\b", body):
        return None
    if re.search(r"\$[@*]|\$\{[@*]|\bshift\b", body):
        return None
    used = {int(number) for number in re.findall(r"\$\{?([1-9])(?!\d)", body)}
    if not used or used != set(range(1, max(used) + 1)) or max(used) > 4:
        return None
    params = []
    for number in sorted(used):
        named = re.search(rf"(\w+)=[\"']?\$\{{?{number}\b", body)
        name = named.group(1).lower() if named else f"arg{number}"
        about = re.search(rf"\${number}\b\s*[-:=]?\s*(.*)", doc.text)
        words = f"{name} {about.group(1) if about else ''}"
        number_like = re.search(r"\b(int|integer|number|count|width|length|index|num|n)\b", words.replace("_", " "))
        params.append(Parameter(name, Type("int" if number_like else "string")))
    if len({param.name for param in params}) < len(params):
        params = [Parameter(f"arg{i}", param.type) for i, param in enumerate(params, 1)]
    return Signature(tuple(params), Type("string"))
