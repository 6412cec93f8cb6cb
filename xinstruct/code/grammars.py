"""Tree-sitter grammars, the queries that mining runs over them, and the lists of names that a language always has.

The queries under ``queries/`` capture definitions and names; ``standard/`` lists what a program may use
without defining it. Which language has which grammar is in ``traits``; how captures become functions is in ``facts``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tree_sitter import Language, Parser, Query

_HERE = Path(__file__).parent
DATA_FILES = ("queries/*", "standard/*")


@dataclass(frozen=True)
class Grammar:
    """One grammar: the stem of its file of queries, the wheel's module and the function there that gives it."""

    queries: str
    module: str
    function: str = "language"
    comments: tuple[str, ...] = ("comment",)  # node types
    literals: tuple[str, ...] = ("string",)  # node types; also of the parts that are left of a broken one
    unread: tuple[str, ...] = ()  # types of nodes whose text the grammar leaves as it is: bodies of macros

    def parser(self) -> Parser:
        """A parser for this grammar, of one's own: no two threads may use the same."""
        return Parser(_language(self))

    def query(self) -> Query:
        """Return the compiled first part of ``queries/<name>.scm``, for whole files."""
        return _query(self, 0)

    def names_query(self) -> Query:
        """Return the compiled second part, for one definition: the names it reads and binds."""
        return _query(self, 1)

    def compiled(self, text: str) -> Query:
        """A query of one's own."""
        return Query(_language(self), text)


@cache
def _language(grammar: Grammar) -> Language:
    return Language(getattr(importlib.import_module(grammar.module), grammar.function)())


@cache
def _query(grammar: Grammar, part: int) -> Query:
    text = (_HERE / "queries" / f"{grammar.queries}.scm").read_text(encoding="utf-8").split("\n; ----")[part]
    comments = "" if part else "\n".join(f"({kind}) @comment" for kind in grammar.comments)
    return grammar.compiled(f";{text}\n{comments}\n")


@cache
def standard_names(list_name: str) -> frozenset[str]:
    """The words of ``standard/<list_name>.txt``."""
    return frozenset((_HERE / "standard" / f"{list_name}.txt").read_text(encoding="utf-8").split())
