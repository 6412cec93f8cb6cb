"""C# by mcs and mono. Bare methods are wrapped into ``class Solution``; full classes are used as they are.

The driver finds the method by name and arity through reflection (any type of the answer, any access, static preferred)
and converts arguments to its declared types: ``int``, ``char``, ``string[]``, ``IEnumerable<int>``, ``params``,
``int?``, tuples, type parameters. Features that mcs cannot compile are not supported (local functions of C# 7; of later
versions records, switch expressions, ranges): such a program's verdict is "unsupported" and names the feature.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tree_sitter import Node

from xinstruct.code.lexical import blanked, encoded, parsed
from xinstruct.code.names import NAMES
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Signature, Type
from xinstruct.languages import clike, common, leaving
from xinstruct.languages.base import Batch, Language, Prepared, Program, Toolchain, Unsupported

_SPELLED = {"int": "long", "float": "double", "bool": "bool", "string": "string", "none": "void"}
_USINGS = "".join(
    f"using System{name};\n"
    for name in ("", ".Collections.Generic", ".Linq", ".Numerics", ".Text", ".Text.RegularExpressions")
)
# What the .NET SDK imports by itself since C# 10, on one line so that line numbers stay.
_IMPLICIT = "".join(f"using System{n};" for n in ("", ".Collections.Generic", ".IO", ".Linq", ".Threading.Tasks")) + " "
_KEYS = ("int", "float", "bool", "string", "tuple")
_REFERENCES = "-r:System.dll,System.Core.dll,System.Numerics.dll,Microsoft.CSharp.dll"
_MONO = "/usr/lib/mono/4.5"  # where mcs.exe lies, which the batch compiler calls into
_DEBUG = "XinstructDebug.cs"
_OPTIONS = (
    "-t:library",
    "-langversion:latest",
    "-d:DEBUG;TRACE",
    "-nowarn:0162,0168,0219,0414,0649",
    "-warn:0",
    _REFERENCES,
)


@cache
def _assembly(name: str, source: str, *options: str) -> Prepared:
    """Return a compiled program of our own."""
    command = ("mcs", "-warn:0", _REFERENCES, *options, f"-out:{name}", source)
    return Prepared("csharp", name, ((source, common.asset(source)),), command)


@cache
def _native(assembly: Prepared) -> Prepared:
    """Return its machine code, which mono otherwise generates at every start; needs an assembler and a linker."""
    name = assembly.name
    command = ("mono", f"--aot=outfile={name}.so", name)
    return Prepared("csharp", f"{name}.so", (), command, (assembly,), optional=True)


@cache
def _driver() -> tuple[Prepared, ...]:
    driver = _assembly("driver.exe", "XinstructDriver.cs")
    return driver, _native(driver)


@cache
def _batch() -> Prepared:
    return _assembly("batch.exe", "XinstructBatch.cs", f"-r:{_MONO}/mcs.exe")


def _unit(code: str, name: str) -> str:
    """Return the source of an answer, with usings hoisted and bare methods wrapped, or of a whole program (no name)."""
    types = re.search(r"\b(class|struct|interface|namespace|enum)\b", blanked("csharp", code))
    if not name or (not clike.at_top("csharp", code, name) and types):
        return code if "#define" in code else _IMPLICIT + code
    code, usings = clike.cut("csharp", code, r"^[ \t]*using\s+(static\s+)?[\w.]+(\s*=\s*[\w.<>]+)?\s*;")
    extra = "".join(line + "\n" for line in usings.splitlines() if line not in _USINGS.splitlines())
    # An extension method must stand in a static class, which holds no instance method.
    static = "static " if re.search(r"\(\s*this\s", clike.outermost("csharp", code)) else ""
    return f"{_USINGS}{extra}\n{static}class Solution\n{{\n{code}\n}}\n"


# Nodes of the grammar that mcs 6.8 refuses, although they are C#: what it lacks of C# 7 and all that came later.
_NEWER = {
    **{"local_function_statement": "local functions (C# 7)", "switch_expression": "switch expressions (C# 8)"},
    **{"range_expression": "ranges (C# 8)", "recursive_pattern": "property patterns (C# 8)"},
    **{"record_declaration": "records (C# 9)", "implicit_object_creation_expression": "new without a type (C# 9)"},
    **{"relational_pattern": "relational patterns (C# 9)", "negated_pattern": "`not` patterns (C# 9)"},
    **{"and_pattern": "`and` patterns (C# 9)", "or_pattern": "`or` patterns (C# 9)"},
    **{"global_statement": "statements outside of a class (C# 9)", "with_expression": "`with` (C# 9)"},
    **{"file_scoped_namespace_declaration": "namespaces without braces (C# 10)"},
    **{"raw_string_literal": "raw strings (C# 11)", "list_pattern": "list patterns (C# 11)"},
    **{"collection_expression": "collection expressions (C# 12)", "prefix_index": "indices from the end (C# 8)"},
}


def _newer(node: Node) -> str:
    """Return what is the first of _NEWER below a node, "" when there is none."""
    text, children = node.text or b"", node.children
    if node.type == "global_statement" and children[0].type == "local_function_statement":  # a bare method
        return next((found for child in children[0].children if (found := _newer(child))), "")
    if node.type in _NEWER:
        return _NEWER[node.type]
    if node.type == "prefix_unary_expression" and text.startswith(b"^"):
        return _NEWER["prefix_index"]
    if node.type == "assignment_expression" and b"??=" in text:
        return "`??=` (C# 8)"
    if node.type == "nullable_type" and re.fullmatch(rb"(?:string|object|[\w.]+<.*>|\w+\[\])\?", text, re.S):
        return "nullable references (C# 8)"
    if node.type in ("local_declaration_statement", "using_statement") and re.match(rb"using\s+\w", text):
        return "`using` declarations (C# 8)"
    return next((found for child in children if (found := _newer(child))), "")


class CSharp(Language):
    """mono's mcs (most of C# 7, see _NEWER)."""

    name = "csharp"
    title, fence = NAMES["csharp"].title, NAMES["csharp"].fence
    extensions = (".cs",)
    comment = "//"
    toolchain = Toolchain(
        ("mcs", "mono"), ("mcs", "--version"), "apt-get install -y --no-install-recommends mono-mcs mono-runtime"
    )
    apart = '/* " */ '
    taker = (r"(?:^|[;{}\n])[ \t]*\[[^\[\]]*\]", "class XinstructApart {} ")
    stop = ("\n    }\n", "\n}\n", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`long`, `List<long>`, `Dictionary<string, long>`, `(long, string)`, `long?`."""
        if kind.head in _SPELLED:
            return _SPELLED[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        if kind.head == "list":
            return f"List<{inner[0]}>"
        if kind.head == "dict":
            return f"Dictionary<{', '.join(inner)}>"
        if kind.head == "optional":
            return f"{inner[0]}?" if kind.args[0].head in ("int", "float", "bool", "tuple") else inner[0]
        if len(inner) > 7:  # longer ones nest in their eighth part
            raise Unsupported("a tuple of more than seven")
        return f"({', '.join(inner)})" if len(inner) > 1 else f"ValueTuple<{inner[0]}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A C# expression of the value."""
        common.check_value(kind, value, *common.INT64)
        common.check_keys(kind, _KEYS)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return f"({self.spell_type(kind)})null"
        if kind.head == "optional":
            return self._literal(kind.args[0], value)
        if kind.head == "int":
            return f"{value}L"
        if kind.head == "float":
            return common.float_text(value, "double.NaN", "double.PositiveInfinity", "double.NegativeInfinity")
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return f'"{common.utf16_escapes(value)}"'
        return self._container(kind, value)

    def _container(self, kind: Type, value: Any) -> str:
        made = self.spell_type(kind)
        if kind.head == "dict":
            key, item = kind.args
            pairs = ", ".join(f"{{ {self._literal(key, k)}, {self._literal(item, v)} }}" for k, v in value)
            return f"new {made} {{ {pairs} }}" if pairs else f"new {made}()"
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        items = ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))
        if kind.head == "list":
            return f"new {made} {{ {items} }}" if items else f"new {made}()"
        return f"({items})" if len(kinds) > 1 else f"new {made}({items})"

    def header(self, name: str, signature: Signature) -> str:
        """Usings, `class Solution`, `    public static long Name(long a)`, braces and a line break."""
        common.check_types(signature, _KEYS)
        params = ", ".join(f"{self.spell_type(p.type)} {p.name}" for p in signature.params)
        line = f"    public static {self.spell_type(signature.returns)} {name}({params})\n    {{\n"
        return f"{_USINGS}\nclass Solution\n{{\n{line}"

    def footer(self) -> str:
        """The brace of the class."""
        return "}\n"

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the method's own types may hold less."""
        common.check_types(signature, _KEYS)
        common.check_args(signature, args, *common.INT64)
        self.header(name, signature)  # refuses the types that cannot be spelled
        return self._program("answer.cs", _unit(code, name), common.plan(name, signature, args, nonce))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: a failed Debug.Assert ends the program, its own Main must return (0)."""
        return self._program("program.cs", _unit(program, ""), json.dumps({"nonce": nonce}))

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """See Language.marked: one process, but the completion cannot replace the tests' Debug and Trace."""
        tests = re.sub(r"(?<![\w.])(Debug|Trace)\s*\.", r"global::System.Diagnostics.\1.", program[completion[1] :])
        return super().marked(program[: completion[1]] + tests, completion, nonce)

    def trusted(self, tests: str) -> str:
        """See Language.trusted: Main returns, by a statement behind which others may follow."""
        main = r"\b(?:void|int)\s+Main\s*\([^()]*\)\s*\{"
        status = " 0" if re.search(r"\bint\s+Main\b", tests) else ""
        left = "{{ int xinstruct_s = {0}; if (xinstruct_s != 0) Environment.Exit(xinstruct_s); if (true) return%s; }}"
        call = r"(?<![\w.])(?:System\s*\.\s*)?Environment\s*\.\s*Exit\s*\("
        return leaving.in_main("csharp", tests, main, call, (left % status).format)

    def _program(self, file: str, source: str, plan: str) -> Program:
        compile = ("mcs", *_OPTIONS, "-out:answer.dll", _DEBUG, file)
        files = {_DEBUG: common.asset(_DEBUG), file: source, common.PLAN: plan}
        return Program(files, ("mono", "driver.exe"), compile, run_with=_driver())

    def batchable(self, program: Program) -> bool:
        """See Language.batchable: no source can refer to a file whose name it does not know."""
        return True

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """See Language.batch_compile. The class that replaces Debug is compiled into each from one file."""
        pairs = [text for p, folder in zip(programs, folders, strict=True) for text in (folder, p.compile[-1])]
        debug = f"{folders[0]}/{_DEBUG}"
        mono = ("env", f"MONO_PATH={_MONO}", "mono", "batch.exe")
        return Batch((*mono, *_OPTIONS, debug, "--", *pairs), (_batch(),), in_order=True)

    def gap(self, code: str, said: str, version: str) -> str:
        """See Language.gap: syntax that mcs does not know."""
        if re.search(r"error CS0019: Operator `[!=]=' cannot be applied to operands of type `\(", said):
            return "mcs does not know comparisons of tuples (C# 7.3)"
        if not re.search(r"error CS\d+:", said):
            return ""
        tree = parsed(traits_of("csharp"), encoded(code))
        whole = tree is not None and not tree.root_node.has_error
        return f"mcs does not know {found}" if whole and tree and (found := _newer(tree.root_node)) else ""

    def identifier(self, name: str) -> str:
        """PascalCase."""
        return common.pascal(name)


LANGUAGE = CSharp()
