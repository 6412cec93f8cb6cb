"""Python. The driver decodes arguments; results are encoded by their runtime type.

A set is not accepted as a list: its order is not part of its value. There is no batch compilation, since nothing is
compiled.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common, futures, leaving, separation
from xinstruct.languages.base import Language, Program, Toolchain, Unsupported

_NAMES = {"int": "int", "float": "float", "bool": "bool", "string": "str", "none": "None"}
_HASHABLE = ("int", "float", "bool", "string", "tuple", "optional")
# No user paths, nothing of the folder: the program sees the standard library only. Not -I, which would leave out the
# seed of the hashes (execution/chance.py) with the environment; the sandbox's has no other variable of Python.
RUN = ("python3", "-s", "-P", "-B", "-X", "utf8")
DRIVER = "driver.py"  # the script that every program starts from

# Loaded once for all programs: what the drivers need, and what programs mostly import. Each module more costs every
# program a little, for a fork is the dearer the more there is to share, so what is seldom wanted stands apart: an
# interpreter with these too is started for the programs that name one.
# fmt: off
MODULES = (
    "_pickle", "abc", "bisect", "builtins", "collections", "collections.abc", "contextlib", "copy", "functools",
    "heapq", "io", "itertools", "json", "math", "operator", "re", "string", "time", "types", "typing",
)
MORE = (
    "dataclasses", "datetime", "decimal", "fractions", "hashlib", "random", "statistics", "textwrap",
    "threading", "traceback", "unittest",
)
# fmt: on


@cache
def _separated() -> str:
    """Return the driver of two processes, one script made of three texts, each in the place of its first import."""
    text = common.asset("separated.py")
    for name in ("exchange", "remote"):
        first, *rest = re.split(rf"^from xinstruct\.languages\.drivers\.{name} import .*\n", text, flags=re.M)
        text = "".join([first, common.asset(f"{name}.py"), *rest])
    return text


@cache
def drivers() -> tuple[str, ...]:
    """Return the scripts that programs begin with, which are worth compiling in advance."""
    return common.asset("driver.py"), common.asset("asserting.py"), _separated()


class Python(Language):
    """CPython 3."""

    name = "python"
    title, fence = NAMES["python"].title, NAMES["python"].fence
    extensions = (".py",)
    comment = "#"
    toolchain = Toolchain(("python3",), ("python3", "--version"), "apt-get install -y --no-install-recommends python3")
    apart = "# '''\n# \"\"\"\n"
    stop = ("\ndef ", "\nclass ", "\nif __name__", "\nprint(", "\nassert ", "\n#", "\n@", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`list[int]`, `int | None`, ..."""
        if kind.head in _NAMES:
            return _NAMES[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        return f"{inner[0]} | None" if kind.head == "optional" else f"{kind.head}[{', '.join(inner)}]"

    def literal(self, kind: Type, value: Any) -> str:
        """A Python expression of the value."""
        common.check_value(kind, value)
        common.check_keys(kind, _HASHABLE)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return "None"
        if kind.head == "float":
            return common.float_text(value, 'float("nan")', 'float("inf")', 'float("-inf")')
        if kind.head == "optional":
            return self._literal(kind.args[0], value)
        if kind.head == "dict":
            key, item = kind.args
            return "{" + ", ".join(f"{self._literal(key, k)}: {self._literal(item, v)}" for k, v in value) + "}"
        if kind.head == "list":
            return "[" + ", ".join(self._literal(kind.args[0], v) for v in value) + "]"
        if kind.head == "tuple":
            inner = [self._literal(k, v) for k, v in zip(kind.args, value, strict=True)]
            return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
        return repr(value)

    def header(self, name: str, signature: Signature) -> str:
        """`def name(a: int) -> int:` and a line break; the body is indented by four."""
        common.check_types(signature, _HASHABLE)
        params = ", ".join(f"{p.name}: {self.spell_type(p.type)}" for p in signature.params)
        return f"def {name}({params}) -> {self.spell_type(signature.returns)}:\n"

    def footer(self) -> str:
        """Return "": nothing closes a Python function."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers of any size."""
        common.check_types(signature, _HASHABLE)
        common.check_args(signature, args, None, None)
        if "\0" in code:
            raise Unsupported("a NUL in the source")
        files = {DRIVER: common.asset("driver.py"), "answer.py": code}
        return Program({**files, common.PLAN: common.plan(name, signature, args, nonce)}, (*RUN, DRIVER))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the program must reach the end of the main module."""
        files = {DRIVER: common.asset("asserting.py"), "program.py": program, common.PLAN: nonce}
        return Program(files, (*RUN, DRIVER))

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: the tests run in one process, the completion in another (drivers/separated.py)."""
        try:
            parts = separation.split(program, *completion)
        except separation.Inseparable as reason:
            return replace(super().marked(program, completion, nonce), note=str(reason))
        files = {DRIVER: _separated(), "program.py": parts.code, "tests.py": parts.tests}
        plan = f"{nonce}\n{' '.join(parts.names)}\n{' '.join(parts.offered)}"
        return Program({**files, common.PLAN: plan}, (*RUN, DRIVER), separation="process")

    def in_order(self, program: str, completion: tuple[int, int]) -> tuple[str, tuple[int, int]]:
        """See Language.in_order: future imports."""
        return futures.first(program, completion)

    def trusted(self, tests: str) -> str:
        """See Language.trusted: the last statement leaves only with another status."""
        left = "xinstruct_s = ({0})\nif xinstruct_s: raise SystemExit(xinstruct_s)"
        call = r"(?:(?:sys\.)?exit|quit)\((?P<status>.*)\)"
        return leaving.at_end(tests, call, lambda status: left.format(status or "0"))

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


LANGUAGE = Python()
