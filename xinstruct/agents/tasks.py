"""The wording of a task: a sentence by the teacher, the rest by template.

The exact signature and two calls are always part of an instruction, so a task is well defined however weak the model
that wrote its sentence. This module also extracts a function's own declaration and records threads of turns. Cases are
made in cases.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from xinstruct.code.lexical import blanked, levels
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Case, Signature
from xinstruct.languages import get
from xinstruct.languages.base import Unsupported
from xinstruct.llm.client import Answer, Request
from xinstruct.prompts import render
from xinstruct.records import Reason, Turn, content_id

MAX_DECLARATION = 300
MAX_CALL = 160
_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)|\n|```")

DATA_FILES = ("../prompts/task*.j2",)


def first_sentence(text: str) -> str:
    """Return the text up to its first sentence end or line break, with blanks folded and a final full stop."""
    match = _SENTENCE_END.search(text)
    words = " ".join((text[: match.start()] if match else text).split())
    return words.rstrip(" .,:;") + "." if re.search(r"\w", words) else ""


def declaration(code: str, language: str, name: str, signature: Signature) -> str:
    """Return a function's own first lines up to its body, or header()'s text if they cannot be found."""
    own = _own_declaration(code, language, name)
    return own or header(language, name, signature).rstrip()


def _own_declaration(code: str, language: str, name: str) -> str:
    match = re.search(rf"^.*\b{re.escape(name)}\b[^\n]*", code, re.M)
    if match is None:
        return ""
    start, body_opens = match.start(), traits_of(language).body_opens
    for index, depth in enumerate(levels(blanked(language, code)[start:], "()[]"), start):
        if depth == 0 and index > start + len(name) and (length := body_opens(code[index:], match.group())):
            text = code[start : index + length].strip()
            return text if len(text) <= MAX_DECLARATION and ";" not in text else ""
    return ""


def header(language: str, name: str, signature: Signature) -> str:
    """Return the language's header. Raises Unsupported when it cannot express the types."""
    return get(language).header(name, signature)


def supports(language: str, name: str, signature: Signature) -> bool:
    """Tell whether the language can express the signature."""
    try:
        header(language, name, signature)
    except Unsupported:
        return False
    return True


def declarable(language: str, name: str) -> bool:
    """Tell whether a function may have the name: PHP cannot redeclare one of its own functions."""
    traits = traits_of(language)
    return not traits.fixed_names or name.lower() not in traits.known()


def calls(cases: list[Case], count: int = 2) -> list[dict[str, str]]:
    """Return up to `count` short example calls, rendered neutrally as JSON, with different results first."""
    rows = [{"args": _args(case), "expected": _json(case.expected)} for case in cases]
    short = [row for row in rows if len(row["args"]) + len(row["expected"]) <= MAX_CALL]
    seen: set[str] = set()
    fresh = [row for row in short if not (row["expected"] in seen or seen.add(row["expected"]))]  # type: ignore[func-returns-value]
    return (fresh + [row for row in short if row not in fresh])[:count]


def _args(case: Case) -> str:
    return ", ".join(_json(value) for value in case.args)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def instruction(
    sentence: str,
    language: str,
    name: str,
    declared: str,
    signature: Signature,
    cases: list[Case],
    kind: str = "generation",
    material: Any = None,
) -> str:
    """Return the final text of a task: sentence, fenced declaration or material, neutral types, two calls."""
    source = get(material.language or language) if material else get(language)
    return render(
        "task" if kind == "generation" else f"task_{kind}",
        sentence=sentence,
        fence=get(language).fence,
        title=get(language).title,
        source_title=source.title,
        source_fence=source.fence,
        material=material,
        declaration=declared,
        signature=signature,
        name=name,
        calls=calls(cases),
    )


def instruction_start(language: str, name: str) -> str:
    """Return the words that every instruction starts with, which serve as the prefill."""
    return render("igenerator_start", title=get(language).title, name=name)


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
    """Return the reason of a failed call: the budget ran out, or any other error."""
    return Reason.BUDGET if error.startswith("budget") else Reason.LLM_ERROR


def request_seed(base: int, *parts: str) -> int:
    """Return a sampling seed that depends only on the run's seed and on the request."""
    return int(content_id(str(base), *parts), 16) % 2**31
