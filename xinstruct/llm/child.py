"""What the embedded servers' processes share: their arguments, the line they begin with, how they end."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from types import FrameType

READY = "listening "


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def arguments(module: str, what: str, model: str) -> argparse.ArgumentParser:
    """The command line of a server module."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=f"{what} on 127.0.0.1 by the OpenAI protocol until interrupted."
    )
    parser.add_argument("--model", required=True, help=model)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--slots", type=int, default=1, help="requests answered at the same time")
    parser.add_argument("--context", type=int, default=4096, help="tokens per slot")
    parser.add_argument("--threads", type=int, default=0, help="0 takes all cores (default)")
    parser.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)
    return parser


def live_with(parent: int) -> None:
    """End at SIGTERM and SIGINT, and within a second of the parent's death (0: no parent to look after)."""
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
