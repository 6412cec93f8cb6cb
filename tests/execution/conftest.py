from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.params import FORKS, execution
from xinstruct.execution.judge import Judge
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.tiers import SAFE, Zygote

NEEDS_FORKS = pytest.mark.skipif(
    FORKS == "off" or os.geteuid() != 0 or bool(Zygote.missing()),
    reason=f"commands are forked by root in the zygote tier only, and unless forks are off (here: {FORKS})",
)
PARAMS = execution(workers=2, cpu_seconds=1.5, wall_factor=8, memory_mb=768, output_kb=64)


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(PARAMS) as judge:
        yield judge


@pytest.fixture(scope="session", params=[kind.name for kind in SAFE])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each tier that this machine has: they must hold the same."""
    kind = next(kind for kind in SAFE if kind.name == request.param)
    if missing := kind.missing():
        pytest.skip(missing)
    with Sandbox(2, tier=kind.name, forks=FORKS != "off") as sandbox:
        yield sandbox


@pytest.fixture
def nobodys_python() -> Iterator[tuple[Path, dict[str, str]]]:
    """A Python that the user nobody can use, and the variables to use it with, among them a home of nobody's own."""
    python, root = Path("/usr/bin/python3"), Path(__file__).parents[2]
    if os.geteuid():
        pytest.skip("only root can become someone else")
    line = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    if not python.exists() or subprocess.check_output(line).split() != [b"%d" % n for n in sys.version_info[:2]]:
        pytest.skip("needs a system Python of the same version, readable by all")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    for path in (*packages, root):
        line = ["setpriv", "--reuid=65534", "--clear-groups", "test", "-r", path, "-a", "-x", path]
        if subprocess.run(line, check=False).returncode:
            pytest.skip(f"{path} is readable by root only")
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are closed to others
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        paths = ":".join([str(root), *packages])
        yield python, {"PATH": "/usr/bin:/bin", "PYTHONPATH": paths, "HOME": home, "LANG": "C.UTF-8"}
