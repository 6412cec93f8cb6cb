"""Which tasks are asked, which answers make a pair, and the stage from end to end on a tiny model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.params import values
from xinstruct.files import read_records, write_json, write_records
from xinstruct.records import Completion, Sample
from xinstruct.training.preferences import JudgedAnswer, make_pairs, pick_tasks

ROOT = Path(__file__).resolve().parents[2]
STAGE = """
stages:
  preferences:
    cmd: python -m stages.preferences
    deps: [data/filter, models/sft]
    params: [random_seed, student.sampling, student.dtype, execution, preferences]
    outs: [data/preferences]
    metrics: [{reports/preferences/metrics.json: {cache: false}}]
"""


def answer(task: Sample, index: int, verdict: str, code: str = "", finished: bool = True) -> JudgedAnswer:
    record = Completion(
        id=f"{task.id}-{index}",
        model="sft",
        benchmark="train",
        task_id=task.id,
        language=task.language,
        index=index,
        prompt=task.instruction,
        answer=f"answer {index}",
        code=code or f"code {index}",
        verdict=verdict,
    )
    return JudgedAnswer(record, finished)


def of_language(sample: Sample, language: str, response: str = "") -> Sample:
    values = vars(sample) | {"language": language, "id": sample.id + language}
    return Sample(**(values | {"response": response or sample.response}))


def test_tasks_are_balanced_seeded_short_and_never_held_out(samples: list[Sample]) -> None:
    every = [of_language(s, language) for s in samples for language in ("python", "java", "bash")]
    picked = pick_tasks(every, 12, seed=1)
    assert [sum(t.language == name for t in picked) for name in ("python", "java", "bash")] == [4, 4, 4]
    assert all(task.split == "train" for task in picked)
    assert pick_tasks(every[::-1], 12, seed=1) == picked
    assert pick_tasks(every, 12, seed=2) != picked
    long = [of_language(s, "python", s.response + "\n" * 999) for s in samples]
    long = [Sample(**(vars(s) | {"id": s.id + "-long"})) for s in long]
    assert not {t.id for t in pick_tasks(every + long, 6, seed=1)} & {s.id for s in long}
    assert pick_tasks([], 5, seed=1) == []


def test_few_samples_of_a_language_leave_room_to_no_other_language(samples: list[Sample]) -> None:
    every = [of_language(samples[0], "java"), *samples]
    assert sorted({t.language for t in pick_tasks(every, 4, seed=1)}) == ["java", "python"]


def test_right_answers_are_preferred_to_wrong_ones(samples: list[Sample]) -> None:
    task = samples[0]
    found = [
        answer(task, 0, "compile_error"),
        answer(task, 1, "passed"),
        answer(task, 2, "wrong_answer"),
        answer(task, 3, "wrong_answer", finished=False),
        answer(task, 4, "wrong_answer", code="code 2"),
        answer(task, 5, "infrastructure"),
    ]
    pairs = make_pairs(task, found, 9, True)
    assert [(p.chosen, p.rejected) for p in pairs] == [
        ("answer 1", "answer 2"),  # ran and was wrong
        ("answer 1", "answer 0"),  # did not compile
    ]
    assert {p.chosen_verdict for p in pairs} == {"passed"}
    assert pairs[0].parents == [task.id, f"{task.id}-1", f"{task.id}-2"]
    assert make_pairs(task, found, 1, True) == pairs[:1]


def test_answers_that_were_cut_off_are_in_no_pair(samples: list[Sample]) -> None:
    task = samples[0]
    cut = [answer(task, 0, "passed", finished=False), answer(task, 1, "wrong_answer", finished=False)]
    assert make_pairs(task, cut, 9, True) == []
    [pair] = make_pairs(task, [*cut, answer(task, 2, "wrong_answer")], 9, True)
    assert (pair.chosen_verdict, pair.rejected) == ("reference", "answer 2")


def test_reference_stands_in_only_when_allowed_and_verified(samples: list[Sample]) -> None:
    task = samples[0]
    wrong = [answer(task, 0, "wrong_answer")]
    [pair] = make_pairs(task, wrong, 2, True)
    assert pair.chosen == f"```python\n{task.response}\n```" and pair.chosen_verdict == "reference"
    assert make_pairs(task, wrong, 2, False) == []
    assert make_pairs(Sample(**(vars(task) | {"verdict": ""})), wrong, 2, True) == []


def test_no_contrast_no_pairs(samples: list[Sample]) -> None:
    task = samples[0]
    assert make_pairs(task, [answer(task, 0, "passed"), answer(task, 1, "passed")], 2, True) == []
    assert make_pairs(task, [answer(task, 0, "infrastructure")], 2, True) == []
    assert make_pairs(task, [], 2, True) == []


@pytest.mark.slow
def test_stage_keeps_every_answer_with_its_verdict(tmp_path: Path, tiny: Path, samples: list[Sample]) -> None:
    write_records(tmp_path / "data/filter/samples.parquet", "samples", samples)
    shutil.copytree(tiny, tmp_path / "models/sft")
    section = {"tasks": 3, "samples": 2, "temperature": 1.0, "max_new_tokens": 12, "pairs_per_task": 2}
    changes = {f"preferences.{name}": value for name, value in section.items()}
    write_json(tmp_path / "params.yaml", values({"random_seed": 4} | changes))
    (tmp_path / "dvc.yaml").write_text(STAGE)
    done = subprocess.run([sys.executable, "-m", "stages.preferences"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = read_records(tmp_path / "data/preferences/completions.parquet", "completions")
    pairs = read_records(tmp_path / "data/preferences/pairs.parquet", "pairs")
    metrics = json.loads((tmp_path / "reports/preferences/metrics.json").read_text())
    assert len(answers) == 6 and all(row.verdict for row in answers)
    assert metrics["rows"]["in"] == 3 and metrics["pairs"] == len(pairs) == metrics["chosen"]["reference"] > 0
    assert {pair.task_id for pair in pairs} <= {sample.id for sample in samples if sample.split == "train"}
