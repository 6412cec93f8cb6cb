"""What mining knows of each language: its grammar, its query, its file names, the names it always has.

The queries under ``queries/`` capture definitions and names; ``standard/`` lists what a program may use
without defining it. How captures become functions is in ``extract``; types are in ``signatures``.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tree_sitter import Language, Parser, Query

_HERE = Path(__file__).parent
DATA_FILES = ("queries/*", "standard/*")


@dataclass(frozen=True)
class Grammar:
    """One language as mining sees it."""

    name: str
    module: str
    function: str
    suffixes: tuple[str, ...]
    comment: str = "comment"  # node types of comments, blank-separated
    scoped: bool = False  # helpers of a function are looked up in its own class

    def parser(self) -> Parser:
        """A parser for this language."""
        return _parser(self)

    def query(self) -> Query:
        """The compiled first part of ``queries/<name>.scm``, for whole files: definitions, imports, comments."""
        return _query(self, 0)

    def names_query(self) -> Query:
        """The second part, for one definition: the names it reads and binds."""
        return _query(self, 1)

    def known(self) -> frozenset[str]:
        """Names that need no definition: builtins, the language's own library, types."""
        return _known(self.name)


GRAMMARS: dict[str, Grammar] = {
    grammar.name: grammar
    for grammar in (
        Grammar("python", "tree_sitter_python", "language", (".py",)),
        Grammar("javascript", "tree_sitter_javascript", "language", (".js", ".mjs", ".cjs")),
        Grammar("typescript", "tree_sitter_typescript", "language_typescript", (".ts",)),
        Grammar("java", "tree_sitter_java", "language", (".java",), "line_comment block_comment", scoped=True),
        Grammar("cpp", "tree_sitter_cpp", "language", (".h", ".hh", ".hpp", ".cc", ".cpp", ".cxx", ".ipp")),
        Grammar("csharp", "tree_sitter_c_sharp", "language", (".cs",), scoped=True),
        Grammar("php", "tree_sitter_php", "language_php", (".php",), scoped=True),
        Grammar("bash", "tree_sitter_bash", "language", (".sh", ".bash", "")),
    )
}


@cache
def _language(grammar: Grammar) -> Language:
    return Language(getattr(importlib.import_module(grammar.module), grammar.function)())


@cache
def _parser(grammar: Grammar) -> Parser:
    return Parser(_language(grammar))


@cache
def _query(grammar: Grammar, part: int) -> Query:
    text = (_HERE / "queries" / f"{grammar.name}.scm").read_text(encoding="utf-8").split("\n; ----")[part]
    comments = "" if part else "\n".join(f"({kind}) @comment" for kind in grammar.comment.split())
    return Query(_language(grammar), f";{text}\n{comments}\n")


@cache
def _known(name: str) -> frozenset[str]:
    if name == "python":
        return frozenset(dir(builtins)) | {"__name__", "__doc__"}
    return _words(name)


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset((_HERE / "standard" / f"{name}.txt").read_text(encoding="utf-8").split())


def standard_import(language: str, module: str) -> bool:
    """Whether an imported module or header belongs to the language's own library."""
    if language == "python":
        return module.split(".")[0] in sys.stdlib_module_names | {"__future__"}
    if language == "java":
        return module.startswith(("java.", "javax."))
    if language == "csharp":
        return module == "System" or module.startswith("System.")
    if language == "cpp":
        return module in _words("cpp_headers")
    return False
