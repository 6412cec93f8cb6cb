"""Answers that are none: the prompt given back, or code of another language.

Only what failed to compile or to run is looked at, so nothing that works is ever refused here. An
answer is a copy when the question holds it, and of another language when its own grammar refuses
the finished function and another language's grammar takes the same body under that language's header.
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


def named_fence(text: str) -> str:
    """The language that the answer's first fence names, "" where it names none of ours."""
    match = re.match(r"\s*```[ \t]*([\w+#.-]+)", text)
    tag = match[1].lower() if match else ""
    return next((name for name in EIGHT if tag in (name, get(name).fence, get(name).title.lower())), "")


def why(text: str, body: str, question: str, language: str, name: str, signature: Signature) -> Reason | None:
    """What kind of no answer this is, or None when it is an honest failure.

    text: the raw answer. body: what of it was taken as the function's body, without its header.
    """
    if named_fence(text) not in ("", language):
        return Reason.WRONG_LANGUAGE
    folded = "".join(body.split()).strip("}")
    if len(folded) >= MIN_COPY and folded in "".join(question.split()):
        return Reason.COPIED_PROMPT
    return Reason.WRONG_LANGUAGE if _foreign(body, language, name, signature) else None


def _foreign(body: str, language: str, name: str, signature: Signature) -> bool:
    own = _parses(body, language, name, signature)
    return own is False and any(_parses(body, other, name, signature) for other in EIGHT if other != language)


def _parses(body: str, language: str, name: str, signature: Signature) -> bool | None:
    """Whether a body stands under a language's header without a syntax error; None where it has no header."""
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
