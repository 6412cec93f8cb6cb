"""Doc comments: found above a definition, cleaned of their markers, read for types.

Understands docstrings (Sphinx, Google), JSDoc, Javadoc, PHPDoc, Doxygen, C# XML comments and plain
comment lines. Leaves out what the types mean: ``signatures`` decides that.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from tree_sitter import Node

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.shipping import inner_doc

_CREDIT = re.compile(
    r"^\s*(?:discuss at|parity verified|"
    r"(?:original|improved|bugfixed|revised|reimplemented|tweaked|input) by)\s*:.*\n?",
    re.IGNORECASE | re.MULTILINE,
)
_FARTHEST = 12_000  # bytes from where a doc starts to its definition
_SEPARATOR = re.compile(r"^[\s#*/=\-_~.]*$")


@dataclass
class Doc:
    """A cleaned doc comment and the types that it states, as written there."""

    text: str = ""
    params: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    optional: frozenset[str] = frozenset()  # parameters that JSDoc marks as [optional] or {kind=}


def doc_of(facts: Facts, definition: Definition) -> Doc:
    """Return the doc comment of a definition; its text is empty when there is none."""
    inside = inner_doc(facts, definition)
    above = _above(facts, definition.outer) or _above(facts, _overloads(definition))
    if inside is None or (above and not facts.traits.doc_inside):
        return read_doc(above)
    return read_doc(inside[2])


def _overloads(definition: Definition) -> Node:
    """Return the first of the signatures that a function has above it, whose doc is the function's, or its own node."""
    first = definition.outer
    while (before := first.prev_named_sibling) is not None:
        signature = before.child_by_field_name("declaration") or before
        name = signature.child_by_field_name("name")
        if signature.type != "function_signature" or name is None or (name.text or b"").decode() != definition.name:
            break
        first = before
    return first


def _above(facts: Facts, node: Node) -> str:
    """Return the comment that ends right above a node, with the line comments adjacent to it."""
    end = node.start_byte
    farthest = end - _FARTHEST
    comments: list[str] = []
    apart = False
    for comment in facts.comments_before(end):
        if comment.start_byte < farthest:
            break
        gap = facts.source[comment.end_byte : end]
        blank = 1 if comments else facts.traits.line_ends_to_doc
        if gap.strip() or gap.count(b"\n") > blank:
            break
        apart = apart or gap.count(b"\n") > 1
        text = facts.text(comment)
        if comments and not text.startswith(("//", "#")):
            if text.startswith("/**"):
                comments = [text]  # what stands between a doc comment and its definition is a note to maintainers
            break
        comments.insert(0, text)
        if text.startswith("/*"):
            break
        end = comment.start_byte
    if comments and comments[0].startswith("#!"):
        comments = comments[1:]
    if comments and apart and facts.traits.file_header(facts.source, end):
        return ""
    return "\n".join(comments)


def read_doc(raw: str) -> Doc:
    """Clean a raw comment and read its type tags."""
    text = _CREDIT.sub("", _unmark(raw))
    doc = Doc(params=_param_types(text), returns=_return_type(text), optional=_optional(text))
    if "<" in text:
        text = _bare(text)
    if "{@" in text:
        text = re.sub(r"\{@(?:code|link|linkplain|literal)\s+#?([^}]*)\}", r"\1", text)
    lines = [line.rstrip() for line in html.unescape(text).splitlines()]
    doc.text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return doc


def _optional(text: str) -> frozenset[str]:
    if "@param" not in text:
        return frozenset()
    found = re.findall(r"@param\s+\{[^}]*\}\s+\[([\w$]+)", text)
    return frozenset(found + re.findall(r"@param\s+\{[^}]*=\}\s+([\w$]+)", text))


def _bare(text: str) -> str:
    """Remove the markup of Javadoc and C#."""
    text = re.sub(r"</?(summary|remarks|para|c|code|value|p|pre|b|i|em|strong|li|ul|ol|tt|br)\b[^>]*>", " ", text)
    text = re.sub(r'<param name="(\w+)">', r"@param \1 ", text)
    text = re.sub(r"<returns>", "@return ", re.sub(r"</(param|returns|exception|example|typeparam)>", "", text))
    return re.sub(r'<(?:see|paramref|seealso)\s+\w+="(?:[A-Z]:)?([^"]+)"\s*/>', r"\1", text)


def _unmark(raw: str) -> str:
    raw = raw.replace("\r\n", "\n")
    if re.match(r"^[rRuUbB]*(\"\"\"|'''|\"|')", raw):
        raw = re.sub(r"^[rRuUbB]*(\"\"\"|'''|\"|')", "", raw)
        return _dedent(re.sub(r"(\"\"\"|'''|\"|')$", "", raw))
    if raw.startswith("/*"):
        body = re.sub(r"\*+/$", "", re.sub(r"^/\*+!?", "", raw))
        return "\n".join(re.sub(r"^\s*\*? ?", "", line) for line in body.splitlines()).strip()
    lines = [re.sub(r"^\s*(?:///?!?<?|#+) ?", "", line) for line in raw.splitlines()]
    return "\n".join(line for line in lines if not line.strip() or not _SEPARATOR.match(line)).strip()


def _dedent(text: str) -> str:
    first, _, rest = text.partition("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest.splitlines() if line.strip()), default=0)
    return "\n".join([first.strip(), *(line[margin:] for line in rest.splitlines())]).strip()


def _param_types(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if "@param" in text:
        for kind, name in re.findall(r"@param\s+\{([^}]*)\}\s+\[?([\w$]+)", text):
            found[name] = kind
        for kind, name in re.findall(r"@param\s+([\w\\|\[\]<>?, ]+?)\s+(?:&|\.\.\.)?(\$\w+)", text):
            found.setdefault(name, kind)
    if ":param" in text:
        for kind, name in re.findall(r"^:param\s+([\w\[\], .]+?)\s+(\w+):", text, re.MULTILINE):
            found.setdefault(name, kind)
    if ":type" in text:
        for name, kind in re.findall(r"^:type\s+(\w+):\s*(.+)$", text, re.MULTILINE):
            found.setdefault(name, kind)
    args = re.search(r"^(?:Args|Arguments|Parameters):\s*\n((?:[ \t]+.*\n?|\n)+)", text, re.MULTILINE)
    for name, kind in re.findall(r"^\s+\*{0,2}(\w+)\s*\(([^)]*)\)\s*:", args.group(1), re.MULTILINE) if args else ():
        found.setdefault(name, kind)
    return found


_RETURNS = (
    ("@return", re.compile(r"@returns?\s+\{([^}]*)\}")),
    (":rtype:", re.compile(r"^:rtype:\s*(.+)$", re.MULTILINE)),
    ("Returns:", re.compile(r"^Returns:\s*\n\s+([\w\[\], .|]+?)\s*:", re.MULTILINE)),
    ("@return", re.compile(r"@return\s+([\w\\|\[\]<>?]+)")),
)


def _return_type(text: str) -> str:
    for word, pattern in _RETURNS:
        if word in text and (found := pattern.search(text)):
            return found.group(1)
    return ""
