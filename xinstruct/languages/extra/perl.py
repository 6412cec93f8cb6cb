"""Perl 5. Lists and tuples are array references, dicts hash references, a bool is true or false as Perl has it.

A scalar is number and text in one: the signature says which is meant. A function may also return a
list by its items. Its arguments are decoded text, and the answer's source is read as UTF-8. Integers
beyond 64 bits come back as Math::BigInt only. Leaves out dicts with keys other than int and string.
"""

from __future__ import annotations

import re
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature
from xinstruct.languages import common, leaving
from xinstruct.languages.base import Program, Toolchain
from xinstruct.languages.scripting import Scripting

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", **{c: "\\" + c for c in '"\\$@'}}


class Perl(Scripting):
    """perl 5."""

    name = "perl"
    title, fence = NAMES["perl"].title, NAMES["perl"].fence
    extensions = (".pl", ".pm")
    comment = "#"
    toolchain = Toolchain(
        ("perl",), ("perl", "-e", "print $^V"), "apt-get install -y --no-install-recommends perl libtest-deep-perl"
    )
    apart = ";\n\n=pod\n\n\" ' ` ) ] } > | / ! ~\n\n=cut\n\n"
    stop = ("\nsub ", "\n}\n", "\n#", "\nprint ", "\npackage ", "\n```")
    keys = ("int", "string")
    spelled = {  # noqa: RUF012
        **{"int": "integer", "float": "number", "bool": "boolean", "string": "string", "none": "nothing"},
        **{"list": "reference to an array of {0}", "dict": "reference to a hash from {0} to {1}"},
        **{"tuple": "reference to an array ({all})", "optional": "{0} or undef"},
    }
    null = "undef"
    truth = ("!!0", "!!1")
    specials = ("(9**9**9 / 9**9**9)", "(9**9**9)", "(-9**9**9)")
    brackets = ("[", "]")
    pair = "{} => {}"
    source = "answer.pl"
    command = ("perl", "driver.pl")

    def int_literal(self, value: int) -> str:
        """An integer literal; minus is an operator, so the smallest one is a difference."""
        return str(value) if value != common.INT64[0] else f"({value + 1} - 1)"

    def text_literal(self, value: str) -> str:
        """Double quotes, with escapes for what cannot be seen or means a variable."""
        common.utf8(value)
        return '"' + "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\x{{{ord(c):x}}}") for c in value) + '"'

    def header(self, name: str, signature: Signature) -> str:
        """`use strict`, `sub name {`, the parameters as local variables and a line break."""
        self.check_signature(signature)
        names = ", ".join(f"${p.name}" for p in signature.params)
        taken = f"    my ({names}) = @_;\n" if names else ""
        return f"use strict;\nuse warnings;\n\nsub {name} {{\n{taken}"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver: text in the answer is UTF-8, as its arguments are."""
        return super().driver("use utf8; " + code, name, signature, args, nonce)

    def trusted(self, tests: str) -> str:
        """See Language.trusted: the last statement leaves only with another status.

        What fails a test is Perl's own, and the comparison that of its package.
        """
        left = "{{ my $xinstruct_s = ({0}); exit($xinstruct_s) if $xinstruct_s; }}"
        tests = leaving.at_end(tests, r"exit\b(?P<status>[^;#]*);?\s*", lambda status: left.format(status or "0"))
        tests = re.sub(r"(?<![\w:>$@%&{-])(exit|die)\b(?!\s*(?:=>|\}))", r"CORE::\1", tests)
        return re.sub(r"(?<![\w:>$@%&{-])(eq_deeply|cmp_deeply)\s*\(", r"Test::Deep::\1(", tests)

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the last statement is reached and the exit status is 0."""
        files = {"driver.sh": common.asset("asserting_pipe.sh"), "program": program, common.PLAN: nonce}
        run = ("bash", "driver.sh", 'CORE::print STDOUT "\\n', '\\tend\\n"', "perl")
        return Program(files, run)


LANGUAGE = Perl()
