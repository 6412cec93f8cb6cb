"""Separation of a Python program with a marked completion, whose tests, the trusted text around it, run apart from it.

A program is prefix + completion + suffix. The whole statements of the prefix and the suffix are trusted and form one
text, without a function that the completion continues; that function and all other names which the trusted text uses
without defining them are looked up in the other process (``drivers/separated.py``). Whether this is possible is decided
on the trusted text alone, so that no completion can choose to stay in one process with its tests.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

# Tests that use these look into the process that runs the function, or share its streams.
_CALLS = {"globals", "locals", "vars", "eval", "exec", "input", "asdict", "astuple", "is_dataclass"}
_ATTRIBUTES = {"stdin", "stdout", "stderr", "modules", "redirect_stdout", "redirect_stderr"}
_IMPORTS = {"inspect", "asyncio", "mock", "redirect_stdout", "redirect_stderr", "stdin", "stdout", "stderr"}
_FILLERS = ("", "pass\n", "    pass\n", "\n    pass\n", "        pass\n", "\n        pass\n", "\n\tpass\n")
_STUBS = (ast.Pass, ast.Raise)


class Inseparable(Exception):
    """The reason why the tests have to run in one process with the completion."""


@dataclass(frozen=True)
class Parts:
    """tests: the trusted text, with its line numbers. names: the names that it takes from the code under test.

    offered: functions and classes of the tests whose names the code has, which it may use, too.
    """

    code: str
    tests: str
    names: tuple[str, ...]
    offered: tuple[str, ...] = ()


def split(program: str, start: int, end: int) -> Parts:
    """Return the two texts of a program whose completion is program[start:end]. Raises Inseparable."""
    prefix, suffix = program[:start], program[end:]
    try:
        tests = ast.parse(suffix)
        kept, opened = _whole(prefix)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Inseparable("the text around the completion is not made of whole statements") from None
    lines = program[:end].count("\n") - kept.count("\n")
    text = kept + "\n" * max(lines, 0 if not kept or kept.endswith("\n") else 1) + suffix
    names = _taken(text, opened)
    _check(tests, ast.parse(text), names)
    own = (node.name for node in tests.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    offered = sorted({name for name in own if re.search(rf"\b{name}\b", program[start:end])})
    return Parts(program[:end] + "\n", text, names, tuple(offered))


def _whole(prefix: str) -> tuple[str, str]:
    """Return (whole statements of the prefix, name of the definition that the completion continues or "")."""
    for filler in _FILLERS:
        try:
            body = ast.parse(prefix + filler).body
        except IndentationError:
            continue
        except SyntaxError:
            if filler == _FILLERS[-1]:
                raise
            continue
        if not body or not (filler or _open(body[-1], prefix)):
            return prefix, ""
        last = body[-1]
        first = min([last.lineno, *(d.lineno for d in getattr(last, "decorator_list", []))])
        return "".join(prefix.splitlines(keepends=True)[: first - 1]), getattr(last, "name", "")
    raise SyntaxError


def _open(last: ast.stmt, prefix: str) -> bool:
    """Tell whether the completion continues an already complete definition: a stub, or no blank line after it."""
    if not isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    is_text = isinstance(last.body[0], ast.Expr) and isinstance(last.body[0].value, ast.Constant)
    rest = last.body[is_text:]
    stub = not rest or (len(rest) == 1 and (isinstance(rest[0], _STUBS) or ast.unparse(rest[0]) == "..."))
    return stub or not re.search(r"\n[ \t]*\n$", prefix)


def _taken(text: str, opened: str) -> tuple[str, ...]:
    """Return the names that the trusted text uses and neither it nor Python defines."""
    top = symtable.symtable(text, "tests.py", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used: set[str] = set()
    for table in _tables(top):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                used.add(symbol.get_name())
            if table is not top and symbol.is_declared_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
    taken = sorted(name for name in used - bound if name == opened or not hasattr(builtins, name))
    if not taken:
        raise Inseparable("the tests name nothing that only the completion can define")
    return tuple(taken)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _check(tests: ast.Module, trusted: ast.Module, names: tuple[str, ...]) -> None:
    """Raise Inseparable for tests that need the completion's objects in their own process."""
    classes = {node.name for node in trusted.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tests):
        if word := _looking_in(node):
            raise Inseparable(f"the tests use {word}")
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            raise Inseparable("the tests await")
        if isinstance(node, ast.Call) and _word(node.func) in classes - _own_classes(tests):
            raise Inseparable(f"the tests make a {_word(node.func)}, which the completion uses too")
        for part in _as_types(node):
            if found := next((n for n in ast.walk(part) if _word(n) in names), None):
                raise Inseparable(f"the tests use {_word(found)} as a type")


def _looking_in(node: ast.AST) -> str:
    """Return what a node accesses that is out of reach when the function runs in another process, or ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        return node.func.id
    if isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES | {"asdict", "astuple", "is_dataclass"}:
        return node.attr
    names = [alias.name.split(".")[0] for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
    names += [(node.module or "").split(".")[0]] if isinstance(node, ast.ImportFrom) else []
    return next((name for name in names if name in _IMPORTS), "")


def _own_classes(tests: ast.Module) -> set[str]:
    return {node.name for node in tests.body if isinstance(node, ast.ClassDef)}


def _word(node: ast.AST) -> str:
    """Return the identifier that a node stands for, or ""."""
    found = getattr(node, "id", None) or getattr(node, "attr", None)
    return found if isinstance(found, str) else ""


def _as_types(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node in which a name has to be a class."""
    if isinstance(node, ast.Call) and _word(node.func) in ("isinstance", "issubclass"):
        return list(node.args[1:])
    if isinstance(node, ast.ExceptHandler) and node.type:
        return [node.type]
    if isinstance(node, ast.ClassDef):
        return list(node.bases)
    return [node.cls] if isinstance(node, ast.MatchClass) else []
