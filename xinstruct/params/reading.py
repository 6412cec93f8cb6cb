"""Parser of sections from YAML. An error is one line that names the file, the key, the value and what is allowed.

``everything`` requires all keys, ``listed`` those that a stage's `params:` name in dvc.yaml. Whole numbers are accepted
as fractions, truth values never as numbers. Text is accepted as a number only in the form ``1e-05``, which
`dvc exp run -S sft.learning_rate=1e-5` writes for readers of YAML 1.1.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from xinstruct.files import BadInput, read_yaml
from xinstruct.params.sections import Params
from xinstruct.params.unlisted import Section

PARAMS = Path("params.yaml")
OWN = Path(__file__).parents[2] / PARAMS  # of the checkout that this code stands in
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?e[-+]?\d+", re.I)
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
S = TypeVar("S", bound=Section)


def everything(values: Any, source: Path = PARAMS) -> Params:
    """Return all sections of a parsed params.yaml. Raises BadInput naming `source` and the key."""
    return _Reader(str(source)).section(Params, values, "")


def read(path: Path = PARAMS) -> Params:
    """Return all sections of the file at `path`. Raises BadInput."""
    return everything(read_yaml(path), path)


def at_hand() -> Params:
    """Read ./params.yaml, or the checkout's own if there is none, for commands that run outside of a project."""
    return read(PARAMS if PARAMS.exists() else OWN)


def listed(values: Any, stage: str) -> Params:
    """Return a stage's view of the parameters; access to one that is not in `values` raises BadInput."""
    return _Reader(str(PARAMS), stage).section(Params, values, "")


def section(kind: type[S], values: Any, at: str, source: str = str(PARAMS)) -> S:
    """Return one section from its own values; `at` is its name in errors. Raises BadInput."""
    return _Reader(source).section(kind, values, f"{at}.")


def hints(kind: Any) -> dict[str, Any]:
    """Return the annotated types of a section's fields, in their order."""
    return get_type_hints(kind, include_extras=True)


def number(raw: Any) -> Any:
    """Return a number for a text like 1e-05, which `dvc exp run -S` writes, and everything else as it is."""
    return float(raw) if isinstance(raw, str) and _EXPONENT.fullmatch(raw) else raw


def nearest(name: str, known: list[str]) -> str:
    """Return the known name that a wrong one may have meant, as the end of a sentence."""
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


@dataclass(frozen=True)
class _Reader:
    """Reads the parameters of one stage, or all of them when `stage` is empty."""

    source: str
    stage: str = ""

    def section(self, kind: type[S], raw: Any, at: str) -> S:
        """Return a dataclass from a mapping; `at` is its dotted place with a final dot."""
        if not isinstance(raw, dict):
            self._refuse(at.rstrip(".") or "it", raw, "a section of its own keys")
        known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        for key in raw:
            if key not in known:
                raise BadInput(f"{self.source}: {at}{key} is no parameter; {nearest(str(key), known)}")
        missing = [name for name in known if name not in raw]
        if missing and not self.stage:
            raise BadInput(f"{self.source}: {at}{missing[0]} is missing; see docs/params.md")
        found, kinds = object.__new__(kind), hints(kind)
        for name in known:
            if name in raw:
                object.__setattr__(found, name, self.value(kinds[name], raw[name], f"{at}{name}"))
        if missing:
            object.__setattr__(found, "_read_for", (self.stage, at))
        return found

    def value(self, kind: Any, raw: Any, at: str) -> Any:
        """Return a value of an annotated type."""
        origin, inner = get_origin(kind), get_args(kind)
        if kind is Any:  # checked by the library that it is for
            return raw
        if origin is Annotated:
            found = self.value(inner[0], raw, at)
            for rule in inner[1:]:
                if not rule.allows(found):
                    self._refuse(at, raw, str(rule))
            return found
        if is_dataclass(kind):
            return self.section(cast(type[Section], kind), raw, f"{at}.")
        if origin is Literal:
            return raw if isinstance(raw, str) and raw in inner else self._refuse(at, raw, _choices(raw, inner))
        if origin in (Union, UnionType):
            return self._either(inner, raw, at)
        if origin is list:
            return self._list(inner[0], raw, at)
        if origin is dict:
            return self._table(inner[0], inner[1], raw, at)
        return self._scalar(kind, raw, at)

    def _either(self, kinds: tuple[Any, ...], raw: Any, at: str) -> Any:
        """Return the kind in which the value is written, else the last one: a list or one text, 5 or 5.0."""
        own = (kind for kind in kinds if (get_origin(bare(kind)) or bare(kind)) is type(raw))
        return self.value(next(own, kinds[-1]), raw, at)

    def _list(self, kind: Any, raw: Any, at: str) -> list[Any]:
        if not isinstance(raw, list):
            self._refuse(at, raw, "a list")
        return [self.value(kind, item, f"{at}[{index}]") for index, item in enumerate(raw)]

    def _table(self, keys: Any, kind: Any, raw: Any, at: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self._refuse(at, raw, "a table of names and values ({} for none)")
        known = [str(name) for name in get_args(keys)]
        for key in raw:
            if known and key not in known:
                raise BadInput(f"{self.source}: {at}.{key} is no parameter; {nearest(str(key), known)}")
        return {str(key): self.value(kind, item, f"{at}.{key}") for key, item in raw.items()}

    def _scalar(self, kind: Any, raw: Any, at: str) -> Any:
        if kind is float:
            raw = number(raw)
            if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
                return float(raw)
        elif type(raw) is kind:
            return raw
        return self._refuse(at, raw, _WORDS[kind])

    def _refuse(self, at: str, raw: Any, allowed: str) -> NoReturn:
        raise BadInput(f"{self.source}: {at} is {_shown(raw)}; it must be {allowed}")


def bare(kind: Any) -> Any:
    """Return a type without its rules."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(raw: Any, known: tuple[str, ...]) -> str:
    close = get_close_matches(raw, known, 1) if isinstance(raw, str) else []
    return f"one of {', '.join(known)}" + (f" (did you mean {close[0]}?)" if close else "")


def _shown(raw: Any) -> str:
    if raw is None or isinstance(raw, bool):
        return {None: "empty", True: "true", False: "false"}[raw]
    return f"{raw!r:.80}"
