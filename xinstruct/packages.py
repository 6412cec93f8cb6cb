"""Pinned archives from the package registries, through each registry's ordinary client.

PyPI by ``pip download``, npm by ``npm pack``, Debian source packages by ``apt-get source`` with a
private configuration (own source list, state and cache), so that the system's apt is neither
changed nor needed to list deb-src. Every archive is checked against its sha256, kept in
``work/downloads`` and linked to where it is wanted; a failed download is tried once more.

Left out: unpacking (``xinstruct.mining.archives``), choosing versions (the caller pins them).
Wheels are the rule for PyPI: of an sdist pip runs the build's metadata step, of a wheel nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from xinstruct.files import BadInput, hash_path, link, locked, replaced_folder, write_text
from xinstruct.plan import work_root

_SECONDS = 300  # of one client call; a hung mirror must not hang the pipeline
_APT_ETC = Path("/etc/apt")


def pypi(name: str, version: str, dest: Path, sha256: str = "", binary: bool = True) -> Path:
    """Download one distribution from PyPI into `dest`: a wheel, or with binary=False the sdist.

    Returns its path. Raises BadInput when it cannot be had or its sha256 is another.
    """
    kind = "--only-binary" if binary else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    command += [kind, ":all:", f"{name}=={version}", "--dest", "."]
    return _cached("pypi", f"{name}-{version}{'' if binary else '-sdist'}", _client(command), dest, sha256)


def npm(name: str, version: str, dest: Path, sha256: str = "") -> Path:
    """Download one package's tarball from the npm registry into `dest`. As pypi otherwise."""
    if shutil.which("npm") is None:
        raise BadInput(f"npm package {name}: the npm client is not installed; install nodejs and npm")
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
    return _cached("npm", f"{name.replace('/', '+')}-{version}", _client(command), dest, sha256)


def debian_source(name: str, version: str, dest: Path, sha256: str = "") -> Path:
    """Download the upstream tarball of a Debian source package into `dest`; returns its path.

    Only the tarball: what Debian adds (packaging, patches) is not wanted. `version` is the source
    package's, e.g. "31.1-1". Raises BadInput as pypi does, and where apt is missing.
    """
    if shutil.which("apt-get") is None:
        raise BadInput(
            f"Debian source {name}: apt-get is not on this machine; run on Debian or in a Debian container, "
            "or choose a list of sources without `debian:` entries"
        )
    home = work_root().resolve() / "downloads" / "apt"
    command = ["apt-get", *_apt_options(home), "--download-only", "--tar-only", "source", f"{name}={version}"]

    def fetch(folder: Path) -> str:
        _apt_state(home)
        return _client(command)(folder)

    key = f"{name}_{version.replace(':', '%3a')}"
    return _cached("debian", key, fetch, dest, sha256, pattern=r"\.tar\.\w+$")


def debian_binary(name: str, version: str, dest: Path, sha256: str = "") -> Path:
    """Download one .deb, for sources that a mirror keeps in built form only. As debian_source otherwise."""
    if shutil.which("apt-get") is None:
        raise BadInput(f"Debian package {name}: apt-get is not on this machine; leave `debian-binary:` entries out")
    home = work_root().resolve() / "downloads" / "apt-binary"
    command = ["apt-get", *_apt_options(home), "download", f"{name}={version}"]

    def fetch(folder: Path) -> str:
        _apt_state(home, "deb")
        return _client(command)(folder)

    return _cached("debian-binary", f"{name}_{version.replace(':', '%3a')}", fetch, dest, sha256)


# ---- the cache


def _cached(registry: str, key: str, fetch: Callable[[Path], str], dest: Path, sha256: str, pattern: str = "") -> Path:
    """Fetch into the cache unless it is there and right, then link every file into `dest`."""
    folder = work_root().resolve() / "downloads" / registry / key
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
    """A client did not get it: the folder it worked in is given up."""


def _main(folder: Path, pattern: str) -> Path:
    files = [path for path in sorted(folder.iterdir()) if re.search(pattern, path.name)]
    if len(files) != 1:
        shutil.rmtree(folder)
        raise BadInput(f"{folder}: expected one downloaded file {pattern!r}, found {len(files)}; run again")
    return files[0]


def _client(command: list[str]) -> Callable[[Path], str]:
    """A function that runs a registry client in a folder and returns its error text, "" for none."""

    def fetch(folder: Path) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_SECONDS} s"
        if done.returncode == 0 and any(folder.iterdir()):
            return ""
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        return _superseded(command, " | ".join(lines[-3:]) or f"exit status {done.returncode}")

    return fetch


# ---- apt, kept apart from the system's


def _superseded(command: list[str], error: str) -> str:
    if command[0] != "apt-get" or not re.search(r"Can not find version|Unable to find a source", error):
        return error
    name = command[-1].partition("=")[0]
    options = command[1 : command.index("--download-only")]
    shown = subprocess.run(
        ["apt-cache", *options, "showsrc", name], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    versions = sorted(set(re.findall(r"^Version: (\S+)$", shown.stdout, re.MULTILINE)))
    known = f"the mirror has {', '.join(versions)}" if versions else "the mirror does not have the package"
    return (
        f"{command[-1]} is no longer in this machine's Debian mirror ({known}). Put the version into the source "
        f"list (xinstruct/mining/sources.yaml), leave its sha256 empty and run fetch: it prints the new one."
    )


def _apt_options(home: Path) -> list[str]:
    """Options that point apt at the private folders; the system's proxy settings and keys still hold."""
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": str(home / "sources"),
        "Dir::State": str(home / "state"),
        "Dir::State::status": str(home / "status"),
        "Dir::Cache": str(home / "cache"),
        "APT::Sandbox::User": "root",  # the folders may lie where the user _apt cannot look
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "APT::Get::List-Cleanup": "false",
    }
    return [option for key, value in settings.items() for option in ("-o", f"{key}={value}")] + ["-q"]


def _apt_state(home: Path, kind: str = "deb-src") -> None:
    """Make the private apt state once: source list and package lists. Raises BadInput when there is none."""
    with locked(home.with_name(f".{home.name}.lock")):
        if (home / "ready").exists():
            return
        for folder in ("sources", "state/lists/partial", "cache/archives/partial"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        write_text(home / "status", "")
        lines = deb_src_lines(_APT_ETC)
        write_text(home / "sources" / "src.list", re.sub(r"(?m)^deb-src ", f"{kind} ", lines))
        update = ["apt-get", *_apt_options(home), "update"]
        done = subprocess.run(
            update, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False
        )
        if done.returncode or not any(
            (home / "state" / "lists").glob("*Sources*" if kind == "deb-src" else "*Packages*")
        ):
            raise BadInput(f"apt-get update of the private source lists failed: {done.stderr.strip()[-500:]}")
        write_text(home / "ready", "")


def deb_src_lines(etc: Path) -> str:
    """deb-src lines for the archives this machine's apt already uses, from both notations.

    Raises BadInput when the machine names none.
    """
    lines: list[str] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if not path.is_file() or path.suffix not in {".list", ".sources"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        lines += _deb822(text) if path.suffix == ".sources" else _one_line(text)
    if not lines:
        raise BadInput(f"{etc}: no package archive is configured, so there is none to take Debian sources from")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _one_line(text: str) -> list[str]:
    found = re.findall(r"^\s*deb(?:-src)?\s+(.+?)\s*(?:#.*)?$", text, re.MULTILINE)
    return [f"deb-src {rest}" for rest in found if re.search(r"\bmain\b", rest)]


def _deb822(text: str) -> list[str]:
    lines = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", re.sub(r"(?m)^#.*\n?", "", stanza), re.MULTILINE))
        if fields.get("Enabled", "yes").lower() == "no" or "main" not in fields.get("Components", "").split():
            continue
        key = fields.get("Signed-By", "")
        option = f"[signed-by={key}] " if key.startswith("/") else ""
        for uri in fields.get("URIs", "").split():
            lines += [f"deb-src {option}{uri} {suite} main" for suite in fields.get("Suites", "").split()]
    return lines
