"""Changes of a function by its syntax tree, each of which a test should notice; mutants.py makes programs of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from xinstruct.code.mutable import Source, condition, may_loop

# What gets changed, most telling first: a variant of an early kind differs on few inputs.
KINDS = ("boundary", "operator", "constant", "condition", "operands", "loop", "text", "parameter", "arguments",
         "deleted", "call", "returned")  # fmt: skip
ENDLESS = "endless"  # whatever the change is: the variant may never end
_BINARY = frozenset(
    ("binary_expression", "binary_operator", "comparison_operator", "boolean_operator", "augmented_assignment",
     "augmented_assignment_expression", "assignment_expression", "postfix_expression", "update_expression",
     "postfix_unary_expression")
)  # fmt: skip
_UNARY = ("not_operator", "unary_operator", "unary_expression", "prefix_unary_expression", "unary_op_expression")
_SHELL = frozenset(("expansion", "unary_expression", "test_command"))
_SWAPS = {
    "==": "!=", "!=": "==", "===": "!==", "!==": "===", "&&": "||", "||": "&&", "and": "or", "or": "and", "+": "-",
    "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "**": "*", "<<": ">>", ">>": "<<", ">>>": "<<", "&": "|",
    "|": "&", "^": "|", "+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "%=": "+=", "<<=": ">>=", ">>=": "<<=",
    "&=": "|=", "|=": "&=", "^=": "|=", "in": "not in", "not in": "in", "is": "is not", "is not": "is", "-eq": "-ne",
    "-ne": "-eq", "-z": "-n", "-n": "-z", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "-lt": "-ge", "-le": "-gt",
    "-gt": "-le", "-ge": "-lt", "++": "--", "--": "++",
}  # fmt: skip
_ALSO = {"+": "*", "-": "*", "*": "-", "/": "-", "^": "&", "&": "^", "|": "^", "+=": "*=", "-=": "*=", "*=": "-=",
         "^=": "&=", "&=": "^=", "|=": "^="}  # fmt: skip
_TRIMS = {"%": "#", "#": "%", "%%": "##", "##": "%%", ",,": "^^", "^^": ",,", "//": "/"}
_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "-lt": "-le", "-le": "-lt", "-gt": "-ge", "-ge": "-gt"}
_TIGHTER = ("<=", ">=", "-le", "-ge")  # their boundary leaves a loop no longer than it is
_NAMES = {
    "min": "max", "lower": "upper", "startswith": "endswith", "lstrip": "rstrip", "floor": "ceil", "any": "all",
    "find": "rfind", "toLowerCase": "toUpperCase", "startsWith": "endsWith", "trimStart": "trimEnd", "some": "every",
    "indexOf": "lastIndexOf", "strtolower": "strtoupper", "ltrim": "rtrim", "ToLower": "ToUpper", "sin": "cos",
    "StartsWith": "EndsWith", "Min": "Max", "Floor": "Ceil", "IndexOf": "LastIndexOf", "tolower": "toupper",
    "head": "tail", "strpos": "strrpos", "Any": "All", "TrimStart": "TrimEnd", "ucfirst": "lcfirst", "log": "exp",
    "find_first_of": "find_first_not_of", "str_starts_with": "str_ends_with", "array_shift": "array_pop",
}  # fmt: skip
_NAMES |= {new: old for old, new in _NAMES.items()}
_WORDS = ("identifier", "property_identifier", "field_identifier", "name", "word")
_NUMBERS = ("integer", "number", "decimal_integer_literal", "number_literal", "integer_literal", "float",
            "decimal_floating_point_literal", "real_literal")  # fmt: skip
_TRUTHS = {"true": "false", "True": "False", "TRUE": "FALSE"}
_TRUTHS |= {new: old for old, new in _TRUTHS.items()}
_TEXTS = ("string", "string_literal", "char_literal", "character_literal", "raw_string", "encapsed_string")
_PIECES = ("string_content", "string_fragment", "string_literal_content")
_ENDS = ("string_start", "string_end", "escape_sequence", "character_literal_content", "character")
_BARE = ("word", "extglob_pattern", "regex")  # in a shell
_HOLDERS = ("case_item", "expansion", "binary_expression", "command")
_QUOTED = re.compile(r"""([A-Za-z@]*)(["'])(.*)\2""", re.S)
_LETTERED = re.compile(r"""\w{0,2}["'`]""")
_LOGIC = re.compile(r"[<>=!]=|&&|\|\||\b(?:not|and|or|true|false|True|False)\b| [<>] |^!")
_BRANCHES = ("if_statement", "elif_clause", "else_if_clause", "ternary_expression", "conditional_expression")
_CALLS = ("call", "call_expression", "method_invocation", "invocation_expression", "function_call_expression",
          "member_call_expression")  # fmt: skip
_NEEDED = ("range", "len", "enumerate", "zip", "count", "list")  # without them hardly any program runs
_QUALIFIED = ("attribute", "member_expression", "field_expression", "member_access_expression", "qualified_identifier")
_LISTED = ("argument_list", "arguments")
_DELETED = frozenset(
    ("expression_statement", "if_statement", "for_statement", "while_statement", "foreach_statement",
     "enhanced_for_statement", "for_in_statement", "for_range_loop", "break_statement", "continue_statement",
     "c_style_for_statement", "case_statement")
)  # fmt: skip
_COMMANDS = frozenset(("command", "variable_assignment", "pipeline"))
_BODIES = frozenset(("compound_statement", "do_group", "if_statement", "else_clause", "elif_clause", "case_item"))
_TWO_SIDED = ("-", "/", "%", ".", "//", "**")
_REPEATED = frozenset(
    ("for_statement", "while_statement", "foreach_statement", "enhanced_for_statement", "for_in_statement",
     "for_range_loop", "c_style_for_statement", "do_statement")
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """Bytes from `start` to `end` become `new`."""

    kind: str
    start: int
    end: int
    new: str


def edits(source: Source) -> Iterator[Edit]:
    """Yield every change that could be made, in order of place."""
    makers = (_operators, _names, _numbers, _conditions, _texts, _operands, _arguments, _calls, _once, _deletions,
              _returned, _parameters)  # fmt: skip
    for node in source.nodes:
        found = [edit for make in makers for edit in make(source, node)]
        if found and (loop := may_loop(source, node)):
            found = [edit if _ends(loop, edit, source.text(node)) else replace(edit, kind=ENDLESS) for edit in found]
        yield from found


def _ends(loop: str, edit: Edit, text: str) -> bool:
    if loop == "head":
        return edit.kind in ("boundary", "constant")
    return loop == "tight" and edit.kind == "boundary" and text in _TIGHTER


def _put(kind: str, node: Node, new: str) -> Edit:
    return Edit(kind, node.start_byte, node.end_byte, new)


def _operators(source: Source, node: Node) -> Iterator[Edit]:
    """Swap comparisons, arithmetic and logic; drop a negation."""
    parent = node.parent.type if node.parent else ""
    if node.child_count or not (parent in _BINARY or node.type == "test_operator" or _shell(source, parent)):
        if node.type in _UNARY and source.text(node)[0] in "!n-" and node.named_children:
            yield _put("operator", node, source.text(node.named_children[-1]))
        return
    text = source.text(node)
    if text == "=" and source.traits.positional and _shell_test(node):
        yield _put("operator", node, "!=")
    if parent == "expansion":
        if text in _TRIMS:
            yield _put("operator", node, _TRIMS[text])
        return
    if text in _BOUNDARY:
        yield _put("boundary", node, _BOUNDARY[text])
    if text in _SWAPS and not (text == "-" and parent == "unary_expression"):
        yield _put("operator", node, _SWAPS[text])
        if text in _ALSO:
            yield _put("operator", node, _ALSO[text])


def _shell(source: Source, parent: str) -> bool:
    return source.traits.positional and parent in _SHELL


def _shell_test(node: Node) -> bool:
    up = node.parent
    while up is not None and up.type == "binary_expression":
        up = up.parent
    return up is not None and up.type in ("test_command", "unary_expression", "list")


def _names(source: Source, node: Node) -> Iterator[Edit]:
    """Call the opposite function."""
    if node.type in _WORDS and not node.child_count and (new := _NAMES.get(source.text(node))):
        up = node.parent
        while up is not None and up.type in _QUALIFIED and up.end_byte == node.end_byte:
            up = up.parent
        if up is not None and (up.type in _CALLS or up.type == "command_name"):
            yield _put("operator", node, new)


def _numbers(source: Source, node: Node) -> Iterator[Edit]:
    """Count up or down by one; turn a truth value."""
    text = source.text(node) if node.end_byte - node.start_byte < 20 else ""
    if text in _TRUTHS and (node.type in ("true", "false", "boolean", "boolean_literal") or not node.is_named):
        yield _put("constant", node, _TRUTHS[text])
    command = node.parent is not None and node.parent.type == "command"
    if node.type not in _NUMBERS or (command and source.text(node.parent).startswith(("return", "exit"))):  # type: ignore[arg-type]
        return
    if number := re.fullmatch(r"(\d+)([lLuU]*)", text):
        yield _put("constant", node, f"{int(number[1]) + 1}{number[2]}")
        if int(number[1]) > 0 or source.data[node.start_byte - 1 : node.start_byte] == b" ":
            yield _put("constant", node, f"{int(number[1]) - 1}{number[2]}")
    elif number := re.fullmatch(r"(\d*\.\d+|\d+\.)([fFdDlL]?)", text):
        yield _put("constant", node, f"{float(number[1]) + 1}{number[2]}")


def _conditions(source: Source, node: Node) -> Iterator[Edit]:
    """Take a branch always, never, and when it is not due."""
    test = condition(node) if node.type in _BRANCHES else None
    if test is None:
        return
    if source.traits.positional:
        for new in ("true", "false", f"! {source.text(test)}"):
            yield _put("condition", test, new)
        return
    yes, no, negation = ("True", "False", "not ") if source.traits.indented else ("true", "false", "!")
    yield _put("condition", test, yes)
    yield _put("condition", test, no)
    if test.type not in ("comparison_operator", "not_operator", "unary_expression"):
        yield _put("condition", test, f"{negation}({source.text(test)})")


def _texts(source: Source, node: Node) -> Iterator[Edit]:
    """Change a text that is a value: its one character, its last one, or from none to some."""
    if node.type in _PIECES and node.parent is not None and not _plain(node.parent):
        yield _put("text", node, _changed(source.text(node)))
        return
    if source.traits.positional and node.type in _BARE and node.parent is not None and node.parent.type in _HOLDERS:
        yield _put("text", node, _changed(source.text(node)))
    quoted = _QUOTED.fullmatch(source.text(node)) if node.type in _TEXTS and _plain(node) else None
    if quoted and not quoted[3].startswith(quoted[2]):  # as a text between three quotes does
        yield _put("text", node, f"{quoted[1]}{quoted[2]}{_changed(quoted[3])}{quoted[2]}")


def _plain(node: Node) -> bool:
    return all(child.type in (*_PIECES, *_ENDS) for child in node.named_children)


def _changed(text: str) -> str:
    if len(text) < 2:
        return {"": "x", "_": "-", " ": "_"}.get(text, "_")
    return text[:-2] if text[-2] == "\\" else text[:-1]


def _operands(source: Source, node: Node) -> Iterator[Edit]:
    """Exchange the sides of an operator, where they matter."""
    if node.type not in ("binary_expression", "binary_operator") or node.child_count != 3:
        return
    left, operator, right = node.children
    texts = [source.text(side) for side in (left, right)]
    joined = source.text(operator) == "+" and any("'" in text or '"' in text for text in texts)
    if texts[0] != texts[1] and (joined or source.text(operator) in _TWO_SIDED):
        new = source.data[left.end_byte : right.start_byte].decode()
        yield _put("operands", node, texts[1] + new + texts[0])


def _arguments(source: Source, node: Node) -> Iterator[Edit]:
    """Exchange the first two arguments of a call; move an end of a Python range."""
    if node.type not in _LISTED or not node.named_children:
        return
    args = [child for child in node.named_children if child.type != "keyword_argument"]
    texts = [source.text(arg) for arg in args]
    called = source.data[: node.start_byte]
    if source.traits.indented and called.endswith(b"range"):
        yield _put("constant", args[-1], f"{texts[-1]} - 1")
        if len(args) == 1:
            yield _put("constant", args[0], f"1, {texts[0]}")
    if len(args) > 1 and texts[0] != texts[1] and not called.lower().endswith((b"min", b"max")):
        between = source.data[args[0].end_byte : args[1].start_byte].decode()
        yield Edit("arguments", args[0].start_byte, args[1].end_byte, texts[1] + between + texts[0])


def _calls(source: Source, node: Node) -> Iterator[Edit]:
    """Leave out a call: its one argument or its object is the result."""
    if node.type not in _CALLS or (node.parent and node.parent.type == "expression_statement"):
        return
    listed = next((child for child in node.children if child.type in _LISTED), None)
    if listed is None:
        return
    owner = node.children[0] if "." in source.text(node)[: listed.start_byte - node.start_byte] else None
    called = source.data[node.start_byte : listed.start_byte].decode()
    if listed.named_child_count == 1 and called not in _NEEDED:
        yield _put("call", node, f"({source.text(listed.named_children[0])})")
    elif not listed.named_child_count and owner is not None:
        yield _put("call", node, called.rpartition(".")[0])


def _once(source: Source, node: Node) -> Iterator[Edit]:
    """End a loop after its first turn."""
    body = node.child_by_field_name("body") if node.type in _REPEATED else None
    if body is None:
        return
    end, text = body.end_byte, source.text(body)
    if source.traits.indented:
        yield Edit("loop", end, end, "\n" + " " * body.start_point.column + "break")
    elif text.endswith(("}", "done")):
        at = end - (1 if text.endswith("}") else 4)
        yield Edit("loop", at, at, "break; ")


def _deletions(source: Source, node: Node) -> Iterator[Edit]:
    """Leave out a statement, unless it gives a name its first value."""
    text, parent = source.text(node), node.parent.type if node.parent else ""
    if source.traits.positional:
        if (node.type in _COMMANDS or node.type in _DELETED) and parent in _BODIES and not _first(source, node, text):
            yield _put("deleted", node, ":")
    elif node.type in _DELETED and not _first(source, node, text):
        yield _put("deleted", node, "pass" if source.traits.indented else ";")


def _first(source: Source, node: Node, text: str) -> bool:
    """Tell whether a statement assigns to a name that did not occur before it in the body."""
    target = re.match(r"\$?(\w+)\s*=(?!=)", text)
    before = source.data[: node.start_byte].decode(errors="replace")
    return bool(target) and not re.search(rf"\b{re.escape(target[1])}\b", before) if target else False


def _returned(source: Source, node: Node) -> Iterator[Edit]:
    """Return a parameter, or nothing much, instead of the result."""
    if node.type != "return_statement" or not node.named_children or source.traits.positional:
        return
    value = node.named_children[-1]
    lead = source.traits.variable_mark
    for name in source.returnable[:2]:
        yield _put("returned", value, name if name.startswith(lead) else lead + name)
    text, kind = source.text(value), source.result.lower()
    logical = _LOGIC.search(text) and "conditional" not in value.type and "ternary" not in value.type
    if kind.startswith("bool") or (logical and not kind):
        truths = ("True", "False") if source.traits.indented else ("true", "false")
        yield from (_put("returned", value, new) for new in truths if new != text)
    elif "str" in kind or _LETTERED.match(text):
        yield _put("returned", value, '""')
    else:
        yield _put("returned", value, "[]" if text.startswith("[") else "0")


def _parameters(source: Source, node: Node) -> Iterator[Edit]:
    """Read another parameter."""
    named = node.type in ("identifier", "variable_name") and not _names_argument(node)
    if named and (other := source.like(source.text(node))):
        yield _put("parameter", node, other)


def _names_argument(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "keyword_argument" and node.parent.named_children[0] == node
