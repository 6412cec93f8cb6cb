"""What each language is called: by people, in the fence of a code block, and by models that write one.

The one place for these words; a language's module, extraction and the rendering of training conversations take them
from here, so that training needs to know nothing else about languages.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """title: as people write it ("C++"). fence: our tag of a block. tags: what models write there, lower case."""

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


def fence(language: str) -> str:
    """The tag of a language's code blocks; a language that is not listed (a user's own) is tagged by its name."""
    return NAMES[language].fence if language in NAMES else language


def fenced(code: str, language: str) -> str:
    """Code as a chat model writes it: one block with the language's fence tag."""
    return f"```{fence(language)}\n{code.strip()}\n```"
