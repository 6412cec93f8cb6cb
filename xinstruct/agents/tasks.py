"""What all tasks share: a function's declaration, the thread of turns that led to a sample, seeds of requests.

How a task is worded is in wording.py, its cases are made in cases.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from xinstruct.code.lexical import blanked, encoded, levels, parsed
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Signature
from xinstruct.languages import get
from xinstruct.languages.base import Unsupported
from xinstruct.llm.client import Answer, Request
from xinstruct.records import Reason, Turn, content_id

MAX_DECLARATION = 300


def declaration(code: str, language: str, name: str, signature: Signature) -> str:
    """Return a function's own first lines up to its body, or header()'s text if they cannot be found."""
    own = _own_declaration(code, language, name)
    return own or header(language, name, signature).rstrip()


def _own_declaration(code: str, language: str, name: str) -> str:
    match = re.search(rf"^((?:[ \t]*template[ \t]*<[^\n]*\n)?)(.*\b{re.escape(name)}\b[^\n]*)", code, re.M)
    if match is None:
        return ""
    start, body_opens = match.start(2), traits_of(language).body_opens
    for index, depth in enumerate(levels(blanked(language, code)[start:], "()[]"), start):
        if depth == 0 and index > start + len(name) and (length := body_opens(code[index:], match[2])):
            text = f"{match[1].strip()}\n{code[start : index + length].strip()}".strip()
            return text if len(text) <= MAX_DECLARATION and ";" not in text else ""
    return ""


def header(language: str, name: str, signature: Signature) -> str:
    """Return the language's header. Raises Unsupported when it cannot express the types."""
    return get(language).header(name, signature)


def supports(language: str, name: str, signature: Signature) -> bool:
    """Tell whether the language can express the signature, and none of its names is a word of the language's own."""
    try:
        opened = header(language, name, signature)
        return _well_formed(language, opened, tuple(param.name for param in signature.params))
    except Unsupported:
        return False


@cache
def _well_formed(language: str, opened: str, names: tuple[str, ...]) -> bool:
    """Tell whether a function parses that assigns to its parameters; True for a language without a grammar.

    A header alone does not tell: grammars read a word of the language as a name where nothing else can stand.
    """
    traits = traits_of(language)
    if traits.syntax is None:
        return True
    end = "" if traits.indented else ";"
    lines = [] if traits.positional else [f"{traits.variable_mark}{name} = 0{end}" for name in names]
    lines = [f"    {line}" for line in lines or ["pass" if traits.indented else ""]]
    closed = "" if traits.indented else "}" * (opened.count("{") - opened.count("}"))
    tree = parsed(traits, encoded("\n".join([opened.rstrip(), *lines, closed]) + "\n"))
    return tree is None or not tree.root_node.has_error


def declarable(language: str, name: str) -> bool:
    """Tell whether a function may have the name: PHP cannot redeclare one of its own functions."""
    traits = traits_of(language)
    return not traits.fixed_names or name.lower() not in traits.known()


@dataclass
class Thread:
    """Collects the turns of one discussion, or of the making of one seed, in order."""

    stage: str
    id: str
    round: int = 0
    turns: list[Turn] = field(default_factory=list)
    tokens: int = 0

    def add(self, kind: str, text: str = "", **fields: Any) -> None:
        """Add an event; `fields` are further fields of Turn."""
        step = len(self.turns)
        ident = content_id(self.stage, self.id, str(step), kind, text)
        turn = Turn(id=ident, stage=self.stage, thread=self.id, step=step, round=self.round, kind=kind, text=text)
        for key, value in fields.items():
            setattr(turn, key, value)
        self.tokens += turn.completion_tokens
        self.turns.append(turn)

    def note(self, text: str, tokens: int, **fields: Any) -> None:
        """Add an answer whose tokens were already counted when it was requested."""
        self.add("answer", text, completion_tokens=tokens, **fields)
        self.tokens -= tokens

    def prompt(self, request: Request, **fields: Any) -> None:
        """Add the messages of a request, with its prefill."""
        messages = list(request.messages)
        if request.prefill:
            messages.append({"role": "assistant", "content": request.prefill})
        self.add("prompt", messages=json.dumps(messages, ensure_ascii=False), **fields)

    def answer(self, answer: Answer, **fields: Any) -> None:
        """Add the model's answer."""
        self.add("answer", answer.text, completion_tokens=answer.completion_tokens, **fields)


def call_failure(error: str) -> Reason:
    """Return the reason of a failed call: the budget ran out, the answer was cut or missed its form, or any other."""
    known = {"budget": Reason.BUDGET, "length": Reason.TRUNCATED, "schema": Reason.BAD_FORMAT}
    return next((reason for word, reason in known.items() if error.startswith(word)), Reason.LLM_ERROR)


def request_seed(base: int, *parts: str) -> int:
    """Return a sampling seed that depends only on the run's seed and on the request."""
    return int(content_id(str(base), *parts), 16) % 2**31
