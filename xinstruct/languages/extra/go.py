"""Go by the go command, offline. Reflection converts to whatever types the function declares.

A dict is a map, an optional a pointer, a tuple a struct with one field per part; as a result it is several
results. Also taken: all widths of integers, ``rune``, ``byte``, ``[]byte``, ``[]rune`` and arrays, ``any``,
``*big.Int``, ``...T``, methods of types whose zero value serves, a last ``error``, ``(T, bool)`` for an optional.
A generic function is called with the types that the signature spells. Code without a package
clause gets one, and the imports of the standard packages that it uses. Leaves out other modules.

"""

from __future__ import annotations

import re
from typing import Any

from xinstruct.code.lexical import blanked
from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import clike, common, leaving
from xinstruct.languages.base import Batch, Language, Program, Toolchain, Unsupported

_SPELLED = {"int": "int", "float": "float64", "bool": "bool", "string": "string"}
# What a body may use without an import of its own: unused imports are errors, hence the variables.
_HEAD = """package main

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

var _, _, _, _, _ = fmt.Sprint, math.Abs, sort.Ints, strconv.Itoa, strings.ToLower
"""
_PACKAGES = {path.rpartition("/")[2]: path for path in (
    *("bufio", "bytes", "container/heap", "container/list", "errors", "fmt", "math", "math/big", "math/bits", "os"),
    *("regexp", "reflect", "sort", "strconv", "strings", "sync", "testing", "time", "unicode", "unicode/utf8"),
)}  # fmt: skip
_ENV = {
    **{"GOCACHE": "/tmp/go-build", "GOPATH": "/tmp/go", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "CGO_ENABLED": "0"},
    **{"GO111MODULE": "on", "GOTOOLCHAIN": "local", "GOTELEMETRY": "off"},
}
# Binaries are linked in the working folder: together they outgrow /tmp.
_BUILD = "GOTMPDIR=$PWD go build -ldflags '-s -w'"
# The compiler names the line but does not call it an error.
_SAY = r"""sed -e '/^#/d' -e 's/^[^ :]*\.go:[0-9]*:[0-9]*: /error: &/'"""
_DRIVERS = {"driver.go": "xinstruct", "end.go": "xinstructend"}  # source -> its package
_MODULE = "module answer\n\ngo 1.18\n"


def _check(kind: Type) -> None:
    """Raise Unsupported for keys that Go does not compare by value."""
    if kind.head == "dict" and kind.args[0].heads() & {"list", "dict", "optional", "none"}:
        raise Unsupported(f"no {kind.args[0]} keys")
    for arg in kind.args:
        _check(arg)


def _check_signature(signature: Signature) -> None:
    common.check_types(signature, ("int", "float", "bool", "string", "tuple"))
    for kind in [*(p.type for p in signature.params), signature.returns]:
        _check(kind)


def _unit(code: str) -> str:
    """Return the source as part of package main, with its own main renamed and the line numbers kept."""
    text = blanked("go", code)
    package = re.search(r"^\s*package\s+(\w+)", text, re.M)
    if package:
        code = f"{code[: package.start(1)]}main{code[package.end(1) :]}"
    else:
        used = [name for name in _PACKAGES if re.search(rf"(?<![\w.]){name}\.[A-Z]", text)]
        wanted = [_PACKAGES[name] for name in used if not re.search(rf'"{_PACKAGES[name]}"', code)]
        code = "package main; " + "".join(f'import "{path}"; ' for path in wanted) + code
    return re.sub(r"^func(\s+)main(\s*\()", r"func\1answer_main_\2", code, flags=re.M)


class Go(Language):
    """The go command of Debian 12 (1.19) or newer."""

    name = "go"
    title, fence = NAMES["go"].title, NAMES["go"].fence
    extensions = (".go",)
    comment = "//"
    toolchain = Toolchain(("go",), ("go", "version"), "apt-get install -y --no-install-recommends golang-go")
    apart = "/* ` */\n"
    stop = ("\nfunc ", "\n}\n", "\ntype ", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`int`, `[]string`, `map[string]int`, `*float64`, `struct{ V0 int; V1 bool }`."""
        _check(kind)
        if kind.head in _SPELLED:
            return _SPELLED[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        if kind.head == "list":
            return f"[]{inner[0]}"
        if kind.head == "dict":
            return f"map[{inner[0]}]{inner[1]}"
        if kind.head == "optional":
            return f"*{inner[0]}"
        return "struct{ " + "; ".join(f"V{i} {spelled}" for i, spelled in enumerate(inner)) + " }" if inner else ""

    def literal(self, kind: Type, value: Any) -> str:
        """A Go expression of the value; numbers are constants without a type, as in `var a int = 1`."""
        common.check_value(kind, value, *common.INT64)
        _check(kind)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return "nil"
        if kind.head == "optional":
            inner = self.spell_type(kind.args[0])
            return f"func() *{inner} {{ var v {inner} = {self._literal(kind.args[0], value)}; return &v }}()"
        if kind.head == "float":
            text = common.float_text(value, "math.NaN()", "math.Inf(1)", "math.Inf(-1)")
            return text if text != "-0.0" else "math.Copysign(0, -1)"
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return _string(value)
        if kind.head == "int":
            return str(value)
        if kind.head == "dict":
            key, item = kind.args
            inside = ", ".join(f"{self._literal(key, k)}: {self._literal(item, v)}" for k, v in value)
        else:
            kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
            inside = ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))
        return f"{self.spell_type(kind)}{{{inside}}}"

    def header(self, name: str, signature: Signature) -> str:
        """Package, imports, `func name(items []int) (int, string) {` and a line break."""
        return f"{_HEAD}\nfunc {name}({self._typed(signature)}) {self._results(signature.returns)}{{\n"

    def _typed(self, signature: Signature) -> str:
        _check_signature(signature)
        return ", ".join(f"{p.name} {self.spell_type(p.type)}" for p in signature.params)

    def _results(self, kind: Type) -> str:
        if kind.head == "tuple":
            return f"({', '.join(self.spell_type(arg) for arg in kind.args)}) "
        return "" if kind.head == "none" else f"{self.spell_type(kind)} "

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the function's own types may hold less."""
        _check_signature(signature)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args)
        call = self._call(blanked("go", code), name, signature)
        main = f'package main\n\nimport xinstruct_ "answer/xinstruct"\n\nfunc main() {{ xinstruct_.Run({call}) }}\n'
        files = {"driver.go": common.asset("driver.go"), "answer.go": _unit(code), "main.go": main}
        return _program({**files, common.PLAN: common.plan(name, signature, args, nonce)})

    def _call(self, text: str, name: str, signature: Signature) -> str:
        """Return an expression of the function to call."""
        found = re.search(rf"\bfunc\s*(?:\(([^()]*)\)\s*)?{re.escape(name)}\s*(\[[^()]*\]\s*)?\(", text)
        if not found:
            return name
        receiver, generic = found.groups()
        if receiver:
            return f"new({receiver.split()[-1].lstrip('*')}).{name}"
        if not generic:
            return name
        names = ", ".join(p.name for p in signature.params)
        returns = "" if signature.returns.head == "none" else "return "
        return f"func({self._typed(signature)}) {self._results(signature.returns)}{{ {returns}{name}({names}) }}"

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: main must return, or all Test functions must pass and return."""
        text = clike.outermost("go", program)
        tests = re.findall(r"^func\s+(Test\w*)\s*\(\s*\w+\s+\*testing\.T\s*\)", text, re.M)
        run = "xinstruct_.Program(answer_main_)"
        if tests:
            listed = ", ".join(f'{{Name: "{test}", F: {test}}}' for test in tests)
            run = f"xinstruct_.Tests([]testing_.InternalTest{{{listed}}})"
        imports = 'import xinstruct_ "answer/xinstructend"\n' + ('import testing_ "testing"\n' if tests else "")
        main = f"package main\n\n{imports}\nfunc main() {{ {run} }}\n"
        files = {"end.go": common.asset("asserting.go"), "main.go": main}
        return _program({**files, "answer.go": _unit(program), common.PLAN: nonce})

    def trusted(self, tests: str) -> str:
        """See Language.trusted: main returns."""
        left = "{{ if xinstruct_s := {0}; xinstruct_s != 0 {{ os.Exit(xinstruct_s) }}; return }}"
        return leaving.in_main("go", tests, r"\bfunc\s+main\s*\(\)\s*\{", r"(?<![\w.])os\s*\.\s*Exit\(", left.format)

    def batchable(self, program: Program) -> bool:
        """See Language.batchable: the packages cannot name each other."""
        return True

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """See Language.batch_compile. The folders become packages of one module with one driver.

        When the build as a whole fails (an import that does not exist), no folder gets a status.
        """
        lines = [f"printf '{_MODULE}' >go.mod"]
        for folder, program in zip(folders, programs, strict=True):
            lines.append(f"rm {folder}/go.mod; {_aside(program.files, folder)}")
        lines.append(f"{_BUILD} -o built/ {' '.join(f'./{folder}' for folder in folders)} 2>said.txt")
        for folder in folders:
            said = f"awk '/^#/ {{ own = $2 == \"answer/{folder}\" }} own' said.txt | {_SAY} | sed 's#{folder}/#./#'"
            lines.append(f"{said} >{folder}/compile.txt")
            lines.append(f"if mv built/{folder} {folder}/main 2>/dev/null; then echo 0 >{folder}/compile.status;")
            lines.append(f"elif [ -s {folder}/compile.txt ]; then echo 1 >{folder}/compile.status; fi")
        return Batch(("bash", "-c", "\n".join(lines)))

    def identifier(self, name: str) -> str:
        """camelCase: a name of a small letter, private to its package."""
        return common.camel(name)


def _aside(files: dict[str, str], folder: str) -> str:
    """Return the shell command that makes the driver's source a package of its own."""
    source, package = next(pair for pair in _DRIVERS.items() if pair[0] in files)
    return f"mkdir -p {package} && mv {folder}/{source} {package}/"


def _program(files: dict[str, str]) -> Program:
    command = f"{_aside(files, '.')}; {_BUILD} -o main . 2>said.txt; status=$?; {_SAY} said.txt >&2; exit $status"
    return Program({"go.mod": _MODULE, **files}, ("./main",), ("bash", "-c", command), _ENV)


def _string(value: str) -> str:
    common.utf8(value)
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    parts = [escapes.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in value]
    return f'"{"".join(parts)}"'


LANGUAGE = Go()
