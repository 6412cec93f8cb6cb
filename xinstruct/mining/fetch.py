"""The pinned source packages of a list in sources.yaml, downloaded, and an index of them.

A package that cannot be had, or whose hash is another, stops the fetch with its name; what was
downloaded stays cached and a rerun goes on. Left out: looking inside (the mine stage does).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, read_yaml, replaced_folder, write_json
from xinstruct.packages import debian_source, npm, pypi

SOURCES = Path(__file__).parent / "sources.yaml"
INDEX = "sources.json"
_REGISTRIES: dict[str, Callable[[str, str, Path, str], Path]] = {"pypi": pypi, "npm": npm, "debian": debian_source}


def source_list(name: str, path: Path = SOURCES) -> list[dict[str, Any]]:
    """The entries of one list: language, registry, package, version, sha256, include. Raises BadInput."""
    lists = read_yaml(path)
    if name not in lists:
        raise BadInput(f"{path}: no list {name!r}; it has: {', '.join(lists)}")
    entries = []
    for row, entry in enumerate(lists[name]):
        missing = {"language", "registry", "package", "version"} - set(entry)
        if missing or entry["registry"] not in _REGISTRIES:
            raise BadInput(f"{path}: {name}, entry {row}: needs language, package, version and a registry of "
                           f"{', '.join(_REGISTRIES)}; got {dict(entry)}")  # fmt: skip
        entries.append({"sha256": "", "include": "", **entry, "version": str(entry["version"])})
    return entries


def fetch_sources(name: str, dest: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Download a list's packages into `dest`, with the index sources.json. Returns the index."""
    entries = source_list(name)
    wanted = {(e["registry"], e["package"], e["version"]): e["sha256"] for e in entries}
    with replaced_folder(dest) as folder:

        def get(key: tuple[str, str, str]) -> Path:
            return _REGISTRIES[key[0]](key[1], key[2], folder, wanted[key])

        with ThreadPoolExecutor(4) as pool:
            files = dict(zip(wanted, pool.map(get, wanted), strict=True))
        index = [_indexed(entry, files, say) for entry in entries]
        write_json(folder / INDEX, index)
    return index


def package_url(entry: dict[str, Any]) -> str:
    """Where a package is had from: its package URL, or the location of a folder, checkout or data set."""
    if entry.get("location"):
        return f"{entry['location']}@{entry['version']}"
    kind = "deb/debian" if entry["registry"].startswith("debian") else entry["registry"]
    return f"pkg:{kind}/{entry['package'].replace('@', '%40')}@{entry['version']}"


def _indexed(
    entry: dict[str, Any], files: dict[tuple[str, str, str], Path], say: Callable[[str], None]
) -> dict[str, Any]:
    path = files[entry["registry"], entry["package"], entry["version"]]
    digest = hash_path(path)
    if not entry["sha256"]:
        say(f"{entry['package']} {entry['version']} is not pinned by hash; its sha256 is {digest}")
    return {**entry, "sha256": digest, "file": path.name}
