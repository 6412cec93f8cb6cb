"""A summary of a run, a line per stage, printed at the end of ``make repro`` (``xinstruct summary``).

Every figure is read from the metrics that the stages wrote (reports/<stage>/metrics.json).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from xinstruct.plan import graph

_LOOK = (
    ("reports/index.html", "what was mined, said, verified, learned, and how it compares to the paper"),
    ("reports/calls.html", "what the teacher's calls and training took"),
)
_NEXT = "xinstruct trace ID · dvc metrics show · dvc exp run -S synthesize.rounds=2"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add no arguments; the subcommand has none."""


def main(args: argparse.Namespace) -> int:
    """Print the summary of the run in the current folder."""
    print("\n".join(summary(Path())))
    return 0


def summary(root: Path) -> list[str]:
    """Return one line per stage of dvc.yaml in `root`, then where to look. A stage that has not run is named so."""
    lines = ["", "what was made:"]
    for stage in graph(root):
        path = root / "reports" / stage / "metrics.json"
        said = _said(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else ["has not run"]
        lines += [f"  {name:12} {one}" for name, one in zip([stage, *[""] * len(said)], said, strict=False)]
    lines += ["where to look:"]
    lines += [f"  {name:20} {what}" for name, what in _LOOK if (root / name).exists()]
    return [*lines, f"  then: {_NEXT}"]


def _said(metrics: dict[str, Any]) -> list[str]:
    """Return rows, reasons and loss on one line, then the scores of each model on one more."""
    said = []
    if rows := metrics.get("rows", {}):
        if rows["in"]:
            said.append(f"{rows['in']:,} in, {rows['out']:,} passed on")
        reasons = sorted(metrics.get("rejected", {}).items(), key=lambda item: (-item[1], item[0]))
        if reasons:
            said.append("not passed on: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons[:3]))
    said += _training(metrics)
    return (["; ".join(said)] if said else []) + _scores(metrics)


def _training(metrics: dict[str, Any]) -> list[str]:
    loss = metrics.get("loss", {})
    return [f"loss {loss['first']:.3f} to {loss['last']:.3f}"] if {"first", "last"} <= set(loss) else []


def _scores(metrics: dict[str, Any]) -> list[str]:
    """Return the mean pass@1 of each model on each benchmark with its interval, languages weighted equally."""
    return [
        f"pass@1 of {model}: " + ", ".join(f"{name} {_mean(cells['mean'])}" for name, cells in scores.items())
        for model, scores in metrics.get("scores", {}).items()
    ]


def _mean(cell: dict[str, Any]) -> str:
    """Return a mean with its interval; where it has none, for not all languages were judged, what passed."""
    if cell["pass_at_1"] is None:
        return f"{cell['passed']} of {cell['n']} in {cell['languages']} languages"
    interval = f"{100 * cell['low']:.0f} to {100 * cell['high']:.0f}"
    return f"{100 * cell['pass_at_1']:.1f} % ({interval}; n={cell['n']})"
