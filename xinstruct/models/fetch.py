"""Get the teacher and the student: by name from the registry, from a folder, or not at all (an endpoint).

Downloads are kept in work/downloads, checked by sha256 each time they are used, and linked into
the output, so a repeated or interrupted fetch downloads nothing twice. ``model.json`` beside the
weights says what they are. Left out: choosing between models, where a GGUF file comes from (sources.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, link, locked, replaced_folder, write_json, write_text
from xinstruct.models import sources
from xinstruct.models.adapters import is_adapter
from xinstruct.models.convert import gguf_to_folder
from xinstruct.models.gguf_file import unreadable
from xinstruct.models.hub import Unavailable
from xinstruct.models.merge import fill_merged
from xinstruct.models.registry import Model, find, is_url, models
from xinstruct.models.sources import hash_all
from xinstruct.params import Engine

Say = Callable[[str], None]
_CONVERSION = "1"  # raise when convert.py writes other bytes
_CHECKPOINT = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")  # of a hub repository


def fetch_teacher(
    model: str | list[str], dest: Path, say: Say, served_as: str = "", engine: Engine = "auto"
) -> dict[str, Any]:
    """Fill the folder `dest` with the model that answers. Returns the content of its model.json.

    A list of URLs stands for replicas of one model. engine: the engine that runs a model here; auto selects the one
    that models.yaml names, and for a folder the one that its files are for.
    """
    dest.mkdir(parents=True, exist_ok=True)
    if isinstance(model, list):
        facts = _replicas(model, served_as)
    elif is_url(model):
        facts = {"name": model, "kind": "endpoint", "base_url": model, "served_as": served_as}
    elif Path(model).is_dir():
        facts = _teacher_folder(Path(model), dest, engine)
    else:
        facts = _teacher_named(find(model), dest, say, engine)
    if facts["kind"] == "gguf":
        facts["engine"] = _runner(facts, dest / str(facts["file"]), engine)
    unknown = {"base_url": "", "file": "", "sha256": "", "size": 0, "license": "", "context": 0, "capable": True}
    facts = unknown | facts
    write_json(dest / "model.json", facts)
    return facts


def _runner(facts: dict[str, Any], file: Path, engine: Engine) -> str:
    """What runs a GGUF file: as asked for, as its entry says, else OpenVINO where it can read the file."""
    if engine != "auto":
        return engine
    entry = models().get(str(facts["name"]))
    return entry.engine if entry else "llamacpp" if unreadable(file) else "openvino"


def fetch_student(model: str, dest: Path, say: Say) -> dict[str, Any]:
    """Fill the folder `dest` with a plain transformers checkpoint. Returns name, source and size."""
    dest.mkdir(parents=True, exist_ok=True)
    if is_url(model):
        raise BadInput(f"student.model {model}: fine-tuning needs weights, not an endpoint; name a model or a folder")
    if Path(model).is_dir():
        return {"name": model, "source": "folder", **_student_folder(Path(model), dest)}
    return {"name": model} | _checkpoint(find(model), dest, say, "student")


def _checkpoint(entry: Model, dest: Path, say: Say, role: str) -> dict[str, Any]:
    """Make a registered model a transformers checkpoint: the hub's, else its GGUF file dequantised.

    A teacher is the pinned GGUF file's wherever there is one: its answers are kept under the hash of its weights,
    which must not depend on whether a hub was there.
    """
    facts: dict[str, Any] = {}
    tried: list[str] = []
    if entry.safetensors and not (role == "teacher" and entry.gguf.sha256):
        try:
            facts = _from_hub(entry, dest, say)
        except Unavailable as error:
            if not entry.gguf.sha256:
                raise
            tried = [f"hub {entry.safetensors['repo']}: {error.reason}"]
            say(f"{entry.name}: no checkpoint from {tried[0]}; {entry.gguf.file} is dequantised instead")
    if not facts:
        gguf, facts = sources.gguf(entry, say, role, tried)
        _converted(gguf[0], facts["sha256"], entry.context, dest, say)
        facts |= {"weights": f"dequantised from {entry.gguf.file}"} if tried else {}
    return {"license": entry.license} | facts | {"size": _size(dest)}


def _replicas(urls: list[str], served_as: str) -> dict[str, Any]:
    if wrong := [url for url in urls if not is_url(str(url))]:
        raise BadInput(f"teacher.model: a list must hold URLs only, not {wrong[0]!r}")
    shared = {"kind": "endpoint", "base_url": urls[0], "served_as": served_as}
    return shared | {"name": ", ".join(urls), "base_urls": list(urls)}


# ---- from a folder


def _teacher_folder(folder: Path, dest: Path, engine: Engine) -> dict[str, Any]:
    found = sorted(folder.glob("*.gguf"))
    if engine == "batched" or (engine == "auto" and not found):
        return {"name": folder.name, "kind": "safetensors", **_student_folder(folder, dest, "teacher")}
    if not found:
        raise BadInput(f"teacher.model {folder}: holds no .gguf file; set teacher.engine to batched for a checkpoint")
    first = found[0]
    if len(found) > 1 and "-00001-of-" not in first.name:
        raise BadInput(f"teacher.model {folder}: holds {len(found)} GGUF files; leave the one that is meant")
    for path in found:
        link(path, dest / path.name)
    size = sum(path.stat().st_size for path in found)
    return {"name": folder.name, "kind": "gguf", "file": first.name, "sha256": hash_all(found), "size": size}


def _student_folder(folder: Path, dest: Path, whose: str = "student") -> dict[str, Any]:
    ggufs = sorted(folder.glob("*.gguf"))
    if (folder / "config.json").exists() and list(folder.glob("*.safetensors")):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            link(path, dest / path.relative_to(folder))
    elif len(ggufs) == 1:
        gguf_to_folder(ggufs[0], dest)
    elif is_adapter(folder):
        fill_merged(folder, dest)
    else:
        raise BadInput(f"{whose}.model {folder}: holds neither a transformers checkpoint nor one GGUF file")
    return {"sha256": hash_path(dest), "size": _size(dest)}


# ---- by name


def _teacher_named(model: Model, dest: Path, say: Say, engine: Engine) -> dict[str, Any]:
    described = {"name": model.name, "license": model.license, "context": model.context, "capable": model.capable}
    if (model.engine if engine == "auto" else engine) == "batched":
        facts = _checkpoint(model, dest, say, "teacher")
        # What it is asked as: the weights that run, which the GGUF file they came from does not name.
        return {**described, "kind": "safetensors", **facts, "sha256": hash_path(dest)}
    paths, facts = sources.gguf(model, say)
    for path in paths:
        link(path, dest / path.name)
    size = sum(path.stat().st_size for path in paths)
    return {**described, "kind": "gguf", "file": paths[0].name, "size": size, **facts}


def _from_hub(model: Model, dest: Path, say: Say) -> dict[str, Any]:
    """The checkpoint of a hub; `dest` stays empty until all of it is there."""
    hub = sources.hub(say)
    repo = str(model.safetensors["repo"])
    revision, listing = hub.listing(repo, model.safetensors.get("revision"))
    files = [file for file in listing if any(Path(file.path).match(shape) for shape in _CHECKPOINT)]
    if not any(file.path.endswith(".safetensors") for file in files):
        raise BadInput(f"{repo} at {revision}: holds no safetensors weights")
    say(f"{model.name}: {sum(file.size for file in files) / 1e6:.0f} MB from {repo} at {revision[:12]}")
    with locked(sources.downloads() / "hub.lock"):
        paths = [hub.download(repo, revision, file) for file in files]
    for path, file in zip(paths, files, strict=True):
        link(path, dest / file.path)
    return {"source": f"hub {repo}", "revision": revision, "sha256": hash_path(dest)}


def _converted(gguf: Path, sha256: str, context: int, dest: Path, say: Say) -> None:
    """Make the dequantised checkpoint of a GGUF file once, then link it (its hashes are checked)."""
    kept = sources.downloads() / "converted" / f"{sha256[:32]}-{_CONVERSION}"
    seal = kept.with_name(f"{kept.name}.sha256")
    with locked(sources.downloads() / "converted.lock"):
        if not (seal.exists() and kept.is_dir() and seal.read_text(encoding="utf-8") == hash_path(kept)):
            say(f"{gguf.name}: dequantising to bf16 safetensors")
            with replaced_folder(kept) as folder:
                gguf_to_folder(gguf, folder, context)
            write_text(seal, hash_path(kept))
    for path in sorted(kept.iterdir()):
        link(path, dest / path.name)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
