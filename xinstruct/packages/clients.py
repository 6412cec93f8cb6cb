"""Registry clients as child processes that can be ended from outside.

Each call has a process group of its own: ``end_all`` ends every client and its children, whatever thread waits for it.
The clients of the registries are chosen in xinstruct/packages.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

SECONDS = 300  # of one call; a hung mirror must not hang the pipeline
_lock = threading.Lock()
_running: set[subprocess.Popen[str]] = set()
_ended = threading.Event()


class Ended(Exception):
    """The call was ended by `end_all`, or not started because of it."""


def call(command: list[str], folder: Path) -> str:
    """Run a client in a folder that it fills. Returns its error text, "" for none. Raises Ended."""
    # Inside the folder, so that what is still coming can be seen there.
    with tempfile.TemporaryDirectory(prefix=".coming-", dir=folder.resolve(), ignore_cleanup_errors=True) as scratch:
        code, said = _run(command, folder, scratch)
    if code == 0 and any(folder.iterdir()):
        return ""
    lines = [line for line in said.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or f"exit status {code}"


def allow() -> None:
    """Let clients run again after `end_all`."""
    _ended.clear()


def end_all() -> None:
    """End all running clients at once, and start none until `allow`."""
    with _lock:
        _ended.set()
        for process in _running:
            _kill(process)


def _run(command: list[str], folder: Path, scratch: str) -> tuple[int, str]:
    with _lock:
        if _ended.is_set():
            raise Ended
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        _running.add(process)
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {SECONDS} s"
    finally:
        _forget(process)
    if _ended.is_set():
        raise Ended
    return process.returncode, err if err.strip() else out


def _forget(process: subprocess.Popen[str]) -> None:
    with _lock:
        _running.discard(process)
        _kill(process)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
