"""Comparison of experiments: the yield of their discussions, its cost, the variety of the samples.

A row per collected experiment (experiments/results/ablations) and one for this run. The yield's interval is Wilson's
at 95 %; rows whose intervals overlap do not differ by this evidence.
"""

from __future__ import annotations

from typing import Any

from xinstruct.benchmarks.rates import PassRate
from xinstruct.reporting.funnel import title
from xinstruct.reporting.load import Run
from xinstruct.reporting.tables import Cell, Table

COLUMNS = [
    "Run",
    "Discussed",
    "Kept",
    "Yield",
    "Kept per 1,000 tokens",
    "Languages",
    "Source functions",
    "Nearest other",
]


def ablations(run: Run) -> Table:
    """Return the comparison of finished experiments, or of this run alone when none was collected."""
    table = Table(COLUMNS, caption="Yield: kept of discussed, with its 95 % interval.", empty="No discussion was held.")
    own = run.metrics.get("synthesize", {})
    if own:
        _add(table, "this run", own, "ours")
    for name, row in run.ablations.items():
        _add(table, name, row)
    if not run.ablations:
        table.notes.append("No other experiment was collected; `make ablations` runs and collects them.")
    return table


def _add(table: Table, name: str, metrics: dict[str, Any], style: str = "") -> None:
    rows, quality = metrics.get("rows", {}), metrics.get("quality", {})
    changes = ", ".join(f"{key}={value}" for key, value in metrics.get("changes", {}).items())
    discussed, kept = int(rows.get("in", 0)), int(rows.get("out", 0))
    score, tokens = PassRate(kept, discussed), int(metrics.get("teacher", {}).get("completion_tokens", 0))
    low, high = score.interval
    rate = f"{100 * score.rate:.1f} % ({100 * low:.1f} to {100 * high:.1f})" if discussed else "–"
    languages = sum(row.get("kept", 0) > 0 for row in metrics.get("by_target", {}).values())
    per = f"{1000 * kept / tokens:.2f}" if tokens else "–"
    table.add(
        [
            Cell(name, changes),
            discussed,
            kept,
            Cell(rate, style="num"),
            Cell(per, style="num"),
            languages,
            Cell(str(quality.get("source_functions", "–")), style="num"),
            Cell(str(quality.get("nearest_other", "–")), style="num"),
        ],
        style,
    )


def quality(run: Run) -> Table:
    """Return variety, memory use and calibration of this run by name, and the measures of the samples it kept."""
    metrics = run.metrics.get("synthesize", {})
    table = Table(["Measure", "Value"], empty="Not measured.")
    for group in ("quality", "memory", "calibration"):
        for name, value in metrics.get(group, {}).items():
            label = name.replace("_", " ") if group == "quality" else f"{group}: {name.replace('_', ' ')}"
            table.add([label, Cell("–" if value is None else str(value), style="num")])
    if checked := _sufficiency(run):
        table.add(["seeds: sufficient instructions", Cell(checked, style="num")])
    for name, value in run.metrics.get("filter", {}).get("quality", {}).items():
        table.add([f"kept samples: {name.replace('_', ' ')}", Cell(str(value), style="num")])
    return table


def _sufficiency(run: Run) -> str:
    """Return the share of described seeds whose instruction alone led to a passing answer, "" when none was checked."""
    found = run.metrics.get("seed", {}).get("sufficiency", {})
    checked = found.get("checked", 0)
    return f"{found['sufficient'] / checked:.2f} of {checked}" if checked else ""


def trust(run: Run) -> str:
    """Return one sentence or two about what the scores of this run are worth and whether they rejected anything."""
    metrics = run.metrics.get("synthesize", {})
    found, rounds = metrics.get("calibration", {}), metrics.get("cutoff", {})
    if "state" not in found:
        return ""
    worth = {
        "informative": f"The score tells passing from failing answers: its area is {found['area']}.",
        "noise": f"The score is noise: its area is {found['area']}, and 0.5 is chance.",
        "not_enough": f"What the score is worth is unknown: {found['failed']} failing answers were rated.",
    }[found["state"]]
    off = rounds.get("noise", 0) + rounds.get("not_enough", 0)
    kept = f"In {off} of {sum(rounds.values())} rounds the ratings until then were noise or too few: no cut-off there."
    return f"{worth} {kept}" if off else worth


def types(run: Run) -> Table:
    """Return the samples that discussions made, languages by types of task."""
    found = run.metrics.get("synthesize", {}).get("coverage", {})
    names = sorted({name for row in found.values() for name in row})
    table = Table(["Language", *names], empty="No sample was made.")
    for language in sorted(found):
        table.add([title(language), *(found[language].get(name, 0) for name in names)])
    return table


def costs(run: Run) -> Table:
    """Return calls and tokens by stage and purpose; answers from the journal are counted as if they were asked."""
    table = Table(["Stage", "Purpose", "Calls", "Prompt tokens", "Completion tokens"], empty="Nothing was asked.")
    for stage in ("seed", "synthesize"):
        for purpose, row in run.metrics.get(stage, {}).get("tokens", {}).items():
            counts = [row.get(name, 0) for name in ("calls", "prompt_tokens", "completion_tokens")]
            table.add([stage, purpose.replace("_", " "), *counts])
    return table
