"""Ruby 3. Lists and tuples are arrays, dicts are hashes, optionals may be nil; integers have any size.

A function is a method at the top level, of a module or of a class that can be made without
arguments. A symbol is no string, and a function declared to return nothing may return anything.
Leaves out keyword arguments and blocks.
"""

from __future__ import annotations

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature
from xinstruct.languages import common, leaving
from xinstruct.languages.base import Program, Toolchain
from xinstruct.languages.scripting import Scripting

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "#": "\\#"}
_RUN = ("ruby", "-W0", "--disable=did_you_mean,error_highlight", "-Ku")


class Ruby(Scripting):
    """The reference implementation of Ruby."""

    name = "ruby"
    title, fence = NAMES["ruby"].title, NAMES["ruby"].fence
    extensions = (".rb",)
    comment = "#"
    toolchain = Toolchain(
        ("ruby",), ("ruby", "--version"), "apt-get install -y --no-install-recommends ruby ruby-test-unit"
    )
    apart = ";\n=begin\n\" ' ` ) ] } > | /\n=end\n"
    stop = ("\ndef ", "\nclass ", "\nmodule ", "\nend\n", "\n#", "\nputs ", "\n```")
    keys = ("int", "float", "bool", "string", "tuple", "list", "optional")
    spelled = {  # noqa: RUF012
        **{"int": "Integer", "float": "Float", "bool": "Boolean", "string": "String", "none": "nil"},
        **{"list": "Array<{0}>", "dict": "Hash<{0}, {1}>", "tuple": "[{all}]", "optional": "{0} or nil"},
    }
    null = "nil"
    truth = ("false", "true")
    specials = ("Float::NAN", "Float::INFINITY", "-Float::INFINITY")
    brackets = ("[", "]")
    pair = "{} => {}"
    source = "answer.rb"
    command = (*_RUN, "driver.rb")
    low = high = None

    def text_literal(self, value: str) -> str:
        """Double quotes, with escapes for what cannot be seen."""
        common.utf8(value)
        return '"' + "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in value) + '"'

    def header(self, name: str, signature: Signature) -> str:
        """`def name(a, b)` and a line break."""
        self.check_signature(signature)
        return f"def {name}({', '.join(p.name for p in signature.params)})\n"

    def footer(self) -> str:
        """Nothing beyond the method's own `end`."""
        return ""

    def trusted(self, tests: str) -> str:
        """See Language.trusted: the last statement leaves only with another status.

        What fails a test is the kernel's own.
        """
        call = r"(?:Kernel\.)?exit!?\b(?P<status>[^#]*)"
        left = "xinstruct_s = ({0}); exit(xinstruct_s) unless [0, true].include?(xinstruct_s)"
        tests = leaving.at_end(tests, call, lambda status: left.format(status or "0"))
        words = r"(?<![\w.:@$])(?<!\bdef )(?:raise|abort|exit!?)(?![\w?!=:]|\s*=[^=~])"
        return leaving.by_path(self.name, tests, words, "Kernel.")

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the last statement is reached, and the tests of test/unit, if any, have passed."""
        files = {"driver.sh": common.asset("asserting_pipe.sh"), "asserting.rb": common.asset("asserting.rb")}
        run = ("bash", "driver.sh", "XinstructEnd.call('", "')", *_RUN, "-r", "./asserting.rb")
        return Program({**files, "program": program, common.PLAN: nonce}, run)


LANGUAGE = Ruby()
