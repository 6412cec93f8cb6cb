"""Rust (edition 2021) by rustc alone. Traits of the driver convert to whatever types the function declares.

``drivers/driver.rs`` is a crate of its own; the answer is the root of another, with our main behind
its last line. Integers of all widths, ``f32``, ``char``, ``&str``, ``&[T]``, ``&mut Vec<T>``, arrays, maps,
sets, tuples of up to ten and ``Option`` come in; a ``Result`` that is an Err is the call's error. A generic
function is called with the types that the signature spells. Compiled without optimisation, as
MultiPL-E does: overflow panics. Leaves out methods with ``self`` and crates other than std.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from xinstruct.code.lexical import blanked, closing, split_arguments
from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import clike, common, leaving
from xinstruct.languages.base import Language, Prepared, Program, Toolchain, Unsupported
from xinstruct.languages.extra.c import linked

_SPELLED = {"int": "i64", "float": "f64", "bool": "bool", "string": "String", "none": "()"}
_USE = "use std::collections::{BTreeMap, HashMap, HashSet};\n"
_LIBRARY = "libxinstruct_driver.rlib"
_RUSTC = ("rustc", "--edition", "2021", "--cap-lints", "allow", "-C", "debuginfo=0", "-C", "codegen-units=1")
_MOST = 10  # parts of a tuple, parameters of a function: what the driver's traits are written for


def _check(kind: Type) -> None:
    """Raise Unsupported for keys without a hash and for tuples that are too long."""
    if kind.head == "dict" and kind.args[0].heads() & {"float", "dict", "none"}:
        raise Unsupported(f"no {kind.args[0]} keys")
    if kind.head == "tuple" and len(kind.args) > _MOST:
        raise Unsupported(f"a tuple of more than {_MOST}")
    for arg in kind.args:
        _check(arg)


def _check_signature(signature: Signature) -> None:
    common.check_types(signature, ("int", "float", "bool", "string", "tuple", "list", "optional"))
    for kind in [*(p.type for p in signature.params), signature.returns]:
        _check(kind)
    if len(signature.params) > _MOST:
        raise Unsupported(f"more than {_MOST} parameters")


class Rust(Language):
    """rustc of Debian 12 (1.63) or newer."""

    name = "rust"
    title, fence = NAMES["rust"].title, NAMES["rust"].fence
    extensions = (".rs",)
    comment = "//"
    toolchain = Toolchain(
        ("rustc", "gcc"), ("rustc", "--version"), "apt-get install -y --no-install-recommends rustc gcc libc6-dev"
    )
    apart = '/* "################ */ '
    taker = (r"#\s*\[[^\[\]]*\]", "const _: () = (); ")
    stop = ("\n}\n", "\nfn main", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`i64`, `Vec<String>`, `HashMap<String, i64>`, `(i64, bool)`, `Option<f64>`."""
        _check(kind)
        if kind.head in _SPELLED:
            return _SPELLED[kind.head]
        inner = [self.spell_type(arg) for arg in kind.args]
        if kind.head == "tuple":
            return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"
        container = {"list": "Vec", "dict": "HashMap", "optional": "Option"}[kind.head]
        return f"{container}<{', '.join(inner)}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A Rust expression of the value, owned."""
        common.check_value(kind, value, *common.INT64)
        _check(kind)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return "()" if kind.head == "none" else "None"
        if kind.head == "optional":
            return f"Some({self._literal(kind.args[0], value)})"
        if kind.head == "int":
            return f"{value}_i64"
        if kind.head == "float":
            return common.float_text(value, "f64::NAN", "f64::INFINITY", "f64::NEG_INFINITY")
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return f'String::from("{_escaped(value)}")'
        if kind.head == "dict":
            key, item = kind.args
            pairs = ", ".join(f"({self._literal(key, k)}, {self._literal(item, v)})" for k, v in value)
            return f"HashMap::from([{pairs}])" if pairs else "HashMap::new()"
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        items = ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))
        if kind.head == "list":
            return f"vec![{items}]"
        return f"({items},)" if len(kinds) == 1 else f"({items})"

    def header(self, name: str, signature: Signature) -> str:
        """Collections, `fn name(items: Vec<i64>) -> i64 {` and a line break."""
        _check_signature(signature)
        params = ", ".join(f"{p.name}: {self.spell_type(p.type)}" for p in signature.params)
        returns = "" if signature.returns.head == "none" else f" -> {self.spell_type(signature.returns)}"
        return f"{_USE}\nfn {name}({params}){returns} {{\n"

    def footer(self) -> str:
        """Nothing beyond the function's own brace."""
        return ""

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the function's own types may hold less."""
        _check_signature(signature)
        common.check_args(signature, args, *common.INT64)
        common.check_text(signature, args)
        call, extra = self._call(code, name, signature)
        code = re.sub(r"\bfn(\s+)main\b", r"fn\1answer_main_", code)
        main = f"{code}\n{extra}fn main() {{ xinstruct_driver::run({call}) }}\n"
        files = {"answer.rs": main, common.PLAN: common.plan(name, signature, args, nonce)}
        return _program(files, _driver(), "--extern", f"xinstruct_driver={_LIBRARY}", "answer.rs")

    def _call(self, code: str, name: str, signature: Signature) -> tuple[str, str]:
        """Return (an expression of the function to call, declarations it needs)."""
        text = blanked("rust", code)
        found = re.search(rf"\bfn\s+{re.escape(name)}\s*(?:<(?P<generic>[^()]*)>)?\s*\(", text)
        if not found:
            return name, ""
        path, extra = name, ""
        top = clike.outermost("rust", code)
        if top[found.start() : found.end()].strip() == "":
            owners = re.findall(r"\bimpl\b(?:\s*<[^{>]*>)?\s+(?:[\w:<>, ]+?\s+for\s+)?(\w+)", text[: found.start()])
            path = f"{owners[-1]}::{name}" if owners else name
            known = owners and re.search(rf"\b(?:struct|enum|trait|type)\s+{owners[-1]}\b", text)
            extra = f"struct {owners[-1]};\n" if owners and not known else ""
        params = split_arguments(text[found.end() : closing(text, found.end() - 1) - 1])
        generic = re.search(r"(?:^|,)\s*[A-Za-z_]", found.group("generic") or "") or any("impl " in p for p in params)
        return (self._spelled(path, params, signature) if generic else path), extra

    def _spelled(self, path: str, params: list[str], signature: Signature) -> str:
        """Return a closure over a generic function, its parameters typed as in the signature."""
        declared = [re.sub(r"\s+", " ", p.partition(":")[2].strip()) for p in params]
        declared += [""] * (len(signature.params) - len(declared))
        taken = []
        for i, (param, own) in enumerate(zip(signature.params, declared, strict=False)):
            borrowed = re.match(r"&\s*(?:'\w+ )?(mut )?", own)
            prefix = f"&'static {borrowed.group(1) or ''}" if borrowed else ""
            taken.append(f"a{i}: {prefix}{self.spell_type(param.type)}")
        return f"|{', '.join(taken)}| {path}({', '.join(f'a{i}' for i in range(len(taken)))})"

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: main must return without a panic."""
        files = {"program.rs": program, common.PLAN: nonce}
        wrapped = ("-C", "link-arg=asserting.o", "-C", "link-arg=-Wl,--wrap=main")
        return _program(files, linked("asserting"), *wrapped, "program.rs")

    def trusted(self, tests: str) -> str:
        """See Language.trusted: main returns, and assertions are the library's."""
        words = r"(?<![\w:])(?:assert|assert_eq|assert_ne|panic|unreachable|todo|unimplemented)\s*!\s*[(\[{]"
        tests = leaving.by_path(self.name, tests, words, "::std::")
        left = "{{ let xinstruct_s: i32 = {0}; if xinstruct_s != 0 {{ std::process::exit(xinstruct_s) }} return; }}"
        call = r"(?<![\w:])(?:std\s*::\s*)?process\s*::\s*exit\s*\("
        return leaving.in_main("rust", tests, r"\bfn\s+main\s*\(\s*\)\s*\{", call, left.format)

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)


@cache
def _driver() -> Prepared:
    command = (*_RUSTC, "--crate-type", "rlib", "--crate-name", "xinstruct_driver", "driver.rs")
    return Prepared("rust", _LIBRARY, (("driver.rs", common.asset("driver.rs")),), command)


def _program(files: dict[str, str], beside: Prepared, *own: str) -> Program:
    command = (*_RUSTC, "-C", "strip=debuginfo", "--crate-name", "answer", "-o", "main", *own)
    return Program(files, ("./main",), command, compile_with=(beside,), mold=("-C", "link-arg=-fuse-ld=mold"))


def _escaped(value: str) -> str:
    common.utf8(value)
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    return "".join(escapes.get(c, c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in value)


LANGUAGE = Rust()
