"""Helpers for processes: cores, which one this is of several that train together, workers' ends, git's output."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from types import FrameType


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def rank() -> int:
    """Return the number of this process among those that train together; 0 for the first, and for one alone."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def git(*words: str) -> str:
    """What a git command prints in this folder, "" when it fails."""
    done = subprocess.run(["git", *words], capture_output=True, encoding="utf-8", errors="replace", check=False)
    return done.stdout if done.returncode == 0 else ""


def live_with(parent: int) -> None:
    """End at SIGTERM and SIGINT, and within a second of the parent's death (0: no parent to watch)."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    if parent:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # Whatever thread of the parent started this process: prctl's death signal would follow the thread.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)  # nothing to save; llama.cpp's own shutdown may wait for requests in flight
