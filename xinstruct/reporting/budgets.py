"""Comparison of runs of the discussions at the same budget of teacher tokens.

    xinstruct budgets RUN RUN ...     folders of runs: each has data/synthesize and reports/synthesize/metrics.json

Each run is read in its order (rounds, and at random within one) up to the number of prompt and completion tokens that
the cheapest run took in all; samples verified until then count. The intervals are a bootstrap's over discussions,
resampled within each round (95 %, percentiles, shifted so that their mean is the value: a resample contains some
discussions twice and so fewer different ones). They show what chance in the discussions may do, not what another set of
seeds would. Differences are to the first run, whose resamples are paired with the other's by index.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, read_records
from xinstruct.records import Sample, Turn
from xinstruct.reporting.quality import distinct, language_pairs, nearest, sentences, source_functions

DRAWS = 1000
_EXPENSIVE_DRAWS = 60  # draws of a measure that compares every sample with every other


@dataclass(frozen=True)
class Talk:
    """One discussion: the tokens that the teacher read and wrote for it, and its verified sample."""

    round: int
    tokens: float
    sample: Sample | None


Measure = Callable[[Sequence[Sample]], float]
MEASURES: dict[str, tuple[Measure, int]] = {
    "verified samples": (lambda samples: float(len(samples)), DRAWS),
    "source functions": (lambda samples: float(source_functions(samples)), DRAWS),
    "pairs of languages": (lambda samples: float(language_pairs(samples)), DRAWS),
    "distinct 2-grams, instructions": (lambda samples: distinct(sentences(samples), 2), DRAWS),
    "distinct 2-grams, code": (lambda samples: distinct((s.response for s in samples), 2), DRAWS),
    "nearest other sample": (lambda samples: _average(nearest(samples, samples)), _EXPENSIVE_DRAWS),
}


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def talks(folder: Path) -> list[Talk]:
    """Return the discussions of a run.

    Prompts are stored once, however often they were asked with other seeds, and without the chat template: a
    discussion's share of the run's prompt tokens is estimated from their characters. Raises BadInput when the run does
    not exist.
    """
    metrics = folder / "reports" / "synthesize" / "metrics.json"
    if not metrics.exists():
        raise BadInput(f"{metrics}: no such file; it must be a run of the synthesize stage (dvc repro synthesize)")
    total = json.loads(metrics.read_text(encoding="utf-8"))["teacher"]["prompt_tokens"]
    samples = {sample.id: sample for sample in read_records(folder / "data/synthesize/samples.parquet", "samples")}
    threads: dict[str, list[Turn]] = defaultdict(list)
    for turn in read_records(folder / "data/synthesize/turns.parquet", "turns"):
        threads[turn.thread].append(turn)
    read = {name: _characters(turns) for name, turns in threads.items()}
    each = total / max(1, sum(read.values()))
    return [_talk(turns, read[name] * each, samples) for name, turns in sorted(threads.items())]


def _characters(turns: list[Turn]) -> int:
    """Return the characters of all prompts of a discussion, each counted as often as it was answered."""
    last, seen, current = 0, defaultdict[str, int](int), ""
    for turn in sorted(turns, key=lambda turn: turn.step):
        if turn.kind == "prompt":
            current = turn.language
            seen[current] = len(turn.messages)
        elif turn.kind == "answer":
            last += seen.get(turn.language) or seen[current]
    return last


def _talk(turns: list[Turn], read: float, samples: dict[str, Sample]) -> Talk:
    written = sum(turn.completion_tokens for turn in turns)
    made = next((samples[turn.sample] for turn in turns if turn.kind == "score" and turn.sample in samples), None)
    return Talk(turns[0].round, read + written, made)


def within(order: Sequence[Talk], budget: float) -> list[Sample]:
    """Return the samples that were verified before the budget was used up."""
    found, spent = [], 0.0
    for talk in order:
        spent += talk.tokens
        if spent > budget:
            break
        if talk.sample is not None:
            found.append(talk.sample)
    return found


def drawn(talks: Sequence[Talk], rng: random.Random, again: bool = True) -> list[Talk]:
    """Return the rounds in order, each with its discussions drawn with replacement, or (not `again`) shuffled."""
    rounds: dict[int, list[Talk]] = defaultdict(list)
    for talk in talks:
        rounds[talk.round].append(talk)
    order: list[Talk] = []
    for number in sorted(rounds):
        here = rounds[number]
        order += rng.choices(here, k=len(here)) if again else rng.sample(here, len(here))
    return order


def compare(runs: Sequence[Sequence[Talk]], seed: int = 1) -> dict[str, Any]:
    """Compare runs: {"budget": tokens, "measures": {name: [per run {"value", "interval", "difference"}]}}."""
    budget = min(sum(talk.tokens for talk in talks) for talks in runs)
    found: dict[str, Any] = {"budget": round(budget), "measures": {}}
    orders = [_orders(talks, budget, seed, again=False, count=DRAWS // 20) for talks in runs]
    drawings = [_orders(talks, budget, seed, again=True, count=DRAWS) for talks in runs]
    for name, (measure, draws) in MEASURES.items():
        columns = [
            (_average([measure(s) for s in plain[: max(1, draws // 20)]]), [measure(s) for s in drawing[:draws]])
            for plain, drawing in zip(orders, drawings, strict=True)
        ]
        found["measures"][name] = [_cell(column, columns[0], first=column is columns[0]) for column in columns]
    return found


def _orders(talks: Sequence[Talk], budget: float, seed: int, again: bool, count: int) -> list[list[Sample]]:
    """Return the samples verified within the budget, for `count` orders of the discussions."""
    rng = random.Random(seed)
    return [within(drawn(talks, rng, again), budget) for _ in range(count)]


def _cell(own: tuple[float, list[float]], first_run: tuple[float, list[float]], first: bool) -> dict[str, Any]:
    cell: dict[str, Any] = {"value": own[0], "interval": _percentiles(own[1], own[0])}
    if not first:
        gaps = [mine - theirs for mine, theirs in zip(own[1], first_run[1], strict=True)]
        gap = own[0] - first_run[0]
        cell["difference"] = [gap, *_percentiles(gaps, gap)]
    return cell


def _percentiles(values: Sequence[float], centre: float) -> tuple[float, float]:
    ordered, moved = sorted(values), centre - _average(values)
    return ordered[int(0.025 * len(ordered))] + moved, ordered[min(len(ordered) - 1, int(0.975 * len(ordered)))] + moved


def markdown(found: dict[str, Any], names: Sequence[str]) -> str:
    """Return the comparison as a Markdown table."""
    lines = [f"At {found['budget']:,} teacher tokens, read and written.", ""]
    lines += ["| measure | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for measure, cells in found["measures"].items():
        lines.append(f"| {measure} | " + " | ".join(_text(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _text(cell: dict[str, Any]) -> str:
    digits = 0 if cell["value"] > 5 else 3
    text = f"{cell['value']:.{digits}f} ({cell['interval'][0]:.{digits}f} to {cell['interval'][1]:.{digits}f})"
    if "difference" in cell:
        gap, low, high = cell["difference"]
        text += f"; {gap:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
    return text


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--json", type=Path, help="write the comparison there as well")


def main(args: argparse.Namespace) -> int:
    """Print the comparison. Returns 0."""
    found = compare([talks(folder) for folder in args.runs])
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(markdown(found, [folder.name for folder in args.runs]))
    return 0
