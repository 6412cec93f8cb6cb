"""The base class of all sections: reading a field that a stage's `params:` in dvc.yaml do not list raises an error."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from xinstruct.files import BadInput


class Section:
    """A section some of whose fields may be missing when it is read for one stage (``reading.listed``)."""

    if not TYPE_CHECKING:  # a checker would take any name for a field

        def __getattr__(self, name: str) -> Any:
            if not is_dataclass(self) or name not in {field.name for field in fields(self)}:
                raise AttributeError(f"{type(self).__name__} has no {name!r}")
            stage, at = self.__dict__.get("_read_for", ("", ""))
            raise BadInput(f"dvc.yaml: stage {stage} reads {at}{name}, which its params do not list; add it there")
