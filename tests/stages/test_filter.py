"""Verdicts by the real judge, selection, the split by root snippet, shards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stages.filter import components, split
from tests.stages.helpers import REPO, beside_filter, large, metrics, project, run_stage, sample, write_samples
from xinstruct.files import hash_path, read_records
from xinstruct.records import Sample

GOOD = "def add(a, b):\n    return a + b\n"


def prepare(root: Path, shards: int) -> Path:
    project(root)
    graph = root / "dvc.yaml"
    graph.write_text(graph.read_text().replace("meta: {shards: 2}", f"meta: {{shards: {shards}}}"))
    samples = [sample(i, large(i)) for i in range(8)]
    samples.append(sample(8, large(8), kind="Ds3", snippets=["root0", "root1"]))
    samples.append(sample(9, "function add(a, b) { return a + b; }", language="javascript", kind="Ds3"))
    samples.append(sample(10, "def add(a, b):\n    return a - b\n"))
    samples.append(sample(11, "def add(a, b):\n    return a +\n"))
    samples.append(sample(12, GOOD, cases="[]"))
    samples.append(sample(13, "import sys\nsys.exit(0)\n"))
    write_samples(root, "deduplicate", samples)
    beside_filter(root, {f"root{i}": "own" for i in range(14)})
    return root


@pytest.mark.slow
def test_verdicts_split_and_books(tmp_path: Path) -> None:
    root = prepare(tmp_path, 2)
    run_stage(root, "filter")
    kept = read_records(root / "data/filter/samples.parquet", "samples")
    gone = {r.id: r.reason for r in read_records(root / "data/filter/rejected.parquet", "rejected")}
    assert {s.id for s in kept} == {sample(i, "").id for i in range(10)}
    assert {s.verdict for s in kept} == {"passed"}
    assert gone[sample(10, "").id] == "wrong_answer"
    assert gone[sample(12, "").id] == "no_cases"
    assert len(gone) == 4
    found = metrics(root, "filter")
    assert found["rows"] == {"in": 14, "out": 10, "rejected": 4}
    assert found["split"] == {"train": 8, "heldout": 2}
    assert found["by_language"]["python"]["Ds1"]["in"] == 12
    assert found["by_language"]["python"]["Ds1"]["passed"] == 8
    assert no_shared_root(kept)


@pytest.mark.slow
def test_what_passes_is_selected_and_its_unneeded_imports_go(tmp_path: Path) -> None:
    """Every rule in one run; a rejected sample keeps its reason, and the measures are of what stays."""
    root = project(tmp_path, **{"per_package: 40": "per_package: 3"})
    imports = "import re\nimport os\n\n"
    samples = {
        "best": sample(0, imports + large(0), score=3.0, snippets=["a"]),
        "second": sample(1, large(1), score=2.0, snippets=["a"]),
        "third": sample(2, large(2), score=1.0, snippets=["a"]),
        "over": sample(3, large(3), score=0.5, snippets=["a"]),
        "copy": sample(4, large(0).replace("left", "first"), score=2.9, snippets=["b"]),
        "other": sample(
            5, f"{large(5)}\n\n# Example\nprint(add(1, 2))\n", score=1.0, snippets=["c"], operation="translate"
        ),
        "small": sample(6, GOOD, score=1.0, snippets=["d"]),
        "smaller": sample(7, GOOD.replace("a + b", "b + a"), score=0.9, snippets=["e"]),
        "short": sample(8, large(8), instruction="Add."),
        "long": sample(9, large(9).replace(":\n", f":  # {'x' * 6000}\n", 1)),
        "wrong": sample(10, GOOD.replace("+", "-")),
        # a name that only a string says: the cases tell that it is needed
        "needed": sample(11, f"import operator\n\n{large(11)[:-1]} + eval('oper' + 'ator').add(0, 0)\n", score=1.0),
    }
    write_samples(root, "deduplicate", list(samples.values()))
    beside_filter(root, {name: "own" if name == "a" else name for name in "abcde"})
    run_stage(root, "filter")
    kept = {s.id: s for s in read_records(root / "data/filter/samples.parquet", "samples")}
    gone = {r.id: r.reason for r in read_records(root / "data/filter/rejected.parquet", "rejected")}
    assert {name: gone.get(one.id, "") for name, one in samples.items()} == {
        "best": "", "second": "", "third": "", "over": "package_quota", "copy": "exact_duplicate", "other": "",
        "small": "", "smaller": "trivial", "short": "too_short", "long": "too_long", "wrong": "wrong_answer",
        "needed": "",
    }  # fmt: skip
    assert kept[samples["best"].id].response == large(0)
    assert kept[samples["needed"].id].response == samples["needed"].response
    found = metrics(root, "filter")
    assert found["rows"] == {"in": 12, "out": 6, "rejected": 6}
    assert found["unneeded"] == {"removed": 2, "needed_after_all": 1}
    assert kept[samples["other"].id].response == large(5)
    assert found["quality"]["statements_median"] == 3.0 and found["quality"]["new_problems_share"] == 0.0
    assert found["quality"]["one_statement_share"] == round(1 / 6, 4)


@pytest.mark.slow
def test_same_bytes_with_other_shards(tmp_path: Path) -> None:
    results = []
    for shards in (1, 3):
        folder = tmp_path / str(shards)
        folder.mkdir()
        run_stage(prepare(folder, shards), "filter")
        results.append((hash_path(folder / "data/filter"), hash_path(folder / "reports")))
    assert results[0] == results[1]


@pytest.mark.slow
def test_same_bytes_through_snakemake_in_a_folder_with_blanks_and_quotes(tmp_path: Path) -> None:
    """What Snakemake's jobs are told by a shell command names folders, and leaves nothing of its own beside them."""
    results = []
    for name in ("plain", "with blank/and 'quote'/it"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        root = prepare(folder, 2)
        for own in ("rules", "profiles"):
            shutil.copytree(REPO / own, root / own)
        shutil.copy(REPO / "Snakefile", root)
        before = {path.name for path in root.iterdir()}
        run_stage(root, "filter", profile="profiles/local" if name != "plain" else "")
        results.append((hash_path(root / "data/filter"), hash_path(root / "reports")))
        assert {path.name for path in root.iterdir()} - before <= {"reports", "work", ".snakemake"}
        assert len(list((root / "work").glob("filter/*/log/*.log"))) == (0 if name == "plain" else 2)
    assert results[0] == results[1]
    assert {path.name for path in tmp_path.rglob("*with*")} == {"with blank"}


def no_shared_root(samples: list[Sample]) -> bool:
    sides = {side: {r for s in samples if s.split == side for r in s.roots()} for side in ("train", "heldout")}
    return not sides["train"] & sides["heldout"]


@pytest.mark.parametrize("seed", range(5))
def test_split_shares_no_root_and_keeps_to_its_share(seed: int) -> None:
    samples = [
        sample(i, "", snippets=[f"r{i % 30}", f"r{(i * 7) % 30}"] if i > 60 else [f"r{i % 40}"]) for i in range(80)
    ]
    split(samples, 0.15, seed)
    held = sum(s.split == "heldout" for s in samples)
    assert 0 < held <= 12
    assert no_shared_root(samples)


def test_samples_of_one_task_are_on_one_side() -> None:
    samples = [sample(i, "", snippets=[f"r{i}"], task_id=f"t{i // 3}") for i in range(30)]
    split(samples, 0.3, 1)
    assert {tuple({s.split for s in samples if s.task_id == f"t{i}"}) for i in range(10)} == {("train",), ("heldout",)}
    linked = [*samples, sample(30, "", snippets=["r0", "r29"])]
    assert sorted(map(len, components(linked))) == [*[3] * 8, 7]


def test_one_component_is_all_training() -> None:
    samples = [sample(i, "", snippets=["r", f"r{i}"]) for i in range(5)]
    split(samples, 0.5, 1)
    assert {s.split for s in samples} == {"train"}
    assert len(components(samples)) == 1


def test_split_does_not_depend_on_the_order() -> None:
    first = [sample(i, "", snippets=[f"r{i // 2}"]) for i in range(20)]
    second = [sample(i, "", snippets=[f"r{i // 2}"]) for i in reversed(range(20))]
    split(first, 0.3, 1)
    split(second, 0.3, 1)
    assert {s.id: s.split for s in first} == {s.id: s.split for s in second}
    assert sum(s.split == "heldout" for s in first) == 6
