"""The inputs of the report: records, metrics and loss curves of the stages, and the paper's figures.

A missing input is noted in ``Run.absent`` and shown on the page; an existing one that cannot be read is a BadInput that
names file, row and column. This module computes nothing.
"""

from __future__ import annotations

import csv
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, read_records
from xinstruct.params import Params
from xinstruct.records import Completion, Pair, Rejection, Sample, Snippet, Turn

# The paper's column order (table 1) and its column names.
TITLES = {
    "python": "Python",
    "java": "Java",
    "cpp": "C++",
    "csharp": "C#",
    "typescript": "TS",
    "javascript": "JS",
    "php": "PHP",
    "bash": "Bash",
}
# In graph order: what each stage leaves under data/<stage>.
WRITES = {
    "mine": ("snippets", "rejected"),
    "seed": ("samples", "turns", "rejected"),
    "synthesize": ("samples", "turns", "rejected"),
    "deduplicate": ("samples", "rejected"),
    "filter": ("samples", "rejected"),
    "preferences": ("pairs", "completions", "rejected"),
    "evaluate": ("completions", "rejected"),
}
CURVES = ("reports/sft/loss.csv", "reports/dpo/loss.csv")
PAPER = Path(__file__).parent / "paper"
DATA_FILES = ("paper/*",)
OPTIONAL = {"evaluate/rejected", "preferences/rejected"}


@dataclass
class Run:
    """All outputs of one run of the pipeline, in memory.

    records: (stage, kind) -> records in the order of the file.
    metrics: stage -> its metrics.json. csv: path -> rows of text by column.
    recorded: earlier runs kept under experiments/results, by name.
    ablations: collected experiments of experiments/ablations, by name.
    absent: paths of missing inputs.
    """

    languages: list[str]
    params: Params
    records: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    csv: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)
    ablations: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    parameters: int = 0  # of the student, 0 when its weights are not at hand

    def snippets(self) -> list[Snippet]:
        """Mined snippets."""
        return self.records.get(("mine", "snippets"), [])

    def samples(self, stage: str) -> list[Sample]:
        """Samples that a stage passed on."""
        return self.records.get((stage, "samples"), [])

    def turns(self, stage: str) -> list[Turn]:
        """Return the transcript of a stage."""
        return self.records.get((stage, "turns"), [])

    def rejected(self, stage: str) -> list[Rejection]:
        """Return the records that a stage rejected."""
        return self.records.get((stage, "rejected"), [])

    def pairs(self) -> list[Pair]:
        """Preference pairs (D_s4)."""
        return self.records.get(("preferences", "pairs"), [])

    def completions(self, stage: str = "evaluate") -> list[Completion]:
        """Judged model answers."""
        return self.records.get((stage, "completions"), [])

    @property
    def student(self) -> str:
        """The student's name, with its size if the weights tell it."""
        name = Path(self.params.student.model).name
        return f"{name} ({self.parameters / 1e6:.1f}M parameters)" if self.parameters else name

    @property
    def teacher(self) -> str:
        """The teacher's name."""
        return str(self.params.teacher.model)


def load(root: Path, params: Params) -> Run:
    """Read everything under `root`. Raises BadInput on a file that exists but is unusable."""
    known = [name for name in TITLES if name in params.languages]
    run = Run([*known, *(x for x in params.languages if x not in TITLES)], params)
    for stage, kinds in WRITES.items():
        for kind in kinds:
            _records(root, run, stage, kind)
    for path in sorted((root / "reports").glob("*/metrics.json")):
        if path.parent.name != "report":
            run.metrics[path.parent.name] = _json(path)
    for name in CURVES:
        _csv(root, run, name)
    for path in sorted((root / "experiments" / "results").glob("*.json")):
        run.recorded[path.stem] = _json(path)
    for path in sorted((root / "experiments" / "results" / "ablations").glob("*.json")):
        run.ablations[path.stem] = _json(path)
    run.parameters = parameters_of(root / "models" / "start")
    return run


def _records(root: Path, run: Run, stage: str, kind: str) -> None:
    path = Path("data") / stage / f"{kind}.parquet"
    if (root / path).exists():
        run.records[stage, kind] = read_records(root / path, kind)
    elif f"{stage}/{kind}" not in OPTIONAL:
        run.absent.append(path.as_posix())


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path}: not valid JSON ({error}); remove it and run dvc repro") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: holds no JSON object; remove it and run dvc repro")
    return value


def _csv(root: Path, run: Run, name: str) -> None:
    if not (root / name).exists():
        run.absent.append(name)
        return
    with (root / name).open(encoding="utf-8", newline="") as handle:
        run.csv[name] = list(csv.DictReader(handle))


def paper(name: str) -> list[dict[str, str]]:
    """Return the rows of one table of the paper, e.g. paper("table1"): facts, read from the CSV beside this file."""
    with (PAPER / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def number(text: Any) -> float | None:
    """Return a number from a CSV cell, or None if it has none ("-", "", "nan")."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if value == value and abs(value) != float("inf") else None


def parameters_of(folder: Path) -> int:
    """Return the number of parameters of a safetensors checkpoint, from its headers alone; 0 without one."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        with path.open("rb") as handle:
            (size,) = struct.unpack("<Q", handle.read(8))
            header = json.loads(handle.read(size))
        total += sum(_elements(entry["shape"]) for key, entry in header.items() if key != "__metadata__")
    return total


def _elements(shape: list[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
