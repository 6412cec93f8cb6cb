"""What the stage tests share: a project folder with the real dvc.yaml and params.yaml, and samples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.agents.helpers import snippet
from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.files import write_records
from xinstruct.records import Sample, content_id

REPO = Path(__file__).resolve().parents[2]
ADD = Signature.of("int", a="int", b="int")


def project(folder: Path, **params: str) -> Path:
    """The repository's graph, params and code in a folder of its own; params are text replacements."""
    text = (REPO / "params.yaml").read_text(encoding="utf-8")
    for old, new in params.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    shutil.copy(REPO / "dvc.yaml", folder)
    for name in ("xinstruct", "stages"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def sample(number: int, response: str, **fields: Any) -> Sample:
    """A sample that adds two numbers; every field can be set."""
    values: dict[str, Any] = {
        "id": content_id("sample", str(number)),
        "kind": "Ds1",
        "language": "python",
        "instruction": f"Write a function number {number} that adds two integers.",
        "response": response,
        "function": "add",
        "signature": ADD.to_json(),
        "cases": cases_to_json([Case((1, 2), 3), Case((-4, 4), 0)]),
        "parents": [],
        "snippets": [f"root{number}"],
        "licenses": ["MIT"],
    }
    return Sample(**values | fields)


def write_samples(root: Path, stage: str, samples: list[Sample]) -> None:
    """Put samples where a stage's output belongs."""
    write_records(root / "data" / stage / "samples.parquet", "samples", sorted(samples, key=lambda s: s.id))


def large(number: int) -> str:
    """Code that adds two numbers in three statements, other code for each number."""
    return f"def add(a, b):\n    left = a + {number}\n    right = b\n    return left + right - {number}\n"


def beside_filter(root: Path, packages: dict[str, str]) -> None:
    """Put what the filter stage reads beside samples: snippets of these packages by id, a student without tokenizer."""
    snippets = [snippet("python", name, "", ADD, id=name, package=package) for name, package in packages.items()]
    write_records(root / "data" / "mine" / "snippets.parquet", "snippets", snippets)
    (root / "models" / "start").mkdir(parents=True)


def run_stage(
    root: Path, stage: str, ok: bool = True, profile: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a stage as dvc does. profile: of Snakemake, which then runs the stage's jobs. more: in the environment."""
    env = {key: value for key, value in os.environ.items() if key not in ("SNAKEMAKE_PROFILE", "XINSTRUCT_WORK")}
    env |= {"SNAKEMAKE_PROFILE": profile} if profile else {}
    command = [sys.executable, "-m", f"stages.{stage}"]
    done = subprocess.run(command, cwd=root, env=env | more, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stderr[-3000:]
    return done


def metrics(root: Path, stage: str) -> dict[str, Any]:
    """The metrics that a stage wrote."""
    found: dict[str, Any] = json.loads((root / "reports" / stage / "metrics.json").read_text(encoding="utf-8"))
    return found
