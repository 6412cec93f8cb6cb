"""Functions in C++ source: where they are defined, what parameters they declare, how one is called with plain values.

Leaves out what only a compiler knows: the types behind names, and which of several overloads fits.
"""

from __future__ import annotations

import re

from xinstruct.code.lexical import blanked, closing, split_arguments
from xinstruct.code.types import Signature

_INTEGRAL = re.compile(r"(?:const )?(?:(?:std::)?size_t|u?int\d*_t|unsigned|signed|long|short|int)\b[\w ]*")
# `int *a`, `const std::string words[]`, `long long a[100]`
_POINTER = re.compile(
    r"(?:const )?(?P<item>[\w:]+(?: (?:long|int|double|unsigned))*) ?(?:const ?)?(?:\* ?(?:const )?\w*|\w* ?\[\w*\])"
)


def definitions(code: str, name: str) -> list[tuple[str, bool]]:
    """Return (qualified name, by address?) of each definition of a function in the code, without prototypes."""
    text = blanked("cpp", code)
    found = []
    for match in re.finditer(rf"(?<![\w.>]){re.escape(name)}\s*\(", text):
        end = closing(text, match.end() - 1)
        if re.match(r"\s*(?:const|noexcept(?:\s*\([^()]*\))?|override|->\s*[\w:<>,&*()\s]+|\s)*\{", text[end:]):
            scope, start = _scope(text[: match.start()])
            generic = "template" in start or bool(re.search(r"\bauto\b", text[match.end() : end]))
            found.append(("::".join([*scope, name]), not generic))
    return found


def declared(code: str, name: str) -> tuple[list[str], bool] | None:
    """Return (parameters, is a call of an object's?) of the first definition of a function or lambda; None: no such."""
    text = blanked("cpp", code)
    for match in re.finditer(rf"(?<![\w.>]){re.escape(name)}\s*(?:=\s*\[[^\[\]]*\]\s*)?\(", text):
        end = closing(text, match.end() - 1)
        if re.match(r"\s*(?:const|noexcept|override|mutable|->\s*[\w:<>,&*\s]+|\s)*\{", text[end:]):
            parameters = [part for part in split_arguments(code[match.end() : end - 1]) if part != "void"]
            heads, start = _heads(text[: match.start()])
            inside = bool(heads) and bool(re.search(r"\b(?:class|struct)\b", heads[-1]))
            return parameters, inside and not re.search(r"\bstatic\b", start)
    return None


def has_defaults(code: str, name: str) -> bool:
    """Tell whether a declaration of the function gives a parameter a default."""
    return bool(re.search(rf"(?<![\w.>]){re.escape(name)}\s*(?:=\s*\[[^\[\]]*\]\s*)?\([^;{{]*=", blanked("cpp", code)))


def of_arrays(parameters: list[str], best: str, signature: Signature) -> str:
    """Return a lambda for a function that takes a list as a pointer, with a length before or behind it or without one.

    "" for functions that take no pointer for a list.
    """
    plain = [re.sub(r"\s+", " ", part.partition("=")[0]).strip() for part in parameters]
    made = _taken(plain, signature, True) or _taken(plain, signature, False)
    return f"[]({', '.join(made[0])}) {{ return {best}({', '.join(made[1])}); }}" if made else ""


def _taken(plain: list[str], signature: Signature, lengths: bool) -> tuple[list[str], list[str]] | None:
    """Return the parameters of a lambda and what it passes on, None when there is no pointer or too few."""
    taken, passed, at, pointers = [], [], 0, 0
    for i, parameter in enumerate(signature.params):
        here, behind = plain[at : at + 1], plain[at + 1 : at + 2]
        if not here:
            return None
        pair = (*here, *behind) if _POINTER.fullmatch(here[0]) else (*behind, *here)
        item = _POINTER.fullmatch(pair[0]) if pair and parameter.type.head == "list" else None
        sized = lengths and len(pair) == 2 and bool(_INTEGRAL.fullmatch(pair[1]))
        if item and item["item"] != "bool" and (sized or (not lengths and pair[0] == here[0])):
            pointers += 1
            taken.append(f"std::vector<{item['item']}> xinstruct_{i}")
            values = [f"xinstruct_{i}.data()", f"xinstruct_{i}.size()"][: 1 + sized]
            passed += values if pair[0] == here[0] else values[::-1]
        else:
            taken.append(f"{_named(here[0])} xinstruct_{i}")
            passed.append(f"xinstruct_{i}")
        at += 1 + (item is not None and sized)
    return (taken, passed) if pointers else None


def _named(parameter: str) -> str:
    """Return the type of a parameter that may have a name."""
    return (
        re.sub(r"(?<=[\s&*>])[A-Za-z_]\w*$", "", parameter).strip() if re.search(r"[\s&*>]", parameter) else parameter
    )


def _heads(before: str) -> tuple[list[str], str]:
    """Return what stands before each brace that is open, and the text since the last statement's end."""
    heads: list[str] = []
    start = 0
    for i, char in enumerate(before):
        if char == "{":
            heads.append(before[start:i])
        elif char == "}" and heads:
            heads.pop()
        start = i + 1 if char in "{};" else start
    return heads, before[start:]


def _scope(before: str) -> tuple[list[str], str]:
    """Return the names of the enclosing namespaces and classes, and the text since the last statement's end."""
    heads, start = _heads(before)
    names = [re.search(r"\b(?:namespace|class|struct)\s+(?:alignas\([^)]*\)\s*)?([\w:]+)", head) for head in heads]
    return [m.group(1) for m in names if m], start
