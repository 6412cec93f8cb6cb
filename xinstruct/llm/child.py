"""The common part of the embedded servers' command lines: their arguments, and the first line of their output."""

from __future__ import annotations

import argparse

READY = "listening "


def arguments(module: str, what: str, model: str) -> argparse.ArgumentParser:
    """Return the argument parser of a server module."""
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
