"""Bash. Arguments are words, the result is the function's output.

The format of arguments and output is MultiPL-E's: a list or tuple of scalars has blanks between the items, a list of
those has one line for each, a dict one line ``key,value`` for each entry; a bool is ``true`` or ``false``, an absent
optional ``None``; trailing line breaks of the output do not count. So an item must not be empty or contain blanks, a
key contains no comma, and the last of several lines is not empty. An exit status other than 0 is an error only when
nothing was printed. Deeper nesting is Unsupported.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tree_sitter import Node

from xinstruct.code.lexical import encoded, parsed
from xinstruct.code.names import NAMES
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common
from xinstruct.languages.base import Language, Program, Toolchain, Unsupported

_SCALARS = ("int", "float", "bool", "string")
NONE = "None"  # an absent value
_FORMS = {"list": "lists", "tuple": "tuples"}  # of a list of those
_RUN = ("bash", "--norc", "--noprofile")


_BUILTINS = (
    *(".", ":", "[", "alias", "break", "builtin", "cd", "command", "continue", "declare", "echo", "enable", "eval"),
    *("exec", "export", "false", "getopts", "hash", "kill", "let", "local", "mapfile", "printf", "pwd", "read"),
    *("readarray", "readonly", "return", "set", "shift", "shopt", "source", "test", "true", "type", "typeset"),
    *("unalias", "unset", "wait"),
)
# Before tests: builtins are what they were. In POSIX mode, which an assignment switches on, no function hides `unset`.
_RESTORE = f"""POSIXLY_CORRECT=1
unset -f {" ".join(_BUILTINS)} || exit 1
unset POSIXLY_CORRECT
shopt -u expand_aliases extdebug nocasematch
set +TE
unalias -a
"""
_NO_TRAPS = re.compile(r"^trap\(\) .*\n.*trap\n.*trap enable\n", re.M)  # the lines of asserting.sh
_TRAPS = re.compile(r"(?:^|[;&|({]|\b(?:then|else|do)\b)[ \t]*(?:builtin[ \t]+)?trap\b", re.M)
_SKIPPING = re.compile(r"DEBUG|RETURN|extdebug")  # what makes a trap skip commands
_OWN_TRAPS = "unset -f trap\ntrap - DEBUG RETURN ERR EXIT\n"
_LEAVES_ON_FAILURE = re.compile(r"^(?:set[ \t]+(?:-\w*e|-o[ \t]+errexit)|#![^\n]*[ \t]-\w*e)", re.M)
_COMPARERS = re.compile(r"\|[ \t]*(grep|cmp|diff)\b|\b(cmp|diff)[ \t]+(?:-|<\()")
_APART = ("function_definition", "subshell", "command_substitution", "process_substitution", "pipeline")
# An exit of the tests themselves with status 0 is an end like any other.
_LEAVE = """if (builtin exit{args}); then
POSIXLY_CORRECT=1; unset -f builtin printf; unset POSIXLY_CORRECT
builtin printf '\\n%s\\tend\\n' {nonce}; builtin exit 0; else builtin exit $?; fi"""


def _tests(tests: str, before: str, nonce: str) -> str:
    """Return trusted tests as a text of their own, behind what makes the shell the one that they were written for."""
    replaced = {name for found in _COMPARERS.findall(tests) for name in found if name}
    unset = "".join(f"unset -f {name}\n" for name in sorted(replaced) if not re.search(rf"\b{name}[ \t]*\(\)", before))
    errexit = "set -e\n" if _LEAVES_ON_FAILURE.search(before) else ""
    traps = _OWN_TRAPS if _TRAPS.search(tests) else ""
    return f"{_RESTORE}{unset}{traps}{errexit}{_ended(tests, nonce)}"


def _ended(tests: str, nonce: str) -> str:
    """Return tests whose own exits, those that leave the shell in which all run, report an end if their status is 0."""
    source = encoded(tests)
    tree = parsed(traits_of("bash"), source) if re.search(r"\bexit\b", tests) else None
    if tree and (last := _last_called(tree.root_node)):
        for node in reversed(list(_exits(last))):  # nothing comes after this function
            source = source[: node.start_byte] + b"return" + source[node.start_byte + len(b"exit") :]
        tree = parsed(traits_of("bash"), source)
    for node in reversed(list(_exits(tree.root_node))) if tree else ():
        args = source[node.start_byte + len(b"exit") : node.end_byte].decode()
        leave = _LEAVE.format(args=args, nonce=nonce)
        source = source[: node.start_byte] + leave.encode() + source[node.end_byte :]
    return source.decode()


def _last_called(program: Node) -> Node | None:
    """Return the body of the function that the last command calls, where no other command does."""
    last = program.named_children[-1] if program.named_children else None
    name = (last.text or b"").split()[0] if last is not None and last.type == "command" else b""
    if not name or len(re.findall(rb"(?<![\w-])" + re.escape(name) + rb"(?![\w-])", program.text or b"")) != 2:
        return None
    for child in program.named_children:
        named = child.child_by_field_name("name") if child.type == "function_definition" else None
        if named is not None and named.text == name:
            return child.child_by_field_name("body")
    return None


def _exits(node: Node) -> Iterator[Node]:
    """Yield the commands `exit` below a node that are run by its own shell and no function, in order."""
    if node.type == "command" and (node.text or b"").split()[:1] == [b"exit"]:
        yield node
    elif node.type not in _APART:
        for child in node.children:
            yield from _exits(child)


def _is_item(kind: Type) -> bool:
    """Tell whether a type is one word: a scalar, or one that may be absent."""
    return (kind.args[0] if kind.head == "optional" else kind).head in _SCALARS


def _is_row(kind: Type) -> bool:
    """Tell whether a type is one line: a list or tuple of items."""
    return kind.head in ("list", "tuple") and all(map(_is_item, kind.args))


def _is_table(kind: Type) -> bool:
    """Tell whether a type takes one line for each of its entries."""
    return (kind.head == "list" and _is_row(kind.args[0])) or (kind.head == "dict" and all(map(_is_item, kind.args)))


def _check(kind: Type) -> None:
    """Raise Unsupported for every type that is neither a word nor a line nor lines of words."""
    if not (_is_item(kind) or _is_row(kind) or _is_table(kind)):
        raise Unsupported(f"no {kind} in a shell")


def _check_signature(signature: Signature) -> None:
    for kind in [*(p.type for p in signature.params), signature.returns]:
        if kind.head != "none" or kind is not signature.returns:
            _check(kind)


def word(kind: Type, value: Any) -> str:
    """Return the value as one unquoted shell word. Raises Unsupported."""
    if _is_row(kind):
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        return " ".join(_item(inner, item) for inner, item in zip(kinds, value, strict=True))
    if _is_table(kind):
        return _lines(kind, value)
    if kind.head == "optional":
        text = word(kind.args[0], value) if value is not None else NONE
        if value is not None and text == NONE:
            raise Unsupported(f"a text that reads {NONE} where a value may be absent")
        return text
    if kind.head == "bool":
        return "true" if value else "false"
    if kind.head == "float":
        return common.float_text(value, "nan", "inf", "-inf")
    if kind.head == "string" and "\0" in value:
        raise Unsupported("a NUL in a shell word")
    return str(value)


def _item(kind: Type, value: Any) -> str:
    text = word(kind, value)
    if not text or re.search(r"\s", text):
        raise Unsupported("a list item that is empty or holds blanks")
    return text


def _lines(kind: Type, value: Any) -> str:
    """Return a line for each row of a list, or for each entry of a dict."""
    if kind.head == "dict":
        return "\n".join(_entry(*map(word, kind.args, pair)) for pair in value)
    if value and not value[-1]:
        raise Unsupported("a last line that is empty")
    return "\n".join(word(kind.args[0], row) for row in value)


def _entry(key: str, value: str) -> str:
    if "," in key or "\n" in key + value:
        raise Unsupported("a key with a comma, or a line break in an entry")
    return f"{key},{value}"


class Bash(Language):
    """GNU bash."""

    name = "bash"
    title, fence = NAMES["bash"].title, NAMES["bash"].fence
    extensions = (".sh", ".bash")
    comment = "#"
    toolchain = Toolchain(
        ("bash", "bc"), ("bash", "--version"), "apt-get install -y --no-install-recommends bash bc gawk"
    )
    stop = ("\n}\n", "\n```")

    def spell_type(self, kind: Type) -> str:
        """Describe a type for a reader, since Bash has none: `int`, `space-separated list of int`."""
        _check(kind)
        if kind.head == "optional":
            return f"{kind.args[0]} or {NONE}"
        if kind.head == "dict":
            return f"lines of key,value: {','.join(map(self.spell_type, kind.args))}"
        if kind.head == "tuple":
            return f"space-separated {', '.join(map(self.spell_type, kind.args))}"
        if kind.head == "list":
            inner = self.spell_type(kind.args[0])
            return f"lines, each a {inner}" if _is_table(kind) else f"space-separated list of {inner}"
        return kind.head

    def literal(self, kind: Type, value: Any) -> str:
        """The value as one quoted word."""
        _check(kind)
        common.check_value(kind, value, *common.INT64)
        text = word(kind, value)
        common.utf8(text)
        if text.isprintable():
            return shlex.quote(text)
        escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
        return "$'" + "".join(escapes.get(c, c if c.isprintable() else _bytes(c)) for c in text) + "'"

    def header(self, name: str, signature: Signature) -> str:
        """Return `name() {`, a local variable per parameter and a line break."""
        _check_signature(signature)
        names = "".join(
            f'    local {p.name}="${{{i}}}"\n' if i > 9 else f'    local {p.name}="${i}"\n'
            for i, p in enumerate(signature.params, 1)
        )
        return f"{name}() {{\n{names}"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Each case runs in a subshell of its own."""
        _check_signature(signature)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args, nul=False)
        lines = [
            f"xi__nonce={shlex.quote(nonce)} xi__name={shlex.quote(name)} {_returns(signature.returns)}",
            "xi__all() {",
            ":",
        ]
        for i, row in enumerate(args):
            words = [self.literal(p.type, v) for p, v in zip(signature.params, row, strict=True)]
            lines.append(" ".join(["xi__case", str(i), *words]))
        files = {"driver.sh": common.asset("driver.sh"), "answer.sh": code, common.PLAN: "\n".join([*lines, "}", ""])}
        return Program(files, (*_RUN, "driver.sh"), env={"LC_ALL": "C.UTF-8"})

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the last statement must have status 0, and exit must not be called."""
        return self._whole(
            {"program.sh": program}, nonce, bool(_TRAPS.search(program)) and not _SKIPPING.search(program)
        )

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one shell, but the tests are a separate text that no open quote can swallow."""
        end = common.tests_start(program, completion[1])
        tests = _tests(program[end:], program[: completion[0]], nonce)
        made = self._whole({"program.sh": program[:end], "tests.sh": tests}, nonce, bool(_TRAPS.search(program[end:])))
        return replace(made, note=super().marked(program, completion, nonce).note)

    def _whole(self, files: dict[str, str], nonce: str, traps: bool) -> Program:
        harness = common.asset("asserting.sh")
        files = {"driver.sh": _NO_TRAPS.sub("", harness) if traps else harness, **files, common.PLAN: nonce}
        return Program(files, (*_RUN, "driver.sh"), env={"LC_ALL": "C.UTF-8"})

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


def _returns(kind: Type) -> str:
    """Return the code that tells the driver the result's form and the types of its words."""
    rows = kind.args[0] if kind.head == "list" and _is_table(kind) else None
    form = _FORMS[rows.head] if rows else "item" if _is_item(kind) or kind.head == "none" else kind.head
    kinds = (kind,) if form == "item" else (rows or kind).args
    return f"xi__form={form} xi__kinds=({' '.join(str(inner).strip('<>').replace('<', ':') for inner in kinds)})"


def _bytes(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode())


LANGUAGE = Bash()
