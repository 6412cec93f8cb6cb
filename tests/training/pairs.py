"""Preference pairs on the samples of the other tests, and the settings of a short DPO run."""

from __future__ import annotations

from typing import Any

from xinstruct.records import Pair, Sample
from xinstruct.training import data

DPO: dict[str, Any] = {
    "beta": 0.1,
    "epochs": 3,
    "learning_rate": 5.0e-3,
    "warmup_steps": 0,
    "max_tokens": 256,
    "batch_size": 2,
    "processes": 1,
    "lora_rank": 4,
    "dtype": "float32",
    "heldout_share": 0.0,
    "trl": {},
    "lora": {},
}


def make_pairs(samples: list[Sample]) -> list[Pair]:
    """Eight tasks, each with its answer and one that subtracts."""
    return [
        Pair(
            id=sample.id,
            language="python",
            task_id=sample.id,
            prompt=sample.instruction,
            chosen=data.fenced(sample.response, "python"),
            rejected=data.fenced(sample.response.replace("+", "-"), "python"),
            chosen_verdict="reference",
            rejected_verdict="wrong_answer",
            parents=[],
        )
        for sample in samples[:8]
    ]
