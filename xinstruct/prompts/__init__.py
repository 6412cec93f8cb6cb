"""All texts shown to a language model: templates, operations and worked examples.

``render(name, ...)`` fills ``<name>.j2``; ``table(name)`` reads ``<name>.yaml``. A value that a template needs and does
not get is an error, never an empty space. Code contains no prompt text.

May import: nothing but the spine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xinstruct.files import read_yaml

FOLDER = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )


def render(template: str, /, **values: Any) -> str:
    """Fill in the template ``<template>.j2`` and strip space at its ends."""
    return _environment().get_template(f"{template}.j2").render(**values).strip()


@cache
def table(name: str) -> Any:
    """Return the parsed ``<name>.yaml`` of this folder. It is read once; do not change the result."""
    return read_yaml(FOLDER / f"{name}.yaml")


def user(text: str) -> dict[str, str]:
    """Return a message of the user."""
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    """Return a message of the model, such as an example answer."""
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, str]:
    """Return the message that sets the model's role."""
    return {"role": "system", "content": text}
