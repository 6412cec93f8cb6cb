"""What a programming language is to this project: names, spelling of types and values, a driver.

Each language is one module or package under ``xinstruct/languages/`` (or in a folder of the user's own)
with one ``LANGUAGE`` object of a subclass of Language; ``xinstruct.languages.get("java")`` finds it. A
backend only writes source text and command lines: it never runs anything (the sandbox in
``xinstruct.execution`` does), and it never sees an expected value (the judge outside compares).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from xinstruct.code.types import Signature, Type


class Unsupported(Exception):
    """The language cannot express this type or value. A verdict of its own, never a failure."""


@dataclass(frozen=True)
class Toolchain:
    """How a language is had: the binaries it needs and the one command that installs them."""

    binaries: tuple[str, ...]
    version: tuple[str, ...]
    install: str


@dataclass(frozen=True)
class Prepared:
    """A file made once per machine from constant text: a precompiled header, a compiled driver.

    command makes `name` from `files` (name, text) and from what it needs; it is made anew when these or the
    language's toolchain change. optional: programs do without it where it cannot
    be made, only slower.
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
    compile: command line run first inside the scratch folder, or () when nothing is compiled.
    run: command line that runs the program, in the same folder.
    mold: words that have the compile command link with mold, which is sooner done; they follow it where mold is there.
    compile_with, run_with: prepared files that stand in the folder meanwhile, read-only.
    separation: what keeps the code under test from its tests: "values" (what it returned is compared outside),
    "process" (the tests run in another process) or "none"; note: why it is none although a completion was marked.
    by_status: it has passed when it ends with status 0, whether or not it came to its end.
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
    """One command that compiles many programs, each of which stands in a folder of its own.

    It leaves diagnostics in <folder>/compile.txt and the exit status in <folder>/compile.status; a folder without a
    status was not judged and is compiled alone. in_order: one after the other, so that a command which died was at
    the first folder without a status.
    """

    command: tuple[str, ...]
    compile_with: tuple[Prepared, ...] = ()
    in_order: bool = False


class Language(ABC):
    """One target language. Subclasses are declarative where they can be."""

    name: ClassVar[str]  # key everywhere, and the module's name: python, cpp, csharp, ...
    title: ClassVar[str]  # as people write it: "C++"
    extensions: ClassVar[tuple[str, ...]]  # (".py",)
    fence: ClassVar[str]  # tag of a fenced block in a chat answer: "python", "cpp", "sh", "cs", ...
    comment: ClassVar[str]  # line comment leader: "#", "//"
    toolchain: ClassVar[Toolchain]
    stop: ClassVar[tuple[str, ...]] = ()  # strings that end a raw completion of one function

    @abstractmethod
    def spell_type(self, kind: Type) -> str:
        """The type as this language writes it. Raises Unsupported."""

    @abstractmethod
    def literal(self, kind: Type, value: Any) -> str:
        """Source text of a value in JSON form. Raises Unsupported."""

    @abstractmethod
    def header(self, name: str, signature: Signature) -> str:
        """The first lines of the function up to where its body starts: a prefill.

        Includes what must stand above it for the function to be used alone (Java's imports,
        the opening of its class). The body's text follows directly. Raises Unsupported.
        """

    @abstractmethod
    def footer(self) -> str:
        """What closes the text that header opened, after the function's own body: "}" or ""."""

    @abstractmethod
    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """A program that calls function `name` of `code` on each argument list.

        For case i it prints to stdout one line: nonce + "\\t" + i + "\\t" + canonical JSON of the
        result (types.py's JSON form), or nonce + "\\t" + i + "\\t!" + the error's text when the
        call raised; after the last case the line nonce + "\\tend". Raises Unsupported.
        """

    @abstractmethod
    def asserting(self, program: str, nonce: str) -> Program:
        """A complete program with its own assertions, made to print nonce + "\\tend" after the last."""

    def standalone(self, program: str, nonce: str) -> Program:
        """A complete program judged by its exit status alone, with the compiler that is customary for that."""
        return replace(self.asserting(program, nonce), by_status=True)

    def marked(self, program: str, completion: tuple[int, int], nonce: str) -> Program:
        """A complete program of which program[start:end] is the code under test and the rest is trusted."""
        return replace(self.asserting(program, nonce), note=f"{self.title} runs tests and completion in one process")

    def batchable(self, program: Program) -> bool:
        """Whether the program can be compiled beside others, none touching another's outcome."""
        return False

    def batch_compile(self, programs: list[Program], folders: list[str]) -> Batch:
        """The command for programs that are batchable, each already written into its folder."""
        raise NotImplementedError(f"{self.title} compiles programs one by one")

    def identifier(self, name: str) -> str:
        """A function name in this language's customary style (snake_case to camelCase, ...)."""
        return name
