"""The guarantees of a sandbox on this machine, tested by attacks before any program is run in it.

The isolation itself is in tiers.py, the attacks are in attacks.py, which runs inside.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from xinstruct.execution.limits import Limits
from xinstruct.files import BadInput
from xinstruct.surroundings import home

if TYPE_CHECKING:
    from xinstruct.execution.sandbox import Sandbox

ESSENTIAL = ("network", "files", "writes", "processes", "environment", "user", "privileges")
_ATTACKS = Path(__file__).with_name("attacks.py")
DATA_FILES = ("attacks.py",)
_tested: dict[str, dict[str, bool]] = {}
_testing = threading.Lock()


def guarantees(sandbox: Sandbox) -> dict[str, bool]:
    """Return which guarantees hold, tested once per process and tier.

    Keys: network, files, writes, processes, environment, user, privileges, seccomp, cgroup, addresses.
    Raises BadInput when the sandbox cannot start or an essential guarantee does not hold.
    """
    with _testing:
        if sandbox.tier not in _tested:
            _tested[sandbox.tier] = _attack(sandbox)
    results = _tested[sandbox.tier]
    if broken := [name for name in ESSENTIAL if not results.get(name)]:
        raise BadInput(f"the {sandbox.tier} sandbox does not hold here: {', '.join(broken)}")
    return dict(results)


def _private() -> list[str]:
    """Return some files and folders of the user's home."""
    own = home()
    if not own or str(own) == "/" or not os.access(own, os.R_OK):
        return []
    return [str(place) for place in sorted(own.iterdir()) if not place.is_relative_to("/usr")][:50]


def _attack(sandbox: Sandbox) -> dict[str, bool]:
    secret = sandbox.scratch / "secret"
    secret.write_text("x", encoding="utf-8")
    secret.chmod(0o644)
    marker = f"XINSTRUCT_{secrets.token_hex(8)}"
    os.environ[marker] = marker
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            private = [str(secret), *_private()]
            outer = {"port": server.getsockname()[1], "private": private, "marker": marker}
            files = {"attacks.py": _ATTACKS.read_text(encoding="utf-8")}
            line = ("python3", "-I", "-S", "attacks.py", json.dumps(outer))
            result = sandbox.run(line, Limits(), files=files)
    finally:
        del os.environ[marker]
    try:
        results: dict[str, bool] = json.loads(result.stdout)
    except ValueError:
        said = result.stderr.decode(errors="replace").strip()[-300:]
        raise BadInput(f"the {sandbox.tier} sandbox does not start here ({said})") from None
    results["cgroup"], results["addresses"] = sandbox.cgroup, sandbox.addresses
    return results
