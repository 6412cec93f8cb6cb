"""The pinned source packages of a list in sources.yaml, downloaded, and an index of them.

A package that cannot be had, or whose hash is another, stops the fetch with its name; what was
downloaded stays cached and a rerun goes on. Left out: looking inside (the mine stage does).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, read_yaml, replaced_folder, write_json
from xinstruct.mining import local
from xinstruct.packages import debian_binary, debian_source, npm, pypi
from xinstruct.plan import work_root

SOURCES = Path(__file__).parent / "sources.yaml"
DATA_FILES = ("sources.yaml",)
INDEX = "sources.json"
LOCK = "sources.lock.json"  # in work/downloads: what every unpinned source was when it was first fetched
_PINNED: dict[str, Callable[[str, str, Path, str], Path]] = {
    "pypi": pypi,
    "pypi-sdist": partial(pypi, binary=False),
    "npm": npm,
    "debian": debian_source,
    "debian-binary": debian_binary,
}
_LOCAL = {"folder", "git", "hub"}
_KEY = tuple[str, str, str]


def source_list(name: str, path: Path = SOURCES) -> list[dict[str, Any]]:
    """The entries of one list: language, registry, package, version, sha256, include. Raises BadInput."""
    lists = read_yaml(path)
    if name not in lists:
        raise BadInput(f"{path}: no list {name!r}; it has: {', '.join(lists)}")
    entries, known = [], {*_PINNED, *_LOCAL}
    for row, entry in enumerate(lists[name]):
        missing = {"language", "registry", "package", "version"} - set(entry)
        if missing or entry["registry"] not in known or (entry["registry"] in _LOCAL and not entry.get("location")):
            kinds = ", ".join(sorted(known))
            raise BadInput(f"{path}: {name}, entry {row}: needs language, package, version and a registry of {kinds} "
                           f"(and a location, where it is local); got {dict(entry)}")  # fmt: skip
        entries.append({"sha256": "", "include": "", **entry, "version": str(entry["version"])})
    return entries


def fetch_sources(name: str, dest: Path, say: Callable[[str], None], path: Path = SOURCES) -> list[dict[str, Any]]:
    """Download a list's packages into `dest`, with the index sources.json. Returns the index."""
    entries = source_list(name, path)
    lock = work_root() / "downloads" / LOCK
    locked = json.loads(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    wanted = {_key(entry): entry for entry in entries}
    with replaced_folder(dest) as folder:

        def get(key: _KEY) -> Path:
            entry = wanted[key]
            pin = entry["sha256"] or locked.get(" ".join(key), "")
            if entry["registry"] in _PINNED:
                return _PINNED[key[0]](key[1], key[2], folder, pin)
            return _checked(_local(entry, folder), key, pin)

        with ThreadPoolExecutor(4) as pool:
            files = dict(zip(wanted, pool.map(get, wanted), strict=True))
        index = [_indexed(entry, files, say) for entry in entries]
        write_json(folder / INDEX, index)
    write_json(lock, locked | {" ".join(_key(entry)): entry["sha256"] for entry in index})
    return index


def _key(entry: dict[str, Any]) -> _KEY:
    return entry["registry"], entry["package"], entry["version"]


def _local(entry: dict[str, Any], dest: Path) -> Path:
    """Pack a source that no registry keeps into one file."""
    place, name, version = entry["location"], entry["package"], entry["version"]
    if entry["registry"] == "folder":
        return local.folder(place, name, dest)
    if entry["registry"] == "git":
        return local.git(place, name, version, dest)
    return local.hub(place, name, version, dest, int(entry.get("rows", 100_000)))


def _checked(path: Path, key: _KEY, pin: str) -> Path:
    if pin and (got := hash_path(path)) != pin:
        raise BadInput(f"{' '.join(key)}: sha256 is {got}, pinned is {pin}; it changed since it was first fetched. "
                       f"Give it a new version, or take its line out of {LOCK}.")  # fmt: skip
    return path


def package_url(entry: dict[str, Any]) -> str:
    """Where a package is had from: its package URL, or the location of a folder, checkout or data set."""
    if entry.get("location"):
        return f"{entry['location']}@{entry['version']}"
    kind = {"debian": "deb/debian", "debian-binary": "deb/debian", "pypi-sdist": "pypi"}.get(
        entry["registry"], entry["registry"]
    )
    return f"pkg:{kind}/{entry['package'].replace('@', '%40')}@{entry['version']}"


def _indexed(
    entry: dict[str, Any], files: dict[tuple[str, str, str], Path], say: Callable[[str], None]
) -> dict[str, Any]:
    path = files[_key(entry)]
    digest = hash_path(path)
    if not entry["sha256"]:
        say(f"{entry['package']} {entry['version']} is not pinned by hash; its sha256 is {digest}")
    return {**entry, "sha256": digest, "file": path.name}
