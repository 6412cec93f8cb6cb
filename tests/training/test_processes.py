"""Two processes train what one does with batches of twice the size, and write it once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.params import values
from tests.training.pairs import DPO, make_pairs
from xinstruct.files import write_json, write_records
from xinstruct.records import Sample

pytestmark = pytest.mark.slow
GRAPH: dict[str, Any] = {
    "stages": {
        name: {
            "cmd": f"python -m stages.{name}",
            "deps": [f"data/{data}", f"models/{start}"],
            "params": ["random_seed", name],
            "outs": [f"models/{name}"],
            "metrics": [f"reports/{name}/metrics.json"],
            "plots": [f"reports/{name}/loss.csv"],
        }
        for name, data, start in (("sft", "filter", "start"), ("dpo", "preferences", "sft"))
    }
}


def trained(folder: Path, tiny: Path, samples: list[Sample], stage: str, processes: int) -> tuple[pd.DataFrame, str]:
    """Run a stage in so many processes, four rows a step; return its curve and what it printed."""
    changes = {"epochs": 1, "batch_size": 4 // processes, "processes": processes, "lora_rank": 4, "dtype": "float32"}
    section = {**DPO, **changes} if stage == "dpo" else changes | {"batch_tokens": 128}
    write_json(folder / "params.yaml", values({f"{stage}.{name}": value for name, value in section.items()}))
    write_json(folder / "dvc.yaml", GRAPH)
    write_records(folder / "data/filter/samples.parquet", "samples", samples)
    write_records(folder / "data/preferences/pairs.parquet", "pairs", make_pairs(samples))
    shutil.copytree(tiny, folder / "models" / ("start" if stage == "sft" else "sft"))
    done = subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((folder / f"reports/{stage}/metrics.json").read_text())["steps"]
    assert sorted(path.name for path in (folder / "models" / stage).iterdir()).count("adapter_model.safetensors") == 1
    return pd.read_csv(folder / f"reports/{stage}/loss.csv"), done.stderr


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_two_processes_have_one_processs_losses(stage: str, tiny: Path, samples: list[Sample], tmp_path: Path) -> None:
    one, _ = trained(tmp_path / "one", tiny, samples, stage, 1)
    two, told = trained(tmp_path / "two", tiny, samples, stage, 2)
    assert len(one) == len(two) > 1
    assert two["loss"].tolist() == pytest.approx(one["loss"].tolist(), abs=1e-5)
    assert two["grad_norm"].tolist() == pytest.approx(one["grad_norm"].tolist(), rel=1e-3)
    assert "in use by a live run" not in told and told.count("held-out loss") == (stage == "sft")


def test_another_number_of_processes_than_the_parameters_is_refused(tmp_path: Path, tiny: Path) -> None:
    write_json(tmp_path / "params.yaml", values())
    write_json(tmp_path / "dvc.yaml", GRAPH)
    (tmp_path / "data/filter").mkdir(parents=True)
    shutil.copytree(tiny, tmp_path / "models/start")
    env = os.environ | {"RANK": "0", "WORLD_SIZE": "2"}
    command = [sys.executable, "-m", "stages.sft"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "started as 2 processes, but sft.processes is 1: batches count per process" in done.stderr
