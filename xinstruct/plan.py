"""The plan of a stage, resolved from dvc.yaml: dependencies, outputs, params, shards, scratch folder.

dvc.yaml is the only place where the graph is written. A plan adds the scratch folder, whose name hashes code,
params, data and shards, so that no stale part is reused and a killed run resumes. Scratch is no DVC output, so
DVC never deletes it. Resources and shards are in the stage's ``meta``, which DVC does not hash: changing the
number of shards reruns nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from xinstruct.files import BadInput, hash_path, read_yaml, write_json
from xinstruct.params import everything


@dataclass(frozen=True)
class Plan:
    """One stage, ready to run. Paths are relative to the project root; `params` are as in params.yaml."""

    stage: str
    params: dict[str, Any]
    deps: list[str]
    outs: list[str]
    shards: int
    work: str
    resources: dict[str, Any] = field(default_factory=dict)

    def part(self, shard: int) -> Path:
        """Return the scratch folder of one shard's results."""
        return Path(self.work) / f"part-{shard:04d}-of-{self.shards:04d}"

    def save(self) -> Path:
        """Write plan.json into the scratch folder (for the jobs that Snakemake starts)."""
        path = Path(self.work) / "plan.json"
        write_json(path, asdict(self))
        return path

    def lock(self) -> IO[str]:
        """Lock the scratch folder against a second run, waiting for a live one. The lock ends with the open file."""
        lock = (Path(self.work) / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"{self.stage}: {self.work} is in use by a live run; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @staticmethod
    def load(path: Path) -> Plan:
        """Read the plan that `save` wrote."""
        return Plan(**json.loads(path.read_text(encoding="utf-8")))


def work_root(root: Path = Path()) -> Path:
    """Return the folder of all scratch. `dvc exp run --temp` works in <repo>/.dvc/tmp/exps, which is mapped back."""
    if given := os.environ.get("XINSTRUCT_WORK"):
        return Path(given)
    parts = root.resolve().parts
    home = Path(*parts[: parts.index(".dvc")]) if ".dvc" in parts else root.resolve()
    return home / "work"


def graph(root: Path = Path()) -> dict[str, dict[str, Any]]:
    """Return the stages of dvc.yaml by name, in their order. Raises BadInput on templating."""
    text = (root / "dvc.yaml").read_text(encoding="utf-8")
    if "${" in text:
        raise BadInput("dvc.yaml: ${...} templating is not supported; write the value out or use params.yaml")
    return dict(read_yaml(root / "dvc.yaml")["stages"])


def resolve(stage: str, root: Path = Path()) -> Plan:
    """Return the plan of one stage. Raises BadInput when a dependency is missing or any parameter is invalid."""
    stages = graph(root)
    if stage not in stages:
        raise BadInput(f"dvc.yaml has no stage {stage!r}; it has: {', '.join(stages)}")
    spec = stages[stage]
    values = read_yaml(root / "params.yaml")
    everything(values)  # of other stages too: a slip in a later one shows before the first has run
    params = _select(values, spec.get("params", []))
    deps = [str(dep) for dep in spec.get("deps", [])]
    for dep in deps:
        if not (root / dep).exists():
            raise BadInput(f"{stage}: {dep} does not exist; run the stage that makes it (dvc repro {stage})")
    outs = output_names(spec)
    meta = spec.get("meta") or {}
    shards = int(meta.get("shards", 1))
    key = _key(params, {dep: hash_path(root / dep) for dep in deps}, shards)
    work = work_root(root) / stage / key
    return Plan(stage, params, deps, outs, shards, str(work), dict(meta.get("resources", {})))


def _select(values: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """Return the declared params, nested as in params.yaml; a key may be dotted (teacher.model).

    Keys are sorted at every depth, so that the order in which a mapping is written changes nothing: neither for
    DVC, which compares values, nor for a stage that draws by weights.
    """
    chosen: dict[str, Any] = {}
    for key in keys:
        source, target = values, chosen
        *path, last = key.split(".")
        for name in path:
            source, target = source.get(name) or {}, target.setdefault(name, {})
        if last not in source:
            raise BadInput(f"dvc.yaml: params lists {key!r}, which params.yaml does not have")
        target[last] = source[last]
    return dict(_sorted(chosen))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def output_names(spec: dict[str, Any]) -> list[str]:
    """Return all outputs of a stage in dvc.yaml: outs, metrics and plots, with or without options."""
    entries = [entry for key in ("outs", "metrics", "plots") for entry in spec.get(key, [])]
    return [entry if isinstance(entry, str) else str(next(iter(entry))) for entry in entries]


def _key(params: dict[str, Any], deps: dict[str, str], shards: int) -> str:
    text = json.dumps([params, deps, shards], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
