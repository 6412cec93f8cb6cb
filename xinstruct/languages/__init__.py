"""The eight languages: ``get("java")`` finds one, ``all_languages()`` lists them in a fixed order.

Each backend writes source text and command lines and runs nothing; see base.py for what one is.
"""

from __future__ import annotations

from xinstruct.languages.base import Language, Program, Toolchain, Unsupported

__all__ = ["NAMES", "Language", "Program", "Toolchain", "Unsupported", "all_languages", "get"]

NAMES = ("python", "javascript", "typescript", "java", "cpp", "csharp", "php", "bash")


def get(name: str) -> Language:
    """The language of that name. Raises ValueError naming the known ones."""
    if name not in NAMES:
        raise ValueError(f"unknown language {name!r}; known: {', '.join(NAMES)}")
    import importlib

    language: Language = importlib.import_module(f"xinstruct.languages.{name}").LANGUAGE
    return language


def all_languages() -> list[Language]:
    """All languages, always in the same order."""
    return [get(name) for name in NAMES]
