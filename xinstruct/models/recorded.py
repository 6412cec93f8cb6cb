"""Recordings as fetch and the client see them: a folder below recorded/ that stands for the teacher of a run.

``recorded/NAME/about.yaml`` says what was run and who answered; the answers lie beside it in Parquet files
(llm/recording.py). Written by ``xinstruct journal export --recorded NAME`` (llm/about.py); docs/recorded.md.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, read_yaml, write_json

FOLDER = Path("recorded")
ABOUT = "about.yaml"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_SECTIONS = ("teacher", "params", "parts", "outputs")


@dataclass(frozen=True)
class Facts:
    """What the journal and the stages know of a model that answers.

    identity is what its calls are keyed by, served its name in `teacher.prices`, run_by who runs it ("endpoint",
    "batched", "llamacpp"), continues whether a started answer is known to be continued, capable whether it needs no
    beginning written for it.
    """

    identity: str
    served: str
    run_by: str
    continues: bool
    capable: bool

    @staticmethod
    def of(values: dict[str, Any]) -> Facts:
        """Those of a mapping that has more keys. Raises KeyError where it lacks one."""
        return Facts(**{field.name: values[field.name] for field in fields(Facts)})


def place(name: str, root: Path = Path()) -> Path:
    """The folder of a recording, there or not. Raises BadInput on a name that is no plain one."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name of a recording: letters, digits, '.', '_' and '-' only")
    return root / FOLDER / name


def there(root: Path = Path()) -> list[str]:
    """Names of the recordings of a project."""
    return sorted(path.parent.name for path in (root / FOLDER).glob(f"*/{ABOUT}"))


def read_about(folder: Path) -> dict[str, Any]:
    """What about.yaml of a recording says. Raises BadInput where there is none, or a section of it is missing."""
    path = folder / ABOUT
    if not path.exists():
        known = ", ".join(there(folder.parent.parent)) or "none yet"
        raise BadInput(f"{path}: no such recording; there are: {known}")
    about = read_yaml(path)
    for name in _SECTIONS:
        if not isinstance(about, dict) or not isinstance(about.get(name), dict):
            raise BadInput(f"{path}: the section {name!r} is missing; export it again or get the file anew")
    for name in (*(field.name for field in fields(Facts)), "model"):
        if name not in about["teacher"]:
            raise BadInput(f"{path}: teacher.{name} is missing; export it again or get the file anew")
    return dict(about)


def stand_in(name: str, dest: Path, live: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write the model.json of a recorded teacher into `dest`; returns the model's facts, as fetch_teacher does.

    `live` are the facts of a model that was fetched into `dest` to be asked what the recording lacks. Raises
    BadInput where that one is known to be another model.
    """
    teacher = read_about(place(name))["teacher"]
    facts, model = Facts.of(teacher), live or dict(teacher["model"])
    if live and live["kind"] != "endpoint" and facts.identity != f"sha256:{live['sha256']}":
        raise BadInput(
            f"teacher.recorded {name}: its teacher was {teacher['model'].get('name')} ({facts.identity}), "
            f"teacher.model is {live['name']} (sha256:{live['sha256']}); answers of two models must not be mixed"
        )
    write_json(dest / "model.json", model | {"recorded": {"name": name, **asdict(facts)}})
    return model
