"""Bash. Arguments are words, the result is what the function prints.

As MultiPL-E has it: a list of scalars is one word with blanks between the items, in arguments and
in the output; a bool is ``true`` or ``false``; trailing line breaks of the output do not count. So a
list item must not be empty nor hold blanks. An exit status other than 0 is an error only when
nothing was printed. Dicts, tuples, optionals and nested lists are Unsupported.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Any

from xinstruct.languages import common
from xinstruct.languages.base import Language, Program, Toolchain, Unsupported
from xinstruct.languages.types import Signature, Type

_SCALARS = ("int", "float", "bool", "string")
_RUN = ("bash", "--norc", "--noprofile")


_BUILTINS = (
    *(".", ":", "[", "break", "builtin", "cd", "command", "continue", "declare", "echo", "eval", "exec", "export"),
    *("false", "let", "local", "mapfile", "printf", "read", "readarray", "readonly", "return", "set", "shift", "shopt"),
    *("source", "test", "true", "typeset", "unalias", "unset"),
)
# Before tests: builtins are what they were. In POSIX mode, which an assignment switches on, no function hides `unset`.
_RESTORE = f"""POSIXLY_CORRECT=1
unset -f {" ".join(_BUILTINS)} || exit 1
unset POSIXLY_CORRECT
shopt -u expand_aliases extdebug
unalias -a
"""


def _check(kind: Type) -> None:
    """Raise Unsupported for everything but scalars and lists of them."""
    inner = kind.args[0] if kind.head == "list" else kind
    if inner.head not in _SCALARS:
        raise Unsupported(f"no {kind} in a shell")


def _check_signature(signature: Signature) -> None:
    for kind in [*(p.type for p in signature.params), signature.returns]:
        if kind.head != "none" or kind is not signature.returns:
            _check(kind)


def word(kind: Type, value: Any) -> str:
    """The value as one shell word, unquoted. Raises Unsupported."""
    if kind.head == "list":
        return " ".join(_item(kind.args[0], item) for item in value)
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


class Bash(Language):
    """GNU bash."""

    name = "bash"
    title = "Bash"
    extensions = (".sh", ".bash")
    fence = "bash"
    comment = "#"
    toolchain = Toolchain(
        ("bash", "bc"), ("bash", "--version"), "apt-get install -y --no-install-recommends bash bc gawk"
    )
    stop = ("\n}\n", "\n```")

    def spell_type(self, kind: Type) -> str:
        """Bash has no types; this is how one is told to a reader: `int`, `space-separated list of int`."""
        _check(kind)
        return f"space-separated list of {kind.args[0]}" if kind.head == "list" else kind.head

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
        """`name() {`, a local variable per parameter and a line break."""
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
        kind = signature.returns
        returns = f"list:{kind.args[0]}" if kind.head == "list" else kind.head
        lines = [
            f"xi__nonce={shlex.quote(nonce)} xi__name={shlex.quote(name)} xi__returns={returns}",
            "xi__all() {",
            ":",
        ]
        for i, row in enumerate(args):
            words = [self.literal(p.type, v) for p, v in zip(signature.params, row, strict=True)]
            lines.append(" ".join(["xi__case", str(i), *words]))
        files = {"driver.sh": common.asset("driver.sh"), "answer.sh": code, common.PLAN: "\n".join([*lines, "}", ""])}
        return Program(files, (*_RUN, "driver.sh"), env={"LC_ALL": "C.UTF-8"})

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the last statement's status must be 0, and nobody called exit."""
        files = {"driver.sh": common.asset("asserting.sh"), "program.sh": program, common.PLAN: nonce}
        return Program(files, (*_RUN, "driver.sh"), env={"LC_ALL": "C.UTF-8"})

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one shell, but the tests are a text of their own that no open quote can swallow."""
        end = completion[1]
        if closing := re.match(r"\s*\}[ \t]*\n", program[end:]):  # of the function that the completion is the body of
            end += closing.end()
        made = super().marked(program, completion, nonce)
        return replace(made, files={**made.files, "program.sh": program[:end], "tests.sh": _RESTORE + program[end:]})

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


def _bytes(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode())


LANGUAGE = Bash()
