"""Prefill: the first words of an answer are written for the model, which continues them.

A prefill keeps a weak model to the expected form and language. Some endpoints take a trailing assistant
message for a finished turn and answer anew; they are asked in words to begin with that text, and what they
wrote is searched for it. Extracting code from an answer is done in ``code/completion.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeVar

from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Request
from xinstruct.params import SeedParams, SynthesizeParams
from xinstruct.prompts import render, user

Own = TypeVar("Own", SeedParams, SynthesizeParams)


def resolved(params: Own, teacher: ChatModel) -> Own:
    """Replace `auto` of prefill and form: a weak teacher is helped to begin, and writes sentences and no JSON."""
    capable = getattr(teacher, "capable", False)
    prefill: Literal["always", "never"] = "always" if helped(teacher) else "never"
    form: Literal["json", "text"] = "json" if capable else "text"
    return replace(
        params,
        prefill=prefill if params.prefill == "auto" else params.prefill,
        form=form if params.form == "auto" else params.form,
    )


def helped(teacher: ChatModel) -> bool:
    """Tell whether answers of this teacher are begun for it: a weak one's are, if it goes on from a beginning."""
    return getattr(teacher, "continues", True) and not getattr(teacher, "capable", False)


def uses_prefill(params: SeedParams | SynthesizeParams) -> bool:
    """Tell whether answers are prefilled. Raises ValueError when `prefill` is still auto."""
    if params.prefill == "auto":
        raise ValueError("prefill is auto; see resolved()")
    return params.prefill == "always"


def blind(params: SeedParams | SynthesizeParams) -> bool:
    """Tell whether whoever answers sees no example calls; with one sentence for a problem they always do."""
    return params.blind and params.form == "json"


def as_asked(request: Request, prefill: bool) -> Request:
    """Return the request to send: with its prefill, or with the same text asked for at the end of the question."""
    if prefill or not request.prefill:
        return request
    *before, last = request.messages
    words = f"{last['content']}\n\n{render('begin', start=request.prefill)}"
    # stop strings end a prefilled answer; here they would cut before the code or right after a preamble
    return replace(request, messages=(*before, user(words)), prefill="", stop=())


def continuation(text: str, start: str, prefill: bool) -> str:
    """Return what follows `start`: the whole text of a prefilled answer, else the text behind its first occurrence."""
    if prefill:
        return text
    at = text.lower().find(start.lower())
    return text[at + len(start) :] if at >= 0 else text.strip().lstrip("`\"'* ")
