"""make lint's check of the tree and of the declared dependencies; the project's papers name one version."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from xinstruct.files import read_yaml

REPO = Path(__file__).resolve().parents[2]
SCRIPT = REPO / "setup" / "check_project.py"
README = """# p

## The tree

```
README.md Makefile   a word, or
                     two
pyproject.toml dvc.lock
lib/
  files.py plan.py   modules
  parts/             a folder
```

## More
"""
PROJECT = """[project]
name = "p"
dependencies = ["torch==2", "ruamel.yaml", "detect-secrets>=1"]
[project.optional-dependencies]
dev = ["ruff"]
"""


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_project", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(folder: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


@pytest.mark.slow
def test_this_project_passes() -> None:
    assert run(REPO) == (0, "")


def test_a_stray_file_and_an_unused_dependency_fail_by_name(tmp_path: Path) -> None:
    files = {"README.md": README, "Makefile": "", "pyproject.toml": PROJECT, "dvc.lock": "", "maps.17": "00400000-..."}
    files |= {"lib/files.py": "import torch\nimport_module('detect_secrets.plugins')\n", "lib/plan.py": ""}
    files |= {"lib/parts/a.py": "", "lib/other/b.py": ""}
    status, said = run(repository(tmp_path, files))
    assert status == 1
    lines = said.splitlines()
    assert lines[:2] == [
        "lib/other/b.py: README's tree has no other below lib",
        "maps.17: README's tree has no maps.17",
    ]
    assert "pyproject.toml: nothing imports ruamel.yaml" in said
    assert "nothing imports torch" not in said
    assert "nothing imports detect-secrets" not in said
    assert "nothing imports ruff" not in said


def test_a_tree_names_roots_and_the_folders_below_one(check: ModuleType) -> None:
    roots = {"README.md", "Makefile", "pyproject.toml", "dvc.lock", "lib"}
    assert check.tree(README) == roots | {"lib/files.py", "lib/plan.py", "lib/parts"}


def test_a_named_place_that_is_gone_and_a_needless_excuse_are_told(check: ModuleType) -> None:
    assert list(check.misplaced(["a/x"], {"a", "b"})) == ["README.md: the tree names b, which is not tracked"]
    assert "setup/check_project.py: dvc is excused and not declared" in list(check.unused([], set()))


def test_every_excuse_says_why(check: ModuleType) -> None:
    assert all(len(reason.split()) > 3 for reason in check.BY_NAME.values())


@pytest.mark.slow
def test_the_library_imports_nothing_that_is_not_installed_with_it() -> None:
    for path in [*(REPO / "xinstruct").rglob("*.py"), *(REPO / "stages").glob("*.py"), *(REPO / "bench").rglob("*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
        banned = {"tests"} if path.is_relative_to(REPO / "bench") else {"tests", "bench"}
        assert not {name.split(".")[0] for name in names} & banned, path


def test_the_citation_names_the_version_and_licence_of_the_package() -> None:
    citation = read_yaml(REPO / "CITATION.cff")
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"]["text"])
