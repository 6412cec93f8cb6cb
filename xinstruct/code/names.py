"""The names of each language: for people, for the fence of a code block, and as models write them there.

This is the one place for these words; a language's module, extraction and the rendering of training conversations use
it, so that training needs to know nothing else about languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """title: the name for people ("C++"). fence: our tag of a block. tags: the tags that models write, lower case."""

    title: str
    fence: str
    tags: tuple[str, ...]


NAMES = {
    "python": Name("Python", "python", ("python", "py", "python3")),
    "javascript": Name("JavaScript", "javascript", ("javascript", "js", "node", "mjs")),
    "typescript": Name("TypeScript", "typescript", ("typescript", "ts")),
    "java": Name("Java", "java", ("java",)),
    "cpp": Name("C++", "cpp", ("cpp", "c++", "cc", "cxx", "c")),
    "csharp": Name("C#", "csharp", ("csharp", "cs", "c#")),
    "php": Name("PHP", "php", ("php",)),
    "bash": Name("Bash", "bash", ("bash", "sh", "shell", "zsh")),
    "go": Name("Go", "go", ("go", "golang")),
    "rust": Name("Rust", "rust", ("rust", "rs")),
    "ruby": Name("Ruby", "ruby", ("ruby", "rb")),
    "c": Name("C", "c", ("c",)),
    "lua": Name("Lua", "lua", ("lua",)),
    "perl": Name("Perl", "perl", ("perl", "pl")),
}


_FURTHER = {
    "nodejs": "javascript",
    "ecmascript": "javascript",
    "cplusplus": "cpp",
    "shellscript": "bash",
    "dotnet": "csharp",
}


def known_as(text: str, known: Iterable[str]) -> str:
    """Return which of the known languages a text names, by name, title, fence tag or other custom, in any case.

    Raises ValueError that names the text and the known languages.
    """
    names = list(known)
    if text in names:
        return text
    word = re.sub(r"[\s_.]", "", text.lower())
    for spelled in (word, word.rstrip("0123456789")):
        for name in names:
            if spelled == name or (name in NAMES and spelled == NAMES[name].title.lower()):
                return name
        tagged = (name for name in names if name in NAMES and spelled in NAMES[name].tags)
        if found := next(tagged, None) or _FURTHER.get(spelled):
            return found
    raise ValueError(f"unknown language {text!r}; known: {', '.join(names)}")


def fence(language: str) -> str:
    """Return the tag of a language's code blocks; an unlisted language (a user's own) is tagged by its name."""
    return NAMES[language].fence if language in NAMES else language


def fenced(code: str, language: str) -> str:
    """Return code as a chat model writes it: one block with the language's fence tag."""
    return f"```{fence(language)}\n{code.strip()}\n```"
