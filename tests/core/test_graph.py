"""dvc.yaml is the only place where an edge is written, and what it lists is what the code uses."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from xinstruct.files import read_yaml
from xinstruct.plan import graph, output_names

REPO = Path(__file__).resolve().parents[2]
STAGES = graph(REPO)
INCLUDED = ("task_tail.j2",)  # by other templates


def loaded(name: str) -> ModuleType:
    """A script of setup/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPO / "setup" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


graph_of_files = loaded("graph")


def test_code_dependencies_are_what_the_code_uses() -> None:
    assert graph_of_files.main(["--check"]) == 0, "run: make graph"


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_loads_at_run_time_is_among_its_dependencies(stage: str) -> None:
    files = "print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)))"
    code = f"import stages.{stage}, sys; {files}"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True).stdout
    ours = {Path(name).relative_to(REPO).as_posix() for name in loaded.split() if Path(name).is_relative_to(REPO)}
    ours = {
        name
        for name in ours
        if name.startswith(("xinstruct/", "stages/")) and not graph_of_files.says_nothing(REPO / name)
    }
    assert ours and not ours - set(STAGES[stage]["deps"])


def test_every_file_of_the_package_is_code_or_named_by_the_module_that_reads_it() -> None:
    tracked = subprocess.run(["git", "ls-files", "xinstruct"], cwd=REPO, capture_output=True, text=True, check=True)
    data = {name for name in tracked.stdout.split() if not name.endswith((".py", ".md")) and "/npm/" not in name}
    modules = [REPO / name for name in tracked.stdout.split() if name.endswith(".py")]
    named = {path.relative_to(REPO).as_posix() for module in modules for path in graph_of_files.uses(module)}
    assert not data - named - {f"xinstruct/prompts/{name}" for name in INCLUDED}


def test_a_change_of_a_file_reruns_only_stages_that_use_it() -> None:
    judging = {"seed", "synthesize", "deduplicate", "filter", "preferences", "evaluate"}
    stages = {
        "xinstruct/languages/drivers/driver.php": judging,
        "xinstruct/languages/extra/drivers/driver.pl": set(),
        "xinstruct/llm/journal_command.py": set(),
        "xinstruct/training/dpo.py": {"dpo"},
        "xinstruct/prompts/igenerator.j2": {"seed"},
        "xinstruct/mining/licences.py": {"mine"},
        "xinstruct/code/names.py": judging | {"mine", "sft", "dpo"},
    }
    for name, wanted in stages.items():
        assert (REPO / name).exists()
        assert {stage for stage, spec in STAGES.items() if name in spec["deps"]} == wanted, name


@pytest.mark.parametrize("stage", STAGES)
def test_every_listed_dependency_exists_or_is_made(stage: str) -> None:
    made = [out for spec in STAGES.values() for out in output_names(spec)]
    for dep in STAGES[stage]["deps"]:
        assert dep in made or (REPO / dep).exists(), dep


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_never_imports_another(stage: str) -> None:
    used = graph_of_files.uses(REPO / "stages" / f"{stage}.py")
    assert {path.stem for path in used if path.parent.name == "stages"} <= {"__init__"}


def test_the_library_never_imports_a_stage() -> None:
    for path in (REPO / "xinstruct").rglob("*.py"):
        assert not [p for p in graph_of_files.uses(path) if p.parent.name == "stages"], path


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
    command = [sys.executable, "-m", f"stages.{stage}", "--help"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    assert f"stages.{stage}" in done.stdout
    assert len(done.stdout.splitlines()) > 8
