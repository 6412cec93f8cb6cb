"""From judged answers to scores: pass@1 with its interval per model, benchmark and language, and means.

A problem that could not be judged (``infrastructure``: no toolchain, no memory for the judge) is no
failure of the model: it leaves n and is counted as void. The mean over languages is the true mean
over all of them, Python included, and is only given when every wanted language was judged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from xinstruct.benchmarks.passk import compare, wilson
from xinstruct.records import Completion, Reason

VOID = {Reason.INFRASTRUCTURE.value}
MEAN = "mean"  # the row of the mean over languages
PAPER_MEAN = "mean_without_python"  # what Table 1 of the paper prints for its own models
PYTHON = "python"
COLUMNS = ["model", "benchmark", "language", "n", "passed", "pass_at_1", "low", "high", "heldout_loss", "tokens"]


def cell(completions: Sequence[Completion]) -> dict[str, Any]:
    """Scores of one model on one benchmark in one language; greedy answers, one per problem."""
    judged = [row for row in completions if row.verdict not in VOID]
    passed = sum(row.verdict == "passed" for row in judged)
    low, high = wilson(passed, len(judged))
    found: dict[str, Any] = {"n": len(judged), "passed": passed, "low": round(low, 6), "high": round(high, 6)}
    found["pass_at_1"] = round(passed / len(judged), 6) if judged else None
    found["void"] = len(completions) - len(judged)
    found["verdicts"] = dict(sorted(Counter(row.verdict for row in completions).items()))
    return found


def summary(completions: Iterable[Completion], languages: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """model -> benchmark -> language -> cell, plus the mean over all `languages` and the one without Python."""
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
    """Mean rate over languages; None unless all were judged.

    The same problems are asked in every language, so the languages are not independent: the bounds
    are the means of their bounds, which is never too narrow.
    """
    judged = [cells[name] for name in languages if name in cells and cells[name]["n"]]
    total = {"n": sum(c["n"] for c in judged), "passed": sum(c["passed"] for c in judged), "languages": len(judged)}
    complete = bool(judged) and len(judged) == len(languages)
    rates = {
        key: round(sum(c[key] for c in judged) / len(judged), 6) if complete else None
        for key in ("pass_at_1", "low", "high")
    }
    return total | rates


def comparisons(completions: Sequence[Completion], models: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Each model against the one before it, on the problems both were judged on (exact McNemar)."""
    found: dict[str, dict[str, Any]] = {}
    benchmarks = sorted({row.benchmark for row in completions})
    for before, after in pairwise(models):
        results = {
            benchmark: compare(*(_results(completions, model, benchmark) for model in (before, after)))
            for benchmark in benchmarks
        }
        found[f"{before}_to_{after}"] = {
            name: {key: round(value, 6) for key, value in result.items()} for name, result in results.items()
        }
    return found


def _results(completions: Sequence[Completion], model: str, benchmark: str) -> dict[str, bool]:
    return {
        f"{row.language}/{row.task_id}": row.verdict == "passed"
        for row in completions
        if row.model == model and row.benchmark == benchmark and row.verdict not in VOID
    }


def table(scores: dict[str, dict[str, dict[str, Any]]], losses: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """One row per model, benchmark and language; the loss per token stands in a row of its own."""
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
