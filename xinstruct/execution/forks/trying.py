"""A check which forks work on this machine, by running a small program of each kind."""

from __future__ import annotations

from collections.abc import Iterator

from xinstruct.execution import toolchains
from xinstruct.execution.compiling import compile_one
from xinstruct.execution.forks import choice
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.languages import Program, get

_LIMITS = Limits(cpu_seconds=30)
_MANY = 1000  # programs announced, more than any template's warm-up
_PROGRAMS = {"javascript": "", "php": "", "cpp": "int main() {}\n"}
_RUN = {"javascript": "node", "php": "php"}
_COMPILED = ("g++'s compiler", "mold")


def working(sandbox: Sandbox) -> Iterator[tuple[str, bool]]:
    """Yield each installed command that may be forked, and whether a fork of it worked."""
    for language, text in _PROGRAMS.items():
        if not toolchains.available(language):
            continue
        program = toolchains.linked(get(language).asserting(text, "nonce"))
        choice.expect(sandbox, [(language, program)] * _MANY)
        if language in _RUN:
            yield _RUN[language], _runs(sandbox, language, program)
        else:
            yield from _compiles(sandbox, language, program)


def _runs(sandbox: Sandbox, language: str, program: Program) -> bool:
    fork = choice.run(sandbox, language, program)
    return sandbox.run(program.run, _LIMITS, files=program.files, fork=fork).forked


def _compiles(sandbox: Sandbox, language: str, program: Program) -> Iterator[tuple[str, bool]]:
    built = compile_one(sandbox, language, program, _LIMITS)
    built.discard()
    wanted = _COMPILED if toolchains.find("mold") else _COMPILED[:1]
    forked = [*built.forked, False, False]
    yield from zip(wanted, forked, strict=False)
