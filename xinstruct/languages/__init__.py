"""The languages: ``get("java")`` returns one, ``all_languages()`` all of them in a fixed order.

To add one, add a file: every module (NAME.py) or package (NAME/__init__.py) of this folder, of extra/, or of a folder
in the environment variable XINSTRUCT_LANGUAGES (several are separated by ``:``), that binds ``LANGUAGE`` at its top
level is a language of that name. It is recognised by its text, so that only languages in use are imported. A backend
writes source text and command lines and runs nothing; base.py defines its interface.

May import: code.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from xinstruct.code.traits import EIGHT
from xinstruct.languages.base import Language, Program, Toolchain, Unsupported

__all__ = ["EIGHT", "Language", "Program", "Toolchain", "Unsupported", "all_languages", "get", "names"]

VARIABLE = "XINSTRUCT_LANGUAGES"
_HERE = Path(__file__).parent
# The eight are found by their names, those in extra/ too: no stage depends on the latter.
DATA_FILES = ("python.py", "javascript.py", "typescript.py", "java.py", "cpp.py", "csharp.py", "php.py", "bash.py")
_BINDS = re.compile(r"^LANGUAGE\b[^=\n]*=(?!=)", re.M)


def names() -> tuple[str, ...]:
    """Return the names of all languages: the paper's eight first, then the others in alphabetical order.

    Raises ValueError when a folder of XINSTRUCT_LANGUAGES does not exist, or a name is used twice.
    """
    return tuple(_sources(os.environ.get(VARIABLE, "")))


@cache
def _sources(extra: str) -> dict[str, Path]:
    """Return the source file of each language. extra: the value of XINSTRUCT_LANGUAGES."""
    found: dict[str, Path] = {}
    for folder in (_HERE, _HERE / "extra", *(Path(text) for text in extra.split(os.pathsep) if text)):
        if not folder.is_dir():
            raise ValueError(f"{VARIABLE}: {folder} is no folder")
        for name, path in _backends(folder).items():
            if name in found:
                raise ValueError(f"{VARIABLE}: two languages are called {name!r}: {found[name]} and {path}")
            found[name] = path
    return {name: found[name] for name in (*EIGHT, *sorted(found.keys() - set(EIGHT)))}


def _backends(folder: Path) -> dict[str, Path]:
    """Return the modules and packages of a folder that bind LANGUAGE."""
    paths = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    found = [path for path in paths if _BINDS.search(path.read_text(encoding="utf-8"))]
    return {path.parent.name if path.name == "__init__.py" else path.stem: path for path in found}


def get(name: str) -> Language:
    """Return the language of that name. Raises ValueError naming the known ones."""
    path = _sources(os.environ.get(VARIABLE, "")).get(name)
    if path is None:
        raise ValueError(f"unknown language {name!r}; known: {', '.join(names())}")
    language: Language = _load(name, path).LANGUAGE
    if language.name != name:
        raise ValueError(f"{path}: its language calls itself {language.name!r}, not {name!r}")
    return language


def _load(name: str, path: Path) -> ModuleType:
    """Import the language's module once and return it."""
    if path.is_relative_to(_HERE):
        inside = path.parent if path.name == "__init__.py" else path.with_suffix("")
        return importlib.import_module(".".join(("xinstruct.languages", *inside.relative_to(_HERE).parts)))
    full = f"xinstruct_languages_{name}"
    if (known := sys.modules.get(full)) and known.__file__ == str(path):
        return known
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module


def all_languages() -> list[Language]:
    """Return all languages, always in the same order."""
    return [get(name) for name in names()]
