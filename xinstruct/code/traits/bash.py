"""What Bash looks like: no types, parameters by position, a result that is printed."""

from __future__ import annotations

import re

from xinstruct.code.facts import Definition, Facts
from xinstruct.code.grammars import Grammar
from xinstruct.code.traits.base import Traits
from xinstruct.code.types import Parameter, Signature, Type

_UP_THE_TREE = re.compile(r"(?<![\w*])\.\./\w|(?<!<)<\s*\w[\w.-]*/")  # files of its repository
_OF_ITS_SCRIPT = re.compile(r"BASH_SOURCE|\$\{?(?:[\d@*]|#\}?)(?!\w)|\bmktemp\b")
_GROWN = re.compile(r"(?m)^\s*(?:export\s+)?(\w+)=[\"']?\$\{?\1\b(?!\}?\s*:?[-=%#/])")
_USAGE = re.compile(  # lines that say how a shell function is called and what it needs, not what it does
    r"^\s*(?:(?i:usage|syn\w+is|requires?|e\.g\.|ex|examples?|see|reference|globals \w+|assumed vars|"
    r"assumes|vars set|sets|globals|arguments|args|params|options|returns|inputs?|outputs?|env\w*)\s*:.*|"
    r"\$?\{?[A-Z][A-Z0-9_]{2,}\}?\b.*|\$\{?[\d@*].*|[<\[-].*|[\w:.-]+\s+[<\[].*)$",
    re.MULTILINE,
)


def _free(facts: Facts, definition: Definition, used: set[str], bound: set[str]) -> set[str]:
    used = {f"${facts.text(node)}" for node in facts.names(definition, "variable")}
    used = {name for name in used if not name[1:].isdigit()}
    used |= {facts.text(node) for node in facts.names(definition, "use")}
    return used - {f"${facts.text(node)}" for node in facts.names(definition, "set")} - {definition.name}


def _file_header(source: bytes, at: int) -> bool:
    """Whether nothing but comments, blank lines and settings stands before a byte of a script."""
    return not re.sub(rb"(?m)^[ \t]*(?:#|set |shopt )[^\n]*", b"", source[:at]).strip()


def _poor_doc(doc: str) -> str:
    return "only how it is called" if len(re.findall(r"[^\W\d_]{2,}", _USAGE.sub("", doc))) < 2 else ""


def _faults(facts: Facts, definition: Definition) -> list[str]:
    """What code needs that no name tells: where it lies, its script's arguments, a variable that only grows."""
    text = facts.text(definition.node)
    place = _UP_THE_TREE if definition.kind == "function" else _OF_ITS_SCRIPT
    found = ["(its script)"] if place.search(text) else []
    for grown in _GROWN.finditer(text):
        name = re.escape(grown.group(1))
        if not re.search(rf"\b{name}=|\b(?:local|declare|typeset)\b[^\n;]*\b{name}\b", text[: grown.start()]):
            found.append(f"${grown.group(1)}")
    return found


def _signature(facts: Facts, function: Definition, doc: str) -> Signature | None:
    """Strings (ints where the doc says so) from the positions the body reads; the result is its stdout."""
    start, end = function.span
    body = facts.source[start:end].decode()
    if not re.search(r"\b(echo|printf|cat|sed|tr|awk|cut|grep|sort|head|tail|bc|expr)\b", body):
        return None
    if re.search(r"\$[@*]|\$\{[@*]|\bshift\b", body):
        return None
    used = {int(number) for number in re.findall(r"\$\{?([1-9])(?!\d)", body)}
    if not used or used != set(range(1, max(used) + 1)) or max(used) > 4:
        return None
    params = [_parameter(number, body, doc) for number in sorted(used)]
    if len({param.name for param in params}) < len(params):
        params = [Parameter(f"arg{i}", param.type) for i, param in enumerate(params, 1)]
    return Signature(tuple(params), Type("string"))


def _parameter(number: int, body: str, doc: str) -> Parameter:
    named = re.search(rf"(\w+)=[\"']?\$\{{?{number}\b", body)
    name = named.group(1).lower() if named else f"arg{number}"
    about = re.search(rf"\${number}\b\s*[-:=]?\s*(.*)", doc)
    words = f"{name} {about.group(1) if about else ''}"
    number_like = re.search(r"\b(int|integer|number|count|width|length|index|num|n)\b", words.replace("_", " "))
    return Parameter(name, Type("int" if number_like else "string"))


TRAITS = Traits(
    "bash",
    syntax=Grammar(
        "bash", "tree_sitter_bash", literals=("string", "raw_string", "ansi_c_string", "heredoc_body", "string_content")
    ),
    suffixes=(".sh", ".bash", ""),
    first_line=re.compile(rb"^#!\s*/(usr/)?bin/(env\s+)?bash"),
    scripts=True,
    programs=("bash",),
    programs_too=("sh",),
    free=_free,
    line_ends_to_doc=2,  # shell authors often leave one line free
    file_header=_file_header,
    poor_doc=_poor_doc,
    accessors=False,
    glue="\n",
    faults=_faults,
    signature=_signature,
    definition=r"^[ \t]*(?:function\s+{name}\b|{name}\s*\(\s*\))",
    closing_line=True,
    none="None",
    positional=True,
)
