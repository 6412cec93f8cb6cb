"""Adapters on disk: a PEFT folder, and beside it the checkpoint that it was trained on with that checkpoint's hash.

models/sft then holds adapter_config.json, adapter_model.safetensors (float32), the tokenizer, generation_config.json
and base.json. Plain PEFT reads it from the project's folder; here the base is looked for where base.json says and
beside the adapter's own folder, and used only if its hash is the recorded one. Fully fine-tuned checkpoints have a
base.json, too, by which merge.py knows what training changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, write_json

ADAPTER = "adapter_config.json"
ORIGIN = "base.json"


def is_adapter(folder: Path) -> bool:
    """Tell whether a folder holds an adapter and not a whole checkpoint."""
    return (folder / ADAPTER).is_file()


def holds_model(folder: Path) -> bool:
    """Tell whether a folder holds a checkpoint or an adapter."""
    return (folder / "config.json").is_file() or is_adapter(folder)


def is_tuned(folder: Path) -> bool:
    """Tell whether a folder holds what a training stage wrote, whose changes bfloat16 would round away."""
    return (folder / ORIGIN).is_file()


def origin(folder: Path) -> dict[str, str]:
    """Return {"base", "sha256"} of the checkpoint that a trained folder started from. Raises BadInput without it."""
    if not is_tuned(folder):
        raise BadInput(f"{folder}: has no {ORIGIN}, which names the base of an adapter and its hash; train it again")
    found: dict[str, str] = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    return found


def base_of(folder: Path) -> Path:
    """Return the checkpoint that a trained folder started from.

    Raises BadInput when it is missing or is not the recorded one.
    """
    said = origin(folder)
    places = [Path(said["base"]), folder.parent / Path(said["base"]).name]
    there = [place for place in dict.fromkeys(places) if place.is_dir()]
    for place in there:
        if hash_path(place) == said["sha256"]:
            return place
    if there:
        raise BadInput(f"{folder}: was trained on another {there[0]} than is there now; train again (dvc repro)")
    raise BadInput(f"{folder}: its base is in none of {', '.join(map(str, places))}; run the stage that makes it")


def weight_bytes(folder: Path) -> int:
    """Return about how many bytes a folder's weights take in memory; an adapter is merged into float32."""
    source, size = (base_of(folder), 2) if is_adapter(folder) else (folder, 1)
    return size * sum(file.stat().st_size for file in source.glob("*.safetensors"))


def attach(model: Any, folder: Path, trainable: bool = False) -> Any:
    """Return a PeftModel: the base in memory with the adapter in `folder`, whose weights are float32."""
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)


def save_adapter(model: Any, base: dict[str, str], folder: Path) -> None:
    """Write a PeftModel's adapter "default" and its origin into an existing folder; equal adapters give equal bytes."""
    model.peft_config["default"].base_model_name_or_path = base["base"]
    model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False)
    config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    # PEFT writes sets in the order of their hashes, which differs between processes
    write_json(folder / ADAPTER, {key: sorted(v) if _is_names(v) else v for key, v in config.items()})
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty form of a model card
    write_json(folder / ORIGIN, base)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
