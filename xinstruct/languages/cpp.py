"""C++17 by g++. The driver's templates convert values to the parameter types that the function declares.

Standard headers and the driver's templates are included before everything (``-include``) and precompiled: few headers
(``drivers/core.hpp``) for an answer that includes no other, all (``prelude.hpp``) for one that does or that does not
compile with few, so that a forgotten ``#include`` is no error. The part of the driver that is no template is linked as
an object. A function with one definition is called by its address, which determines its types; one that is overloaded
or generic is called with the types of the signature. Public static and plain member functions work when the class can
be default-constructed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import common, leaving
from xinstruct.languages import cpp_headers as shared
from xinstruct.languages.base import Language, Prepared, Program, Toolchain, Unsupported
from xinstruct.languages.cpp_calls import declared, definitions, has_defaults, of_arrays

_SPELLED = {"int": "long long", "float": "double", "bool": "bool", "string": "std::string", "none": "void"}
# The answer's own main, if it has one, gets out of the way.
_DRIVEN = """#define main answer_main_
#include "answer.cpp"
#undef main
#line 1 "driven.cpp"
static std::string xinstruct_call(const xinstruct_driver::Json& xinstruct_row) {{ return {call}; }}
#undef int
#undef return
#undef run
int main() {{ return xinstruct_driver::run(xinstruct_call); }}
"""
_MAIN = '#include "driven.cpp"\n'
_ASSERTING = '#undef NDEBUG\n#include "program.cpp"\n'
# Compiled with few headers first; only what a program that fails both ways says the second time counts.
_EITHER = 'g++ -include core.hpp "$@" 2>/dev/null || exec g++ -include prelude.hpp "$@"'
# Functions of C in the global namespace: an answer of that name overloads one, and only types tell which is meant.
_GLOBAL = re.compile(
    "abs|ceil|div|exp|fabs|floor|index|labs|log|memcmp|pow|puts|rand|read|remove|rename|rindex|round|select|send|signal|"
    "sqrt|strcmp|strlen|strstr|time|trunc|write"
)
_KEYS = ("int", "float", "bool", "string", "tuple", "list", "optional")
_MOLD = ("-fuse-ld=mold", "-Wl,--build-id=none")  # an identity of the build would be one more hash over it


COMPLETION = "completion.inc"
_MAIN_HEAD = r"\bmain\s*\([^()]*\)\s*(?:noexcept\s*)?\{"
_EXIT = r"(?<![\w.>])(?:(?:std\s*)?::\s*)?(?:exit|_exit|_Exit|quick_exit)\s*\("


def returning(tests: str) -> str:
    """Return tests whose main returns where it would exit."""
    return leaving.in_main("cpp", tests, _MAIN_HEAD, _EXIT, lambda status: f"return ({status});")


def guarded(program: str, completion: tuple[int, int], name: str) -> dict[str, str]:
    """Return the program as two files: `name`, which includes the completion, so that this can leave nothing open.

    Macros are restored: every word behind the completion has the meaning it had before it. Includes at the completion's
    top count as what is before it. Raises Unsupported for a completion that could undo that.
    """
    start, end = completion
    start += shared.leading(program[start:end]) if shared.leading(program[:start]) == start else 0
    code = re.sub(r"\\[ \t]*\n", "", program[start:end])
    pasted = "define" in code and re.search(r"##|%:%:", code)
    if pasted or re.search(r"(push|pop)_macro", code):
        raise Unsupported("a completion that saves macros or pastes tokens")
    words = sorted({"NDEBUG", *re.findall(r"[A-Za-z_]\w*", program[end:])})
    saved, restored = ("".join(f'#pragma {do}_macro("{w}")\n' for w in words) for do in ("push", "pop"))
    asserts = "assert" in words and not re.search(r"#\s*(?:include\s*<c?assert|define\s+assert\b)", program[:start])
    first = "#undef NDEBUG\n#include <assert.h>\n#line 1\n" if asserts else ""
    before = f'{first}{program[:start]}\n{saved}#include "{COMPLETION}"\n{restored}'
    after = f"#line {program.count(chr(10), 0, end) + 1}\n{program[end:]}"
    inside = f'#line {program.count(chr(10), 0, start) + 1} "{name}"\n{program[start:end]}\n'
    return {name: before + after, COMPLETION: inside}


def _crypto(code: str) -> tuple[str, ...]:
    """Return the options that link OpenSSL, for code that includes it."""
    return ("-lcrypto",) if re.search(r"#\s*include\s*<openssl/", code) else ()


class Cpp(Language):
    """g++ with C++17."""

    name = "cpp"
    title, fence = NAMES["cpp"].title, NAMES["cpp"].fence
    extensions = (".cpp", ".cc", ".cxx", ".hpp", ".h")
    comment = "//"
    toolchain = Toolchain(("g++",), ("g++", "--version"), "apt-get install -y --no-install-recommends g++ mold")
    stop = ("\n}\n", "\nint main", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`long long`, `std::vector<std::string>`, `std::map<...>`, `std::optional<...>`."""
        if kind.head in _SPELLED:
            return _SPELLED[kind.head]
        container = {"list": "vector", "dict": "map"}.get(kind.head, kind.head)
        return f"std::{container}<{', '.join(self.spell_type(arg) for arg in kind.args)}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A C++ expression of the value."""
        common.check_value(kind, value, *common.INT64)
        common.check_keys(kind, _KEYS)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return "std::nullopt"
        if kind.head == "optional":
            return f"{self.spell_type(kind)}({self._literal(kind.args[0], value)})"
        if kind.head == "int":
            return f"{value}LL" if value != common.INT64[0] else f"({value + 1}LL - 1)"
        if kind.head == "float":
            limits = "std::numeric_limits<double>"
            return common.float_text(value, f"{limits}::quiet_NaN()", f"{limits}::infinity()", f"-{limits}::infinity()")
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return self._string(value)
        if kind.head == "dict":
            key, item = kind.args
            pairs = ", ".join(f"{{{self._literal(key, k)}, {self._literal(item, v)}}}" for k, v in value)
            return f"{self.spell_type(kind)}{{{pairs}}}"
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        return f"{self.spell_type(kind)}{{{', '.join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))}}}"

    def _string(self, value: str) -> str:
        parts = []
        for byte in common.utf8(value):
            char = chr(byte)
            plain = 32 <= byte < 127 and char not in '"\\?'
            parts.append(char if plain else f"\\{byte:03o}")
        text = f'"{"".join(parts)}"'
        return f"std::string({text}, {len(parts)})" if "\0" in value else f"std::string({text})"

    def header(self, name: str, signature: Signature) -> str:
        """Includes of the types used, `long long name(const std::string& text) {` and a line break."""
        common.check_types(signature, _KEYS)
        wanted = {"list": "vector", "dict": "map"}
        heads = sorted(
            wanted.get(h, h) for h in signature.heads() | {"list", "string"} if h not in _SPELLED or h == "string"
        )
        includes = "".join(f"#include <{head}>\n" for head in ["algorithm", "cmath", *heads])
        params = ", ".join(f"{self._parameter(p.type)} {p.name}" for p in signature.params)
        return f"{includes}\n{self.spell_type(signature.returns)} {name}({params}) {{\n"

    def _parameter(self, kind: Type) -> str:
        spelled = self.spell_type(kind)
        return spelled if kind.head in ("int", "float", "bool") else f"const {spelled}&"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the function's own types may hold less."""
        common.check_types(signature, _KEYS)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args)
        driven = _DRIVEN.format(call=self._call(code, name, signature))
        files = {
            "main.cpp": _MAIN,
            "driven.cpp": driven,
            "answer.cpp": code,
            common.PLAN: common.plan(name, signature, args, nonce),
        }
        return self._program(files, code)

    def _call(self, code: str, name: str, signature: Signature) -> str:
        found = sorted(set(definitions(code, name)), key=lambda d: d[0].count("::"))
        own = found[0][0] if found else name
        best = f"::{own}" if found else name  # or `using namespace std` would bring more of that name
        count = sum(qualified == own for qualified, _ in definitions(code, name))
        plain = count <= 1 and not _GLOBAL.fullmatch(own)
        if plain and all(by_address for qualified, by_address in found if qualified == own):
            return self._by_address(code, name, best, signature)
        if any(p.type.head == "none" for p in signature.params):
            raise Unsupported("a parameter of type none")
        types = ", ".join(self.spell_type(p.type) for p in signature.params)
        call = f"[](auto&... xinstruct_a) -> decltype(auto) {{ return {best}(xinstruct_a...); }}"
        return f"xinstruct_driver::spelled<{types}>({call}, xinstruct_row)"

    def _by_address(self, code: str, name: str, best: str, signature: Signature) -> str:
        """Return the call of a function with one definition, whose address tells the types of its parameters."""
        own = declared(code, name)
        if own and (call := of_arrays(own[0], best, signature)):
            return f"xinstruct_driver::called({call}, xinstruct_row)"
        given = len(signature.params)
        if not own or len(own[0]) <= given or not has_defaults(code, name):
            return f"xinstruct_driver::invoke(&{best}, xinstruct_row)"
        holder = best.rpartition("::")[0]
        of_object = f"{{ {holder} xinstruct_self{{}}; return xinstruct_self.{name}(" if own[1] else f"{{ return {best}("
        passed = "static_cast<decltype(xinstruct_a)&&>(xinstruct_a)...); }"
        call = f"[](auto&&... xinstruct_a) {of_object}{passed}"
        return f"xinstruct_driver::first<{given}>(&{best}, {call}, xinstruct_row)"

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: main must return 0, implicitly or not. OpenSSL is linked when it is included.

        Only headers that the program itself begins with are precompiled. Further names could change its meaning: a test
        that passes a literal would call C's strlen, for example, and not the answer's strlen(std::string).
        """
        files = {"main.cpp": _ASSERTING, "program.cpp": program, common.PLAN: nonce}
        made: tuple[Prepared, ...] = (shared.harness(),)
        linked: tuple[str, ...] = ("harness.o", "-Wl,--wrap=main,-s", *_crypto(program))
        first: tuple[str, ...] = ("g++",)
        if names := shared.included(program):
            name, text, precompiled = shared.header(names)
            files[name] = text
            made += (shared.instances(), precompiled)
            first, linked = ("g++", "-include", name), ("instances.o", *linked)
        line = (*first, *shared.PROGRAM_FLAGS, *shared.LINE, *linked)
        return Program(files, ("./main",), line, compile_with=made, mold=_MOLD)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but every word of the tests means what it did before the completion."""
        made = super().marked(program, completion, nonce)
        whole = program[: completion[1]] + self.trusted(program[completion[1] :])
        return replace(made, files={**made.files, **guarded(whole, completion, "program.cpp")})

    def trusted(self, tests: str) -> str:
        """See Language.trusted: main returns."""
        return returning(tests)

    def _program(self, files: dict[str, str], code: str) -> Program:
        rest = (*shared.DRIVER_FLAGS, *shared.LINE, "driver.o", *_crypto(code))
        if shared.does_with_few(code):
            headers: tuple[str, ...] = ("core.hpp", "prelude.hpp")
            line: tuple[str, ...] = ("sh", "-c", _EITHER, "sh", *rest)
        else:
            headers = ("prelude.hpp",)
            line = ("g++", "-include", "prelude.hpp", *rest)
        made = (*map(shared.precompiled, headers), shared.driver())
        return Program({**shared.driver_headers(), **files}, ("./main",), line, compile_with=made, mold=_MOLD)

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


LANGUAGE = Cpp()
