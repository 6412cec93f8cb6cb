"""From completions to scores: what counts, what is void, the mean, paired comparison, the table."""

from __future__ import annotations

import pytest

from xinstruct.benchmarks.scoring import COLUMNS, comparisons, summary, table
from xinstruct.records import Completion


def completion(model: str, language: str, task: int, verdict: str, benchmark: str = "humaneval") -> Completion:
    return Completion(
        id=f"{model}{benchmark}{language}{task}",
        model=model,
        benchmark=benchmark,
        task_id=str(task),
        language=language,
        prompt="",
        answer="",
        code="",
        verdict=verdict,
    )


ROWS = [
    *(completion("start", "python", i, "passed" if i < 3 else "wrong_answer") for i in range(4)),
    *(completion("start", "java", i, "compile_error") for i in range(4)),
    *(completion("sft", "python", i, "passed") for i in range(4)),
    *(completion("sft", "java", i, "passed" if i == 0 else "empty_answer") for i in range(3)),
    completion("sft", "java", 3, "infrastructure"),
]


def test_cells_and_true_mean() -> None:
    found = summary(ROWS, ["python", "java"])
    start, sft = found["start"]["humaneval"], found["sft"]["humaneval"]
    assert (start["python"]["n"], start["python"]["passed"], start["python"]["pass_at_1"]) == (4, 3, 0.75)
    assert start["python"]["low"] < 0.75 < start["python"]["high"]
    assert start["java"]["verdicts"] == {"compile_error": 4}
    assert start["mean"]["pass_at_1"] == pytest.approx(0.375)
    assert start["mean_without_python"]["pass_at_1"] == 0.0
    # what could not be judged leaves n; a missing answer does not
    assert (sft["java"]["n"], sft["java"]["void"], sft["java"]["passed"]) == (3, 1, 1)
    assert sft["mean"]["pass_at_1"] == pytest.approx((1 + 1 / 3) / 2, abs=1e-6)


def test_no_mean_over_fewer_languages_than_wanted() -> None:
    found = summary(ROWS, ["python", "java", "php"])["start"]["humaneval"]["mean"]
    assert found["pass_at_1"] is None
    assert (found["languages"], found["n"]) == (2, 8)


def test_comparison_leaves_out_void_problems() -> None:
    found = comparisons(ROWS, ["start", "sft"])["start_to_sft"]["humaneval"]
    assert (found["n"], found["gained"], found["lost"]) == (7, 2, 0)


def test_table_has_every_cell_and_the_loss() -> None:
    scores = summary(ROWS, ["python", "java"])
    found = table(scores, {"start": {"loss_per_token": 0.5, "tokens": 100, "samples": 2}})
    assert list(found.columns) == COLUMNS
    assert len(found) == 2 * (2 + 2) + 1  # two languages, two means, and the loss
    loss = found[found["benchmark"] == "heldout_loss"].iloc[0]
    assert (loss["heldout_loss"], loss["tokens"]) == (0.5, 100)
    assert found[(found["model"] == "sft") & (found["language"] == "java")]["passed"].tolist() == [1]
