"""The stage run as dvc runs it: what goes, what stays, why, and that nothing vanishes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.stages.helpers import metrics, project, run_stage, sample, write_samples
from xinstruct.files import hash_path, read_records

pytestmark = pytest.mark.slow

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon"
LONG = f"{WORDS} " + " ".join(f"word{i}" for i in range(200))
TASK = "Given an array of meeting intervals return the smallest number of rooms that they need"


def prepare(root: Path) -> Path:
    project(root)
    folder = root / "data" / "fetch" / "benchmarks" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.jsonl.gz").write_bytes(gzip.compress(json.dumps({"task_id": "Toy/1", "prompt": TASK}).encode()))
    seeds = [
        sample(1, LONG, score=2.0),
        sample(2, LONG, score=2.0, instruction="Write a function number 1 that adds  two integers."),  # exact: layout
        sample(3, LONG.replace("gamma", "other"), score=4.0, kind="Ds2"),  # near; higher score stays
        sample(4, LONG, language="java"),  # the same in another language is no duplicate
        sample(5, "def rooms(): ...", instruction=f"Please: {TASK.upper()}!"),
        sample(6, "def unrelated(): return 'something else altogether'", instruction="An own task of its own."),
    ]
    made = [sample(7, LONG.replace("delta", "another"), kind="Ds3", score=9.0, verdict="passed")]
    write_samples(root, "seed", seeds)
    write_samples(root, "synthesize", made)
    return root


def test_reasons_and_row_conservation(tmp_path: Path) -> None:
    root = prepare(tmp_path)
    run_stage(root, "deduplicate")
    kept = {s.id: s for s in read_records(root / "data/deduplicate/samples.parquet", "samples")}
    gone = {r.id: r for r in read_records(root / "data/deduplicate/rejected.parquet", "rejected")}
    ids = {number: sample(number, "").id for number in range(1, 8)}
    # the verified one (7) is preferred to the scored one (3), that to the others
    assert set(kept) == {ids[4], ids[6], ids[7]}
    assert {number: gone[ids[number]].reason for number in (3, 5)} == {3: "near_duplicate", 5: "contaminated"}
    assert {gone[ids[1]].reason, gone[ids[2]].reason} == {"near_duplicate", "exact_duplicate"}
    assert f"with {ids[7]}" in gone[ids[3]].detail
    assert gone[ids[5]].detail.startswith("Toy/1: shares 'given an array of meeting intervals")
    assert json.loads(gone[ids[5]].record)["function"] == "add"
    found = metrics(root, "deduplicate")
    assert found["rows"] == {"in": 7, "out": 3, "rejected": 4}
    assert found["contaminated_by_benchmark"] == {"Toy": 1}
    assert found["kept"]["language"] == {"java": 1, "python": 2}


def test_same_bytes_with_shards(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    one, three = prepare(tmp_path / "one"), prepare(tmp_path / "three")
    graph = three / "dvc.yaml"
    marker = "    outs: [data/deduplicate]\n"
    graph.write_text(graph.read_text().replace(marker, marker + "    meta: {shards: 3}\n"))
    run_stage(one, "deduplicate")
    run_stage(three, "deduplicate")
    assert hash_path(one / "data/deduplicate") == hash_path(three / "data/deduplicate")
    assert hash_path(one / "reports") == hash_path(three / "reports")


def test_without_benchmarks_it_refuses(tmp_path: Path) -> None:
    root = prepare(tmp_path)
    (root / "data/fetch/benchmarks/toy/toy.jsonl.gz").unlink()
    assert "no benchmark texts" in run_stage(root, "deduplicate", ok=False).stderr
