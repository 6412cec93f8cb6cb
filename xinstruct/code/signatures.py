"""Declared, annotated or documented types of a function, translated to the language-neutral notation.

A type that it cannot express (callbacks, objects) gives no signature, never a guess; a type parameter is bound to whole
numbers. Numbers of JavaScript and Bash are int when the doc or the parameter's name says so, else float. Trailing
parameters with a default are dropped: the language allows calls without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from xinstruct.code.declarations import function_node, parameter_list
from xinstruct.code.docs import Doc
from xinstruct.code.examples import signature_from_examples
from xinstruct.code.facts import Definition, Facts
from xinstruct.code.lexical import split_arguments
from xinstruct.code.traits import Traits, traits_of
from xinstruct.code.types import Parameter, Signature, Type, TypeSyntaxError

_INT_NAMES = re.compile(
    r"^(n|k|i|j|m|num|size|count|length|len|index|idx|start|end|times|width|depth|limit|max_?length|min_?length|"
    r"position|pos|offset|places|digits|decimals|precision|year|month|day|base|radix|repeat|total_?width)$",
    re.IGNORECASE,
)
_INT_WORDS = re.compile(
    r"\b(index|indices|count|number of|length of|integer|position|how many|distance)\b", re.IGNORECASE
)


def neutral(language: str, text: str, hint: str = "") -> Type | None:
    """Return the neutral type of a written type, or None. `hint` is a parameter's name or its doc."""
    text = re.sub(r"\s+", " ", text).strip().rstrip("=").strip()
    traits = traits_of(language)
    text = traits.clean(text)
    try:
        return Type.parse(_spell(traits, text, hint) or "?")
    except TypeSyntaxError:
        return None


def _spell(traits: Traits, text: str, hint: str) -> str:
    """Return the neutral form of a cleaned type, "" when it has none."""
    if text in traits.scalars:
        return traits.scalars[text]
    if traits.number and text.lower() == traits.number:
        return "int" if _INT_NAMES.match(hint) or _INT_WORDS.search(hint) else "float"
    if optional := _optional(traits, text):
        inner = _spell(traits, optional, hint)
        return f"optional<{inner}>" if inner else ""
    if text.endswith("[]"):
        inner = _spell(traits, re.sub(r"^readonly\s+|^\((.*)\)(?=\[\]$)", r"\1", text)[:-2].strip("() "), hint)
        return f"list<{inner}>" if inner else ""
    if generic := re.match(r"^([\w.\\]+)\s*[<\[](.*)[>\]]$", text):
        return _generic(traits, generic.group(1).split(".")[-1], generic.group(2), hint)
    return ""


def _optional(traits: Traits, text: str) -> str:
    if traits.question_mark and re.fullmatch(r"\??[\w\[\]]+\??", text) and "?" in text:
        return text.strip("?")
    if found := re.fullmatch(r"Optional\[(.*)\]", text):
        return found.group(1)
    parts = [part.strip() for part in text.split("|")]
    rest = [part for part in parts if part not in {"null", "undefined", "None"}]
    return rest[0] if len(parts) == 2 and len(rest) == 1 and traits.unions else ""


def _generic(traits: Traits, head: str, inner: str, hint: str) -> str:
    args = [_spell(traits, traits.clean_inner(part), hint) for part in split_arguments(inner)]
    if not all(args):
        return ""
    if head in traits.lists and len(args) == 1:
        return f"list<{args[0]}>"
    if head in traits.dicts and len(args) == 2:
        return f"dict<{args[0]},{args[1]}>"
    return f"tuple<{','.join(args)}>" if head in traits.tuples else ""


# ---- reading the declaration


# TypeScript's `number` is a whole one where bits are shifted or masked.
_BITS = re.compile(r"<<|>>|(?<![&|])[&^~](?![&|])")


def signature_of(facts: Facts, function: Definition, doc: Doc) -> Signature | None:
    """Return the neutral signature of a function, or None when types are missing or cannot be expressed."""
    traits = facts.traits
    if traits.signature is not None:
        return traits.signature(facts, function, doc.text)
    declared = function_node(function.node)
    listed = parameter_list(declared)
    if listed is None:
        return None
    if traits.example_docs and "example 1:" in doc.text:
        names = [facts.text(child) for child in listed.named_children if child.type == "identifier"]
        return signature_from_examples(function.name, names, doc.text)
    body = declared.child_by_field_name("body")
    whole = "integer " if body is not None and _BITS.search(facts.text(body)) else ""
    params: list[Parameter] = []
    bound = binder(facts, declared)
    for node in (child for child in listed.named_children if "comment" not in child.type):
        name, written, default = read_parameter(facts, node)
        kind = neutral(traits.name, bound(written or doc.params.get(name, "")), whole + name)
        if default or name in doc.optional:
            break
        if kind is None or not name or node.type in {"list_splat_pattern", "dictionary_splat_pattern", "rest_pattern"}:
            return None
        params.append(Parameter(name.removeprefix("$"), kind))
    returns = neutral(
        traits.name, bound(_returned(facts, declared) or doc.returns), whole + _return_hint(function, doc)
    )
    if returns is None or returns.head == "none" or not params:
        return None
    return Signature(tuple(params), returns)


def binder(facts: Facts, declared: Node) -> Callable[[str], str]:
    """Return a function that replaces type parameters by whole numbers, which are valid for any of them."""
    listed, integer = facts.traits.type_parameters(declared), facts.traits.integer
    if listed is None or not integer:
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


def read_parameter(facts: Facts, node: Node) -> tuple[str, str, bool]:
    """Return name, written type ("" for none) and whether it has a default."""
    if node.type == "identifier":
        return facts.text(node), "", False
    if facts.traits.parameter is not None:
        return facts.traits.parameter(facts, node)
    name = next((node.child_by_field_name(f) for f in ("name", "pattern", "left") if node.child_by_field_name(f)), None)
    if name is None:
        name = next((child for child in node.named_children if child.type == "identifier"), None)
    kind = node.child_by_field_name("type")
    default = any(node.child_by_field_name(f) for f in ("value", "default_value", "right"))
    default = default or node.type == "optional_parameter" or any(child.type == "=" for child in node.children)
    written = facts.text(kind).lstrip(":").strip() if kind is not None else ""
    if node.type in {"spread_parameter", "variadic_parameter"} or (name is not None and name.type == "rest_pattern"):
        return "", "", False
    if facts.traits.parameter_refused and facts.traits.parameter_refused.search(facts.text(node)):
        return "", "", False
    return (facts.text(name) if name is not None else ""), written, default


def _returned(facts: Facts, node: Node) -> str:
    for name in ("return_type", "type", "returns"):
        if (found := node.child_by_field_name(name)) is not None:
            text = facts.text(found).lstrip(":").strip()
            declarator = node.child_by_field_name("declarator")
            if declarator is not None and declarator.type == "pointer_declarator":
                text += "*"
            return "boolean" if facts.traits.predicate and facts.traits.predicate.match(text) else text
    return ""
