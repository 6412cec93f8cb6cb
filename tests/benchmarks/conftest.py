"""A small benchmark in HumanEval's layout, written here, and a judge for it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.params import execution
from xinstruct.execution.judge import Judge

PARAMS = execution(workers=2, cpu_seconds=5, wall_factor=4, memory_mb=1024, output_kb=256)


def record(
    number: int, name: str, params: str, doc: str, body: str, checks: list[str], head: str = ""
) -> dict[str, Any]:
    test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in checks)
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f'{head}def {name}({params}:\n    """ {doc}\n    """\n',
        "entry_point": name,
        "canonical_solution": f"    {body}\n",
        "test": test,
    }


RECORDS = [
    record(0, "add_up", "a, b)", "Sum of both. add_up(1, None) is None.", "return None if b is None else a + b",
           ["assert candidate(1, 2) == 3", "assert candidate(1, None) is None", "assert candidate(1, 2) == 3"]),
    record(1, "is_long", "words: List[str]) -> bool", "Whether there are more than two.", "return len(words) > 2",
           ["assert candidate(['a'] ) == False", "assert not candidate([])", "assert candidate(['a', 'b', 'c'])"],
           head="from typing import List\n\n\n"),
    record(2, "mixed", "x)", "No one type.", "return x", ["assert candidate(1) == 1", "assert candidate('a') == 'a'"]),
    record(3, "looped", "x)", "Only in a loop.", "return x",
           ["for i in range(3):", "    assert candidate(i) == i"]),
    record(4, "is_whole", "x)", "Type decides.", "return isinstance(x, int)",
           ["assert candidate(2) == True", "assert candidate(2.5) == False"]),
    record(5, "pairs", "items)", "Adjacent pairs.", "return list(zip(items, items[1:]))",
           ["assert candidate([1, 2, 3]) == [(1, 2), (2, 3)]", "assert candidate([]) == []"]),
    record(6, "half", "x)", "Half of x.", "return x / 2",
           ["assert abs(candidate(3) - 1.5) < 1e-6", "assert abs(candidate(4) - 2) < 1e-6"]),
    record(7, "is_odd_whole", "x)", "Odd and no float.", "return isinstance(x, int) and x % 2 == 1",
           ["assert candidate(2) == False", "assert candidate(3) == True", "assert candidate(2.5) == False",
            "assert candidate('a') == False"]),
    record(8, "boxes", "x)", "Nested three deep.", "return [[[x]]]",
           ["assert candidate(1) == [[[1]]]", "assert candidate(2) == [[[2]]]"]),
]  # fmt: skip


@pytest.fixture(scope="session")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "humaneval").mkdir()
    with gzip.open(folder / "humaneval" / "HumanEval.jsonl.gz", "wt", encoding="utf-8") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in RECORDS)
    return folder


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(PARAMS) as one:
        yield one
