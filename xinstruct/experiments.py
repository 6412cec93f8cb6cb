"""Parameter sets: YAML files under experiments/ that change some of params.yaml.

``xinstruct experiment experiments/NAME.yaml`` runs one through ``dvc exp run`` (``--queue`` only queues it,
``--print`` shows the command); ``--apply`` writes it into params.yaml instead and keeps comments. A set has the
sections of params.yaml with only those values that differ. There are no grids: a folder of sets is run one by
one.
"""

from __future__ import annotations

import argparse
import copy
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from xinstruct.files import BadInput, read_yaml, replaced_file, write_json
from xinstruct.params import Params, everything, nearest
from xinstruct.params.dotted import flatten
from xinstruct.processes import git

FREE = ("sft.trl", "sft.lora", "dpo.trl", "dpo.lora")  # tables of another library's names, which a set may add to


def check(changes: dict[str, Any], params: dict[str, Any], source: Path) -> None:
    """Refuse a set with a parameter that params.yaml does not have, or with a value that the parameter cannot take.

    Raises BadInput naming `source`, or params.yaml if the error is already there.
    """
    everything(params)
    found, missing = copy.deepcopy(params), ""
    for name, value in changes.items():
        *path, last = name.split(".")
        node = found
        for key in path:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        missing = missing or ("" if last in node or ".".join(path) in FREE else name)
        node[last] = value
    _check_names(everything(found, source), source)
    if missing:  # a name in a table, such as a price: dvc changes only what is there
        raise BadInput(f"{source}: params.yaml has no {missing!r}; add it there first")


def _check_names(params: Params, source: Path) -> None:
    """Refuse unknown names of operations, aspects, languages and benchmarks. Raises BadInput."""
    from xinstruct.agents import scorer, shapes
    from xinstruct.benchmarks.fetch import packaged
    from xinstruct.languages import names
    from xinstruct.training.settings import check_all

    check_all(params, str(source))
    try:
        shapes.check(params.synthesize)
        for rated in (params.seed.scorer, params.synthesize.scorer):
            scorer.check_aspects(rated)
    except BadInput as error:
        raise BadInput(f"{source}: {error}") from None
    for at, given, known in (
        ("languages", params.languages, list(names())),
        ("synthesize.target_weights", list(params.synthesize.target_weights), list(names())),
        ("evaluate.benchmarks", list(params.evaluate.benchmarks), packaged()),
    ):
        for name in (name for name in given if name not in known):
            raise BadInput(f"{source}: {at} names {name}; {nearest(name, known)}")


def apply(source: Path, target: Path = Path("params.yaml")) -> dict[str, Any]:
    """Write a set into params.yaml and keep comments and order. Returns the dotted changes."""
    changes = flatten(read_yaml(source) or {})
    check(changes, read_yaml(target), source)
    put(changes, target)
    return changes


def put(changes: dict[str, Any], target: Path) -> None:
    """Write values by dotted name into a params.yaml, comments and order kept."""
    yaml = YAML()
    yaml.width = 200
    document = yaml.load(target.read_text(encoding="utf-8"))
    for name, value in changes.items():
        *path, last = name.split(".")
        node = document
        for key in path:
            node = node[key]
        node[last] = value
    with replaced_file(target) as tmp, tmp.open("w", encoding="utf-8") as handle:
        yaml.dump(document, handle)


def command(source: Path, queue: bool = False) -> list[str]:
    """Return the `dvc exp run` command line of a set; the experiment is named after the file."""
    changes, present = flatten(read_yaml(source) or {}), flatten(read_yaml(Path("params.yaml")))
    check(changes, read_yaml(Path("params.yaml")), source)
    line = ["dvc", "exp", "run", "--name", source.stem] + (["--queue"] if queue else [])
    for name, value in changes.items():
        added = "+" if name.rpartition(".")[0] in FREE and name not in present else ""
        line += ["-S", f"{added}{name}={_hydra(value)}"]
    return line


def _hydra(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(_hydra(item) for item in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def collect(source: Path, folder: Path = Path("experiments") / "results" / "ablations") -> Path | None:
    """Copy the metrics of a finished experiment for later reports. Returns None when it has not been run.

    dvc keeps an experiment as a commit under refs/exps with its name; metrics are part of that commit.
    """
    refs = git("for-each-ref", "--format=%(refname)", "--sort=-committerdate", "refs/exps").split()
    ref = next((ref for ref in refs if ref.rsplit("/", 1)[1] == source.stem), "")
    text = git("show", f"{ref}:reports/synthesize/metrics.json") if ref else ""
    if not text:
        return None
    metrics = json.loads(text)
    kept = ("rows", "by_target", "teacher", "memory", "quality", "calibration")
    row = {"changes": flatten(read_yaml(source) or {})} | {key: metrics.get(key, {}) for key in kept}
    write_json(folder / f"{source.stem}.json", row)
    return folder / f"{source.stem}.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct experiment`."""
    parser.add_argument("sets", nargs="+", type=Path, help="YAML files such as experiments/smoke.yaml")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--queue", action="store_true", help="queue only; `dvc queue start` runs them")
    how.add_argument("--apply", action="store_true", help="write into params.yaml instead of running")
    how.add_argument("--collect", action="store_true", help="keep the metrics of finished ones for the report")
    how.add_argument("--print", action="store_true", help="show the dvc command and do nothing")


def main(args: argparse.Namespace) -> int:
    """Run `xinstruct experiment`. Returns the exit status of the first set that fails, else 0."""
    for source in args.sets:
        if args.apply:
            print("\n".join(f"{name} = {value}" for name, value in apply(source).items()))
        elif args.collect:
            print(collect(source) or f"{source.stem}: not run yet")
        elif args.print:
            print(shlex.join(command(source)))
        elif status := subprocess.run(command(source, args.queue), check=False).returncode:
            return status
    return 0
