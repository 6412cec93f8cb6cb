"""The interface of a programming language backend: names, syntax of types and values, a driver.

Each language is one module or package under ``xinstruct/languages/`` (or in a folder of the user's own) with one
``LANGUAGE`` object of a subclass of Language; ``xinstruct.languages.get("java")`` finds it. A backend only writes
source text and command lines: it never runs anything (the sandbox in ``xinstruct.execution`` does), and it never sees
an expected value (the judge outside compares).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from xinstruct.code.lexical import blanked
from xinstruct.code.types import Signature, Type


class Unsupported(Exception):
    """The language cannot express this type or value. It is a verdict of its own, never a failure."""


@dataclass(frozen=True)
class Toolchain:
    """The requirements of a language: its binaries, the command that prints its version, the one that installs it."""

    binaries: tuple[str, ...]
    version: tuple[str, ...]
    install: str


@dataclass(frozen=True)
class Prepared:
    """A file made once per machine from constant text, such as a precompiled header or a compiled driver.

    command: makes the file `name` from `files` (name, text) and from other prepared files (`needs`). The file is made
    again when any of these or the language's toolchain changes.
    optional: programs also run without the file where it cannot be made, only slower.
    """

    language: str
    name: str
    files: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    needs: tuple[Prepared, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Program:
    """A complete program, ready for the sandbox.

    files: name -> source text, written into the scratch folder.
    compile: the command line run first inside the scratch folder, or () when nothing is compiled.
    run: the command line that runs the program in the same folder.
    mold: options appended to the compile command where mold, a faster linker, is installed.
    compile_with, run_with: prepared files that are in the folder while it is compiled and run, read-only.
    separation: how the code under test is separated from its tests: "values" (its results are compared outside),
    "process" (the tests run in another process) or "none". note: why it is "none" although a completion was marked.
    by_status: the program passes when it ends with status 0, even if it did not reach its end.
    """

    files: dict[str, str]
    run: tuple[str, ...]
    compile: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    compile_with: tuple[Prepared, ...] = ()
    run_with: tuple[Prepared, ...] = ()
    separation: str = "none"
    note: str = ""
    by_status: bool = False
    mold: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """One command that compiles many programs, each in its own folder.

    It leaves diagnostics in <folder>/compile.txt and the exit status in <folder>/compile.status; a folder without a
    status was not reached and is compiled alone. in_order: the folders are compiled one after the other, so that a
    command that died did so at the first folder without a status.
    """

    command: tuple[str, ...]
    compile_with: tuple[Prepared, ...] = ()
    in_order: bool = False


class Language(ABC):
    """A target language. Subclasses are declarative where possible."""

    name: ClassVar[str]  # key everywhere, and the module's name: python, cpp, csharp, ...
    title: ClassVar[str]  # as people write it: "C++"
    extensions: ClassVar[tuple[str, ...]]  # (".py",)
    fence: ClassVar[str]  # tag of a fenced block in a chat answer: "python", "cpp", "sh", "cs", ...
    comment: ClassVar[str]  # line comment leader: "#", "//"
    toolchain: ClassVar[Toolchain]
    stop: ClassVar[tuple[str, ...]] = ()  # strings that end a raw completion of one function
    # A comment between a completion and its tests in one text. It ends every comment or literal that the completion
    # left open, or has the text not compile: no test can be a part of one.
    apart: ClassVar[str] = ""
    # What else a completion could end in that changes the definition behind it (a pattern of an attribute), and a
    # definition that takes it.
    taker: ClassVar[tuple[str, str]] = ("", "")

    @abstractmethod
    def spell_type(self, kind: Type) -> str:
        """Return a type in this language's syntax. Raises Unsupported."""

    @abstractmethod
    def literal(self, kind: Type, value: Any) -> str:
        """Return the source text of a value in JSON form. Raises Unsupported."""

    @abstractmethod
    def header(self, name: str, signature: Signature) -> str:
        """Return the first lines of the function up to the start of its body; they serve as the prefill of an answer.

        They include everything above it that the function needs to be used alone (Java's imports, the first line of its
        class). The body's text follows directly. Raises Unsupported.
        """

    @abstractmethod
    def footer(self) -> str:
        """Return the text that closes what the header opened around the function: "}" or ""."""

    @abstractmethod
    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """Return a program that calls function `name` of `code` on each argument list.

        For case i it prints to stdout one line: nonce + "\\t" + i + "\\t" + canonical JSON of the
        result (types.py's JSON form), or nonce + "\\t" + i + "\\t!" + the error's text when the
        call raised; after the last case the line nonce + "\\tend". Raises Unsupported.
        """

    @abstractmethod
    def asserting(self, program: str, nonce: str) -> Program:
        """Return a program with its own assertions that prints nonce + "\\tend" after the last of them."""

    def standalone(self, program: str, nonce: str) -> Program:
        """Return a program judged by its exit status alone, with the compiler that is customary for that."""
        return replace(self.asserting(program, nonce), by_status=True)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """Return a program in which program[start:end] is the code under test and the rest is trusted."""
        note, end = f"{self.title} runs tests and completion in one process", completion[1]
        whole = self.kept_apart(program[:end] + self.trusted(program[end:]), end)
        return replace(self.asserting(whole, nonce), note=note)

    def trusted(self, tests: str) -> str:
        """Return the tests behind a completion as they are run: their own exit with status 0 is an end."""
        return tests

    def kept_apart(self, program: str, end: int) -> str:
        """Return the program with `apart` behind its completion, where a line ends between it and the tests.

        Marks differ in whether that line's end, or blanks behind it, are the completion's: here they are the tests'.
        """
        blank = re.search(r"\n\s*\Z", program[:end])
        code = program[: blank.start() if blank else end]
        tests = program[len(code) :]
        if not tests.startswith("\n"):
            return program
        attribute, taker = self.taker
        open_ended = attribute and re.search(rf"{attribute}\s*\Z", blanked(self.name, code))
        return f"{code}\n{self.apart}{taker if open_ended else ''}{tests[1:]}"

    def in_order(self, program: str, completion: tuple[int, int]) -> tuple[str, tuple[int, int]]:
        """Return an assembled program, and its completion's span, with what has to be first in it at its beginning."""
        return program, completion

    def gap(self, code: str, said: str, version: str) -> str:
        """Return what the toolchain of a version lacks for code that failed and `said` that, "" where the code does."""
        return ""

    def batchable(self, program: Program) -> bool:
        """Tell whether the program can be compiled with others without affecting their outcomes."""
        return False

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """Return the command for batchable programs, each already written into its folder."""
        raise NotImplementedError(f"{self.title} compiles programs one by one")

    def identifier(self, name: str) -> str:
        """Return a function name in this language's customary style (snake_case to camelCase, ...)."""
        return name
