"""JavaScript on node. Plain scripts, CommonJS and ES modules are all taken as answers.

A dict with string or int keys is a plain object, any other a Map; both are read back. ``undefined``
is null, a promise is awaited. An int argument beyond 2**53 - 1 is Unsupported (no BigInt is passed).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from xinstruct.code.lexical import comments, literals
from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common
from xinstruct.languages.base import Language, Program, Toolchain
from xinstruct.languages.javascript_tests import counted, declared, no_script

KEYS = ("int", "float", "bool", "string")
# strict: a rejection that nobody handles is an error, whatever the program listens to; the seed is Math.random's
RUN = ("node", "--unhandled-rejections=strict", "--random-seed=1")
DRIVER = "driver.js"
_MODULE = re.compile(
    r"""(?:^|;)[ \t]*(?:import\s*(?:[\w$*{]|["'])"""
    r"""|export\s+(?:default\b|const\b|let\b|var\b|function\b|async\b|class\b)|export\s*[{*])""",
    re.M,
)


def is_module(code: str) -> bool:
    """Tell whether the code imports or exports something, outside of comments and literals, or is no script for it."""
    if re.search(r"\bawait\b|\bimport\s*\.\s*meta\b", code) and no_script("javascript", code):
        return True
    if not _MODULE.search(re.sub(r"/\*.*?\*/", "", code, flags=re.S)) and not _MODULE.search(code):
        return False
    text, opaque = code, literals("javascript", code, nested=True)
    for start, end in comments("javascript", code):
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    places = [match.end() - len(match.group().lstrip("; \t")) for match in _MODULE.finditer(text)]
    return any(not any(start <= at < end for start, end in opaque) for at in places)


def shared(code: str) -> str:
    """Return a module's code with what it declares and imports made global, as a script's names are."""
    names = ", ".join(f"{name}: () => {name}" for name in declared("javascript", code))
    share = "Object.defineProperty(globalThis, name, { get, configurable: true })"
    return f"{code}\n;for (const [name, get] of Object.entries({{ {names} }})) {share};\n"


def object_literal(literal: Any, kind: Type, value: Any) -> str:
    """A dict as an object (string or int keys) or a Map; `literal` writes keys and values."""
    key, item = kind.args
    pairs = [(literal(key, k), literal(item, v)) for k, v in value]
    if key.head not in ("string", "int"):
        return "new Map([" + ", ".join(f"[{k}, {v}]" for k, v in pairs) + "])"
    # a bare "__proto__" key would set the prototype, a negative number is no key
    computed = [f"[{k}]" if k == '"__proto__"' or k.startswith("-") else k for k, _ in pairs]
    return "{" + ", ".join(f"{k}: {v}" for k, (_, v) in zip(computed, pairs, strict=True)) + "}"


def literal(kind: Type, value: Any) -> str:
    """A JavaScript (and TypeScript) expression of a value that was checked."""
    if value is None:
        return "null"
    if kind.head == "optional":
        return literal(kind.args[0], value)
    if kind.head == "string":
        return f'"{common.utf16_escapes(value)}"'
    if kind.head == "bool":
        return "true" if value else "false"
    if kind.head == "int":
        return str(value)
    if kind.head == "float":
        return common.float_text(value, "NaN", "Infinity", "-Infinity")
    if kind.head == "dict":
        return object_literal(literal, kind, value)
    kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
    return "[" + ", ".join(literal(k, v) for k, v in zip(kinds, value, strict=True)) + "]"


def defines(code: str, name: str) -> bool:
    """Tell whether the code has a declaration of the name that looks top-level."""
    return bool(re.search(rf"\b(?:function\s*\*?|const|let|var|class)\s+{re.escape(name)}(?![\w$])", code))


class JavaScript(Language):
    """Node."""

    name = "javascript"
    title, fence = NAMES["javascript"].title, NAMES["javascript"].fence
    extensions = (".js", ".mjs", ".cjs")
    comment = "//"
    toolchain = Toolchain(("node",), ("node", "--version"), "apt-get install -y --no-install-recommends nodejs npm")
    apart = ";/* ` */\n"
    stop = ("\nfunction ", "\n/*", "\n//", "\nconsole.log", "\nconst ", "\nclass ", "\nmodule.exports", "\n```")

    def spell_type(self, kind: Type) -> str:
        """Return the type in JSDoc's syntax, since code has no types: `number[]`, `?string`, ..."""
        names = {"int": "number", "float": "number", "bool": "boolean", "string": "string", "none": "void"}
        if kind.head in names:
            return names[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        if kind.head == "optional":
            return f"?{inner[0]}"
        if kind.head == "tuple":
            return f"[{', '.join(inner)}]"
        if kind.head == "list":
            return f"Array<{inner[0]}>"
        return f"{'Object' if kind.args[0].head in ('string', 'int') else 'Map'}<{', '.join(inner)}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A JavaScript expression of the value."""
        common.check_value(kind, value, -common.SAFE_INT, common.SAFE_INT)
        common.check_keys(kind, KEYS)
        return literal(kind, value)

    def header(self, name: str, signature: Signature) -> str:
        """`function name(a, b) {` and a line break."""
        common.check_types(signature, KEYS)
        return f"function {name}({', '.join(p.name for p in signature.params)}) {{\n"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver."""
        common.check_types(signature, KEYS)
        common.check_args(signature, args, -common.SAFE_INT, common.SAFE_INT)
        if is_module(code):
            export = f"\n;export {{ {name} as xinstruct_answer_ }};\n" if defines(code, name) else ""
            answer = {"answer.mjs": code + export}
        else:
            grab = f"\n;typeof {name} === 'function' && (module.exports = {{ xinstruct_answer_: {name} }});\n"
            answer = {"answer.js": code + grab}
        return Program(
            {"driver.js": common.asset("driver.js"), **answer, common.PLAN: common.plan(name, signature, args, nonce)},
            (*RUN, DRIVER),
        )

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: the event loop must run empty without anyone calling exit."""
        main = "program.mjs" if is_module(program) else "program.js"
        files = {"driver.js": common.asset("asserting.js"), main: program, common.PLAN: nonce}
        return Program(files, (*RUN, DRIVER))

    def standalone(self, program: str, nonce: str) -> Program:
        """See Language.standalone: plain node."""
        main = "program.mjs" if is_module(program) else "program.js"
        return Program({main: program}, ("node", main), by_status=True)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but the tests are a separate text that runs in any case."""
        made = super().marked(program, completion, nonce)
        end = common.tests_start(program, completion[1])
        code, tests = program[:end], program[end:]
        if is_module(program[: completion[0]] + tests):  # a module's names are its own
            return made
        tests, count = counted(self.name, tests, "xinstruct_heard")
        files = {name: text for name, text in made.files.items() if not name.startswith("program.")}
        whole = {"program.mjs": shared(code)} if is_module(code) else {"program.js": code}
        return replace(made, files={**files, **whole, "tests.js": tests, common.PLAN: f"{nonce}{count}"})

    def identifier(self, name: str) -> str:
        """camelCase."""
        return common.camel(name)


LANGUAGE = JavaScript()
