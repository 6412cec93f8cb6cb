"""Java 17. Bare methods are wrapped into ``class Solution``; full classes are used as they are.

The driver finds the method by name and arity through reflection (any class of the answer, any access, static preferred)
and converts arguments to its declared types: ``int``, ``char``, ``String...``, ``Collection<Integer>``, arrays, maps,
``Optional``, records. A tuple is written as a List, an optional as a type that may be null. Packages are not supported:
a package line is dropped.

The driver and the compiler of batches are jars made once per machine, each with an archive of the classes that it loads
(class data sharing), which halves the start of a JVM. A batch uses one context of the compiler.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from xinstruct.code.lexical import blanked
from xinstruct.code.names import NAMES
from xinstruct.code.types import Signature, Type
from xinstruct.languages import clike, common, leaving
from xinstruct.languages.base import Batch, Language, Prepared, Program, Toolchain

_BOXED = {"int": "Long", "float": "Double", "bool": "Boolean", "string": "String", "none": "Void"}
_PLAIN = {"int": "long", "float": "double", "bool": "boolean", "string": "String", "none": "void"}
_IMPORTS = "".join(f"import java.{name}.*;\n" for name in ("util", "util.function", "util.stream", "math"))
_KEYS = ("int", "float", "bool", "string", "tuple", "list")
_JARS = "/usr/share/java/javatuples.jar"
_FAST = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_TRAINING = "XinstructTraining.java"
_HEAP = ("-XX:+UseG1GC", "-XX:ParallelGCThreads=1", "-XX:ConcGCThreads=1", "-XX:G1ConcRefinementThreads=0")
_RUN = (*_HEAP, "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx640m", "-ea", "-Dfile.encoding=UTF-8")
_COMPILER = ("--add-exports", "jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED")
_BATCH = (*_FAST, *_COMPILER, "-Xmx1400m", "-Dfile.encoding=UTF-8")
_CLASS_PATH = f"driver.jar:{_JARS}"


@cache
def _jar(name: str, main: str, *options: str) -> Prepared:
    """Return a jar of our class and its nested ones. Inline concatenation: invokedynamic slows the start of a JVM."""
    script = (
        f"javac {' '.join(options)} -XDstringConcat=inline -proc:none -nowarn -encoding UTF-8 -d classes {main}.java"
        f" && jar --create --no-compress --file {name} -C classes ."
    )
    return Prepared("java", name, ((f"{main}.java", common.asset(f"{main}.java")),), ("sh", "-c", script))


@cache
def _archive(name: str, jar: Prepared, flags: tuple[str, ...], class_path: str, trainings: tuple[str, ...]) -> Prepared:
    """Return the class data that the trainings load, for JVMs that start with these flags and this class path."""
    plan = common.plan("sum", Signature.of("int", numbers="list<int>"), [[[1, 2]], [[]]], "none")
    files = {_TRAINING: common.asset(_TRAINING), "whole.json": '{"nonce": "none"}', "calls.json": plan}
    java = " ".join(("java", *flags, "-cp"))
    lines = [f"set -e; mkdir -p training; cp {_TRAINING} training; javac -proc:none {_TRAINING}"]
    for i, training in enumerate(trainings):
        listed = f"{java} {class_path}:. -Xshare:off -XX:DumpLoadedClassList=list{i}"
        lines.append(training.format(java=listed))
    lines.append("awk '!seen[$0]++' list? >list")
    dump = f"-Xshare:dump -XX:SharedClassListFile=list -XX:SharedArchiveFile={name}"
    lines.append(f"{java} {class_path} {dump} >dump.txt 2>&1; test -s {name}")
    return Prepared("java", name, tuple(files.items()), ("sh", "-c", "\n".join(lines)), (jar,), optional=True)


@cache
def _driver() -> tuple[Prepared, ...]:
    jar = _jar("driver.jar", "XinstructDriver")
    trainings = tuple(f"cp {plan}.json plan.json; {{java}} XinstructDriver >/dev/null" for plan in ("whole", "calls"))
    return jar, _archive("driver.jsa", jar, _RUN, _CLASS_PATH, trainings)


@cache
def _batch() -> tuple[Prepared, ...]:
    jar = _jar("batch.jar", "XinstructBatch", *_COMPILER)
    trainings = (f"{{java}} XinstructBatch {_JARS} training {_TRAINING}",)
    return jar, _archive("batch.jsa", jar, _BATCH, "batch.jar", trainings)


def _unit(code: str, name: str) -> tuple[str, str]:
    """Return (file name, source) of an answer: package dropped, bare methods wrapped, public class kept."""
    code, _ = clike.cut("java", code, r"^[ \t]*package\s+[\w.]+\s*;")
    types = re.search(r"\b(class|interface|record|enum)\b", blanked("java", code))
    if name and (clike.at_top("java", code, name) or not types):
        code, imports = clike.cut("java", code, r"^[ \t]*import\s+(static\s+)?[\w.]+(\.\*)?\s*;")
        code = f"{_IMPORTS}{imports}\nclass Solution {{\n{clike.indent(code)}\n}}\n"
    main = r"\bpublic\s+(?:(?:final|abstract|sealed|strictfp|static)\s+)*(?:class|interface|record|enum)\s+(\w+)"
    public = re.search(main, clike.outermost("java", code))
    return f"{public.group(1) if public else 'Answer'}.java", code


class Java(Language):
    """OpenJDK 17."""

    name = "java"
    title, fence = NAMES["java"].title, NAMES["java"].fence
    extensions = (".java",)
    comment = "//"
    toolchain = Toolchain(
        ("javac", "java"),
        ("javac", "-version"),
        "apt-get install -y --no-install-recommends openjdk-17-jdk-headless libjavatuples-java",
    )
    apart = '/* """ */ '
    stop = ("\n    }\n", "\n}\n", "\n```")

    def spell_type(self, kind: Type) -> str:
        """`long`, `List<Long>`, `Map<String, Long>`; a tuple is a List, an optional a boxed type."""
        return _PLAIN.get(kind.head) or self._boxed(kind)

    def _boxed(self, kind: Type) -> str:
        if kind.head in _BOXED:
            return _BOXED[kind.head]
        inner = [self._boxed(arg) for arg in kind.args]
        if kind.head == "optional":
            return inner[0]
        if kind.head == "dict":
            return f"Map<{', '.join(inner)}>"
        return f"List<{inner[0] if len(set(inner)) == 1 else 'Object'}>"

    def literal(self, kind: Type, value: Any) -> str:
        """A Java expression of the value; lists and maps can be changed."""
        common.check_value(kind, value, *common.INT64)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return f"({self._boxed(kind)}) null"
        if kind.head == "optional":
            return self._literal(kind.args[0], value)
        if kind.head == "int":
            return f"{value}L"
        if kind.head == "float":
            return common.float_text(value, "Double.NaN", "Double.POSITIVE_INFINITY", "Double.NEGATIVE_INFINITY")
        if kind.head == "bool":
            return "true" if value else "false"
        if kind.head == "string":
            return f'"{common.utf16_escapes(value)}"'
        return self._container(kind, value)

    def _container(self, kind: Type, value: Any) -> str:
        made = self._boxed(kind)
        if kind.head == "dict":
            key, item = kind.args
            puts = " ".join(f"put({self._literal(key, k)}, {self._literal(item, v)});" for k, v in value)
            return f"new Linked{made.replace('Map', 'HashMap', 1)}()" + (f" {{{{ {puts} }}}}" if puts else "")
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        items = ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))
        inside = f"Arrays.{made.removeprefix('List')}asList({items})" if items else ""
        return f"new Array{made}({inside})"

    def header(self, name: str, signature: Signature) -> str:
        """Imports, `class Solution {`, `    static long name(long a) {` and a line break."""
        common.check_types(signature, _KEYS)
        params = ", ".join(f"{self.spell_type(p.type)} {p.name}" for p in signature.params)
        line = f"    static {self.spell_type(signature.returns)} {name}({params}) {{\n"
        return f"{_IMPORTS}\nclass Solution {{\n{line}"

    def footer(self) -> str:
        """The brace of the class."""
        return "}\n"

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver. Integers up to 64 bits; the method's own types may hold less."""
        common.check_types(signature, _KEYS)
        common.check_args(signature, args, *common.INT64)
        return self._program(*_unit(code, name), common.plan(name, signature, args, nonce))

    def asserting(self, program: str, nonce: str) -> Program:
        """See Language.asserting: assertions are on, the program's own main must return."""
        return self._program(*_unit(program, ""), json.dumps({"nonce": nonce}))

    def trusted(self, tests: str) -> str:
        """See Language.trusted: main returns, by a statement behind which others may follow."""
        main = r"\bvoid\s+main\s*\([^()]*\)\s*(?:throws\s[\w\s,.]+)?\{"
        left = "{{ int xinstruct_s = {0}; if (xinstruct_s != 0) System.exit(xinstruct_s); if (true) return; }}"
        return leaving.in_main("java", tests, main, r"(?<![\w.])System\s*\.\s*exit\s*\(", left.format)

    def _program(self, file: str, source: str, plan: str) -> Program:
        tuned = tuple(f"-J{flag}" for flag in (*_FAST, "-Xshare:auto"))
        compile = ("javac", *tuned, "-proc:none", "-nowarn", "-implicit:none", "-encoding", "UTF-8", "-cp", _JARS, file)
        run = ("java", *_RUN, "-XX:SharedArchiveFile=driver.jsa", "-cp", f"{_CLASS_PATH}:.", "XinstructDriver")
        return Program({file: source, common.PLAN: plan}, run, compile, run_with=_driver())

    def batchable(self, program: Program) -> bool:
        """See Language.batchable: without annotation processing and source path, and with unknown folder names."""
        return True

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """See Language.batch_compile."""
        pairs = [text for p, folder in zip(programs, folders, strict=True) for text in (folder, p.compile[-1])]
        java = ("java", *_BATCH, "-XX:SharedArchiveFile=batch.jsa", "-cp", "batch.jar", "XinstructBatch", _JARS)
        return Batch((*java, *pairs), _batch(), in_order=True)

    def identifier(self, name: str) -> str:
        """camelCase."""
        return common.camel(name)


LANGUAGE = Java()
