"""DVCLive's files of a run, read back and held against loss.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from xinstruct.training.tracking import MACHINE


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What DVCLive's files hold, by quantity: (step, value)."""
    paths = (folder / "plots/metrics").glob("*.tsv")
    tables = {path.stem: pd.read_csv(path, sep="\t") for path in paths}
    return {name: list(zip(table["step"], table[name], strict=True)) for name, table in tables.items()}


def assert_watched(folder: Path, stage: str) -> None:
    """DVCLive's files have the steps and values of loss.csv, and what each step cost."""
    table = pd.read_csv(folder / f"reports/{stage}/loss.csv")
    watched = logged(folder / f"reports/{stage}/live")
    assert set(watched) == {*table.columns, *MACHINE} - {"step"}
    for name in set(table.columns) - {"step"}:
        expected = pytest.approx(table[name].tolist(), rel=1e-12)
        assert [value for _, value in watched[name]] == expected, name
    for name in watched:
        assert [step for step, _ in watched[name]] == list(table["step"])
    assert all(value > 0 for name in ("tokens_per_second", "memory_gb") for _, value in watched[name])
