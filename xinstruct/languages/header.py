"""The part of a program that a teacher sees and writes: the function alone, without the code around it.

A language's header opens imports and perhaps a class before the function itself. In prompts a weak teacher copies that
or is confused by it, and its tokens are paid for at every call; so examples, questions and prefills contain the bare
function, and the rest is put back around the answer. Code is extracted from a raw answer in code/completion.py.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from xinstruct.code.lexical import blanked, literals
from xinstruct.code.types import Signature
from xinstruct.languages import get

_NOISE = re.compile(r"^(#include\b.*|using\s[\w.]+;|import\s[\w.*\s]+;|<\?php)\s*\n", re.M)


@dataclass(frozen=True)
class FunctionHeader:
    """A header in parts: `prefix` (imports, class), and `bare`, the function's own first lines."""

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
        """Return complete code around a bare function; Python gets the imports of the modules it names."""
        if not self.prefix and self.bare.startswith("def "):
            function = python_imports(function) + function
        return f"{self.prefix}{textwrap.indent(function.strip(), self.indent)}\n{self.footer}".rstrip() + "\n"

    def alone(self, code: str) -> str:
        """Return the bare function of complete code made by `whole`; of other code, all but its imports."""
        if code.startswith(self.prefix):
            inner = code[len(self.prefix) :].rstrip()
            return textwrap.dedent(inner.removesuffix(self.footer.rstrip())).strip()
        return without_imports(code)


def without_imports(code: str) -> str:
    """Return code without its import lines, for a reader who needs only the function."""
    return _NOISE.sub("", code).strip()


_MODULE = re.compile(r"(?<![\w.])(math|re|itertools|functools|collections|string|bisect|heapq|operator)\.\w")
_HOMES = {
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"),
    "dataclasses": ("dataclass",),
    "functools": ("cache", "cmp_to_key", "lru_cache", "reduce"),
    "heapq": ("heapify", "heappop", "heappush", "nlargest", "nsmallest"),
    "itertools": ("accumulate", "chain", "combinations", "groupby", "permutations", "product", "zip_longest"),
    "math": ("ceil", "floor", "gcd", "sqrt"),
    "typing": ("Any", "Dict", "Iterable", "List", "Optional", "Set", "Tuple", "Union"),
}
_MEMBERS = {name: module for module, names in _HOMES.items() for name in names}
# called, subscripted, or a decorator: a variable of that name is none of these without being bound
_NAME = re.compile(rf"(?<![\w.])({'|'.join(_MEMBERS)})\b(?=\s*[(\[])|^\s*@({'|'.join(_MEMBERS)})\b", re.M)


def python_imports(code: str) -> str:
    """Return import lines for what code names of the standard library but does not import ("" when none)."""
    text = blanked("python", code)
    modules = {name for name in _MODULE.findall(code) if not _bound(name, text)}  # also in an f-string
    members = {name for pair in _NAME.findall(text) for name in pair if name and not _bound(name, text)}
    lines = [f"import {name}\n" for name in sorted(modules)]
    for module in sorted({_MEMBERS[name] for name in members}):
        names = ", ".join(sorted(name for name in members if _MEMBERS[name] == module))
        lines.append(f"from {module} import {names}\n")
    return "".join(lines) + ("\n\n" if lines else "")


def _bound(name: str, code: str) -> bool:
    """Tell whether code imports, defines, assigns or loops over a name, or has it as a parameter."""
    return bool(
        re.search(
            rf"\bimport\b[^\n]*\b{name}\b|\b(?:def|class|for|as|lambda)\s+{name}\b|\b{name}\s*(?:=(?!=)|:=|:\s)"
            rf"|\bdef\s+\w+\([^)]*\b{name}\s*[,:=)]|\bfor\b[^\n:]*\b{name}\b[^\n:]*\bin\b",
            code,
        )
    )


_ASSIGNED = re.compile(
    r"\b([A-Za-z_]\w*)\s*(?:[-+*/%|&^]|<<|>>)?=(?!=|>)"  # assigned to
    r"|\b([A-Za-z_]\w*)\s*(?:\+\+|--|:(?!:)|\bof\b|\bin\b)"  # counted, looped over
)
_LABELS = {"default", "else", "case", "try", "public", "private", "in", "of"}  # words that are no variables there


def spelled_for(target: str, source: str, code: str, signature: Signature) -> str:
    """Return code with its variables in the target's syntax (`$x` before PHP), for a model that copies names.

    `source` is the code's own language. Variables are the parameters and the names that the body assigns or loops over;
    strings stay as they are, and string concatenation becomes PHP's dot. The result is shown and never run.
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
    """Return how hard a function is to translate: its length, and more for each call it makes.

    Arithmetic, comparisons and loops look alike everywhere; the equivalent of a library call has to be known.
    """
    calls = [word for word in _CALL.findall(code) if word not in _KEYWORDS and word != name]
    return len(without_imports(code)) + CALL_COST * len(calls)


def bare(language: str, name: str, signature: Signature, code: str) -> str:
    """Return the function of a program alone. Raises Unsupported when the language cannot express the types."""
    return FunctionHeader.of(language, name, signature).alone(code)
