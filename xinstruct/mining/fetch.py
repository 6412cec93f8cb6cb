"""The pinned source packages of a list in sources.yaml: their downloads and an index of them.

A package that is unavailable, or whose hash differs, fails the fetch with its name; the others are downloaded and stay
cached, so a rerun resumes. The mine stage reads the archives.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, add_json, hash_path, read_yaml, write_json
from xinstruct.mining import local
from xinstruct.packages import REGISTRIES, Archive, get, get_together
from xinstruct.packages.downloads import Downloads, Task
from xinstruct.plan import work_root

SOURCES = Path(__file__).parent / "sources.yaml"
DATA_FILES = ("sources.yaml",)
INDEX = "sources.json"
LOCK = "sources.lock.json"  # in work/downloads: what every unpinned source was when it was first fetched
_TOGETHER = 10  # archives of one call of a client
_LOCAL = {"folder", "git", "hub"}
_KEY = tuple[str, str, str]


def source_list(name: str, path: Path = SOURCES) -> list[dict[str, Any]]:
    """Return the entries of one list: language, registry, package, version, sha256, include. Raises BadInput."""
    lists = read_yaml(path)
    if name not in lists:
        raise BadInput(f"{path}: no list {name!r}; it has: {', '.join(lists)}")
    entries, known = [], {*REGISTRIES, *_LOCAL}
    for row, entry in enumerate(lists[name]):
        missing = {"language", "registry", "package", "version"} - set(entry)
        if missing or entry["registry"] not in known or (entry["registry"] in _LOCAL and not entry.get("location")):
            kinds = ", ".join(sorted(known))
            raise BadInput(f"{path}: {name}, entry {row}: needs language, package, version and a registry of {kinds} "
                           f"(and a location, where it is local); got {dict(entry)}")  # fmt: skip
        entries.append({"sha256": "", "include": "", **entry, "version": str(entry["version"])})
    return entries


class Sources:
    """The packages of a list, which are downloaded into a folder with the index sources.json."""

    def __init__(self, name: str, dest: Path, path: Path = SOURCES) -> None:
        """Raises BadInput as source_list does."""
        self.dest = dest
        self.entries = source_list(name, path)
        self.wanted = {_key(entry): entry for entry in self.entries}
        self.files: dict[_KEY, Path] = {}
        self._lock = work_root() / "downloads" / LOCK
        self._locked = json.loads(self._lock.read_text(encoding="utf-8")) if self._lock.exists() else {}

    def tasks(self, downloads: Downloads) -> list[Task]:
        """Return independent download tasks; the registries take turns."""
        self.dest.mkdir(parents=True, exist_ok=True)
        parts = [self._parts(kind) for kind in dict.fromkeys(key[0] for key in self.wanted)]
        return [partial(self._part, downloads, keys) for keys in chain.from_iterable(zip_longest(*parts)) if keys]

    def index(self, say: Callable[[str], None]) -> list[dict[str, Any]]:
        """Write the index and return it; unpinned entries are reported, and locked from now on."""
        index = [_indexed(entry, self.files, say) for entry in self.entries]
        write_json(self.dest / INDEX, index)
        add_json(self._lock, {" ".join(_key(entry)): entry["sha256"] for entry in index})
        return index

    def _parts(self, registry: str) -> list[list[_KEY]]:
        keys = [key for key in self.wanted if key[0] == registry]
        return [keys[start : start + _TOGETHER] for start in range(0, len(keys), _TOGETHER)]

    def _part(self, downloads: Downloads, keys: list[_KEY]) -> None:
        archives = {key: Archive(*key, self._pin(key)) for key in keys if key[0] in REGISTRIES}
        if archives:
            get_together(list(archives.values()))
        for key in keys:
            if path := downloads.attempt(key[1], partial(self._one, key, archives.get(key))):
                self.files[key] = path

    def _one(self, key: _KEY, archive: Archive | None) -> Path:
        if archive:
            return get(archive, self.dest)
        return _checked(_local(self.wanted[key], self.dest), key, self._pin(key))

    def _pin(self, key: _KEY) -> str:
        return str(self.wanted[key]["sha256"] or self._locked.get(" ".join(key), ""))


def _key(entry: dict[str, Any]) -> _KEY:
    return entry["registry"], entry["package"], entry["version"]


def _local(entry: dict[str, Any], dest: Path) -> Path:
    """Pack a source that is in no registry into one file."""
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
    """Return the package URL of an entry, or the location of a folder, checkout or data set."""
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
