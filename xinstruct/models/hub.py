"""Files of a model hub: pinned revision, resumed downloads, every large file checked by sha256.

The transfer is huggingface_hub's; $HF_ENDPOINT names another hub (a mirror, a test server) and
$HF_TOKEN opens gated repositories. What a pin leaves open (revision, hash) is read from the hub's
metadata once and kept in a lock, so that the next fetch asks for the same bytes. Before anything is
asked there is a short look whether the hub is there at all: the library tries for minutes.
"""

from __future__ import annotations

import fnmatch
import functools
import http.client
import json
import os
import queue
import re
import ssl
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, add_json, hash_path

DEFAULT = "https://huggingface.co"
_NAMED_IN = {"model": "models.yaml", "dataset": "benchmark.yaml"}
_INSTEAD = {
    "model": "put the model into a folder and name that folder, or take smollm2-135m",
    "dataset": "or put the files into a folder and name that folder (--data)",
}
_PART = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")
_LOOK = 2.0  # seconds in which a hub answers anything, or is not there
_AWAY = (502, 503, 504)  # what a gateway answers for a hub that it does not reach
Say = Callable[[str], None]


class Unavailable(BadInput):
    """A hub or one of its files cannot be had. reason: why, without the remedies of the whole text."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class RemoteFile:
    """One file of a repository at a revision; sha256 is "" if the hub has none (small text)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Hub:
    """A hub and the folder of its downloads. kind: of its repositories, "model" or "dataset"."""

    cache: Path  # finished and partial downloads
    say: Say
    kind: str = "model"

    @property
    def endpoint(self) -> str:
        """The hub's address."""
        return os.environ.get("HF_ENDPOINT", DEFAULT).rstrip("/")

    def listing(self, repo: str, revision: str | None) -> tuple[str, list[RemoteFile]]:
        """Return the exact revision and the files of a repository, from the lock or the hub's metadata."""
        lock = self.cache / "lock.json"
        locked: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8")) if lock.exists() else {}
        key = f"{'' if self.kind == 'model' else 'datasets/'}{repo}@{revision or ''}"
        if key not in locked:
            locked[key] = self._metadata(repo, revision)
            add_json(lock, {key: locked[key]})
        entry = locked[key]
        return str(entry["revision"]), [RemoteFile(**row) for row in entry["files"]]

    def place(self, repo: str, revision: str, path: str) -> Path:
        """Where a file is kept once it is downloaded."""
        return self.cache / repo.replace("/", "--") / revision / path

    def _metadata(self, repo: str, revision: str | None) -> dict[str, Any]:
        self._look(repo)
        from huggingface_hub import HfApi

        try:
            api = HfApi(endpoint=self.endpoint)
            info = api.repo_info(repo, revision=revision, repo_type=self.kind, files_metadata=True, timeout=30)
        except Exception as error:
            raise self._unreachable(repo, error) from error
        files = [
            {"path": item.rfilename, "size": item.size or 0, "sha256": item.lfs.sha256 if item.lfs else ""}
            for item in info.siblings or []
        ]
        return {"revision": info.sha, "files": files}

    def download(self, repo: str, revision: str, file: RemoteFile) -> Path:
        """Download one file completely and check it. Raises BadInput; a file with a wrong hash is removed."""
        for attempt in (1, 2):
            path = self._transfer(repo, revision, file)
            problem = mismatch(path, file.size, file.sha256)
            if not problem:
                return path
            path.unlink()
            if attempt == 1:
                self.say(f"{repo}/{file.path}: {problem}; downloading it again")
        raise BadInput(
            f"{repo}/{file.path} at {revision}: {problem}; the file was removed. If the hub at {self.endpoint} "
            "is a mirror, set HF_ENDPOINT to another one"
        )

    def _transfer(self, repo: str, revision: str, file: RemoteFile) -> Path:
        path = self.place(repo, revision, file.path)
        if path.exists():
            return path
        self._look(f"{repo}/{file.path}")
        # Plain HTTP speaks to every mirror and resumes; the library must not take another protocol.
        os.environ["HF_HUB_DISABLE_XET"] = "1"
        from huggingface_hub import hf_hub_download

        folder = self.place(repo, revision, "")
        try:
            done = hf_hub_download(
                repo, file.path, revision=revision, repo_type=self.kind, local_dir=folder, endpoint=self.endpoint
            )
        except Exception as error:
            raise self._unreachable(f"{repo}/{file.path}", error) from error
        return Path(done)

    def _look(self, what: str) -> None:
        if absence := _absence(self.endpoint):
            raise self._unreachable(what, ConnectionError(absence))

    def _unreachable(self, what: str, error: Exception) -> Unavailable:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
        if status in (401, 403):
            remedy = "the repository is gated: accept its licence on the hub and set HF_TOKEN"
        elif status == 404:
            remedy = f"see that the hub has this repository and revision ({_NAMED_IN[self.kind]})"
        else:
            remedy = (
                f"set HF_ENDPOINT to a hub that this machine reaches (a mirror), {_INSTEAD[self.kind]}; what was "
                "downloaded so far is kept"
            )
        short = f"{self.endpoint} (HF_ENDPOINT): {reason}"
        return Unavailable(f"{self.kind} {what}: cannot be had from {short}; {remedy}", short)


@functools.cache
def _absence(endpoint: str) -> str:
    """Why nothing answers at an endpoint, "" where something does. Looked at once per process."""
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    # In a thread of its own, whose socket waits longer: no timeout of a socket holds for the resolver of names.
    threading.Thread(target=lambda: heard.put(_knock(endpoint)), daemon=True).start()
    try:
        return heard.get(timeout=_LOOK)
    except queue.Empty:
        return f"no answer within {_LOOK:.0f} s"


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer, too; where it leads does not matter."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


def _knock(endpoint: str) -> str:
    try:
        request = urllib.request.Request(endpoint, method="HEAD")
        urllib.request.build_opener(_Stay).open(request, timeout=2 * _LOOK).close()
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}" if error.code in _AWAY else ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        # Certificates are the library's to judge: it may have been told of others.
        return "" if isinstance(reason, ssl.SSLError) else f"{reason}" or type(error).__name__
    return ""


def matching(files: list[RemoteFile], pattern: str, repo: str) -> list[RemoteFile]:
    """Return the one file that matches a pattern, or all parts of one. A whole file is preferred to its parts."""
    found = [file for file in files if fnmatch.fnmatchcase(file.path, pattern)]
    whole = [file for file in found if not _PART.search(file.path)]
    stems = {_PART.sub("", file.path) for file in found}
    if not found or len(stems) > 1:
        shown = ", ".join(sorted(stems)) or "no file"
        raise BadInput(f"{repo}: {pattern} should fit one model file and fits {shown}; set file in models.yaml")
    return whole or sorted(found, key=lambda file: file.path)


def mismatch(path: Path, size: int, sha256: str) -> str:
    """What is wrong with a file that should have a size and sha256 (0 and "": any), "" for nothing."""
    if size and path.stat().st_size != size:
        return f"holds {path.stat().st_size} bytes instead of {size}"
    if sha256 and (found := hash_path(path)) != sha256:
        return f"has sha256 {found} instead of {sha256}"
    return ""


def to_stderr(text: str) -> None:
    """Print a message; a `say` for manual use."""
    print(text, file=sys.stderr, flush=True)
