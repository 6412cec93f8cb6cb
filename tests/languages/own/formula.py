"""A toy language in one file: a program is lines ``name(a, b) = expression``, the expressions are Python's.

It is compiled (each line is parsed) and run by a driver on python3, as the languages of the package are.
"""

from __future__ import annotations

from typing import Any

from xinstruct.code.types import Signature, Type
from xinstruct.languages import common
from xinstruct.languages.base import Language, Program, Toolchain, Unsupported

_COMPILE = """
import ast, sys
for number, line in enumerate(open("answer.formula"), 1):
    try:
        head, _, body = line.partition("=")
        ast.parse(head.strip() and body.strip() or "0", mode="eval")
    except SyntaxError as problem:
        sys.exit(f"error: line {number}: {problem.msg}")
"""
_DRIVER = """
import json, os
plan = json.load(open("plan.json"))
os.unlink("plan.json")
known = {}
for line in open("answer.formula"):
    head, _, body = line.partition("=")
    if body:
        name, _, params = head.strip().rstrip(")").partition("(")
        exec(f"known[name] = lambda {params}: {body}", {"known": known, "name": name, "__builtins__": {"len": len}})
for i, row in enumerate(plan["args"]):
    try:
        said = json.dumps(known[plan["name"]](*row))
    except Exception as problem:
        said = f"!{type(problem).__name__}: {problem}"
    print(f"\\n{plan['nonce']}\\t{i}\\t{said}")
print(f"\\n{plan['nonce']}\\tend")
"""


class Formula(Language):
    """Expressions of ints, strings and lists of them."""

    name = "formula"
    title = "Formula"
    extensions = (".formula",)
    fence = "formula"
    comment = "#"
    toolchain = Toolchain(("python3",), ("python3", "--version"), "apt-get install -y --no-install-recommends python3")
    stop = ("\n",)

    def spell_type(self, kind: Type) -> str:
        """The neutral name."""
        if kind.heads() - {"int", "string", "list"}:
            raise Unsupported(f"no {kind} in a formula")
        return str(kind)

    def literal(self, kind: Type, value: Any) -> str:
        """Python's spelling."""
        common.check_value(kind, value)
        self.spell_type(kind)
        return repr(value)

    def header(self, name: str, signature: Signature) -> str:
        """`name(a, b) =` and a line break that the body does not have."""
        return f"{name}({', '.join(p.name for p in signature.params)}) = \n"

    def footer(self) -> str:
        """Nothing."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver."""
        for kind in [*(p.type for p in signature.params), signature.returns]:
            self.spell_type(kind)
        common.check_args(signature, args, None, None)
        files = {"compile.py": _COMPILE, "driver.py": _DRIVER, "answer.formula": code}
        files[common.PLAN] = common.plan(name, signature, args, nonce)
        return Program(files, ("python3", "-I", "driver.py"), ("python3", "-I", "compile.py"))

    def asserting(self, program: str, nonce: str) -> Program:
        """Formulas assert nothing."""
        raise Unsupported("a formula has no assertions")


LANGUAGE = Formula()
