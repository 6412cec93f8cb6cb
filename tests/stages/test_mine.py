"""The mine stage in memory's bounds: a language's snippets are sampled down while packages come in."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from pathlib import Path
from typing import get_args

import pytest

from stages.mine import _LEVELS, _account, _sample, _shrink
from tests.agents.helpers import ADD, snippet
from xinstruct.mining.corpus import Mined
from xinstruct.mining.extract import Finding
from xinstruct.params import MineParams
from xinstruct.params.reading import hints
from xinstruct.plan import Plan
from xinstruct.records import Reason, Snippet
from xinstruct.spill import Seen
from xinstruct.stage import Context

REPO = Path(__file__).resolve().parents[2]


def pile(size: int) -> list[Snippet]:
    return [
        snippet("python", f"f{i}", f"def f{i}(a, b): return a + b", ADD, package=f"p{i % 3}", self_contained=i % 2 == 0)
        for i in range(size)
    ]


@pytest.fixture
def context() -> Context:
    return Context(Plan("mine", {"random_seed": 1, "mine": {"prefer": "self_contained"}}, [], [], 1, "work/mine"), 0)


def test_what_is_held_is_sampled_down_and_accounted_for(context: Context) -> None:
    held = pile(41)
    for item in held:
        context.open(item.id)
    everything = {item.id for item in held}
    _shrink(context, held, 20)
    gone = {row.id for row in context.records["rejected"]}
    assert len(held) == 20 and gone | {item.id for item in held} == everything and len(gone) == 21
    assert {row.reason for row in context.records["rejected"]} == {"sampled_out"}
    assert all(item.self_contained for item in held)  # 21 are: those that can be run stay first


def test_up_to_twice_as_many_are_left_alone(context: Context) -> None:
    held = pile(40)
    _shrink(context, held, 20)
    assert len(held) == 40 and not len(context.records["rejected"])


def test_a_row_that_two_files_of_a_data_set_hold_is_counted_twice(context: Context, tmp_path: Path) -> None:
    seen, held = Seen(tmp_path), defaultdict[str, list[Snippet]](list)
    finding = Finding("twice", 1, 2, code="def twice(a):\n    return a * 2\n", doc="Double.")
    for name in ("one.parquet", "two.parquet"):
        entry = {"language": "python", "package": "set", "version": "1", "registry": "hub", "file": name, "sha256": "0"}
        mined = Mined("", findings=[("ada/a.py", finding)], refused=[("ada/b.py", Reason.LICENCE, "none")])
        mined.rows["ada/a.py"] = ("ada", "c0ffee", "MIT")
        _account(context, entry, mined, seen, held)
    assert len(context.opened) == 4 and len(held["python"]) == 1
    assert sorted(row.reason for row in context.records["rejected"]) == ["exact_duplicate", "licence", "licence"]


def test_a_sample_is_balanced_over_packages() -> None:
    chosen = _sample(pile(60), 12, "runnable", random.Random(1))
    assert sorted(item.package for item in chosen) == ["p0"] * 4 + ["p1"] * 4 + ["p2"] * 4


def test_what_a_sample_prefers_is_a_parameter() -> None:
    mixed = [*pile(20), *(dataclasses.replace(item, id=f"n{item.id}", signature="") for item in pile(20))]

    def share(prefer: str) -> int:
        return sum(item.self_contained for item in _sample(mixed, 20, prefer, random.Random(3)))

    assert share("self_contained") == 20 and 10 <= share("runnable") < 20 and share("none") < 16
    assert set(_LEVELS) == set(get_args(hints(MineParams)["prefer"]))
