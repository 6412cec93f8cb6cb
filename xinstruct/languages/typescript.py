"""TypeScript: checked and emitted by the native compiler of typescript 7, run on node.

The compiler and node's types are npm packages pinned in ``npm/package-lock.json`` and installed under ``tools/npm``
(or in the folder of the environment variable XINSTRUCT_TOOLS). Not strict, ES2023 in, CommonJS out, every file a module
of its own, so that names do not clash with the libraries'. Values are read and written as in JavaScript. A program that
is judged by its exit status is emitted by typescript 5 for ES5 instead, errors or not, as graders that call `tsc`
without settings do. Project files (tsconfig.json) are not supported.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common, javascript, leaving
from xinstruct.languages.base import Batch, Language, Program, Toolchain
from xinstruct.languages.javascript_tests import counted, without_exit

_NAMES = {"int": "number", "float": "number", "bool": "boolean", "string": "string", "none": "void"}
SHOWN = "/opt/xi/npm"  # where programs see the npm packages, wherever they stand
_NATIVE = "node_modules/@typescript/typescript-linux-x64/lib/tsc"  # the launcher script costs a node start
_REFERENCE = "node_modules/typescript5/lib/typescript.js"
_SOURCES = ("answer.ts", "program.ts")
# What may reach out of a module: `declare global`, `declare module "x"`, `/// <reference>`, `export as namespace`.
_GLOBAL = re.compile(r"\bglobal\b|\bdeclare\b(?=[\s\S]*\bmodule\b)|///|\bas\s+namespace\b")

_REQUIRED = re.compile(r"\bimport\s+(?:type\s+)?[\w$]+\s*=\s*require\b")  # syntax, no call


def tools() -> Path:
    """Return the npm packages' folder: $XINSTRUCT_TOOLS/npm, ./tools/npm, or tools/npm beside the virtual environment.

    The last one is for a checkout without untracked files, such as `dvc exp run --temp` makes.
    """
    if given := os.environ.get("XINSTRUCT_TOOLS"):
        return (Path(given) / "npm").resolve()
    here = (Path("tools") / "npm").resolve()
    beside = (Path(sys.prefix).parent / "tools" / "npm").resolve()
    return beside if not here.exists() and beside.exists() else here


def compiler() -> str:
    """Return the compiler's path for programs: the native binary if it exists, else the package's launcher."""
    return f"{SHOWN}/{_NATIVE if (tools() / _NATIVE).exists() else 'node_modules/.bin/tsc'}"


def flags() -> tuple[str, ...]:
    """Return the compiler's options, the same for one program and for a batch."""
    text = "--target ES2023 --module commonjs --moduleDetection force --strict false --skipLibCheck --esModuleInterop"
    types = ("--pretty", "false", "--types", "node", "--typeRoots", f"{SHOWN}/node_modules/@types")
    return (*text.split(), *types)


def _emitting(*folders: str) -> tuple[str, ...]:
    return ("node", "-e", common.asset("emit_es5.js"), f"{SHOWN}/{_REFERENCE}", *folders)


class TypeScript(Language):
    """typescript 7 and node."""

    name = "typescript"
    title, fence = NAMES["typescript"].title, NAMES["typescript"].fence
    extensions = (".ts", ".mts", ".cts")
    comment = "//"
    apart = ";/* ` */\n"
    stop = ("\nfunction ", "\n/*", "\n//", "\nclass", "\nconsole.log", "\nconst ", "\nexport ", "\n```")

    @property
    def toolchain(self) -> Toolchain:  # type: ignore[override]
        """The toolchain; it depends on where the tools are, so it is computed on access."""
        return Toolchain(("node", compiler()), (compiler(), "--version"), "make setup")

    def spell_type(self, kind: Type) -> str:
        """`number[]`, `Record<string, number>`, `string | null`, ..."""
        if kind.head in _NAMES:
            return _NAMES[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        if kind.head == "list":
            return f"({inner[0]})[]" if kind.args[0].head == "optional" else f"{inner[0]}[]"
        if kind.head == "optional":
            return f"{inner[0]} | null"
        if kind.head == "tuple":
            return f"[{', '.join(inner)}]"
        return f"{'Record' if kind.args[0].head in ('string', 'int') else 'Map'}<{', '.join(inner)}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A TypeScript expression of the value."""
        return javascript.LANGUAGE.literal(kind, value)

    def header(self, name: str, signature: Signature) -> str:
        """`function name(a: number): number {` and a line break."""
        common.check_types(signature, javascript.KEYS)
        params = ", ".join(f"{p.name}: {self.spell_type(p.type)}" for p in signature.params)
        return f"function {name}({params}): {self.spell_type(signature.returns)} {{\n"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver."""
        common.check_types(signature, javascript.KEYS)
        common.check_args(signature, args, -common.SAFE_INT, common.SAFE_INT)
        export = f"\n;export {{ {name} as xinstruct_answer_ }};\n" if javascript.defines(code, name) else ""
        files = {"driver.js": common.asset("driver.js"), "answer.ts": code + export}
        files[common.PLAN] = common.plan(name, signature, args, nonce)
        return Program(files, (*javascript.RUN, javascript.DRIVER), (compiler(), *flags(), "answer.ts"))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the event loop must run empty without anyone calling exit."""
        files = {"driver.js": common.asset("asserting.js"), "program.ts": program, common.PLAN: nonce}
        return Program(files, (*javascript.RUN, javascript.DRIVER), (compiler(), *flags(), "program.ts"))

    def standalone(self, program: str, nonce: str) -> Program:
        """See Language.standalone: node runs whatever the compiler emits, even after errors."""
        return Program({"program.ts": program}, ("node", "program.js"), _emitting("."), by_status=True)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but the completion cannot replace the tests' `console` and `require`."""
        tests, count = counted(self.name, program[completion[1] :], "(globalThis as any).xinstruct_heard")
        words = r"(?<![\w.$])(?:console(?=\s*\.)|require(?=\s*\())"
        words = words if not _REQUIRED.search(tests) else words.replace("require", "(?!)")
        tests = leaving.by_path(self.name, without_exit(tests, self.name), words, "globalThis.xinstruct_")
        made = super().marked(program[: completion[1]] + tests, completion, nonce)
        return replace(made, files={**made.files, common.PLAN: f"{nonce}{count}"})

    def batchable(self, program: Program) -> bool:
        """See Language.batchable: one checker sees all files, so none may change global names."""
        return program.by_status or not any(_GLOBAL.search(program.files.get(name, "")) for name in _SOURCES)

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """See Language.batch_compile."""
        if programs[0].by_status:
            return Batch(_emitting(*folders), in_order=True)
        sources = [next(name for name in _SOURCES if name in program.files) for program in programs]
        line = ("node", "-e", common.asset("tsc_batch.js"), compiler(), json.dumps(flags()), *sources, "--", *folders)
        return Batch(line)

    def identifier(self, name: str) -> str:
        """camelCase."""
        return common.camel(name)


LANGUAGE = TypeScript()
