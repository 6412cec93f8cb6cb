"""The wording of an instruction: a problem in one of several styles, with the exact signature and example calls.

The signature is always part of it, so a task is well defined in every style. Styles are in prompts/styles.yaml; one is
drawn per sample from its id.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.agents.problem import Problem
from xinstruct.code.types import Case, Signature, Type
from xinstruct.languages import Unsupported, get
from xinstruct.languages.header import FunctionHeader, without_imports
from xinstruct.prompts import render, table
from xinstruct.records import content_id

MAX_CALL = 160  # characters of an example call with its result
_CASE = re.compile(r"\bcase (\d+)")
WIDTH = 100  # of a comment that states a problem

DATA_FILES = ("../prompts/task*.j2", "../prompts/styles.yaml", "../prompts/igenerator_start.j2")


def draw_style(ident: str, form: str) -> str:
    """Draw a style by weight from an id; problems in one sentence have a style of their own."""
    if form == "text":
        return "sentence"
    weights = {name: row["weight"] for name, row in table("styles").items()}
    rng = random.Random(int(content_id("style", ident), 16))
    return str(rng.choices(list(weights), list(weights.values()))[0])


def instruction_start(language: str, name: str) -> str:
    """Return the words that an instruction of the style `sentence` starts with, which serve as the prefill."""
    return render("igenerator_start", title=get(language).title, name=name)


@dataclass(frozen=True)
class Wording:
    """A problem to be worded for one language: in a style, with the function's own first lines (`declared`)."""

    problem: Problem
    style: str
    language: str
    name: str
    declared: str
    signature: Signature

    def instruction(self, cases: list[Case], kind: str = "generation", material: Any = None) -> str:
        """Return the final text of a task; `material` is what its type shows."""
        spoken, row = get(self.language), table("styles")[self.style]
        source = get(material.language or self.language) if material else spoken
        plain = kind == "generation"
        return render(
            "task" if plain else f"task_{kind}",
            problem=self.problem,
            statement=self._statement(),
            headings=row["headings"] and plain,
            declaration_as=row["declaration"],
            documented=self._documented() if row["declaration"] == "doc" and plain else "",
            declaration=without_imports(self.declared),
            fence=spoken.fence,
            title=spoken.title,
            source_title=source.title,
            source_fence=source.fence,
            material=material,
            signature=self.signature,
            types=not (plain and row["declaration"] == "words") and not self._types_shown(),
            name=self.name,
            calls=calls(cases, self.signature, self.language, row["calls"] if plain else 2),
        )

    def _statement(self) -> str:
        start = f"{instruction_start(self.language, self.name)} " if self.style == "sentence" else ""
        return start + self.problem.statement

    def _documented(self) -> str:
        """Return the function's first lines below a comment that states the problem."""
        leader, header = get(self.language).comment, FunctionHeader.of(self.language, self.name, self.signature)
        if not self.declared.startswith(header.prefix + header.indent):  # a mined function's own first lines
            header = FunctionHeader("", without_imports(self.declared), "", "")
        lines = [*_folded(self.problem.text), *([""] if self.problem.rules else [])]
        lines += [line for rule in self.problem.rules for line in _folded(f"- {rule}")]
        text = [*(f"{leader} {line}".rstrip() for line in lines), *header.bare.splitlines()]
        indented = "\n".join(f"{header.indent}{line}" for line in text)
        return f"{without_imports(header.prefix)}\n{indented}".strip("\n")

    def _types_shown(self) -> bool:
        try:
            return all(get(self.language).spell_type(param.type) in self.declared for param in self.signature.params)
        except Unsupported:
            return False


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def calls(cases: list[Case], signature: Signature, language: str, count: int = 2) -> list[dict[str, str]]:
    """Return up to `count` short example calls with values as people of the language write them.

    Calls with different results come first.
    """
    kinds = [param.type for param in signature.params]
    rows = [
        {
            "args": ", ".join(spelled(kind, arg, language) for kind, arg in zip(kinds, case.args, strict=True)),
            "expected": spelled(signature.returns, case.expected, language),
        }
        for case in cases
    ]
    short = [row for row in rows if len(row["args"]) + len(row["expected"]) <= MAX_CALL]
    first = {row["expected"]: row for row in reversed(short)}
    fresh = [row for row in short if first[row["expected"]] is row]
    return (fresh + [row for row in short if row not in fresh])[:count]


def failed_call(detail: str, cases: Sequence[Case], name: str, signature: Signature, language: str) -> str:
    """Return what running said of an answer, with the call in the place of the case's number."""
    found = _CASE.search(detail)
    if found is None or int(found[1]) >= len(cases):
        return detail
    rows = zip(signature.params, cases[int(found[1])].args, strict=True)
    args = ", ".join(spelled(param.type, arg, language) for param, arg in rows)
    return f"{name}({args}){detail[found.end() :]}"


def spelled(kind: Type, value: Any, language: str) -> str:
    """Return a value in JSON form for a reader: as the language's literal where those are plain, else like JSON."""
    if get(language).literal(Type("bool"), True) == "True":
        return get(language).literal(kind, value)
    return _plain(kind, value)


def _plain(kind: Type, value: Any) -> str:
    if value is None:
        return "null"
    if kind.head == "float":
        return str(value) if isinstance(value, str) else repr(float(value))
    if kind.head == "optional":
        return _plain(kind.args[0], value)
    if kind.head == "dict":
        pairs = (f"{_plain(kind.args[0], key)}: {_plain(kind.args[1], item)}" for key, item in value)
        return "{" + ", ".join(pairs) + "}"
    if kind.head in ("list", "tuple"):
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        return "[" + ", ".join(_plain(k, item) for k, item in zip(kinds, value, strict=True)) + "]"
    return json.dumps(value, ensure_ascii=False)
