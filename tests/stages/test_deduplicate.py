"""The stage run as dvc runs it: what goes, what stays, why, and that nothing vanishes."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path

import pytest

from tests.stages.helpers import metrics, project, run_stage, sample, write_samples
from xinstruct.code.types import Signature
from xinstruct.files import hash_path, read_records, write_records

pytestmark = pytest.mark.slow

TASK = "Given an array of meeting intervals return the smallest number of rooms that they need"


def body(extra: str = "") -> str:
    """A function of many lines that adds two numbers."""
    lines = "".join(f"    x{i} = a * {i} - b // {i + 1}\n" for i in range(30))
    return f"def add(a, b):\n{lines}{extra}    return a + b\n"


def prepare(root: Path) -> Path:
    project(root)
    folder = root / "data" / "fetch" / "benchmarks" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.jsonl.gz").write_bytes(gzip.compress(json.dumps({"task_id": "Toy/1", "prompt": TASK}).encode()))
    odd = Signature.of("string", text="string").to_json()
    seeds = [
        sample(1, body(), score=2.0),
        sample(
            2,
            body().replace("x1 =", "other =").replace("a + b", "a  +  b  # summed"),
            score=2.0,
            instruction="Renamed and commented.",
        ),
        sample(3, body("    y = 5\n"), score=4.0, kind="Ds2", function="gone"),  # near; higher score stays
        sample(4, "static int add(int a, int b) { return b + a; }", language="java"),  # a translation is no duplicate
        sample(5, "def rooms(): ...", instruction=f"Please: {TASK.upper()}!"),
        sample(6, "def unrelated(text): return text", instruction="An own task of its own.", signature=odd, cases="[]"),
        sample(8, " ", instruction="Nothing is answered here at all."),
        sample(9, "def add(a, b):\n    return sum([b, a])", instruction="An answer told in other words"),
    ]
    made = [sample(7, body("    z = 7\n"), kind="Ds3", score=9.0, verdict="passed", instruction="Something else")]
    write_records(root / "data/mine/snippets.parquet", "snippets", [])
    write_samples(root, "seed", seeds)
    write_samples(root, "synthesize", made)
    return root


def test_reasons_and_row_conservation(tmp_path: Path) -> None:
    root = prepare(tmp_path)
    run_stage(root, "deduplicate")
    kept = {s.id: s for s in read_records(root / "data/deduplicate/samples.parquet", "samples")}
    gone = {r.id: r for r in read_records(root / "data/deduplicate/rejected.parquet", "rejected")}
    ids = {number: sample(number, "").id for number in range(1, 10)}
    # the verified one (7) is preferred to the scored one (3), that to the others
    assert set(kept) == {ids[4], ids[6], ids[7]}
    assert {number: gone[ids[number]].reason for number in (1, 2, 3, 5, 8, 9)} == {
        **{1: "exact_duplicate", 2: "exact_duplicate", 3: "near_duplicate", 5: "contaminated"},
        **{8: "empty_answer", 9: "exact_duplicate"},
    }
    assert gone[ids[3]].detail.startswith("code: Jaccard 0.9")
    assert gone[ids[9]].detail == f"results: Jaccard 1.000 with {ids[7]}"
    assert all(ids[7] in gone[ids[number]].detail for number in (1, 2, 3, 9))
    assert gone[ids[5]].detail.startswith("Toy/1: is 'given an array of meeting intervals")
    assert "(words: prompt in instruction, " in gone[ids[5]].detail
    [row] = csv.DictReader((root / "reports/deduplicate/contamination.csv").open(encoding="utf-8"))
    assert (row["benchmark"], row["item"], row["sample"], row["field"]) == ("toy", "Toy/1", ids[5], "prompt")
    assert json.loads(gone[ids[5]].record)["function"] == "add"
    assert kept[ids[4]].task_id == kept[ids[7]].task_id != kept[ids[6]].task_id == ids[6]
    found = metrics(root, "deduplicate")
    assert found["rows"] == {"in": 9, "out": 3, "rejected": 6}
    assert found["contaminated_by_benchmark"] == {"toy": 1}
    assert found["kept"]["language"] == {"java": 1, "python": 2}
    assert found["benchmark_problems"] == {"toy": 1}
    assert "humaneval" in found["benchmarks_absent"]
    assert found["tasks"] == {"count": 2, "in_several_samples": 1}


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
    assert "no file that can be read" in run_stage(root, "deduplicate", ok=False).stderr


def test_copies_of_other_data_go_and_the_policy_keeps_one_of_a_task(tmp_path: Path) -> None:
    root = prepare(tmp_path)
    (tmp_path / "old.jsonl").write_text(json.dumps({"q": "x", "a": "def unrelated(word):\n    return word  # same\n"}))
    text = (root / "params.yaml").read_text(encoding="utf-8")
    given = f"against: [{{path: {tmp_path / 'old.jsonl'}, instruction: q, code: a}}]"
    text = re.sub(r"against: \[\]", given, text).replace("across: keep", "across: cap")
    text = text.replace("per_task: 4", "per_task: 1")
    (root / "params.yaml").write_text(text, encoding="utf-8")
    run_stage(root, "deduplicate")
    gone = {r.id: r for r in read_records(root / "data/deduplicate/rejected.parquet", "rejected")}
    assert gone[sample(6, "").id].detail == f"code: Jaccard 1.000 with {tmp_path / 'old.jsonl'}:1"
    assert gone[sample(4, "").id].reason == "task_limit"
    [kept] = read_records(root / "data/deduplicate/samples.parquet", "samples")
    assert kept.id == sample(7, "").id
