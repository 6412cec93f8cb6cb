"""dvc.yaml is the only place where an edge is written, and what it lists is what the code uses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from xinstruct.files import read_yaml
from xinstruct.plan import graph, output_names

REPO = Path(__file__).resolve().parents[2]
STAGES = graph(REPO)


def imported(path: Path) -> set[Path]:
    """Files of ours that a module imports, lazily or not."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] in ("xinstruct", "stages"):
                found |= located(name)
    return found


def located(name: str) -> set[Path]:
    base = REPO.joinpath(*name.split("."))
    return {path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()}


def closure(path: Path) -> set[Path]:
    todo, seen = {path}, set()
    while todo:
        seen.add(current := todo.pop())
        todo |= imported(current) - seen
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_imports(stage: str) -> None:
    deps = STAGES[stage]["deps"]
    wanted = {path.relative_to(REPO).as_posix() for path in closure(REPO / "stages" / f"{stage}.py")}
    missing = sorted(w for w in wanted if Path(w).name != "__init__.py" and not covered(w, deps))
    assert not missing, f"dvc.yaml: stage {stage} imports these, add them to its deps: {missing}"


def covered(path: str, deps: list[str]) -> bool:
    return any(path == dep or path.startswith(dep + "/") for dep in deps)


@pytest.mark.parametrize("stage", STAGES)
def test_every_listed_dependency_exists_or_is_made(stage: str) -> None:
    made = [out for spec in STAGES.values() for out in output_names(spec)]
    for dep in STAGES[stage]["deps"]:
        assert dep in made or (REPO / dep).exists(), dep


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_never_imports_another(stage: str) -> None:
    others = {path.stem for path in imported(REPO / "stages" / f"{stage}.py") if path.parent.name == "stages"}
    assert others <= {"__init__"}


def test_the_library_never_imports_a_stage() -> None:
    for path in (REPO / "xinstruct").rglob("*.py"):
        assert not [p for p in imported(path) if p.parent.name == "stages"], path


def test_records_and_languages_import_nothing_else_of_ours() -> None:
    for path in [REPO / "xinstruct" / "records.py", *(REPO / "xinstruct" / "languages").rglob("*.py")]:
        parents = {p.parent.name for p in imported(path) if p.name != "__init__.py"}
        assert parents <= {"languages", "drivers"}, f"{path}: {parents}"


def test_params_have_a_section_per_stage_in_graph_order_and_all_that_is_listed() -> None:
    params = read_yaml(REPO / "params.yaml")
    assert [name for name in params if name in STAGES] == [name for name in STAGES if name in params]
    assert set(STAGES) <= set(params)
    for stage, spec in STAGES.items():
        assert {key.split(".")[0] for key in spec["params"]} <= set(params), stage


def test_the_snakefile_names_no_stage() -> None:
    for path in [REPO / "Snakefile", *(REPO / "rules").glob("*.smk")]:
        words = set(re.findall(r"\w+", re.sub(r'""".*?"""', "", path.read_text(), flags=re.S)))
        assert not words & set(STAGES), path


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_script_explains_itself(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", f"stages.{stage}", "--help"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    assert f"stages.{stage}" in done.stdout
    assert len(done.stdout.splitlines()) > 8
