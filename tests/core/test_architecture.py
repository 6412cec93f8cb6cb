"""Imports point one way: each package's docstring says what it may import, and it imports nothing else of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "xinstruct"
SPINE = {
    "records",
    "files",
    "params",
    "plan",
    "stage",
    "launch",
    "spill",
    "processes",
    "progress",
    "packages",
    "surroundings",
}
# Each is a tool by itself, or a part of one, and may use whatever it is for.
COMMANDS = {"cli", "experiments", "export_model", "model_card", "recorded", "trace"}
PACKAGES = sorted({path.parent.name for path in PACKAGE.glob("*/__init__.py")} - SPINE)


def allowed(package: str) -> set[str]:
    """What the docstring of a package says behind "May import:"."""
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    [words] = re.findall(r"^May import: ([\w, ]+)\.$", text, re.M)
    return set() if words == "nothing but the spine" else set(words.split(", "))


def imported(path: Path) -> Iterator[str]:
    """Top names below xinstruct that a module imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, path
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("xinstruct."))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_what_it_says_and_the_spine(package: str) -> None:
    for path in (PACKAGE / package).rglob("*.py"):
        strange = set(imported(path)) - allowed(package) - SPINE - {package}
        assert not strange, f"{path.relative_to(PACKAGE)} imports {sorted(strange)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_no_more_than_it_imports(package: str) -> None:
    used = {name for path in (PACKAGE / package).rglob("*.py") for name in imported(path)}
    assert not allowed(package) - used


def test_the_spine_imports_the_spine_only() -> None:
    paths = [path for name in SPINE for path in (PACKAGE / f"{name}.py", *(PACKAGE / name).glob("*.py"))]
    for path in filter(Path.exists, paths):
        assert set(imported(path)) <= SPINE, path


def test_every_module_at_the_top_is_of_the_spine_or_a_command() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} <= SPINE | COMMANDS


def test_the_arrows_form_no_circle() -> None:
    left = {package: allowed(package) for package in PACKAGES}
    while left:
        free = {package for package, needs in left.items() if not needs & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {package: needs for package, needs in left.items() if package not in free}


def test_code_and_languages_and_records_run_nothing() -> None:
    for path in [PACKAGE / "records.py", *(PACKAGE / "code").rglob("*.py"), *(PACKAGE / "languages").rglob("*.py")]:
        if "drivers" in path.parts:
            continue  # they run in the sandbox
        text = path.read_text(encoding="utf-8")
        starts = r"^\s*(?:import|from) (?:subprocess|multiprocessing)\b|\bos\.(?:system|exec|fork)|\bshutil\.which\b"
        assert not re.search(starts, text, re.M), path
