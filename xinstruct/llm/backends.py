"""Backends of a client by the model.json of fetch: a pool of endpoints, or embedded servers that are started later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.llm.embedded import Embedded
from xinstruct.llm.pool import Pool
from xinstruct.models.recorded import Facts
from xinstruct.params import TeacherParams


def open_backend(model: dict[str, Any], folder: Path, params: TeacherParams) -> tuple[Embedded | Pool, Facts]:
    """Return the backend and the facts of a model. Raises BadInput when an endpoint cannot be used."""
    if model["kind"] == "endpoint":
        pool = Pool(urls(model), params)
        pool.probe()
        identity = params.identity or f"{pool.endpoints[0].url} {pool.served}"
        return pool, Facts(identity, pool.served, "endpoint", pool.continues, is_capable(model, params))
    facts = embedded_facts(model, params)
    return Embedded(folder / str(model.get("file") or ""), params, facts.run_by), facts


def is_capable(model: dict[str, Any], params: TeacherParams) -> bool:
    """Tell whether a model needs no beginnings written for it: as teacher.capable says, else as its model.json does."""
    return bool(model.get("capable", True)) if params.capable == "auto" else params.capable


def embedded_facts(model: dict[str, Any], params: TeacherParams) -> Facts:
    """Return the facts of a model that is run here, by its model.json and the params."""
    engine = str(model.get("engine") or "llamacpp") if model["kind"] == "gguf" else "batched"
    served, capable = str(model.get("name", "")), is_capable(model, params)
    return Facts(f"sha256:{model['sha256']}", served, engine, continues=True, capable=capable)


def urls(model: dict[str, Any]) -> list[str]:
    """Return the base_urls of an endpoint's model.json."""
    return [str(url) for url in model.get("base_urls") or [model["base_url"]]]


def read_model(folder: Path) -> dict[str, Any]:
    """Read the model.json that fetch wrote. Raises BadInput when it is missing or unusable."""
    path = folder / "model.json"
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run the fetch stage (dvc repro fetch)") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}: not JSON ({error}); run the fetch stage again (dvc repro --force fetch)") from None
    if model.get("kind") not in ("gguf", "safetensors", "endpoint"):
        raise BadInput(
            f"{path}: kind {model.get('kind')!r} is not gguf, safetensors or endpoint; run the fetch stage again"
        )
    return dict(model)
