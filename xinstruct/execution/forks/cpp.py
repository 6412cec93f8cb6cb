"""C++: cc1plus is forked with its header read, and mold with its libraries read.

``g++ -###`` prints the command lines by which g++ calls the two, so that forks do what g++ would have done; without
that output nothing is forked. The forks of a program follow from its compile command and its prepared files.
"""

from __future__ import annotations

import re
import shlex
from functools import cache

from xinstruct.execution import toolchains
from xinstruct.execution.forks.base import Fork, Template
from xinstruct.languages import Program
from xinstruct.languages.base import Prepared
from xinstruct.languages.cpp_headers import ALL, DRIVER_FLAGS, LINE, PROGRAM_FLAGS, prepared_object

# instantiate_pending_templates(int), initialize_rtl()
_BEFORE = ("_Z29instantiate_pending_templatesi", "_Z14initialize_rtlv")
# Errors that appear only because the library's templates were instantiated before the program, and g++'s own faults.
_FALLBACK = "after instantiation|redefinition of|internal compiler error|Please submit"
_OBJECT = "program.o"
_MOLD = "-fuse-ld=mold"
_INCLUDED = re.compile(r'^#include "([^"]+)"', re.M)


def forks(program: Program) -> tuple[Fork, ...]:
    """Return the forks that may replace a program's compile command, one for each header to try, or ().

    The program's main.cpp includes one file of its own; the compiler is forked when it opens that file.
    """
    for flags in (DRIVER_FLAGS, PROGRAM_FLAGS):
        if (at := _behind((*flags, *LINE), program.compile)) >= 0:
            main, linked = program.files["main.cpp"], program.compile[at:]
            headers = [made for made in program.compile_with if made.name.endswith(".gch")]
            objects = tuple(made for made in program.compile_with if not made.name.endswith(".gch"))
            found = [_fork(flags, main, header, linked, objects) for header in (headers or (None,))]
            return tuple(fork for fork in found if fork) if all(found) else ()
    return ()


def _behind(part: tuple[str, ...], line: tuple[str, ...]) -> int:
    """Return the index of the first word behind `part` in a command line, -1 when it does not contain `part`."""
    ends = range(len(part), len(line) + 1)
    return next((end for end in ends if line[end - len(part) : end] == part), -1)


@cache
def _fork(
    flags: tuple[str, ...],
    main: str,
    header: Prepared | None,
    linked: tuple[str, ...],
    objects: tuple[Prepared, ...],
) -> Fork | None:
    """Return the fork that replaces g++: its compiler, then its linker (for the arguments see _compiler and _link)."""
    template = _compiler(flags, main, header)
    then, linker = _link(linked, objects)
    return Fork(template, then, linker, _OBJECT if linker else "") if template else None


@cache
def _compiler(flags: tuple[str, ...], main: str, header: Prepared | None) -> Template | None:
    """Return the template of cc1plus, forked when it opens the program's file with any precompiled header read.

    `main` is the text of main.cpp, which includes that file and nothing before it. A precompiled header leaves
    templates to be instantiated at the end of every program, which is most of a small program's compilation; the
    template calls the compiler's own function for that once. None when g++ does not print how it calls its compiler.
    """
    included = ("-include", header.name.removesuffix(".gch")) if header else ()
    line = _called("cc1plus", (*flags, *included, "-S", "main.cpp", "-o", "-"))
    if not line:
        return None
    opens = _INCLUDED.findall(main)[0]
    look = ("sh", "-c", "grep -q probe_of_a_fork && echo ready")
    probe = (((opens, "int probe_of_a_fork() { return 42; }\n"),), look, "ready\n")
    texts = header.files if header else ()
    files = (("main.cpp", main), *((name, text) for name, text in texts if name.endswith(".hpp")))
    warm_up = 1 if any(ALL in text for _, text in texts) else 2
    return Template(line, opens, probe, _BEFORE, files, (header,) if header else (), True, _FALLBACK, warm_up)


@cache
def _link(linked: tuple[str, ...], objects: tuple[Prepared, ...]) -> tuple[tuple[str, ...], Fork | None]:
    """Return the command that reads the compiler's output, and the fork that continues after it.

    `linked` holds names of objects, and options. mold is forked after it has read all that programs are linked with,
    which is most of its work. Without mold, g++ assembles and links.
    """
    names = tuple(word for word in linked if word.endswith(".o"))
    rest = tuple(word for word in linked if word not in names)
    plain = ("g++", "-o", "main", *linked, _OBJECT)
    called = _called("collect2", plain[1:]) if _MOLD in linked else ()
    assembler = _called("as", ("-c", "-x", "assembler", "-", "-o", _OBJECT)) if called else ()
    if not assembler:
        # objects first: g++ takes the first file after an -x for none that wants C++'s library
        return ("g++", "-o", "main", *names, "-x", "assembler", "-", "-x", "none", *rest), None
    probe = prepared_object("probe", {"probe.cpp": "int main() {}\n"}, PROGRAM_FLAGS)
    line = ("mold", *_for_mold(called), "--no-fork", _OBJECT)
    template = Template(line, _OBJECT, (((_OBJECT, probe),), (), ""), needs=(*objects, probe), warm_up=2)
    return assembler, Fork(template, instead=plain)


def _called(tool: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line by which g++ calls one of its tools; () when it does not print one."""
    done = toolchains.ask(("g++", "-###", *options))
    said = done.stderr.splitlines() if done else []
    return next((tuple(shlex.split(each)) for each in said if re.match(rf"\s*(\S*/)?{tool} ", each)), ())


def _for_mold(line: tuple[str, ...]) -> list[str]:
    """Return collect2's arguments without those that only it understands, and without the program's object."""
    kept, words = [], iter(line[1:])
    for word in words:
        if word == "-plugin":
            next(words)
        elif not word.startswith(("-plugin-opt", "-fuse-ld")) and word != _OBJECT:
            kept.append(word)
    return kept
