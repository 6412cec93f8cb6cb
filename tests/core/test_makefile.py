"""The Makefile and the set-up script, where a checkout's path holds what shells and make take apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
NEEDED = ("Makefile", "requirements.lock", "pyproject.toml", "setup", "bench", "xinstruct/languages/npm")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make looks at, in a folder with a blank and a quote."""
    root = tmp_path / "with blank" / "and 'quote'"
    for name in NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (REPO / name).is_dir() else shutil.copy)(REPO / name, root / name)
    return root


def make(root: Path, *words: str, **variables: str) -> str:
    """What make says; it must succeed."""
    env = os.environ | variables
    done = subprocess.run(
        ["make", *words], cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def tool(path: Path, text: str) -> None:
    """A command that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_recipes_take_their_commands_from_the_checkouts_own_environment(checkout: Path) -> None:
    for name in ("ruff", "snakefmt", "python"):
        tool(checkout / ".venv/bin" / name, f'echo "own {name}: $@"')
    said = make(checkout, "-s", "lint").splitlines()
    assert {"own ruff: check .", "own ruff: format --check ."} <= set(said)
    assert all(line.startswith("own ") for line in said)
    assert make(checkout, "-s", "unit").startswith("own python: -m pytest")


def test_an_environment_is_made_with_an_interpreter_from_such_a_folder(checkout: Path) -> None:
    """The interpreter's path is handed on whole; it makes what it was asked for and nothing else."""
    python = checkout / "a python"
    tool(python, 'case "$2" in venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;; esac')
    stamp = next(word for word in make(checkout, "-pn", "help").split() if ".venv/.stamp-" in word).rstrip(":")
    told = make(checkout, stamp, PYTHON=str(python))
    assert f"({python}:" in told
    assert (checkout / stamp).exists()
    assert {path.name for path in checkout.iterdir()} == {
        *(name.split("/")[0] for name in NEEDED),
        ".venv",
        "a python",
    }


def test_every_target_can_be_read_there(checkout: Path) -> None:
    text = (REPO / "Makefile").read_text(encoding="utf-8")
    targets = [line.split(":")[0] for line in text.splitlines() if ": " in line and "## " in line and line[0].islower()]
    assert {"test", "repro", "doctor", "answers"} <= set(targets)
    for target in targets:
        make(checkout, "-n", target)


@pytest.mark.parametrize("python", [None, "/no/such/folder/python3.11"])
def test_without_root_the_set_up_prints_the_one_command(checkout: Path, python: str | None) -> None:
    """Also where the interpreter is in another user's home: then Debian's own is named, with its venv module."""
    if os.geteuid():
        pytest.skip("only root can become someone else")
    checkout.chmod(0o755)
    text = (checkout / "setup" / "system.sh").read_text(encoding="utf-8")
    text = text.replace("NEEDED=(\n", 'NEEDED=(\n    "no-such-binary:no-such-package:nothing"\n', 1)
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", text, "system.sh"]
    environment = {**os.environ, "PYTHON": python} if python else os.environ
    done = subprocess.run(line, cwd="/", env=environment, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command, _, packages = done.stdout.splitlines()[-1].partition(" no-such-package")
    assert command == "    sudo apt-get install -y --no-install-recommends"
    assert all(re.fullmatch("[a-z0-9][a-z0-9+.-]+", name) for name in packages.split())
    assert not python or packages.split()[-2:] == ["python3", "python3-venv"]
