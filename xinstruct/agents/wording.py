"""The wording of an instruction: a problem in one of several styles, with the exact signature and example calls.

The signature is always part of it, so a task is well defined in every style. Styles are in prompts/styles.yaml; one is
drawn per sample from its id.
"""

from __future__ import annotations

import json
import random
from typing import Any, Literal

from xinstruct.agents.problem import Problem
from xinstruct.code.types import Case, Signature, Type
from xinstruct.languages import Unsupported, get
from xinstruct.languages.header import FunctionHeader, without_imports
from xinstruct.prompts import render, table
from xinstruct.records import content_id

MAX_CALL = 160  # characters of an example call with its result
WIDTH = 100  # of a comment that states a problem

DATA_FILES = ("../prompts/task*.j2", "../prompts/styles.yaml", "../prompts/igenerator_start.j2")


def draw_style(ident: str, form: Literal["json", "text"]) -> str:
    """Draw a style by weight from an id; problems in one sentence have a style of their own."""
    if form == "text":
        return "sentence"
    weights = {name: row["weight"] for name, row in table("styles").items()}
    return random.Random(int(content_id("style", ident), 16)).choices(list(weights), list(weights.values()))[0]


def instruction_start(language: str, name: str) -> str:
    """Return the words that an instruction of the style `sentence` starts with, which serve as the prefill."""
    return render("igenerator_start", title=get(language).title, name=name)


def instruction(
    problem: Problem,
    style: str,
    language: str,
    name: str,
    declared: str,
    signature: Signature,
    cases: list[Case],
    kind: str = "generation",
    material: Any = None,
) -> str:
    """Return the final text of a task. `declared` are the function's first lines, `material` what its type shows."""
    spoken, row = get(language), table("styles")[style]
    source = get(material.language or language) if material else spoken
    statement = problem.statement
    if style == "sentence":
        statement = f"{instruction_start(language, name)} {statement}"
    shown = row["declaration"]
    return render(
        "task" if kind == "generation" else f"task_{kind}",
        problem=problem,
        statement=statement,
        headings=row["headings"] and kind == "generation",
        declaration_as=shown,
        documented=_documented(problem, language, name, signature) if shown == "doc" and kind == "generation" else "",
        declaration=without_imports(declared),
        fence=spoken.fence,
        title=spoken.title,
        source_title=source.title,
        source_fence=source.fence,
        material=material,
        signature=signature,
        types=shown != "words" and not _types_shown(language, declared, signature),
        name=name,
        calls=calls(cases, signature, language, row["calls"] if kind == "generation" else 2),
    )


def _documented(problem: Problem, language: str, name: str, signature: Signature) -> str:
    """Return the function's first lines below a comment that states the problem."""
    header, leader = FunctionHeader.of(language, name, signature), get(language).comment
    lines = [line for part in problem.statement.split("\n\n") for line in (*_folded(part), "")][:-1]
    comment = "\n".join(f"{leader} {line}".rstrip() for line in lines)
    text = "\n".join(f"{header.indent}{line}" for line in (*comment.splitlines(), *header.bare.splitlines()))
    return f"{without_imports(header.prefix)}\n{text}".strip("\n")


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= WIDTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _types_shown(language: str, declared: str, signature: Signature) -> bool:
    try:
        return all(get(language).spell_type(param.type) in declared for param in signature.params)
    except Unsupported:
        return False


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
