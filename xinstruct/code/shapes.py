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


def shape(language: str, code: str) -> str:
    """The code's tokens, blank-separated: names numbered by first use, literals as `""` (with the code
    in them) and `0`, no comments.

    Statements end with a `;` each and indented blocks are in braces. Raises ValueError where the language has no
    grammar, or the text keeps its parser busy for too long.
    """
    traits = traits_of(language)
    lead = "" if traits.opening[:2] in code else traits.opening
    tree = parsed(traits, encoded(lead + code))
    if tree is None:
        raise ValueError(f"no program of {language}: its parser takes too long")
    return " ".join(_named(traits, list(code_tokens(traits, tree.root_node))))


def code_tokens(traits: Traits, node: Node, constants: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield (text, whether it is a name) of each token below a node, without comments and doc strings.

    constants: literals are written out; else they are `""` and `0`. Code may nest deeper than Python calls.
    """
    stack: list[Node | str] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item, False
        elif item.type in traits.grammar.comments or item.type in _SEPARATORS:
            continue
        elif item.is_named and item.type in traits.grammar.literals:
            inner = [child for child in item.children if _INSIDE.search(child.type)]
            yield (_written(item, inner) if constants else '""'), False
            stack += inner[::-1]
        elif _is_doc(traits, item):
            continue
        elif item.child_count:
            stack += _opened(traits, item)[::-1]
        else:
            text = (item.text or b"").decode("utf-8", "replace")
            yield ("0", False) if _NUMBER.match(text) and not constants else (text, _is_name(item, text))


def _is_doc(traits: Traits, node: Node) -> bool:
    """Tell whether a node is a statement of nothing but a literal, such as a doc string."""
    inner = node.named_children if node.type == "expression_statement" else []
    return len(inner) == 1 and inner[0].type in traits.grammar.literals


def _written(literal: Node, inner: list[Node]) -> str:
    """Return a literal's own text, without the code in it; single and double quotes are the same."""
    text, start = literal.text or b"", literal.start_byte
    cuts = [start, *(place for node in inner for place in (node.start_byte, node.end_byte)), literal.end_byte]
    kept = b"\x00".join(text[one - start : two - start] for one, two in zip(cuts[::2], cuts[1::2], strict=True))
    return re.sub(r"^'(.*)'$", r'"\1"', kept.decode("utf-8", "replace"), flags=re.S)


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
    own = {text for text, name in tokens if name} - traits.known()
    return numbered(tokens, own)


def numbered(tokens: list[tuple[str, bool]], own: set[str]) -> Iterator[str]:
    """Yield the tokens' texts with the names of `own` numbered by first use; names of members stay."""
    numbers: dict[str, str] = {}
    previous = ""
    for text, _ in tokens:
        kept = text not in own or previous in _MEMBER
        if not text == previous == ";":
            yield text if kept else numbers.setdefault(text, f"n{len(numbers) + 1}")
        previous = text
