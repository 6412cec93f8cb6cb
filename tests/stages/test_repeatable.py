"""The stages that judge write the same bytes on another machine, as far as one machine can pass for another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution import failing
from tests.stages.helpers import project, run_stage, sample, write_samples
from xinstruct.code.types import cases_to_json
from xinstruct.execution import chance
from xinstruct.files import hash_path, read_records, write_json
from xinstruct.languages import EIGHT, get
from xinstruct.plan import resolve
from xinstruct.records import Sample

pytestmark = pytest.mark.slow

SAMPLES = 4  # answers of a task
MODELS = ("start", "sft", "dpo")


@pytest.fixture
def load() -> Iterator[None]:
    """Two processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for process in busy:
        process.kill()
        process.wait()


def answers() -> dict[str, list[str]]:
    """Failing answers by language, SAMPLES of each from all over the list."""
    steady = chance.with_fixed_addresses(()) != ()
    found: dict[str, list[str]] = {}
    for job in failing.jobs(steady):
        if job.language in EIGHT:
            found.setdefault(job.language, []).append(f"```{get(job.language).fence}\n{job.code}\n```\n")
    return {language: texts[:: len(texts) // SAMPLES][:SAMPLES] for language, texts in found.items()}


def tasks(split: str) -> list[Sample]:
    """One task in each language."""
    return [
        sample(
            number,
            "",
            language=language,
            function=failing.function(language),
            signature=failing.SIGNATURE.to_json(),
            cases=cases_to_json(list(failing.CASES)),
            split=split,
            verdict="passed",
        )
        for number, language in enumerate(answers())
    ]


def checkout(folder: Path, workers: int, split: str) -> Path:
    """A project folder with models that were asked already."""
    folder.mkdir(parents=True)
    own = {"workers: 2": f"workers: {workers}", "humaneval: 8 ": "{}", "samples: 8 ": f"samples: {SAMPLES} "}
    project(folder, **own)
    for model in MODELS:
        (folder / "models" / model).mkdir(parents=True)
    (folder / "data/fetch").mkdir(parents=True)
    write_samples(folder, "filter", tasks(split))
    return folder


def asked(texts: list[str]) -> list[dict[str, object]]:
    return [{"text": text, "tokens": len(text), "finished": True} for text in texts]


def preferences(root: Path) -> None:
    """Scratch as the stage finds it when the model has answered everything."""
    found = answers()
    for task in tasks("train"):
        path = Path(resolve("preferences", root).work) / f"answers-{task.id}.json"
        write_json(root / path, asked(found[task.language]))


def evaluate(root: Path) -> None:
    """As preferences(), an answer of each model to each task."""
    found = answers()
    for number, model in enumerate(MODELS):
        rows = asked([found[task.language][number] for task in sorted(tasks("heldout"), key=lambda task: task.id)])
        loss = {"loss_per_token": 1.0, "tokens": 1, "samples": len(rows)}
        write_json(root / resolve("evaluate", root).work / f"answers-{model}.json", {"answers": rows, "loss": loss})


@pytest.mark.parametrize(("stage", "split"), [("preferences", "train"), ("evaluate", "heldout")])
def test_another_folder_and_process_give_the_same_bytes(stage: str, split: str, tmp_path: Path, load: None) -> None:
    here = checkout(tmp_path / "here", 2, split)
    there = checkout(tmp_path / "some other" / "place", 3, split)
    (tmp_path / "scratch").mkdir()
    other = {"TMPDIR": str(tmp_path / "scratch"), "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    for root, more in ((here, {}), (there, other)):
        {"preferences": preferences, "evaluate": evaluate}[stage](root)
        run_stage(root, stage, **more)
    rows = read_records(here / "data" / stage / "completions.parquet", "completions")
    assert len(rows) == len(answers()) * (SAMPLES if stage == "preferences" else len(MODELS))
    assert {row.verdict for row in rows} >= {"wrong_answer", "runtime_error"}
    assert not [row for row in rows if row.verdict in ("infrastructure", "timeout")]
    again = read_records(there / "data" / stage / "completions.parquet", "completions")
    assert [(a, b) for a, b in zip(rows, again, strict=True) if a != b] == []
    for name in (f"data/{stage}", f"reports/{stage}"):
        assert hash_path(here / name) == hash_path(there / name)
