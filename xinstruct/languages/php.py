"""PHP 8. Lists, tuples and dicts are arrays; which is meant comes from the signature.

A result that should be a list must have the keys 0, 1, 2, ...: an array that array_filter left with
gaps is read as a dict. Dict keys are int or string. Strings are UTF-8. Leaves out compiling: a
syntax error shows when the program is run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from xinstruct.code.lexical import blanked, closing
from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common
from xinstruct.languages.base import Language, Program, Toolchain

_SPELLED = {"int": "int", "float": "float", "bool": "bool", "string": "string", "none": "void"}
_KEYS = ("int", "string")
_RUN = (
    *("php", "-d", "display_errors=stderr", "-d", "memory_limit=-1", "-d", "opcache.enable_cli=0"),
    *("-d", "zend.assertions=1", "-d", "assert.exception=1"),
)
# What could switch assertions off is replaced by drivers/asserting.php; foreign functions reach into the process.
_FIXED = ("-d", "disable_functions=ini_set,ini_alter,ini_restore,assert_options", "-d", "ffi.enable=0")
# What Debian has in packages of its own -> its functions.
_EXTENSIONS = {
    **{"mbstring": r"mb_\w+", "bcmath": r"bc(?:add|sub|mul|div|mod|pow|powmod|sqrt|comp|scale)", "gmp": r"gmp_\w+"},
    "intl": r"(?:grapheme|normalizer|collator|numfmt|datefmt|transliterator|intl)_\w+",
}
_VERSION = (
    "echo 'PHP ', PHP_VERSION, ' with ', implode(' ', "
    "array_filter(['mbstring', 'bcmath', 'gmp', 'intl'], 'extension_loaded')) ?: 'no extension';"
)
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "$": "\\$"}


# Where a statement could stand: not in a text between tags, behind a closing tag only where nothing follows it.
_LAST_TAG = re.compile(r"\?>\s*\Z")
_ENDED = "\n;\\xinstruct_ended();\n"
_LEAVE = re.compile(r"(?<![\w$>\\:])(?<!function )(?:exit|die)\b(?!\s*:)(?P<call>\s*\()?", re.I)
_NAMESPACE = re.compile(r"^\s*(?:<\?php\s)?\s*(?:declare\s*\([^)]*\)\s*;)?\s*namespace\s+([\w\\]+)\s*;", re.M)


def _with_end(program: str) -> str:
    """Return the program with a last statement that tells that it was reached."""
    return _LAST_TAG.sub("", program) + _ENDED


def _leaving(tests: str, nonce: str) -> str:
    """Return trusted tests whose own exits report an end if their status is 0."""
    parts, at = [], 0
    plain = blanked("php", tests)
    for found in _LEAVE.finditer(plain):
        end = closing(plain, found.end() - 1) if found["call"] else found.end()
        status = tests[found.end() : end - 1].strip() if found["call"] else ""
        given = f", {status}" if status else ""
        parts += [tests[at : found.start()], f"exit(\\xinstruct_left('{nonce}'{given}))"]
        at = end
    return "".join([*parts, tests[at:]])


def _tagged(code: str) -> str:
    """Return the code with the opening tag that it needs."""
    return code if re.match(r"\s*(?:#![^\n]*\n\s*)?<\?(?:php|=)?", code) else "<?php\n" + code


class Php(Language):
    """php-cli."""

    name = "php"
    title, fence = NAMES["php"].title, NAMES["php"].fence
    extensions = (".php",)
    comment = "//"
    toolchain = Toolchain(
        ("php",),
        ("php", "-r", _VERSION),
        "apt-get install -y --no-install-recommends php-cli php-mbstring php-bcmath php-gmp",
    )
    stop = ("\nfunction", "\n?>", "\n//", "\n#", "\necho", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`int`, `array`, `?string`, ..."""
        if kind.head == "optional":
            inner = self.spell_type(kind.args[0])
            return inner if inner.startswith("?") else f"?{inner}"
        return _SPELLED.get(kind.head, "array")

    def literal(self, kind: Type, value: Any) -> str:
        """A PHP expression of the value."""
        common.check_value(kind, value, *common.INT64)
        common.check_keys(kind, _KEYS)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return "null"
        if kind.head == "optional":
            return self._literal(kind.args[0], value)
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "int":
            return str(value) if value != common.INT64[0] else "PHP_INT_MIN"
        if kind.head == "float":
            return common.float_text(value, "NAN", "INF", "-INF")
        if kind.head == "string":
            return self._string(value)
        if kind.head == "dict":
            key, item = kind.args
            return "[" + ", ".join(f"{self._literal(key, k)} => {self._literal(item, v)}" for k, v in value) + "]"
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        return "[" + ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True)) + "]"

    def _string(self, value: str) -> str:
        common.utf8(value)
        parts = [_ESCAPES.get(c, c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in value]
        return f'"{"".join(parts)}"'

    def header(self, name: str, signature: Signature) -> str:
        """`<?php`, `function name(int $a): int {` and a line break."""
        common.check_types(signature, _KEYS)
        params = ", ".join(f"{self.spell_type(p.type)} ${p.name}" for p in signature.params)
        return f"<?php\n\nfunction {name}({params}): {self.spell_type(signature.returns)} {{\n"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver."""
        common.check_types(signature, _KEYS)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args)
        files = {"driver.php": common.asset("driver.php"), "answer.php": _tagged(code)}
        files[common.PLAN] = common.plan(name, signature, args, nonce)
        return Program(files, (*_RUN, "driver.php"))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: assert() throws; the program must end without exit, at the end of its text."""
        return self._whole({"program.php": _with_end(_tagged(program))}, nonce)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but the tests are a separate text that runs in any case.

        A namespace holds for one text: the tests are read in the one that the program declares.
        """
        end = common.tests_start(program, completion[1])
        code, tests = program[:end], program[end:]
        uses = re.findall(r"^[ \t]*use\s+[\w\\ ,{}]+;", program[: completion[0]], re.M)
        named = [f"namespace {found[1]};" for found in _NAMESPACE.finditer(code)][:1]
        tests = " ".join([*named, *uses, ""]) + _leaving(tests, nonce)
        made = self._whole({"program.php": _tagged(code), "tests.php": tests}, nonce)
        return replace(made, note=super().marked(program, completion, nonce).note)

    def _whole(self, files: dict[str, str], nonce: str) -> Program:
        files = {"driver.php": common.asset("asserting.php"), **files, common.PLAN: nonce}
        return Program(files, (*_RUN, *_FIXED, "driver.php"))

    def gap(self, code: str, said: str, version: str) -> str:
        """See Language.gap: extensions for strings of characters and for large numbers are packages of their own."""
        undefined = re.search(r"undefined function \\?(\w+)\(\)", said, re.I)
        if not undefined or re.search(rf"\bfunction\s+&?\s*{undefined[1]}\b", code, re.I):
            return ""
        needed = next((name for name, pattern in _EXTENSIONS.items() if re.fullmatch(pattern, undefined[1], re.I)), "")
        lacking = needed and needed not in version.split()
        return f"{undefined[1]} needs PHP's extension {needed}: install php-{needed}" if lacking else ""

    def identifier(self, name: str) -> str:
        """camelCase."""
        return common.camel(name)


LANGUAGE = Php()
