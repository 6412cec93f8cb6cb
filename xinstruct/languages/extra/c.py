"""C (gnu11) by gcc. Scalars, strings and flat lists of them.

A list is a pointer to its first item and, right behind it (or before it), its length; a list that is returned is a
pointer, and its length is stored through a last parameter (``size_t *length``). A string ends with
NUL. A bool may also be an int that is 0 or 1, a string of one byte a char. The function's own
types count (``int``, ``unsigned char``, ``char *``): they are read off its definition, and an
argument that they cannot hold is refused. Each case runs in a process of its own, so that a crash
is the error of one case. Tuples, dicts, optionals and nested lists are Unsupported.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import clike, common
from xinstruct.languages.base import Language, Prepared, Program, Toolchain, Unsupported
from xinstruct.languages.cpp import guarded, returning

_GCC = ("gcc", "-std=gnu11", "-O1", "-pipe", "-w")
_SPELLED = {"int": "long long", "float": "double", "bool": "bool", "string": "const char *", "none": "void"}
_INCLUDES = "".join(
    f"#include <{name}.h>\n" for name in ("ctype", "math", "stdbool", "stddef", "stdio", "stdlib", "string")
)
# The answer's own main, if it has one, gets out of the way.
_MAIN = """#define main answer_main_
#include "answer.c"
#undef main
void xinstruct_call(void) {{
{body}}}
"""


def _check(kind: Type, result: bool = False) -> None:
    """Raise Unsupported for everything but scalars and lists of them; none is only allowed as a result."""
    inner = kind.args[0] if kind.head == "list" else kind
    if inner.head not in _SPELLED or (inner.head == "none" and not (result and inner is kind)):
        raise Unsupported(f"no {kind} in C")


def _check_signature(signature: Signature) -> None:
    for param in signature.params:
        _check(param.type)
    _check(signature.returns, result=True)


def declared(code: str, name: str) -> list[str]:
    """Return the parameters' types as the function's first declaration writes them, [] if it cannot be read."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", clike.outermost("c", code), flags=re.M)
    found = re.search(rf"(?<![\w.>]){re.escape(name)}\s*\(([^()]*)\)", text)
    if not found or found.group(1).strip() in ("", "void"):
        return []
    return [_type(parameter) for parameter in found.group(1).split(",")]


def _type(parameter: str) -> str:
    """`const int a[]` -> `const int *`."""
    text = re.sub(r"\b(?:restrict|__restrict|register|static)\b", "", parameter)
    stars = "*" * len(re.findall(r"\[[^\]]*\]", text))
    text = re.sub(r"\[[^\]]*\]", "", text).strip()
    base = re.sub(r"(?<=[\s*])\w+$", "", text) if re.search(r"[\w*]\s*[\s*]\w+$", text) else text
    return f"{base.strip()} {stars}".strip()


def _item(pointer: str) -> str:
    """Return the type that a pointer type points to, without const."""
    text = pointer.rsplit("*", 1)[0].strip() if "*" in pointer else pointer
    return re.sub(r"^const\b\s*|\s*\bconst$", "", text) if "*" not in text else text


class C(Language):
    """gcc with the extensions of GNU C."""

    name = "c"
    title, fence = NAMES["c"].title, NAMES["c"].fence
    extensions = (".c", ".h")
    comment = "//"
    toolchain = Toolchain(("gcc",), ("gcc", "--version"), "apt-get install -y --no-install-recommends gcc libc6-dev")
    stop = ("\n}\n", "\nint main", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`long long`, `const char *`; a list's is the pointer, `long long *`."""
        _check(kind, result=True)
        if kind.head != "list":
            return _SPELLED[kind.head]
        item = _SPELLED[kind.args[0].head]
        return f"{item}*" if item.endswith("*") else f"{item} *"

    def literal(self, kind: Type, value: Any) -> str:
        """Return a C expression of the value; a list is a compound literal without its length."""
        _check(kind)
        common.check_value(kind, value, *common.INT64)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if kind.head == "int":
            return f"{value}LL" if value != common.INT64[0] else f"({value + 1}LL - 1)"
        if kind.head == "float":
            return common.float_text(value, "(double)NAN", "(double)INFINITY", "(double)-INFINITY")
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return _string(value)
        items = ", ".join(self._literal(kind.args[0], item) for item in value)
        return f"({_SPELLED[kind.args[0].head]}[]){{{items}}}" if items else "NULL"

    def header(self, name: str, signature: Signature) -> str:
        """Includes, `long long name(const long long *items, size_t items_length) {` and a line break."""
        return f"{_INCLUDES}\n{self._returned(signature)}{name}({self._parameters(signature)}) {{\n"

    def _returned(self, signature: Signature) -> str:
        spelled = self.spell_type(signature.returns)
        return spelled if spelled.endswith("*") else f"{spelled} "

    def _parameters(self, signature: Signature) -> str:
        _check_signature(signature)
        parts = []
        for param in signature.params:
            spelled = self.spell_type(param.type)
            if param.type.head == "list":
                parts += [f"const {spelled.removeprefix('const ')}{param.name}", f"size_t {param.name}_length"]
            else:
                parts.append(f"{spelled}{'' if spelled.endswith('*') else ' '}{param.name}")
        if signature.returns.head == "list":
            parts.append("size_t *length")
        return ", ".join(parts) or "void"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the function's own types may hold less."""
        _check_signature(signature)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args, nul=False)
        main = _MAIN.format(body=self._call(code, name, signature))
        files = {
            "prelude.h": common.asset("prelude.h"),
            "main.c": main,
            "answer.c": code,
            common.PLAN: common.plan(name, signature, args, nonce),
        }
        return _program(files, "driver", "-include", "prelude.h", "main.c")

    def _call(self, code: str, name: str, signature: Signature) -> str:
        """Return the statements that convert the arguments, call the function, and print the result."""
        spelled = [_type(text) for text in self._parameters(signature).split(",")] if signature.params else []
        types = declared(code, name)
        wanted = len(spelled) + (signature.returns.head == "list" and not signature.params)
        types = types if len(types) == wanted else [*spelled, "size_t *"][:wanted]
        lines, given, at = [], [], 0
        for i, param in enumerate(signature.params):
            value = f"xinstruct_argument({i})"
            if param.type.head == "list":
                given += _list(types[at], types[at + 1], param.type.args[0], value)
                at += 2
            else:
                given.append(f"{_macro(param.type, types[at])}({types[at]}, {value})")
                at += 1
        head = signature.returns.head
        if head == "list":
            lines.append(f"    {_item(types[-1])} length_ = 0;\n")
            given.append("&length_")
        call = f"{name}({', '.join(given)})"
        if head == "none":
            return f'    {call};\n    xinstruct_put("null");\n'
        if head != "list":
            return f"    XINSTRUCT_GIVE_{head.upper()}({call});\n"
        give = f"XINSTRUCT_GIVE_{signature.returns.args[0].head.upper()}"
        lines.append(f"    __auto_type result_ = {call};\n    XINSTRUCT_GIVE_LIST(result_, length_, {give});\n")
        return "".join(lines)

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: main must return 0, implicitly or not."""
        files = {"program.c": program, common.PLAN: nonce}
        return _program(files, "asserting", "-Wl,--wrap=main", "program.c")

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but every word of the tests means what it did before the completion."""
        made = super().marked(program, completion, nonce)
        whole = program[: completion[1]] + self.trusted(program[completion[1] :])
        return replace(made, files={**made.files, **guarded(whole, completion, "program.c")})

    def trusted(self, tests: str) -> str:
        """See Language.trusted: main returns."""
        return returning(tests)

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


@cache
def linked(name: str) -> Prepared:
    """Return NAME.o of a file of drivers/ that is linked with every program."""
    command = (*_GCC, "-c", f"{name}.c", "-o", f"{name}.o")
    files = tuple((file, common.asset(file)) for file in (f"{name}.c", "prelude.h"))
    return Prepared("c", f"{name}.o", files, command)


def _program(files: dict[str, str], shared: str, *own: str) -> Program:
    command = (*_GCC, "-o", "main", f"{shared}.o", *own, "-lm")
    return Program(files, ("./main",), command, compile_with=(linked(shared),))


def _list(first: str, second: str, kind: Type, value: str) -> list[str]:
    """Return the two arguments of a list, its items and its length, which may come first."""
    pointer, length = (first, second) if "*" in first else (second, first)
    item = _item(pointer)
    both = [f"XINSTRUCT_LIST({item}, {_macro(kind, item)}, {value})", f"XINSTRUCT_LENGTH({length}, {value})"]
    return both if "*" in first else both[::-1]


def _macro(kind: Type, spelled: str) -> str:
    """Return the conversion of an argument of a type."""
    if kind.head == "string" and "*" not in spelled:
        return "XINSTRUCT_CHAR"
    return f"XINSTRUCT_{kind.head.upper()}"


def _string(value: str) -> str:
    if "\0" in value:
        raise Unsupported("a NUL in a string")
    plain = [32 <= byte < 127 and byte not in b'"\\?' for byte in common.utf8(value)]
    parts = [chr(b) if fine else f"\\{b:03o}" for b, fine in zip(common.utf8(value), plain, strict=True)]
    return f'"{"".join(parts)}"'


LANGUAGE = C()
