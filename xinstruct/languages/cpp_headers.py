"""Parts of C++ programs that are compiled once: precompiled headers, the driver, template instances.

An answer that the driver calls gets the standard headers whether it includes them or not (core.hpp, prelude.hpp). A
complete program gets only the names that it includes itself. It uses a precompiled header for the set of expensive
headers at its top; each such set is compiled when a program first begins with it.
"""

from __future__ import annotations

import re
from functools import cache

from xinstruct.languages import common
from xinstruct.languages.base import Prepared

_COMMON = ("-std=c++17", "-pipe", "-w")
# A precompiled header serves only compilations with the flags that it was made with. Programs are compiled as public
# graders compile them, which is also the fastest; answers are run on more cases.
DRIVER_FLAGS = (*_COMMON, "-O1")
PROGRAM_FLAGS = (*_COMMON, "-O0")
LINE = ("-o", "main", "main.cpp")  # what follows the flags in a compile command, before what is linked
ALL = "bits/stdc++.h"
_EXPENSIVE = frozenset((ALL, "algorithm", "cmath", "iostream", "map", "math.h", "string", "vector"))
_INCLUDE = re.compile(r"^[ \t]*(?:#|%:|\?\?=)[ \t]*include\b[ \t]*(?:<([\w./]+)>)?", re.M)
# What may stand before the first declaration without changing what an include brings.
_LEADING = re.compile(
    r"""\s*(?:\#[ \t]*include[ \t]*<(?P<name>[\w./+]+)>[ \t]*(?=\n|//|/\*)
        |using\s+namespace\s+std\s*;|//(?:[^\n\\]|\\(?!\n))*|/\*.*?\*/)""",
    re.S | re.X,
)
_ELEMENTS = ("int", "long long", "float", "double", "char", "std::string", "std::vector<int>")


@cache
def driver_headers() -> dict[str, str]:
    """Return the driver's header files, by name, that an answer is compiled with."""
    return {name: common.asset(name) for name in ("core.hpp", "prelude.hpp", "driver.hpp")}


@cache
def _few() -> frozenset[str]:
    """Return the headers that core.hpp includes, under all their names."""
    names = set(re.findall(r"#include <([\w./]+)>", common.asset("core.hpp")))
    return frozenset(names | {f"{name[1:]}.h" for name in names if name[:1] == "c" and f"c{name[1:]}" in names})


def does_with_few(code: str) -> bool:
    """Tell whether an answer includes nothing beyond core.hpp's headers."""
    return all(found in _few() for found in _INCLUDE.findall(code.replace("\\\n", "")))


@cache
def precompiled(name: str) -> Prepared:
    """Return core.hpp or prelude.hpp as a precompiled header."""
    return _header(name, driver_headers(), DRIVER_FLAGS)


@cache
def driver() -> Prepared:
    """Return the compiled part of the driver: everything in it that is no template."""
    return prepared_object("driver", {**driver_headers(), "driver.cpp": common.asset("driver.cpp")}, DRIVER_FLAGS)


@cache
def harness() -> Prepared:
    """Return the compiled harness that reports how far a complete program got."""
    return prepared_object("harness", {"harness.cpp": common.asset("asserting.cpp")}, PROGRAM_FLAGS)


@cache
def instances() -> Prepared:
    """Return the instances of std::vector that precompiled headers declare as `extern template`."""
    lines = ["#include <string>", "#include <vector>", *_vectors("template", string=True)]
    return prepared_object("instances", {"instances.cpp": "\n".join(lines) + "\n"}, (*_COMMON, "-O2"))


def included(program: str) -> tuple[str, ...]:
    """Return the expensive headers among the includes at the top of a program, sorted; bits/stdc++.h replaces all."""
    found, at = set(), 0
    while match := _LEADING.match(program, at):
        found.add(match["name"])
        at = match.end()
    return (ALL,) if ALL in found else tuple(sorted(found & _EXPENSIVE))


def leading(text: str) -> int:
    """Return how much of a text's beginning is includes of the system's headers, comments and blanks."""
    at = 0
    while match := _LEADING.match(text, at):
        at = match.end()
    return at + len(text[at:]) - len(text[at:].lstrip())


@cache
def header(names: tuple[str, ...]) -> tuple[str, str, Prepared]:
    """Return (name, text, precompiled) of a header that includes all of these."""
    name = "_".join(["with", *(re.sub(r"\W", "_", each) for each in names)]) + ".hpp"
    lines = [f"#include <{each}>" for each in names]
    if ALL in names or "vector" in names:
        lines += _vectors("extern template", string=ALL in names or "string" in names)
    text = "\n".join(lines) + "\n"
    return name, text, _header(name, {name: text}, PROGRAM_FLAGS)


def _vectors(word: str, string: bool) -> list[str]:
    return [f"{word} class std::vector<{kind}>;" for kind in _ELEMENTS if string or "string" not in kind]


def _header(name: str, files: dict[str, str], flags: tuple[str, ...]) -> Prepared:
    command = ("g++", *flags, "-x", "c++-header", name, "-o", f"{name}.gch")
    return Prepared("cpp", f"{name}.gch", tuple(files.items()), command, optional=True)


def prepared_object(name: str, files: dict[str, str], flags: tuple[str, ...]) -> Prepared:
    """Return NAME.o, compiled from NAME.cpp, which is one of the files."""
    return Prepared("cpp", f"{name}.o", tuple(files.items()), ("g++", *flags, "-c", f"{name}.cpp", "-o", f"{name}.o"))
