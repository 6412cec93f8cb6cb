"""Scores from judged answers: pass@1 with its interval per model, benchmark and language, and means.

The arithmetic is in rates.py. The mean over languages is the true mean over all of them, Python included, and is
only given when every wanted language was judged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from xinstruct.benchmarks.passk import compare
from xinstruct.benchmarks.rates import PassRate, results
from xinstruct.benchmarks.rates import mean as mean_rate
from xinstruct.records import Completion

_DIGITS = 6
_RATES = ("pass_at_1", "low", "high")
MEAN = "mean"  # the row of the mean over languages
PAPER_MEAN = "mean_without_python"  # what Table 1 of the paper prints for its own models
PYTHON = "python"
COLUMNS = ["model", "benchmark", "language", "n", "passed", "pass_at_1", "low", "high", "heldout_loss", "tokens"]


def cell(completions: Sequence[Completion]) -> dict[str, Any]:
    """Return the scores of one model on one benchmark in one language; greedy answers, one per problem."""
    score = PassRate.of(row.verdict for row in completions)
    low, high = (round(bound, _DIGITS) for bound in score.interval)
    found: dict[str, Any] = {"n": score.n, "passed": score.passed, "low": low, "high": high}
    found["pass_at_1"] = round(score.rate, _DIGITS) if score.n else None
    found["void"] = score.void
    found["verdicts"] = dict(sorted(Counter(row.verdict for row in completions).items()))
    return found


def summary(completions: Iterable[Completion], languages: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return model -> benchmark -> language -> cell, with the mean over all `languages` and the one without Python."""
    groups: dict[tuple[str, str], dict[str, list[Completion]]] = defaultdict(lambda: defaultdict(list))
    for row in completions:
        groups[row.model, row.benchmark][row.language].append(row)
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for (model, benchmark), by_language in sorted(groups.items()):
        cells = {language: cell(by_language[language]) for language in languages if language in by_language}
        found[model][benchmark] = {**cells, MEAN: mean(cells, languages)}
        if PYTHON in languages and len(languages) > 1:
            found[model][benchmark][PAPER_MEAN] = mean(cells, [name for name in languages if name != PYTHON])
    return dict(found)


def mean(cells: dict[str, dict[str, Any]], languages: Sequence[str]) -> dict[str, Any]:
    """Return the mean rate over languages; None unless all were judged."""
    scores = [PassRate(cells[name]["passed"], cells[name]["n"]) for name in languages if name in cells]
    found = mean_rate(scores, _DIGITS)
    if found is None:
        return {"n": 0, "passed": 0, "languages": 0} | dict.fromkeys(_RATES)
    complete = found.languages == len(languages)
    values = [round(value, _DIGITS) if complete else None for value in (found.rate, *found.interval)]
    total = {"n": found.n, "passed": found.passed, "languages": found.languages}
    return total | dict(zip(_RATES, values, strict=True))


def comparisons(completions: Sequence[Completion], models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Compare each model with the one before it, on the problems both were judged on (exact McNemar)."""
    found: dict[str, dict[str, Any]] = {}
    benchmarks = sorted({row.benchmark for row in completions})
    for before, after in pairwise(models):
        steps = {
            benchmark: compare(results(completions, benchmark, before), results(completions, benchmark, after))
            for benchmark in benchmarks
        }
        found[f"{before}_to_{after}"] = {
            name: {key: round(value, _DIGITS) for key, value in step.items()} for name, step in steps.items()
        }
    return found


def table(scores: dict[str, dict[str, dict[str, Any]]], losses: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return a table with a row per model, benchmark and language, and a row for each loss per token."""
    rows: list[dict[str, Any]] = []
    for model, benchmarks in scores.items():
        for benchmark, cells in benchmarks.items():
            rows += [
                {"model": model, "benchmark": benchmark, "language": name} | {k: c.get(k) for k in COLUMNS[3:8]}
                for name, c in cells.items()
            ]
    for model, loss in losses.items():
        row = {"model": model, "benchmark": "heldout_loss", "language": "all", "tokens": loss["tokens"]}
        rows.append(row | {"heldout_loss": loss["loss_per_token"]})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n": "Int64", "passed": "Int64", "tokens": "Int64"})
