"""Answers that are started for the model, and what takes their place where an endpoint cannot continue them.

A started answer (a prefill) holds a weak model to form and language. Endpoints that take a trailing
assistant message for a finished turn write an answer of their own instead; those are asked in words
to begin so, and what they wrote is looked for in the whole answer. Leaves out code (cutting.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xinstruct.agents.scorer import Asker
from xinstruct.files import BadInput
from xinstruct.llm.client import Request
from xinstruct.prompts import render, user

MODES = ("auto", "always", "never")


def resolved(params: Mapping[str, Any], teacher: Asker, section: str) -> dict[str, Any]:
    """The section with `started` as a truth value: auto asks the teacher whether it continues answers."""
    mode = params.get("started", "always")
    if isinstance(mode, bool):  # YAML reads on and off so
        mode = "always" if mode else "never"
    if mode not in MODES:
        raise BadInput(f"params.yaml: {section}.started is {mode!r}; {', '.join(MODES)}")
    return dict(params) | {"started": bool(getattr(teacher, "continues", True)) if mode == "auto" else mode == "always"}


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
