"""How a task is put into words: a sentence by the teacher, the rest by template.

The exact signature and two calls always stand in an instruction, so a task is well defined however
weak the model that wrote its sentence. Also here: a function's own declaration as text, and the
record of a thread of turns. Leaves out where cases come from (cases.py).
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
    """The text up to its first sentence end or line break, blanks folded, ended by a full stop."""
    match = _SENTENCE_END.search(text)
    words = " ".join((text[: match.start()] if match else text).split())
    return words.rstrip(" .,:;") + "." if re.search(r"\w", words) else ""


def declaration(code: str, language: str, name: str, signature: Signature) -> str:
    """A function's own first lines up to its body; what header() would write where that fails."""
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
    """The language's header. Raises Unsupported when it cannot express the types."""
    return get(language).header(name, signature)


def supports(language: str, name: str, signature: Signature) -> bool:
    """Whether the language can express the signature at all."""
    try:
        header(language, name, signature)
    except Unsupported:
        return False
    return True


def declarable(language: str, name: str) -> bool:
    """Whether a function may bear the name: PHP cannot declare one of its own functions again."""
    traits = traits_of(language)
    return not traits.fixed_names or name.lower() not in traits.known()


def calls(cases: list[Case], count: int = 2) -> list[dict[str, str]]:
    """Up to `count` short example calls, rendered neutrally as JSON, with different results first."""
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
    """The final text of a task: sentence, declaration in a fence or what its type gives, neutral types, two calls."""
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
    """The words an instruction starts with, already written for the teacher."""
    return render("igenerator_start", title=get(language).title, name=name)


@dataclass
class Thread:
    """Collects the turns of one discussion or of one seed's making, in order."""

    stage: str
    id: str
    round: int = 0
    turns: list[Turn] = field(default_factory=list)
    tokens: int = 0

    def add(self, kind: str, text: str = "", **fields: Any) -> None:
        """One event; `fields` are further fields of Turn."""
        step = len(self.turns)
        ident = content_id(self.stage, self.id, str(step), kind, text)
        turn = Turn(id=ident, stage=self.stage, thread=self.id, step=step, round=self.round, kind=kind, text=text)
        for key, value in fields.items():
            setattr(turn, key, value)
        self.tokens += turn.completion_tokens
        self.turns.append(turn)

    def note(self, text: str, tokens: int, **fields: Any) -> None:
        """An answer whose tokens were counted already, when it was asked for."""
        self.add("answer", text, completion_tokens=tokens, **fields)
        self.tokens -= tokens

    def prompt(self, request: Request, **fields: Any) -> None:
        """The messages of a request, with what was already written for the model."""
        messages = list(request.messages)
        if request.prefill:
            messages.append({"role": "assistant", "content": request.prefill})
        self.add("prompt", messages=json.dumps(messages, ensure_ascii=False), **fields)

    def answer(self, answer: Answer, **fields: Any) -> None:
        """What the model said."""
        self.add("answer", answer.text, completion_tokens=answer.completion_tokens, **fields)


def call_failure(error: str) -> Reason:
    """The reason of a call that failed: the budget ran out, or anything else."""
    return Reason.BUDGET if error.startswith("budget") else Reason.LLM_ERROR


def request_seed(base: int, *parts: str) -> int:
    """A seed for sampling that depends on the run's seed and on what is asked, on nothing else."""
    return int(content_id(str(base), *parts), 16) % 2**31
