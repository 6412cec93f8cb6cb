"""Debian's archives by apt-get with a private configuration: own source list, state and cache.

The system's apt is neither changed nor needed to list deb-src. Left out: caching and hashes
(xinstruct/packages.py).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from xinstruct.files import BadInput, locked, write_text
from xinstruct.packages import clients

_ETC = Path("/etc/apt")


def fetch(packages: Sequence[tuple[str, str]], source: bool, downloads: Path, folder: Path) -> str:
    """Download source tarballs, or .deb files, of (name, version) into a folder, by one call.

    The private state is in `downloads`. Returns apt's error text, "" for none. Raises BadInput when the package lists
    cannot be downloaded.
    """
    home = downloads / ("apt" if source else "apt-binary")
    _prepare(home, "deb-src" if source else "deb")
    options = _options(home)
    what = ["--download-only", "--tar-only", "source"] if source else ["download"]
    error = clients.call(["apt-get", *options, *what, *(f"{name}={version}" for name, version in packages)], folder)
    if len(packages) == 1 and re.search(r"Can not find version|Unable to find a source", error):
        return _superseded(*packages[0], options)
    return error


def _superseded(name: str, version: str, options: list[str]) -> str:
    command = ["apt-cache", *options, "showsrc", name]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    versions = sorted(set(re.findall(r"^Version: (\S+)$", shown.stdout, re.MULTILINE)))
    known = f"the mirror has {', '.join(versions)}" if versions else "the mirror does not have the package"
    return (
        f"{name}={version} is no longer in this machine's Debian mirror ({known}). Put the version into the source "
        "list (xinstruct/mining/sources.yaml), leave its sha256 empty and run fetch: it prints the new one."
    )


def _options(home: Path) -> list[str]:
    """Return options that point apt at the private folders; the system's proxy settings and keys still apply."""
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


def _prepare(home: Path, kind: str) -> None:
    """Make the private apt state once: source list and package lists. Raises BadInput when that fails."""
    with locked(home.with_name(f".{home.name}.lock")):  # of other threads and other processes
        if (home / "ready").exists():
            return
        for folder in ("sources", "state/lists/partial", "cache/archives/partial"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        write_text(home / "status", "")
        lines = deb_src_lines(_ETC)
        write_text(home / "sources" / "src.list", re.sub(r"(?m)^deb-src ", f"{kind} ", lines))
        error = clients.call(["apt-get", *_options(home), "update"], home)
        if error or not any((home / "state" / "lists").glob("*Sources*" if kind == "deb-src" else "*Packages*")):
            raise BadInput(f"apt-get update of the private source lists failed: {error[-500:]}")
        write_text(home / "ready", "")


def deb_src_lines(etc: Path) -> str:
    """Return deb-src lines for the archives that this machine's apt already uses, from both notations.

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
