"""Pinned archives from the package registries, through each registry's ordinary client.

PyPI by ``pip download``, npm by ``npm pack``, Debian by ``apt-get`` (debian.py). Every
archive is checked against its sha256, kept in ``work/downloads`` and linked to where it is wanted; a
failed download is tried once more. One call of a client can bring many archives (a start of pip or npm
costs about a CPU-second).

Left out: unpacking (``xinstruct.mining.archives``), choosing versions (the caller pins them).
Wheels are the rule for PyPI: of an sdist pip runs the build's metadata step, of a wheel nothing.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xinstruct.files import BadInput, hash_path, link, locked, replaced_folder
from xinstruct.packages import clients, debian
from xinstruct.plan import work_root

REGISTRIES = ("pypi", "pypi-sdist", "npm", "debian", "debian-binary")


@dataclass(frozen=True)
class Archive:
    """One archive of a registry (one of REGISTRIES); sha256 is optional.

    A "debian" source package stands for the upstream tarball only: Debian's additions (packaging, patches) are not
    used. Its version is the source package's, e.g. "31.1-1". "debian-binary" is one .deb, for sources that a mirror
    keeps in built form only.
    """

    registry: str
    name: str
    version: str
    sha256: str = ""

    @property
    def key(self) -> str:
        """The archive's name in the cache of its registry."""
        if self.registry.startswith("debian"):
            return f"{self.name}_{self.version.replace(':', '%3a')}"
        return f"{self.name.replace('/', '+')}-{self.version}{'-sdist' if self.registry == 'pypi-sdist' else ''}"

    @property
    def folder(self) -> Path:
        """The folder in which it is kept."""
        return _downloads() / self.registry.removesuffix("-sdist") / self.key


def pypi(name: str, version: str, dest: Path, sha256: str = "") -> Path:
    """Return `get` of a wheel on PyPI."""
    return get(Archive("pypi", name, version, sha256), dest)


def get(archive: Archive, dest: Path) -> Path:
    """Download an archive unless it is cached, and link it into `dest`. Returns its path.

    Raises BadInput when it is unavailable (twice), its sha256 differs or its client is not installed.
    """
    _need_client(archive)
    pattern = r"\.tar\.\w+$" if archive.registry == "debian" else ""
    registry = archive.folder.parent.name
    return _cached(registry, archive.key, lambda folder: _fetch([archive], folder), dest, archive.sha256, pattern)


def get_once(archive: Archive, folder: Path) -> Path:
    """Download an archive that is read once into a folder of its own, unless it lies there. Returns its path.

    Neither our cache nor the client's keeps it: who reads it removes the folder and checks what was read. Raises
    BadInput when it cannot be had (twice) or its client is not installed.
    """
    _need_client(archive)
    if not folder.exists():
        _download(archive.registry, archive.key, lambda fresh: _fetch([archive], fresh, cached=False), folder)
    return _main(folder, "")


def get_together(archives: Sequence[Archive]) -> None:
    """Download archives of one registry into the cache by one call of its client, as far as possible.

    It handles only missing archives with a sha256, which tells the files apart. `get` reports the error of an archive
    that did not arrive.
    """
    missing = {archive.sha256: archive for archive in archives if archive.sha256 and not archive.folder.exists()}
    if len(missing) < 2 or not shutil.which(_client(archives[0])):
        return
    parent = archives[0].folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".together-", dir=parent) as name:
        try:
            with contextlib.suppress(BadInput):
                _fetch(list(missing.values()), Path(name))
        finally:  # an ended client leaves whole files, too
            for path in [path for path in Path(name).iterdir() if path.is_file()]:
                if archive := missing.get(hash_path(path)):
                    _keep(archive, path)


def _keep(archive: Archive, path: Path) -> None:
    folder = archive.folder
    with locked(folder.parent / f".{archive.key}.lock"):
        if not folder.exists():
            with replaced_folder(folder) as fresh:
                path.rename(fresh / path.name)


# ---- the clients


def _client(archive: Archive) -> str:
    return {"npm": "npm", "debian": "apt-get", "debian-binary": "apt-get"}.get(archive.registry, sys.executable)


def _need_client(archive: Archive) -> None:
    if shutil.which(_client(archive)):
        return
    if archive.registry == "npm":
        raise BadInput(f"npm package {archive.name}: the npm client is not installed; install nodejs and npm")
    raise BadInput(
        f"Debian package {archive.name}: apt-get is not on this machine; run on Debian or in a Debian container, "
        f"or choose a list of sources without `{archive.registry}:` entries"
    )


def _fetch(archives: Sequence[Archive], folder: Path, cached: bool = True) -> str:
    """Download archives of one registry into a folder. Returns the client's error text, "" for none."""
    registry, names = archives[0].registry, [archive.name for archive in archives]
    if registry.startswith("debian"):
        wanted = [(archive.name, archive.version) for archive in archives]
        return debian.fetch(wanted, registry == "debian", _downloads(), folder)
    if registry == "npm":
        specs = [f"{archive.name}@{archive.version}" for archive in archives]
        return clients.call(["npm", "pack", "--silent", "--ignore-scripts", *specs], folder)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    # Of an sdist alone: what its build needs comes as wheels, or pip would build that from source as well.
    command += [] if cached else ["--no-cache-dir"]
    command += ["--only-binary", ":all:"] if registry == "pypi" else ["--no-binary", ",".join(names)]
    command += [f"{archive.name}=={archive.version}" for archive in archives]
    return clients.call([*command, "--dest", "."], folder)


def _downloads() -> Path:
    return work_root().resolve() / "downloads"


# ---- the cache


def _cached(registry: str, key: str, fetch: Callable[[Path], str], dest: Path, sha256: str, pattern: str = "") -> Path:
    """Fetch into the cache unless a correct copy is there, then link every file into `dest`."""
    folder = _downloads() / registry / key
    with locked(folder.parent / f".{key}.lock"):
        if folder.exists() and sha256 and hash_path(_main(folder, pattern)) != sha256:
            shutil.rmtree(folder)  # stale or damaged: one fresh download decides
        if not folder.exists():
            _download(registry, key, fetch, folder)
        main = _main(folder, pattern)
        if sha256 and (got := hash_path(main)) != sha256:
            shutil.rmtree(folder)
            raise BadInput(f"{registry} {key}: sha256 is {got}, pinned is {sha256}; refused. Check the pin.")
        dest.mkdir(parents=True, exist_ok=True)
        for item in sorted(folder.iterdir()):
            link(item, dest / item.name)
    return dest / main.name


def _download(registry: str, key: str, fetch: Callable[[Path], str], folder: Path) -> None:
    error = ""
    for _attempt in range(2):
        try:
            with replaced_folder(folder) as fresh:
                if error := fetch(fresh):
                    raise _Failed
            return
        except _Failed:
            continue
    raise BadInput(f"{registry} {key}: cannot be downloaded: {error}")


class _Failed(Exception):
    """A client failed; the folder it worked in is abandoned."""


def _main(folder: Path, pattern: str) -> Path:
    files = [path for path in sorted(folder.iterdir()) if re.search(pattern, path.name)]
    if len(files) != 1:
        shutil.rmtree(folder)
        raise BadInput(f"{folder}: expected one downloaded file {pattern!r}, found {len(files)}; run again")
    return files[0]
