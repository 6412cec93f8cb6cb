"""Parameters for tests: the defaults of params.yaml with some changed, by dotted name."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinstruct.files import read_yaml
from xinstruct.params import ExecutionParams, Params, TeacherParams, everything

FILE = Path(__file__).parents[1] / "params.yaml"
# `XINSTRUCT_FORKS=off pytest ...` judges everything without forks (docs/forks.md); what is about forks is skipped then.
FORKS = os.environ.get("XINSTRUCT_FORKS", "auto")
_DEFAULTS = read_yaml(FILE)
_DEFAULTS["execution"]["forks"] = FORKS


def values(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """params.yaml as it is parsed, with {"synthesize.rounds": 2} and the like put in."""
    found: dict[str, Any] = copy.deepcopy(_DEFAULTS)
    for name, value in (changes or {}).items():
        *path, last = name.split(".")
        node = found
        for key in path:
            node = node[key]
        node[last] = value
    return found


def given(changes: Mapping[str, Any] | None = None) -> Params:
    """The same, typed and checked."""
    return everything(values(changes))


def own(section: str, **changes: Any) -> Any:
    """One section, with some of its keys changed."""
    return getattr(given({f"{section}.{name}": value for name, value in changes.items()}), section)


def execution(**changes: Any) -> ExecutionParams:
    """The execution section."""
    found: ExecutionParams = own("execution", **changes)
    return found


def asking(**changes: Any) -> TeacherParams:
    """The teacher section, with few requests in flight."""
    found: TeacherParams = own("teacher", **({"slots": 8} | changes))
    return found
