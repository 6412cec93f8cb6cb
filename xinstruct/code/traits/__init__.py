"""What each language looks like, one module a language: ``traits_of("java")``.

A module of this folder (or of extra/, for languages beyond the paper's) binds ``TRAITS``; ``base.py`` says of what it
consists. A language is two files of the same name: one here, what it looks like, and one in ``xinstruct.languages``,
how it runs.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from xinstruct.code.traits.base import Traits

__all__ = ["EIGHT", "Traits", "all_traits", "traits_of"]

EIGHT = ("python", "javascript", "typescript", "java", "cpp", "csharp", "php", "bash")  # the paper's, in its order
_HERE = Path(__file__).parent
# The eight are found by their names, those in extra/ too: no stage depends on the latter.
DATA_FILES = ("python.py", "javascript.py", "typescript.py", "java.py", "cpp.py", "csharp.py", "php.py", "bash.py")


@cache
def traits_of(language: str) -> Traits:
    """What a language looks like; one without a module here is a brace language of which nothing else is known."""
    for package in ("", "extra"):
        if (_HERE / package / f"{language}.py").exists():
            name = ".".join(filter(None, (__name__, package, language)))
            found = getattr(importlib.import_module(name), "TRAITS", None)
            if isinstance(found, Traits):
                return found
    return Traits(language)


def all_traits() -> list[Traits]:
    """Those of the paper's eight, always in the same order."""
    return [traits_of(name) for name in EIGHT]
