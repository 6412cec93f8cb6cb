"""Rerun a recorded run without its teacher: its calls into the journal, its params into params.yaml, `dvc repro`.

    xinstruct recorded NAME                    the whole graph; `make recorded NAME=...` sets up before
    xinstruct recorded NAME synthesize         up to a stage
    xinstruct recorded NAME --missing ask      a call that is not in the recording is put to teacher.model
    xinstruct recorded NAME --compare          run nothing; hold dvc.lock against the recording's hashes

At the end each output is held against the recorded run's. Nobody is asked and no weights of the teacher are fetched,
unless --missing says so. params.yaml stays as the run had it: `git checkout params.yaml dvc.lock reports` goes back.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from xinstruct.experiments import put
from xinstruct.files import BadInput, read_yaml
from xinstruct.llm.about import committed_params
from xinstruct.llm.journal import Journal
from xinstruct.llm.recording import import_recording
from xinstruct.models.recorded import ABOUT, place, read_about, there
from xinstruct.params import Params, everything
from xinstruct.params.reading import hints
from xinstruct.plan import graph, output_names, work_root

PARAMS = Path("params.yaml")
STAND_IN = "models/teacher"  # model.json alone, where the recorded run had weights


# ---- params


def completed(recorded: dict[str, Any], now: dict[str, Any], kind: Any = Params) -> dict[str, Any]:
    """A section (or all) as recorded; what the recording does not name yet has its present value."""
    found = now | recorded
    for name, inner in hints(kind).items():
        if is_dataclass(inner) and name in recorded and name in now:
            found[name] = completed(recorded[name], now[name], inner)
    return found


def changes(wanted: dict[str, Any], now: dict[str, Any], kind: Any = Params, at: str = "") -> dict[str, Any]:
    """What to write into params.yaml so that it says what is wanted, by dotted name; tables are written whole."""
    found: dict[str, Any] = {}
    for name, inner in hints(kind).items():
        if is_dataclass(inner):
            found |= changes(wanted[name], now[name], inner, f"{at}{name}.")
        elif wanted[name] != now[name]:
            found[f"{at}{name}"] = wanted[name]
    return found


def set_params(name: str, recorded: dict[str, Any], missing: str) -> dict[str, Any]:
    """Make params.yaml that of a recorded run which the recording answers. Returns what was changed, by dotted name.

    Raises BadInput where the code has no such params (any more), or uncommitted changes of params.yaml would be lost.
    """
    now = read_yaml(PARAMS)
    everything(now)
    wanted = completed(recorded, now)
    wanted["teacher"] |= {"recorded": name, "missing": missing}
    everything(wanted, place(name) / ABOUT)
    todo = changes(wanted, now)
    committed = committed_params()
    untouched = committed is None or committed == now
    if not untouched and todo.keys() - {"teacher.recorded", "teacher.missing"}:
        raise BadInput(
            f"{PARAMS}: has changes that this would overwrite; commit them, or go back with git checkout {PARAMS}"
        )
    put(todo, PARAMS)
    return todo


# ---- outputs


@dataclass(frozen=True)
class Compared:
    """One output of the recorded run: "equal", "differs" or "not made" here."""

    path: str
    state: str


def upstream(targets: list[str]) -> set[str]:
    """The stages that `dvc repro TARGETS` runs; all where none is named. Raises BadInput on a name that is no stage."""
    stages = graph()
    if strange := [name for name in targets if name not in stages]:
        raise BadInput(f"dvc.yaml has no stage {strange[0]!r}; it has: {', '.join(stages)}")
    makers = {out: name for name, spec in stages.items() for out in output_names(spec)}
    found, todo = set[str](), set(targets) or set(stages)
    while todo:
        found.add(name := todo.pop())
        todo |= {makers[dep] for dep in stages[name].get("deps", []) if dep in makers} - found
    return found


def compared(about: dict[str, Any], stages: set[str]) -> Iterator[Compared]:
    """Every output of the recorded run's stages beside dvc.lock, but for the teacher, for which model.json stands."""
    lock = Path("dvc.lock")
    made = dict(read_yaml(lock)["stages"]) if lock.exists() else {}
    for stage in graph():
        here = {out["path"]: out["md5"] for out in made.get(stage, {}).get("outs", [])}
        for path, md5 in about["outputs"].get(stage, {}).items() if stage in stages else ():
            if path != STAND_IN:
                state = "not made" if path not in here else "equal" if here[path] == md5 else "differs"
                yield Compared(path, state)


def told(about: dict[str, Any], stages: set[str]) -> bool:
    """Print how the outputs compare. Returns whether all are equal, and none is without a hash of the recorded run."""
    rows = list(compared(about, stages))
    for row in rows:
        print(f"  {row.state:9} {row.path}")
    equal = sum(row.state == "equal" for row in rows)
    print(f"{equal} of {len(rows)} outputs are those of the recorded run ({about['name']}, {about['written']})")
    if without := sorted(stages - about["outputs"].keys()):
        print(f"the recording has no hashes of: {', '.join(without)}")
    if any(row.state == "differs" for row in rows):
        print("What is trained, and what is sampled from it, is equal only where the arithmetic is: docs/recorded.md")
    return equal == len(rows) and not without


# ---- the command


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `xinstruct recorded`."""
    parser.add_argument("name", nargs="?", default="", help="a folder below recorded/; without it: which there are")
    parser.add_argument("stages", nargs="*", help="up to these stages (default: all)")
    parser.add_argument("--missing", choices=("stop", "ask"), default="stop", help="at a call that is not recorded")
    parser.add_argument("--compare", action="store_true", help="only hold the outputs here against the recorded run's")
    parser.add_argument("--strict", action="store_true", help="exit status 1 unless every output is equal")


def main(args: argparse.Namespace) -> int:
    """`xinstruct recorded`. Returns dvc's exit status; with --strict 1 unless every output is equal."""
    if not args.name:
        raise BadInput(f"which recording? There are: {', '.join(there()) or 'none'}")
    about, stages = read_about(place(args.name)), upstream(args.stages)
    if not args.compare and (status := _rerun(args.name, about, args.stages, args.missing)):
        return status
    return int(not told(about, stages) and args.strict)


def _rerun(name: str, about: dict[str, Any], targets: list[str], missing: str) -> int:
    with Journal(work_root() / "journal.sqlite") as journal:
        new, known = import_recording(journal, place(name))
        print(f"{new:,} calls are new in {journal.path}, {known:,} were there", flush=True)
    for dotted, value in set_params(name, about["params"], missing).items():
        print(f"{PARAMS}: {dotted} = {value}", flush=True)
    return subprocess.run(["dvc", "repro", *targets], check=False).returncode
