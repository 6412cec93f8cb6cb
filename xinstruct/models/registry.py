"""Models by name (models.yaml), and what a teacher.model or student.model may be.

A name, an existing folder, or a URL of an endpoint. This module downloads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, read_yaml

REGISTRY = Path(__file__).with_name("models.yaml")
DATA_FILES = ("models.yaml",)


@dataclass(frozen=True)
class Model:
    """One entry of models.yaml. `gguf` and `safetensors` say where the weights come from.

    engine: what runs it here when it teaches: openvino or llamacpp (the GGUF file), batched (a checkpoint).
    """

    name: str
    title: str = ""
    license: str = ""
    context: int = 0
    engine: str = "openvino"
    gguf: dict[str, Any] = field(default_factory=dict)
    safetensors: dict[str, Any] = field(default_factory=dict)


def models() -> dict[str, Model]:
    """All registered models by name. Raises BadInput when an entry does not fit."""
    found = {}
    for name, entry in read_yaml(REGISTRY).items():
        try:
            found[name] = Model(name=name, **entry)
        except TypeError as error:
            raise BadInput(f"{REGISTRY.name}: {name}: {error}") from None
    return found


def find(name: str) -> Model:
    """The registered model of that name. Raises BadInput naming the known ones."""
    known = models()
    if name not in known:
        raise BadInput(
            f"model {name!r} is neither a name in {REGISTRY.name} ({', '.join(known)}), an existing folder, "
            "nor a URL (http://..., https://...) of an OpenAI-protocol server"
        )
    return known[name]


def is_url(model: str) -> bool:
    """Whether a model is an endpoint."""
    return model.startswith(("http://", "https://"))
