"""All text that a language model is shown: templates, operations and worked examples.

``render(name, ...)`` fills ``<name>.j2``; ``table(name)`` reads ``<name>.yaml``. A value that a
template needs and is not given is an error, never an empty space. No prompt text stands in code.

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
    """The template ``<template>.j2`` filled in, without space at its ends."""
    return _environment().get_template(f"{template}.j2").render(**values).strip()


@cache
def table(name: str) -> Any:
    """The parsed ``<name>.yaml`` of this folder. Read once; do not change what it returns."""
    return read_yaml(FOLDER / f"{name}.yaml")


def user(text: str) -> dict[str, str]:
    """One message of the person who asks."""
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    """One message of the model, as an example of what to answer."""
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, str]:
    """The message that sets the model's role."""
    return {"role": "system", "content": text}
