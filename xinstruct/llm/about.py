"""Recording a run: its answered calls into recorded/NAME, and about.yaml, which says what was run.

``xinstruct journal export --recorded NAME`` in the folder of the run. Only the calls that the outputs used are kept,
where the stages' scratch still says which (work/STAGE/KEY/used-calls-N.json of the present code, params and data);
else all of the teacher's. It may be said again at any time, while a run still goes on or after more of it: nothing that
the recording holds is lost. Hashes of outputs are those of dvc.lock, of the stages that dvc finds unchanged.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from xinstruct.files import BadInput, read_table, read_yaml, replaced_file
from xinstruct.llm.backends import embedded_facts, is_capable, read_model, urls
from xinstruct.llm.client import used_calls
from xinstruct.llm.endpoint import normal_url
from xinstruct.llm.journal import Journal
from xinstruct.llm.recording import CALLS, FAILURES, LIMIT, add_parts, held, listed, parts, verify
from xinstruct.models.recorded import ABOUT, Facts, place, read_about
from xinstruct.params import TeacherParams, everything
from xinstruct.params.dotted import flatten
from xinstruct.plan import graph, resolve
from xinstruct.processes import git

TEACHER = Path("models/teacher")
_MADE = ("params.yaml", "dvc.lock", "reports/", "recorded/")  # what a run changes itself
_HEAD = "# Written by `xinstruct journal export --recorded {}`; not by hand. docs/recorded.md says what is what.\n"


@dataclass(frozen=True)
class Used:
    """What the stages' scratch says: who answered, and which calls the outputs used (None: not known)."""

    teacher: Facts | None
    keys: set[str] | None


def record(name: str, journal: Journal, limit: int = LIMIT) -> dict[str, Any]:
    """Write recorded/NAME of the run in this folder. Returns what about.yaml says.

    Raises BadInput where NAME holds another teacher's calls or a damaged file, the teacher is not known, or calls
    that the outputs used are nowhere.
    """
    folder, values = place(name), read_yaml(Path("params.yaml"))
    params = everything(values)
    used = _used()
    teacher = used.teacher or _configured(params.teacher)
    if (folder / ABOUT).exists():
        _check_same(folder, teacher)
    _check_there(folder, teacher, journal, used)
    for table in (CALLS, FAILURES):
        add_parts(journal, folder, table, teacher.identity, used.keys, limit)
    about = _about(name, folder, teacher, values)
    about["calls"]["used_by_outputs"] = "not known" if used.keys is None else len(used.keys)
    _write(folder / ABOUT, name, about)
    return about


def _check_same(folder: Path, teacher: Facts) -> None:
    before = read_about(folder)
    if before["teacher"]["identity"] != teacher.identity:
        raise BadInput(
            f"{folder}: holds calls of {before['teacher']['identity']}, this run's teacher is {teacher.identity}; "
            "give another name"
        )
    verify(folder, before["parts"])


def _check_there(folder: Path, teacher: Facts, journal: Journal, used: Used) -> None:
    query = "select key from calls where model = ?1 union select key from failures where model = ?1"
    there = {key for (key,) in journal.db.execute(query, (teacher.identity,))}
    there |= held(folder, CALLS) | held(folder, FAILURES)
    if not there:
        raise BadInput(f"{journal.path}: holds no call of {teacher.identity}; was it another journal?")
    if used.keys is not None and (lost := used.keys - there):
        raise BadInput(f"{journal.path}: lacks {len(lost)} of the {len(used.keys)} calls that the outputs used")


def _about(name: str, folder: Path, teacher: Facts, values: dict[str, Any]) -> dict[str, Any]:
    values["teacher"] |= {"recorded": "", "missing": "stop"}  # also where a replayed run is recorded again
    model = {key: value for key, value in read_model(TEACHER).items() if key != "recorded"}
    overrides = _overrides(values)
    outputs, left_out = _outputs()
    return {
        "name": name,
        "written": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code": _code(),
        "teacher": {**asdict(teacher), "model": model},
        "calls": _counts(folder),
        "experiment": _experiment(values, overrides),
        "overrides": overrides,
        "parts": listed(folder),
        "outputs": outputs,
        "stages_left_out": left_out,
        "params": values,
    }


def _write(path: Path, name: str, about: dict[str, Any]) -> None:
    yaml = YAML()
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda *_: True  # what stands in params and overrides is written out in both
    with replaced_file(path) as tmp, tmp.open("w", encoding="utf-8") as handle:
        handle.write(_HEAD.format(name))
        yaml.dump(about, handle)


# ---- the run's calls


def asking_stages() -> list[str]:
    """The stages that ask the teacher."""
    return [name for name, spec in graph().items() if str(TEACHER) in spec.get("deps", [])]


def _used() -> Used:
    """What the scratch of the stages as they are now says."""
    teachers, keys, whole = set[Facts](), set[str](), True
    for stage in asking_stages():
        try:
            plan = resolve(stage)
        except BadInput:  # what it works on is not made yet
            whole = False
            continue
        whole = whole and all(plan.part(shard).exists() for shard in range(plan.shards))
        for shard in range(plan.shards):
            path = used_calls(Path(plan.work) / f"calls-{shard}.json")
            if path.exists():
                said = json.loads(path.read_text(encoding="utf-8"))
                teachers.add(Facts.of(said["teacher"]))
                keys.update(said["keys"])
    if len(teachers) > 1:
        names = " and ".join(sorted(teacher.identity for teacher in teachers))
        raise BadInput(f"the stages asked different teachers: {names}; run all of them with one")
    return Used(next(iter(teachers), None), keys if whole else None)


def _configured(params: TeacherParams) -> Facts:
    """The teacher by params and model.json alone, where no stage says whom it asked."""
    model = read_model(TEACHER)
    if model.get("recorded"):
        return Facts.of(model["recorded"])
    if model["kind"] != "endpoint":
        return embedded_facts(model, params)
    if not params.served_as or params.dialect == "auto":
        raise BadInput(
            "who answered is not known any more (work/ has no scratch of this run); run the stages once more, which "
            "asks nothing anew, or set teacher.served_as and teacher.dialect"
        )
    identity = params.identity or f"{normal_url(urls(model)[0])} {params.served_as}"
    return Facts(identity, params.served_as, "endpoint", params.dialect != "openai", is_capable(model, params))


def _counts(folder: Path) -> dict[str, Any]:
    """What the files hold: calls and tokens in all and by stage, when they were asked."""
    rows = [row for path in parts(folder, CALLS) for row in _brief(path)]
    stages: dict[str, Counter[str]] = {}
    for row in rows:
        counts = {"answered": 1, "prompt_tokens": row["prompt_tokens"], "completion_tokens": row["completion_tokens"]}
        stages.setdefault(row["stage"] or "none", Counter()).update(counts)
    days = sorted({datetime.fromtimestamp(row["created"], UTC).strftime("%Y-%m-%d") for row in rows})
    total = sum(stages.values(), Counter[str]())
    by_stage = {stage: dict(stages[stage]) for stage in sorted(stages)}
    return {**total, "failed": len(held(folder, FAILURES)), "days": days, "by_stage": by_stage}


def _brief(path: Path) -> Iterator[dict[str, Any]]:
    table = read_table(path, CALLS.schema, CALLS.kind)
    yield from table.select(["stage", "prompt_tokens", "completion_tokens", "created"]).to_pylist()


# ---- the run's code, params and outputs


def _code() -> dict[str, Any]:
    """The commit, and the tracked files that differ from it (but for what a run writes)."""
    changed = [line[3:] for line in git("status", "--porcelain", "--untracked-files=no").splitlines()]
    return {"commit": git("rev-parse", "HEAD").strip(), "changed": [p for p in changed if not p.startswith(_MADE)]}


def _overrides(values: dict[str, Any]) -> dict[str, Any]:
    """What params.yaml changes of the committed one, by dotted name (`-S`)."""
    before = committed_params()
    if before is None:
        return {}  # no repository: nothing is known of what it was before
    committed, nothing = flatten(before), object()
    return {name: value for name, value in flatten(values).items() if committed.get(name, nothing) != value}


def committed_params() -> dict[str, Any] | None:
    """Return params.yaml as it is committed; None when there is no repository, or no such file in it."""
    text = git("show", "HEAD:./params.yaml")
    return dict(YAML(typ="safe", pure=True).load(text)) if text else None


def _experiment(values: dict[str, Any], overrides: dict[str, Any]) -> str:
    """The parameter set that makes these params of the committed ones, "" where none does."""
    flat = flatten(values)
    for path in sorted(Path("experiments").rglob("*.yaml")) if overrides else []:
        said = flatten(read_yaml(path) or {})
        if overrides.keys() <= said.keys() and all(flat.get(name) == value for name, value in said.items()):
            return str(path)
    return ""


def _outputs() -> tuple[dict[str, dict[str, str]], list[str]]:
    """dvc's hash of each output by stage; and the stages whose outputs are not there, or not what dvc.lock says."""
    lock = Path("dvc.lock")
    stages = dict(read_yaml(lock)["stages"]) if lock.exists() else {}
    done = subprocess.run(["dvc", "status", "--json"], capture_output=True, encoding="utf-8", check=False)
    # Outside of a repository of dvc's nothing can be said of any stage.
    changed = stages if done.returncode else json.loads(done.stdout)
    kept = {name: spec for name, spec in stages.items() if name not in changed}
    hashes = {name: {out["path"]: str(out["md5"]) for out in spec.get("outs", [])} for name, spec in kept.items()}
    return hashes, sorted(name for name in graph() if name not in kept)
