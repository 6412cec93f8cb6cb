"""What C++ programs share and need not compile again: precompiled headers, the driver, instances of templates.

An answer that the driver calls gets the standard headers whether it includes them or not (core.hpp, prelude.hpp). A
complete program gets what it includes itself and no other name: one precompiled header for each set of the
dear headers that programs begin with, made when a program first begins so.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache

from xinstruct.languages import common
from xinstruct.languages.base import Fork, Prepared, Template

_COMMON = ("-std=c++17", "-pipe", "-w")
# A precompiled header serves only compilations with the flags that it was made with. Programs are compiled as public
# graders compile them, which is also the fastest; answers are run on more cases.
DRIVER_FLAGS = (*_COMMON, "-O1")
PROGRAM_FLAGS = (*_COMMON, "-O0")
_ALL = "bits/stdc++.h"
_DEAR = frozenset((_ALL, "algorithm", "cmath", "iostream", "map", "math.h", "string", "vector"))
_INCLUDE = re.compile(r"^[ \t]*(?:#|%:|\?\?=)[ \t]*include\b[ \t]*(?:<([\w./]+)>)?", re.M)
# What may stand before the first declaration without changing what an include brings.
_LEADING = re.compile(
    r"""\s*(?:\#[ \t]*include[ \t]*<(?P<name>[\w./+]+)>[ \t]*(?=\n|//|/\*)
        |using\s+namespace\s+std\s*;|//(?:[^\n\\]|\\(?!\n))*|/\*.*?\*/)""",
    re.S | re.X,
)
# instantiate_pending_templates(int), initialize_rtl()
_BEFORE = ("_Z29instantiate_pending_templatesi", "_Z14initialize_rtlv")
# What a program may be told because the library's templates were instantiated before it, and g++'s own faults.
_DOUBT = "after instantiation|redefinition of|internal compiler error|Please submit"
_OBJECT = "program.o"
_MOLD = "-fuse-ld=mold"
_ELEMENTS = ("int", "long long", "float", "double", "char", "std::string", "std::vector<int>")


@cache
def driver_headers() -> dict[str, str]:
    """The driver's files that a compiler needs beside an answer."""
    return {name: common.asset(name) for name in ("core.hpp", "prelude.hpp", "driver.hpp")}


@cache
def _few() -> frozenset[str]:
    """Headers that core.hpp brings, by all their names."""
    names = set(re.findall(r"#include <([\w./]+)>", common.asset("core.hpp")))
    return frozenset(names | {f"{name[1:]}.h" for name in names if name[:1] == "c" and f"c{name[1:]}" in names})


def does_with_few(code: str) -> bool:
    """Whether an answer includes nothing beyond core.hpp's headers."""
    return all(found in _few() for found in _INCLUDE.findall(code.replace("\\\n", "")))


@cache
def precompiled(name: str) -> Prepared:
    """core.hpp or prelude.hpp, precompiled."""
    return _header(name, driver_headers(), DRIVER_FLAGS)


@cache
def driver() -> Prepared:
    """What of the driver is no template."""
    return _object("driver", {**driver_headers(), "driver.cpp": common.asset("driver.cpp")}, DRIVER_FLAGS)


@cache
def harness() -> Prepared:
    """What counts the completion of a complete program."""
    return _object("harness", {"harness.cpp": common.asset("asserting.cpp")}, PROGRAM_FLAGS)


@cache
def instances() -> Prepared:
    """The vectors that precompiled headers promise (`extern template`), so that no program compiles them."""
    lines = ["#include <string>", "#include <vector>", *_vectors("template", string=True)]
    return _object("instances", {"instances.cpp": "\n".join(lines) + "\n"}, (*_COMMON, "-O2"))


def included(program: str) -> tuple[str, ...]:
    """The dear headers among the includes that a program begins with, sorted; all of them are one."""
    found, at = set(), 0
    while match := _LEADING.match(program, at):
        found.add(match["name"])
        at = match.end()
    return (_ALL,) if _ALL in found else tuple(sorted(found & _DEAR))


@cache
def header(names: tuple[str, ...]) -> tuple[str, str, Prepared]:
    """(name, text, precompiled) of the header that includes these."""
    name = "_".join(["with", *(re.sub(r"\W", "_", each) for each in names)]) + ".hpp"
    lines = [f"#include <{each}>" for each in names]
    if _ALL in names or "vector" in names:
        lines += _vectors("extern template", string=_ALL in names or "string" in names)
    text = "\n".join(lines) + "\n"
    return name, text, _header(name, {name: text}, PROGRAM_FLAGS)


@cache
def compiler(flags: tuple[str, ...], header: str, main: str, opens: str, made: Prepared | None) -> Template | None:
    """The compiler proper, with a precompiled header read (if one is made), at the opening of a program's own file.

    main: the text of main.cpp, which includes that file and nothing else before. A precompiled header leaves templates
    to be instantiated at the end of every program, most of a small program's compilation; the template calls the
    compiler's own function for that once. None where g++ does not say how it calls its compiler.
    """
    line = _called("cc1plus", (*flags, *(("-include", header) if made else ()), "-S", "main.cpp", "-o", "-"))
    if not line:
        return None
    look = ("sh", "-c", "grep -q probe_of_a_fork && echo ready")
    probe = (((opens, "int probe_of_a_fork() { return 42; }\n"),), look, "ready\n")
    texts = made.files if made else ()
    files = (("main.cpp", main), *((name, text) for name, text in texts if name.endswith(".hpp")))
    after = 1 if any(_ALL in text for _, text in texts) else 2
    needs = (made,) if made else ()
    return Template(line, opens, probe, _BEFORE, files, needs, True, _DOUBT, after)


@cache
def fork(
    flags: tuple[str, ...],
    header: str,
    main: str,
    opens: str,
    made: Prepared | None,
    linked: tuple[str, ...],
    objects: tuple[Prepared, ...],
) -> Fork | None:
    """What may stand for g++: forks of its compiler and then of its linker (arguments: see compiler and link)."""
    template = compiler(flags, header, main, opens, made)
    then, linker = link(linked, objects)
    return Fork(template, then, linker, _OBJECT if linker else "") if template else None


@cache
def link(linked: tuple[str, ...], objects: tuple[Prepared, ...]) -> tuple[tuple[str, ...], Fork | None]:
    """What becomes of a compiler's output: the command that it is the input of, and a fork that goes on then.

    linked: names of objects, and options. mold is forked where it has read all that programs are linked with, which is
    most of its work. Where there is no mold, g++ assembles and links.
    """
    names = tuple(word for word in linked if word.endswith(".o"))
    rest = tuple(word for word in linked if word not in names)
    plain = ("g++", "-o", "main", *linked, _OBJECT)
    mold = shutil.which("mold") if _MOLD in linked else None
    called = _called("collect2", plain[1:]) if mold else ()
    assembler = _called("as", ("-c", "-x", "assembler", "-", "-o", _OBJECT)) if mold else ()
    if not (mold and called and assembler):
        # objects first: g++ takes the first file after an -x for none that wants C++'s library
        return ("g++", "-o", "main", *names, "-x", "assembler", "-", "-x", "none", *rest), None
    probe = _object("probe", {"probe.cpp": "int main() {}\n"}, PROGRAM_FLAGS)
    line = (mold, *_for_mold(called), "--no-fork", _OBJECT)
    template = Template(line, _OBJECT, (((_OBJECT, probe),), (), ""), needs=(*objects, probe), after=2)
    return assembler, Fork(template, instead=plain)


def _called(tool: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The command line by which g++ calls one of its tools; () where it does not say."""
    said = subprocess.run(
        ("g++", "-###", *options), capture_output=True, encoding="utf-8", errors="replace", check=False
    ).stderr.splitlines()
    return next((tuple(shlex.split(each)) for each in said if re.match(rf"\s*(\S*/)?{tool} ", each)), ())


def _for_mold(line: tuple[str, ...]) -> list[str]:
    """collect2's arguments without those that concern it alone, and without the program's object."""
    kept, words = [], iter(line[1:])
    for word in words:
        if word == "-plugin":
            next(words)
        elif not word.startswith(("-plugin-opt", "-fuse-ld")) and word != _OBJECT:
            kept.append(word)
    return kept


def _vectors(word: str, string: bool) -> list[str]:
    return [f"{word} class std::vector<{kind}>;" for kind in _ELEMENTS if string or "string" not in kind]


def _header(name: str, files: dict[str, str], flags: tuple[str, ...]) -> Prepared:
    command = ("g++", *flags, "-x", "c++-header", name, "-o", f"{name}.gch")
    return Prepared("cpp", f"{name}.gch", tuple(files.items()), command, optional=True)


def _object(name: str, files: dict[str, str], flags: tuple[str, ...]) -> Prepared:
    return Prepared("cpp", f"{name}.o", tuple(files.items()), ("g++", *flags, "-c", f"{name}.cpp", "-o", f"{name}.o"))
