"""Python answers run as if one after another in one process, as some publishers' runners do.

In such a process an answer finds the top-level definitions of the answers before it: a module that it forgot to
import, or a `sum` that is no longer Python's. Here each program still runs by itself, behind a copy of the
definitions that it would have found. Other effects of earlier programs are not reproduced: their actions, and
names that they defined inside functions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

_STAR = "*"  # stands for the names of a star import, which nobody can list
_LOADED = """for _text in {texts!r}:
    try:
        exec(_text)
    except Exception:
        pass
"""


class Names:
    """The top-level names of one process, each with the statement that bound it last."""

    def __init__(self) -> None:
        self._order = 0
        self._bound: dict[str, tuple[int, str, frozenset[str]]] = {}  # name -> when, statement, names it uses

    def found(self, program: str) -> str:
        """Return the statements that define what a program would find of the names it uses; "" when there are none."""
        wanted, texts = list(_used(_statements(program))), {}
        wanted += [name for name in self._bound if name.startswith(_STAR)]
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in self._bound and name not in seen:
                when, text, used = self._bound[name]
                texts[when] = text
                wanted += used
            seen.add(name)
        return _LOADED.format(texts=[texts[when] for when in sorted(texts)]) if texts else ""

    def ran(self, program: str) -> None:
        """Add the names that a program binds; a program with a syntax error binds nothing."""
        for statement in _statements(program):
            for name in _binds(statement):
                self._bound[name] = (self._order, ast.unparse(statement), frozenset(_used([statement])))
            self._order += 1


def _statements(program: str) -> list[ast.stmt]:
    try:
        return ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _used(statements: Iterable[ast.stmt]) -> set[str]:
    return {node.id for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _binds(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds, at any depth of its blocks."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
        return {f"{_STAR}{statement.module}"}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    found = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    blocks = (part for field in ("body", "orelse", "handlers", "finalbody") for part in getattr(statement, field, []))
    return found.union(*(_binds(part) for part in blocks if isinstance(part, ast.stmt)))
