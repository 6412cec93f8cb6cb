"""Lua 5.4. Lists, tuples and dicts are tables; which is meant comes from the signature.

A list that is returned has the keys 1, 2, ... n and nothing else. As in the language itself, 3.0 is
the integer 3 where the signature says int. A table cannot hold nil, so a list or dict of optionals is
Unsupported; a tuple has a known length and may. Strings are bytes, UTF-8 comes in.
"""

from __future__ import annotations

import re
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common, leaving
from xinstruct.languages.base import Program, Toolchain, Unsupported
from xinstruct.languages.scripting import Scripting

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


class Lua(Scripting):
    """The reference interpreter of Lua 5.4."""

    name = "lua"
    title, fence = NAMES["lua"].title, NAMES["lua"].fence
    extensions = (".lua",)
    comment = "--"
    toolchain = Toolchain(("lua5.4",), ("lua5.4", "-v"), "apt-get install -y --no-install-recommends lua5.4 lua-unit")
    apart = "--[==[ \" ' ]] ]=] ]==] "
    stop = ("\nlocal function", "\nfunction ", "\nend\n", "\n--", "\nprint(", "\n```")
    keys = ("int", "bool", "string")
    spelled = {  # noqa: RUF012
        **{"int": "integer", "float": "number", "bool": "boolean", "string": "string", "none": "nil"},
        **{"list": "{0}[]", "dict": "table<{0}, {1}>", "tuple": "[{all}]", "optional": "{0} or nil"},
    }
    null = "nil"
    truth = ("false", "true")
    specials = ("(0/0)", "(1/0)", "(-1/0)")
    brackets = ("{", "}")
    pair = "[{}] = {}"
    source = "answer.lua"
    command = ("lua5.4", "driver.lua")

    def check(self, kind: Type) -> None:
        """Raise Unsupported for keys that a table lacks and for nil where it would be lost."""
        super().check(kind)
        if kind.head in ("list", "dict") and kind.args[-1].head == "optional":
            raise Unsupported(f"no nil in a table: {kind}")
        for arg in kind.args:
            self.check(arg)

    def int_literal(self, value: int) -> str:
        """An integer literal; the smallest one has no digits of its own."""
        return str(value) if value != common.INT64[0] else "math.mininteger"

    def text_literal(self, value: str) -> str:
        """Double quotes, with escapes for what cannot be seen."""
        return '"' + "".join(_ESCAPES.get(c, c if c.isprintable() else _bytes(c)) for c in value) + '"'

    def header(self, name: str, signature: Signature) -> str:
        """`local function name(a, b)` and a line break."""
        self.check_signature(signature)
        return f"local function {name}({', '.join(p.name for p in signature.params)})\n"

    def footer(self) -> str:
        """Nothing beyond the function's own `end`."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver: a local function is handed out by a last statement, where none is there."""
        handed = f"\nreturn {{{name} = {name}}}\n"
        program = super().driver(code, name, signature, args, nonce)
        return Program({**program.files, "handed.txt": handed}, program.run)

    def trusted(self, tests: str) -> str:
        """See Language.trusted: the last statement leaves only with another status.

        What tests are made of comes in as arguments of the whole text, which nobody can replace.
        """
        unit = "lu" if "LuaUnit" in tests else "_"
        names = f"local assert, error, pairs, ipairs, type, tostring, pcall, select, next, {unit} = ...\n"
        tests = re.sub(r"\A\n?(?:[ \t]*end[ \t]*\n)?", lambda found: found[0] + names, tests, count=1)
        left = "do local s = ({0}) if not (s == true or s == 0) then os.exit(s) end end"
        if "LuaUnit" in tests:  # the harness looks at its results
            return tests
        return leaving.at_end(tests, r"os\.exit\((?P<status>.*)\);?", lambda status: left.format(status or "true"))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the last statement is reached, or it is os.exit of LuaUnit's passed tests."""
        files = {"driver.lua": common.asset("asserting.lua"), "program.lua": program, common.PLAN: nonce}
        return Program(files, self.command)


def _bytes(char: str) -> str:
    return "".join(f"\\{byte:03d}" for byte in common.utf8(char))


LANGUAGE = Lua()
