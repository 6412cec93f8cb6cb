"""Training step by step: what the models did, from loss.csv, and what it cost, from DVCLive's files.

The first is part of the page. The second depends on the machine, so it stands beside the page, in reports/calls.html.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from xinstruct.reporting import figures
from xinstruct.reporting.load import Run, number
from xinstruct.reporting.tables import plain, plural

_STAGES = (("sft", "SFT"), ("dpo", "DPO"))
_FIGURES = {  # what a figure is called, and its columns of loss.csv
    "loss": ("loss",),
    "rewards of chosen and rejected": ("chosen", "rejected"),
    "margin of rewards": ("margin",),
    "pairs with the chosen one ahead, share": ("accuracy",),
    "gradient norm": ("grad_norm",),
    "learning rate": ("learning_rate",),
}
_COSTS = {"tokens_per_second": "tokens/s", "padding": "padding, share", "memory_gb": "memory, GB"}


@dataclass
class Panel:
    """A training stage: its name, one sentence of figures, and (title, figure) of each quantity."""

    name: str
    text: str
    figures: list[tuple[str, Markup]] = field(default_factory=list)


def curves(run: Run) -> list[Panel]:
    """Return a panel per training stage, from what its loss.csv holds; one without a figure says why."""
    return [_panel(run.csv.get(f"reports/{stage}/loss.csv", []), name) for stage, name in _STAGES]


def _panel(rows: list[dict[str, str]], name: str) -> Panel:
    points = [(number(row.get("step")), number(row.get("loss"))) for row in rows]
    clean = [(step, loss) for step, loss in points if step is not None and loss is not None]
    if not clean:
        return Panel(name, f"{name}: no loss was recorded, so nothing was trained or it was too short.")
    first, last = (f"{loss:.3f} at step {step:g}" for step, loss in (clean[0], clean[-1]))
    text = f"{name}: {plural(len(clean), 'logged step')}, loss {first}, {last}."
    if extra := _last_values(rows[-1]):
        text += f" Last row: {extra}."
    drawn = ((title, _figure(rows, columns, f"{name} {title}")) for title, columns in _FIGURES.items())
    return Panel(name, text, [(title, figure) for title, figure in drawn if figure])


def _figure(rows: list[dict[str, str]], columns: Sequence[str], name: str) -> Markup | None:
    """Return the curves of some columns over the rows that have them all; None when there is no such row."""
    found = [[number(row.get(column)) for column in ("step", *columns)] for row in rows]
    clean = [[value for value in row if value is not None] for row in found if None not in row]
    if not clean:
        return None
    steps, *values = zip(*clean, strict=True)
    return figures.step_curves(steps, dict(zip(columns, values, strict=True)), name)


def _last_values(row: dict[str, str]) -> str:
    values = [(key, number(value)) for key, value in row.items() if key not in ("step", "loss", "epoch")]
    return ", ".join(f"{plain(key)} {value:.4g}" for key, value in values if value is not None)


# ---- what it cost


def costs(reports: Path) -> list[Panel]:
    """Return a panel per training stage that DVCLive wrote on this machine, from reports/STAGE/live."""
    panels = []
    for stage, name in _STAGES:
        panel = Panel(name, "")
        for column, title in _COSTS.items():
            rows = _watched(reports / stage / "live" / "plots" / "metrics" / f"{column}.tsv")
            if figure := _figure(rows, (column,), f"{name} {title}"):
                panel.figures.append((title, figure))
                panel.text += f"{', ' if panel.text else f'{name}, median: '}{title} {_median(rows, column):.4g}"
        panels += [panel] if panel.figures else []
    return panels


def _watched(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def _median(rows: list[dict[str, str]], column: str) -> float:
    values = sorted(value for row in rows if (value := number(row[column])) is not None)
    return values[len(values) // 2]
