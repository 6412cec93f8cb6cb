"""The normal form of code, in which copies are equal whatever their layout, comments and names.

Literals count. A name is numbered when the code itself binds it; the name of a function from elsewhere says what is
done and stays. ``bodies`` are the normal forms of the single functions, so that one is found among others.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from tree_sitter import Node

from xinstruct.code.declarations import function_node, parameter_list
from xinstruct.code.facts import Facts, parse
from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.shapes import code_tokens, numbered
from xinstruct.code.traits import Traits, traits_of
from xinstruct.dedup.tokens import tokens

Token = tuple[str, bool]
_ASSIGNS = {"=", "+=", "-=", "*=", "/=", "//=", "%=", ":=", "|=", "&=", "in"}


@dataclass(frozen=True)
class Forms:
    """A code's tokens without comments, its normal form, and those of its functions' bodies."""

    tokens: str
    normal: str
    bodies: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def forms(language: str, code: str) -> Forms:
    """Return the forms of a code; of text that no grammar can read, its tokens as they are."""
    try:
        traits = traits_of(language)
    except (KeyError, ValueError):
        traits = None
    code = _unparsed(code) if language == "python" else code
    lead = "" if traits is None or traits.opening[:2] in code else traits.opening
    source = encoded(lead + code)
    tree = parsed(traits, source) if traits is not None and traits.syntax else None
    if traits is None or tree is None:
        plain = " ".join(tokens(code, signs=True))
        return Forms(plain, plain)
    found = list(code_tokens(traits, tree.root_node, constants=True))
    facts = parse(traits, source)
    defined = {definition.name for definition in facts.functions}
    normal = " ".join(numbered(found, _bound(traits, found, defined)))
    return Forms(" ".join(text for text, _ in found), normal, tuple(_bodies(traits, facts, defined)))


def _unparsed(code: str) -> str:
    """Return Python code without the parentheses that it does not need and with one kind of quotes."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes in strings
            return ast.unparse(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


def _bound(traits: Traits, found: list[Token], defined: set[str], given: AbstractSet[str] = frozenset()) -> set[str]:
    """Return the names that the code binds: all but those that the language knows or that are only called.

    given: parameters. One of them, or of the names assigned to, may hide one that the language knows.
    """
    names: set[str] = set()
    called: set[str] = set()
    hiding = set(given)
    for (text, is_name), (after, _) in zip(found, [*found[1:], ("", False)], strict=True):
        if is_name:
            (called if after == "(" else names).add(text)
            hiding |= {text} if after in _ASSIGNS else set()
    return (names | (called & defined)) - (traits.known() - hiding) | (names | called) & given


def _bodies(traits: Traits, facts: Facts, defined: set[str]) -> list[str]:
    bodies = []
    for definition in facts.functions:
        node = function_node(definition.node)
        body = node.child_by_field_name("body")
        if body is not None:
            found = list(code_tokens(traits, body, constants=True))
            bodies.append(" ".join(numbered(found, _bound(traits, found, defined, _parameters(traits, node)))))
    return bodies


def _parameters(traits: Traits, node: Node) -> set[str]:
    """Return the names of a function's parameters that stand without a type before them."""
    listed = parameter_list(node)
    found = list(code_tokens(traits, listed)) if listed is not None else []
    before = [("(", False), *found]
    after = [*found[1:], (")", False)]
    return {
        text
        for (text, is_name), (left, _), (right, _) in zip(found, before, after, strict=False)
        if is_name and left in ("(", ",", "*") and right in (",", ")", ":", "=")
    }


def size(form: str) -> int:
    """Return the number of tokens of a normal form."""
    return form.count(" ") + 1 if form else 0
