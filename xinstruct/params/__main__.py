"""Generator of the page about all parameters: ``python -m xinstruct.params > docs/params.md`` (``make docs``).

Types, ranges and choices come from the sections, defaults and meanings from params.yaml and its comments. A parameter
without a comment of its own has the comment of its parent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from xinstruct.files import read_yaml
from xinstruct.params.reading import OWN, bare, hints
from xinstruct.params.sections import Params

_LINE = re.compile(r"^( *)([\w-]+):(?:.*?\s# (.*))?")
_NAMES = {int: "whole number", float: "number", bool: "true or false", str: "text", Any: "value"}
_HEAD = """# Parameters

Everything in `params.yaml`, section by section. `dvc exp run -S synthesize.rounds=2` changes one for a run,
`experiments/*.yaml` several. What does not fit (a name unknown or missing, another type, a value out of range) is
refused before anything runs. This page is made by `make docs` from `params.yaml` and `xinstruct/params/sections.py`.
"""


def comments(text: str) -> dict[str, str]:
    """Return the comment behind each key of a YAML text in block style, by dotted name."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if match := _LINE.match(line):
            depth = len(match[1])
            path = [*((column, name) for column, name in path if column < depth), (depth, match[2])]
            found[".".join(name for _, name in path)] = match[3] or ""
    return found


def page(path: Path = OWN) -> str:
    """Return the whole page for a params.yaml with all its comments."""
    said, defaults = comments(path.read_text(encoding="utf-8")), read_yaml(path)
    parts, plain = [_HEAD], {n: kind for n, kind in hints(Params).items() if not is_dataclass(kind)}
    parts.append(_table("General", "", [row for n, k in plain.items() for row in _rows(n, k, defaults[n], said)]))
    for name, kind in hints(Params).items():
        if name not in plain:
            parts.append(_table(name, said[name], list(_rows(name, kind, defaults[name], said))))
    return "\n".join(parts)


def _table(title: str, meaning: str, rows: list[str]) -> str:
    opening = f"{meaning[0].upper()}{meaning[1:]}.\n\n" if meaning else ""
    head = "| name | type | allowed | default | meaning |\n|---|---|---|---|---|\n"
    return f"## {title}\n\n{opening}{head}{''.join(rows)}"


def _rows(name: str, kind: Any, default: Any, said: dict[str, str]) -> Iterator[str]:
    if is_dataclass(kind):
        for key, inner in hints(kind).items():
            yield from _rows(f"{name}.{key}", inner, default[key], said)
        return
    cells = (f"`{name}`", type_of(kind), allowed(kind), f"`{json.dumps(default)}`", meaning(name, said))
    yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def meaning(name: str, said: dict[str, str]) -> str:
    """Return the comment of a parameter, or of its nearest parent that has one."""
    while name and not said.get(name):
        name = name.rpartition(".")[0]
    return said.get(name, "")


def type_of(kind: Any) -> str:
    """Describe a type in words."""
    plain, inner = bare(kind), get_args(bare(kind))
    origin = get_origin(plain)
    if origin is Literal:
        return "choice"
    if origin in (Union, UnionType):
        return "number" if inner == (int, float) else " or ".join(type_of(one) for one in inner)
    if origin is list:
        return f"list of {type_of(inner[0])}s"
    if origin is dict:
        return f"table of {type_of(inner[1])}s by name"
    return "record" if is_dataclass(plain) else _NAMES[plain]


def allowed(kind: Any) -> str:
    """Describe choices and ranges in words."""
    plain, rules = bare(kind), get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    words = [str(rule) for rule in rules]
    if get_origin(plain) is Literal:
        words = [", ".join(f"`{choice}`" for choice in get_args(plain)), *words]
    elif is_dataclass(plain):
        words = ["of " + ", ".join(f"`{key}`: {allowed(one)}" for key, one in hints(plain).items())]
    elif get_origin(plain) in (Union, UnionType):
        words += [part for one in get_args(plain)[-1:] if (part := allowed(one))]
    else:
        words += [("each " if bare(one) in _NAMES else "") + part for one in get_args(plain) if (part := allowed(one))]
    return "; ".join(words)


if __name__ == "__main__":
    print(page(), end="")
