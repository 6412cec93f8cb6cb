"""Imports point one way: each package's docstring says what it may import, and it imports nothing else of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
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


@cache
def imported(path: Path) -> frozenset[str]:
    """Top names below xinstruct that a module imports, lazily or not."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
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
        strange = imported(path) - allowed(package) - SPINE - {package}
        assert not strange, f"{path.relative_to(PACKAGE)} imports {sorted(strange)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_no_more_than_it_imports(package: str) -> None:
    used = {name for path in (PACKAGE / package).rglob("*.py") for name in imported(path)}
    assert not allowed(package) - used


def test_the_spine_imports_the_spine_only() -> None:
    paths = [path for name in SPINE for path in (PACKAGE / f"{name}.py", *(PACKAGE / name).glob("*.py"))]
    for path in filter(Path.exists, paths):
        assert imported(path) <= SPINE, path


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


# ---- docs/architecture.md


PAGE = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = [line.split() for line in PAGE.split("```")[1].splitlines() if not line.startswith("  stages")][2:-2]
FLOWS = re.findall(r"^\*\*(.+)\*\*: (\d+) modules, (\d+) returns\.\n\n```\n(.*?)```", PAGE, re.M | re.S)


def test_the_table_of_the_page_has_every_package_with_what_it_may_import() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\w, ]+) \|$", PAGE, re.M))
    words = {package: ", ".join(sorted(allowed(package))) or "the spine" for package in PACKAGES}
    assert {package: ", ".join(sorted(text.split(", "))) for package, text in table.items()} == words


def test_the_rows_of_the_page_lead_down() -> None:
    row = {package: number for number, names in enumerate(ROWS) for package in names}
    assert sorted(row) == PACKAGES
    assert not [(a, b) for a in PACKAGES for b in allowed(a) if row[a] >= row[b]]


@pytest.mark.parametrize(("modules", "returns", "lines"), [flow[1:] for flow in FLOWS], ids=[flow[0] for flow in FLOWS])
def test_a_flow_of_the_page_is_in_the_code(modules: str, returns: str, lines: str) -> None:
    seen: list[str] = []
    for line in lines.splitlines():
        back, module, name = line.startswith("^"), *line.removeprefix("^").split()[:2]
        assert (module in seen) == back, line
        seen.append(module)
        path = (PACKAGE.parent if module.startswith("stages.") else PACKAGE) / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
        assert re.search(rf"\b(?:def|class) {name}\b", path.read_text(encoding="utf-8")), line
    assert (len(set(seen)), len(seen) - len(set(seen))) == (int(modules), int(returns))
