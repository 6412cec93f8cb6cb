"""The shape of code: what is left of it when names, literals, comments and layout do not count.

Two bodies of one shape do the same under other names and with other constants. Names of members and those that the
language itself gives stay, because they say what is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.traits import Traits, traits_of

_MEMBER = {".", "?.", "->", "?->", "::"}  # what stands before the name of a member
_SEPARATORS = {";", "php_tag", "\n"}  # types of nodes
_STATEMENT = re.compile(r"(?:statement|declaration|definition|command)$|^variable_assignment$")
_INSIDE = re.compile(r"(?:interpolation|substitution|expansion|expression|variable_name|body)$")  # code in a literal
_NUMBER = re.compile(r"-?\.?\d")


def shape(language: str, code: str, constants: bool = False) -> str:
    """The code's tokens, blank-separated: names numbered by first use, literals as `""` (with the code
    in them) and `0`, no comments. With `constants`, literals keep their text.

    Statements end with a `;` each and indented blocks are in braces. Raises ValueError where the language has no
    grammar, or the text keeps its parser busy for too long.
    """
    traits = traits_of(language)
    lead = "" if code.lstrip().startswith(traits.opening[:2]) else traits.opening
    tree = parsed(traits, encoded(lead + code))
    if tree is None:
        raise ValueError(f"no program of {language}: its parser takes too long")
    return " ".join(_named(traits, list(_tokens(traits, tree.root_node, constants))))


def _tokens(traits: Traits, node: Node, constants: bool) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a name) of each token; a stack of its own, since code nests deeper than Python calls."""
    stack: list[Node | str] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item, False
        elif item.type in traits.grammar.comments or item.type in _SEPARATORS:
            continue
        elif item.is_named and item.type in traits.grammar.literals:
            inside = [child for child in item.children if _INSIDE.search(child.type)]
            yield _without(item, inside) if constants else '""', False
            stack += inside[::-1]
        elif item.child_count:
            stack += _opened(traits, item)[::-1]
        else:
            text = _text(item)
            number = bool(_NUMBER.match(text))
            yield ("0", False) if number and not constants else (text, not number and _is_name(item, text))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _without(node: Node, inside: list[Node]) -> str:
    """The text of a literal, less the code in it."""
    text, parts, at = node.text or b"", [], 0
    for child in inside:
        parts.append(text[at : child.start_byte - node.start_byte])
        at = child.end_byte - node.start_byte
    return b"".join([*parts, text[at:]]).decode("utf-8", "replace")


def _opened(traits: Traits, node: Node) -> list[Node | str]:
    """The parts of a node, with the marks that layout would give."""
    inner: list[Node | str] = list(node.children)
    if traits.indented and node.type == "block":
        inner = ["{", *inner, "}"]
    return [*inner, ";"] if _STATEMENT.search(node.type) else inner


def _is_name(leaf: Node, text: str) -> bool:
    """Whether a leaf is a name that could be another: no keyword, no type of the language, no word of a command."""
    if not leaf.is_named or leaf.type == text or leaf.type.endswith("_type"):
        return False
    if leaf.type == "word":
        parent = leaf.parent
        return parent is not None and parent.type == "function_definition"
    return bool(re.fullmatch(r"[^\W\d][\w$]*|\$\w+", text)) and leaf.type != "special_variable_name"


def _named(traits: Traits, tokens: list[tuple[str, bool]]) -> Iterator[str]:
    numbers: dict[str, str] = {}
    own = {text for text, name in tokens if name} - traits.known()
    previous = ""
    for text, _ in tokens:
        kept = text not in own or previous in _MEMBER
        if not text == previous == ";":
            yield text if kept else numbers.setdefault(text, f"n{len(numbers) + 1}")
        previous = text
