"""Checks for answers that are no attempt at the task: the prompt copied back, or code in another language.

Only answers that failed to compile or to run are checked, so nothing that works is ever rejected here. An
answer is a copy when the question contains it. It is in another language when its own grammar refuses the
finished function and another language's grammar accepts the same body under that language's header.
"""

from __future__ import annotations

import re

from xinstruct.code.lexical import blanked, encoded, parsed
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Signature
from xinstruct.languages import EIGHT, Unsupported, get
from xinstruct.records import Reason

SUSPECT = ("compile_error", "runtime_error")
MIN_COPY = 24  # folded characters; shorter bodies look alike in many languages


def fence_language(text: str) -> str:
    """Return the language that an answer's first fence names, "" when it names none of the eight."""
    match = re.match(r"\s*```[ \t]*([\w+#.-]+)", text)
    tag = match[1].lower() if match else ""
    return next((name for name in EIGHT if tag in (name, get(name).fence, get(name).title.lower())), "")


def rejection_reason(
    text: str, body: str, question: str, language: str, name: str, signature: Signature
) -> Reason | None:
    """Return the reason why an answer is no attempt at the task, or None when it simply failed.

    `text` is the raw answer, `body` the part of it that was taken as the function's body, without its header.
    """
    if fence_language(text) not in ("", language):
        return Reason.WRONG_LANGUAGE
    folded = "".join(body.split()).strip("}")
    if len(folded) >= MIN_COPY and folded in "".join(question.split()):
        return Reason.COPIED_PROMPT
    return Reason.WRONG_LANGUAGE if _foreign(body, language, name, signature) else None


def _foreign(body: str, language: str, name: str, signature: Signature) -> bool:
    own = _parses(body, language, name, signature)
    return own is False and any(_parses(body, other, name, signature) for other in EIGHT if other != language)


def _parses(body: str, language: str, name: str, signature: Signature) -> bool | None:
    """Tell whether a body under a language's header parses without error; None when the types have no header there."""
    try:
        head, foot = get(language).header(name, signature), get(language).footer()
    except Unsupported:
        return None
    lines = body.strip("\n").rstrip()
    text = blanked(language, lines)
    opened, closed = text.count("{"), text.count("}")
    if head.rstrip().endswith("{"):
        lines += "\n}" * max(0, opened + 1 - closed)
    elif closed > opened:
        lines = lines.removesuffix("}").rstrip()
    tree = parsed(traits_of(language), encoded(f"{head.rstrip()}\n{lines}\n{foot}"))
    return tree is not None and not tree.root_node.has_error
