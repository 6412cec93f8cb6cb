"""Answers that are started for the model, and what takes their place where an endpoint cannot continue them.

A started answer (a prefill) holds a weak model to form and language. Endpoints that take a trailing
assistant message for a finished turn write an answer of their own instead; those are asked in words
to begin so, and what they wrote is looked for in the whole answer. Leaves out code (code/completion.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Request
from xinstruct.params import SeedParams, SynthesizeParams
from xinstruct.prompts import render, user

Own = TypeVar("Own", SeedParams, SynthesizeParams)


def resolved(params: Own, teacher: ChatModel) -> Own:
    """The section without `started: auto`: the teacher tells whether it continues answers."""
    if params.started != "auto":
        return params
    return replace(params, started="always" if getattr(teacher, "continues", True) else "never")


def prefilled(params: SeedParams | SynthesizeParams) -> bool:
    """Whether answers are started for the model. Raises ValueError where that is not resolved."""
    if params.started == "auto":
        raise ValueError("started is auto; see resolved()")
    return params.started == "always"


def sent(request: Request, started: bool) -> Request:
    """The request as it is asked: its start as a prefill, or in words at the end of the question."""
    if started or not request.prefill:
        return request
    *before, last = request.messages
    words = f"{last['content']}\n\n{render('begin', start=request.prefill)}"
    # stop strings end a started answer; here they would cut before the code or right after a preamble
    return replace(request, messages=(*before, user(words)), prefill="", stop=())


def follows(text: str, start: str, started: bool) -> str:
    """What stands behind the start: all of a continued answer; else the rest of the line that has the start."""
    if started:
        return text
    at = text.lower().find(start.lower())
    return text[at + len(start) :] if at >= 0 else text.strip().lstrip("`\"'* ")
