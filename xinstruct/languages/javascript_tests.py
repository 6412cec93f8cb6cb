"""Changes to the trusted tests of JavaScript and TypeScript programs, so that a verdict counts what they counted.

An assertion that stands behind an `await`, in a callback of a promise or in a registered test is never reached when the
function under test returns a promise that nobody settles: the event loop is empty all the same. So each assertion
there that no condition guards tells when it has held, and the harness wants to have heard of them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from xinstruct.code.lexical import blanked, closing, encoded, parsed
from xinstruct.code.traits import traits_of

_ASSERTION = re.compile(r"(?:await\s+)?(?:console\.assert|assert(?:\.(?!fail\b)\w+)*)\s*\(\s*(?!false\b|0\b)")
_FUNCTIONS = ("arrow_function", "function_expression", "function", "function_declaration")
_PLAIN = frozenset(
    [
        "statement_block",
        "program",
        "try_statement",
        "lexical_declaration",
        "variable_declaration",
        "arguments",
        "expression_statement",
        "await_expression",
        "parenthesized_expression",
        "call_expression",
        "return_statement",
        "member_expression",
        "variable_declarator",
    ]
)
_BINDING = (
    *("import_statement", "import_clause", "named_imports", "namespace_import"),
    *("lexical_declaration", "variable_declaration", "object_pattern", "array_pattern", "rest_pattern"),
)
_OF_PATTERN = {"pair_pattern": "value", "assignment_pattern": "left", "object_assignment_pattern": "left"}
_RUN_LATER = re.compile(r"(?:^|\.)(?:then|test|it|describe|setTimeout|setImmediate|nextTick|queueMicrotask)$")
_EXIT = re.compile(r"(?<![\w.$])process\s*\.\s*exit\s*\(")


def counted(language: str, tests: str, heard: str) -> tuple[str, int]:
    """Return the tests, where each assertion that is reached later calls `heard` with its number, and their count."""
    source = encoded(tests)
    tree = parsed(traits_of(language), source) if re.search(r"\basync\b|\.then\b|\btest\b|\bset\w+\(", tests) else None
    found = [node for node in _assertions(tree.root_node) if _comes_later(node, source)] if tree else []
    for number, node in reversed(list(enumerate(found))):
        source = source[: node.end_byte] + f";{heard}({number});".encode() + source[node.end_byte :]
    return source.decode(), len(found)


def declared(language: str, code: str) -> list[str]:
    """Return the names that code declares or imports at its top, in order."""
    tree = parsed(traits_of(language), encoded(code))
    found = [name for node in tree.root_node.children for name in _names(node)] if tree else []
    return list(dict.fromkeys((name.text or b"").decode() for name in found))


def no_script(language: str, code: str) -> bool:
    """Tell whether code awaits outside of functions or asks for its `import.meta`, as modules alone may."""
    tree = parsed(traits_of(language), encoded(code))
    return tree is not None and not tree.root_node.has_error and _of_module(tree.root_node, outside=True)


def without_exit(tests: str, language: str) -> str:
    """Return tests whose own exits with status 0 go on: what comes after them may only make the tests fail."""
    plain, parts, at = blanked(language, tests), [], 0
    for found in _EXIT.finditer(plain):
        end = closing(plain, found.end() - 1)
        status = tests[found.end() : end - 1].strip() or "process.exitCode"
        if found.start() >= at:
            parts += [
                tests[at : found.start()],
                f"void ((status: any) => status ? process.exit(status) : null)({status})",
            ]
            at = end
    return "".join([*parts, tests[at:]])


def _names(node: Node) -> Iterator[Node]:
    """Yield the nodes of the names that a statement, or a part of it that binds names, has declared."""
    if node.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield node
    elif node.type == "import_specifier":
        yield node.child_by_field_name("alias") or node.child_by_field_name("name") or node
    elif (name := node.child_by_field_name("name")) is not None:  # a function, a class, a variable
        yield from _names(name)
    elif node.type == "export_statement":
        if (declaration := node.child_by_field_name("declaration")) is not None:
            yield from _names(declaration)
    elif node.type in _BINDING:
        for child in node.named_children:
            part = _OF_PATTERN.get(child.type, "")
            yield from _names((part and child.child_by_field_name(part)) or child)


def _of_module(node: Node, outside: bool) -> bool:
    awaits = node.type == "await_expression" or (node.type == "for_in_statement" and node.children[1].type == "await")
    if (outside and awaits) or (node.type == "meta_property" and node.text == b"import.meta"):
        return True
    outside = outside and node.type not in (*_FUNCTIONS, "method_definition", "generator_function_declaration")
    return any(_of_module(child, outside) for child in node.children)


def _assertions(node: Node) -> Iterator[Node]:
    """Yield the statements that are one call of an assertion, in order."""
    if node.type == "expression_statement" and _ASSERTION.match((node.text or b"").decode()):
        yield node
    for child in node.children:
        yield from _assertions(child)


def _comes_later(node: Node, source: bytes) -> bool:
    """Tell whether an assertion is reached in any case, but not before the text's end is."""
    later, below = False, node
    above = node.parent
    while above is not None:
        if above.type in _FUNCTIONS:
            kind = _called_by(above, source)
            later = later or kind == "later" or any(child.type == "async" for child in above.children)
            if not kind:
                return False
        elif above.type not in _PLAIN or (above.type == "try_statement" and below.type != "statement_block"):
            return False
        below, above = above, above.parent
    return later


def _called_by(function: Node, source: bytes) -> str:
    """Return how a function comes to be called: "later", "now", or "" where that depends on something."""
    name = function.child_by_field_name("name") or _bound(function)
    if name is not None and function.type != "function_expression":
        word = source[name.start_byte : name.end_byte]
        return "now" if len(re.findall(rb"\b" + re.escape(word) + rb"\b", source)) > 1 else ""
    above = function.parent
    if above is not None and above.type == "parenthesized_expression":
        return "now"
    call = above.parent if above is not None and above.type == "arguments" else None
    if call is None or call.type != "call_expression":
        return ""
    called = call.child_by_field_name("function")
    text = source[called.start_byte : called.end_byte].decode() if called is not None else ""
    first = above is not None and above.named_children[0] == function
    return "later" if _RUN_LATER.search(text) and (first or not text.endswith("then")) else ""


def _bound(function: Node) -> Node | None:
    above = function.parent
    return above.child_by_field_name("name") if above is not None and above.type == "variable_declarator" else None
