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

from xinstruct.languages import get
from xinstruct.languages.types import Signature

_NOISE = re.compile(r"^(#include\b.*|using\s[\w.]+;|import\s[\w.*\s]+;|<\?php)\s*\n", re.M)


@dataclass(frozen=True)
class Opening:
    """A header in two parts: `prefix` (imports, class) and `bare`, the function's own first lines."""

    prefix: str
    bare: str
    indent: str
    footer: str

    @staticmethod
    def of(language: str, name: str, signature: Signature) -> Opening:
        """Split the language's header at the function's own line. Raises Unsupported."""
        spoken = get(language)
        text = spoken.header(name, signature)
        start = text.rindex("\n", 0, text.rindex(f"{name}(")) + 1 if "\n" in text[: text.rindex(f"{name}(")] else 0
        own = text[start:]
        indent = own[: len(own) - len(own.lstrip(" "))]
        return Opening(text[:start], textwrap.dedent(own).rstrip(), indent, spoken.footer())

    def whole(self, function: str) -> str:
        """Complete code around a bare function."""
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


def bare(language: str, name: str, signature: Signature, code: str) -> str:
    """The function of a program alone. Raises Unsupported when the language cannot spell the types."""
    return Opening.of(language, name, signature).alone(code)
