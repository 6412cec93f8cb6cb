"""How much of a program a teacher sees and writes: the function alone, without what wraps it.

A language's header opens imports and perhaps a class before the function itself. In prompts that is
noise that a weak teacher copies or trips over, and tokens that are paid for at every call; so
examples, questions and started answers hold the bare function, and what was left out is put back
around the answer. Leaves out the cutting of a raw answer (answers.py).
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from xinstruct.code.lexical import literals
from xinstruct.code.types import Signature
from xinstruct.languages import get

_NOISE = re.compile(r"^(#include\b.*|using\s[\w.]+;|import\s[\w.*\s]+;|<\?php)\s*\n", re.M)


@dataclass(frozen=True)
class FunctionHeader:
    """A header in two parts: `prefix` (imports, class) and `bare`, the function's own first lines."""

    prefix: str
    bare: str
    indent: str
    footer: str

    @staticmethod
    def of(language: str, name: str, signature: Signature) -> FunctionHeader:
        """Split the language's header at the function's own line. Raises Unsupported."""
        spoken = get(language)
        text = spoken.header(name, signature)
        start = text.rindex("\n", 0, text.rindex(f"{name}(")) + 1 if "\n" in text[: text.rindex(f"{name}(")] else 0
        own = text[start:]
        indent = own[: len(own) - len(own.lstrip(" "))]
        return FunctionHeader(text[:start], textwrap.dedent(own).rstrip(), indent, spoken.footer())

    def whole(self, function: str) -> str:
        """Complete code around a bare function; Python gets the imports of the modules it names."""
        if not self.prefix and self.bare.startswith("def "):
            function = python_imports(function) + function
        return f"{self.prefix}{textwrap.indent(function.strip(), self.indent)}\n{self.footer}".rstrip() + "\n"

    def alone(self, code: str) -> str:
        """The bare function of complete code, when it was made by `whole`; else the code without imports."""
        if code.startswith(self.prefix):
            inner = code[len(self.prefix) :].rstrip()
            return textwrap.dedent(inner.removesuffix(self.footer.rstrip())).strip()
        return without_imports(code)


def without_imports(code: str) -> str:
    """Code without its import lines, for a reader who needs only the function."""
    return _NOISE.sub("", code).strip()


_MODULE = re.compile(r"(?<![\w.])(math|re|itertools|functools|collections|string|bisect|heapq|operator)\.\w")


def python_imports(code: str) -> str:
    """Import lines for standard modules that code names but does not import ("" when none)."""
    named = sorted({name for name in _MODULE.findall(code) if not re.search(rf"\b{name}\s*=|import {name}\b", code)})
    return "".join(f"import {name}\n" for name in named) + ("\n\n" if named else "")


_ASSIGNED = re.compile(
    r"\b([A-Za-z_]\w*)\s*(?:[-+*/%|&^]|<<|>>)?=(?!=|>)"  # assigned to
    r"|\b([A-Za-z_]\w*)\s*(?:\+\+|--|:(?!:)|\bof\b|\bin\b)"  # counted, looped over
)
_LABELS = {"default", "else", "case", "try", "public", "private", "in", "of"}  # words that are no variables there


def spelled_for(target: str, source: str, code: str, signature: Signature) -> str:
    """Code with its variables as the target spells them, for a reader that copies names: `$x` before PHP.

    `source` is the code's own language. Variables are the parameters and what the body assigns or loops over; strings
    stay as they are, and what joins them is PHP's dot. The result is shown and never run.
    """
    if target != "php":
        return code
    head = code.find("\n") + 1
    names = {param.name for param in signature.params}
    names |= {name for found in _ASSIGNED.findall(code[head:]) for name in found if name} - _KEYWORDS - _LABELS
    if not names:
        return code
    pattern = re.compile(rf"(?<![$\w.])({'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})\b(?!\s*\()")
    parts, at, strings = [], 0, literals(source, code)
    for start, end in [*strings, (len(code), len(code))]:
        text = pattern.sub(r"$\1", code[at:start])
        text = re.sub(r"^ \+ ", " . ", text) if at else text
        parts += [re.sub(r" \+ $", " . ", text) if start < end else text, code[start:end]]
        at = end
    return "".join(parts)


_CALL = re.compile(r"(?<!new )\b([A-Za-z_]\w*)\s*\(")
_KEYWORDS = frozenset(
    ("if", "for", "while", "switch", "catch", "return", "foreach", "elif", "and", "or", "not", "int", "float", "double")
)
CALL_COST = 60  # characters of plain code that one call to somebody's function is worth


def difficulty(code: str, name: str) -> int:
    """How hard a function is to carry to another language: its length, and more for each call it makes.

    Arithmetic, comparisons and loops look alike everywhere; a library call has to be known.
    """
    calls = [word for word in _CALL.findall(code) if word not in _KEYWORDS and word != name]
    return len(without_imports(code)) + CALL_COST * len(calls)


def bare(language: str, name: str, signature: Signature, code: str) -> str:
    """The function of a program alone. Raises Unsupported when the language cannot spell the types."""
    return FunctionHeader.of(language, name, signature).alone(code)
