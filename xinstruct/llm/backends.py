"""What fetch left of a model, opened: a pool of endpoints, or embedded servers that start when they are asked."""

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
    """What asks the model of a model.json, and what is known of it. Raises BadInput when an endpoint cannot be used."""
    if model["kind"] == "endpoint":
        pool = Pool(urls(model), params)
        pool.probe()
        identity = params.identity or f"{pool.endpoints[0].url} {pool.served}"
        return pool, Facts(identity, pool.served, "endpoint", pool.continues)
    return Embedded(folder / str(model.get("file") or ""), params), embedded_facts(model)


def embedded_facts(model: dict[str, Any]) -> Facts:
    """What is known of a model that is run here, by its model.json alone."""
    engine = "llamacpp" if model["kind"] == "gguf" else "batched"
    return Facts(f"sha256:{model['sha256']}", str(model.get("name", "")), engine, continues=True)


def urls(model: dict[str, Any]) -> list[str]:
    """The base_urls of an endpoint's model.json."""
    return [str(url) for url in model.get("base_urls") or [model["base_url"]]]


def read_model(folder: Path) -> dict[str, Any]:
    """What fetch wrote about a model. Raises BadInput when it is missing or not usable."""
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
