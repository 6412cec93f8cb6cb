"""The sandbox's self-test: attacks that run inside it and print which of them were stopped.

Argument: JSON {"port", "private", "marker"}: a port that listens on the host's loopback, files that lie outside, a
text in the environment of the judging process.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any


def attempt(action: Callable[[], Any]) -> bool:
    """Tell whether the action succeeded."""
    try:
        action()
    except Exception:
        return False
    return True


def connects(address: tuple[str, int]) -> bool:
    """Tell whether a connection could be made."""
    return attempt(lambda: socket.create_connection(address, timeout=0.3).close())


def write(path: str) -> None:
    """Create a file."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("x")


def read(path: str) -> str:
    """Return a file's bytes as text, whatever they are."""
    with open(path, encoding="latin-1") as handle:
        return handle.read()


def status() -> dict[str, str]:
    """Return the fields of /proc/self/status."""
    lines = [line.split(":", 1) for line in read("/proc/self/status").splitlines()]
    return {key: value.strip() for key, value in lines}


def main() -> None:
    """Try all attacks and print {guarantee: whether it holds}."""
    outer = json.loads(sys.argv[1])
    mine = status()
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    places = [f"{folder}/xinstruct-was-here" for folder in ("/usr", "/etc", "/bin", "/dev", "", "/usr/local/bin")]
    environ = "".join(read(f"/proc/{pid}/environ") for pid in pids if os.access(f"/proc/{pid}/environ", os.R_OK))
    results = {
        "network": not connects(("127.0.0.1", outer["port"])) and not connects(("1.1.1.1", 53)),
        "files": not any(map(os.path.lexists, outer["private"])),
        "writes": not any(attempt(lambda place=place: write(place)) for place in places),  # type: ignore[misc]
        "processes": len(pids) < 8,
        "environment": outer["marker"] not in environ and outer["marker"] not in str(os.environ),
        "user": os.getuid() != 0 and os.geteuid() != 0,
        "privileges": int(mine["CapEff"], 16) == 0 and mine["NoNewPrivs"] == "1",
        "seccomp": mine.get("Seccomp") == "2",
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
