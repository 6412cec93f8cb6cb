"""Evaluation in the paper's layouts: table 1, table 2, held-out tasks, each with its uncertainty.

Our scores are counted from judged completions (greedy, index 0). Problems that could not be judged (no toolchain, a
failure of the judge) do not count in n and are named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from xinstruct.benchmarks.rates import HELDOUT, Mean, Paired, PassRate, mean, paired, results
from xinstruct.records import Completion
from xinstruct.reporting.load import TITLES, Run, number, paper
from xinstruct.reporting.tables import Cell, Row, Table, listed

MODELS = {"start": "before training", "sft": "after SFT", "dpo": "after DPO"}
Scores = dict[tuple[str, str, str], PassRate]  # (benchmark, model, language)


def scores(completions: Iterable[Completion]) -> Scores:
    """Count greedy answers by (benchmark, model, language)."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in completions:
        if row.index == 0:
            found[row.benchmark, row.model, row.language].append(row.verdict)
    return {key: PassRate.of(verdicts) for key, verdicts in sorted(found.items())}


def benchmarks(run: Run) -> list[str]:
    """Return the evaluated benchmarks without the held-out tasks."""
    return sorted({row.benchmark for row in run.completions()} - {HELDOUT})


def models(run: Run) -> list[str]:
    """Return the evaluated models: the known ones in their order, then others."""
    seen = {row.model for row in run.completions()}
    return [name for name in MODELS if name in seen] + sorted(seen - MODELS.keys())


def row_name(run: Run, model: str) -> str:
    """Return the name of one of our models in a table."""
    name = run.student.split(" (")[0]
    return f"{name}, {MODELS.get(model, model)}"


# ---- cells


def score_cell(score: PassRate | None) -> Cell:
    """Return a pass rate with passed/n and its interval, or a plain statement when n is too small."""
    if score is None or not score.n:
        return Cell("–", "not judged" if score else "not asked", "num muted")
    return _rate_cell(score.rate, score.interval, f"{score.passed}/{score.n}", score.weak)


def mean_cell(value: Mean | None, wanted: int = len(TITLES)) -> Cell:
    """Return the mean over languages; it tells over how many when not over all of them."""
    if value is None:
        return Cell("–", "not asked", "num muted")
    count = (
        f"n {value.n}" if value.languages == wanted else f"only {value.languages} of {wanted} languages, n {value.n}"
    )
    return _rate_cell(value.rate, value.interval, count, value.weak)


def _rate_cell(rate: float, interval: tuple[float, float], count: str, weak: bool) -> Cell:
    low, high = (100 * bound for bound in interval)
    note = f"{count}\n{low:.0f} to {high:.0f}" + ("\nn\u00a0too\u00a0small" if weak else "")
    return Cell(f"{100 * rate:.1f}", note, "num weak" if weak else "num")


def paired_text(pair: Paired, first: str, second: str) -> str:
    """Describe a difference between two models in one sentence."""
    first, second = MODELS.get(first, first), MODELS.get(second, second)
    if not pair.n:
        return f"{second[0].upper()}{second[1:]} against {first}: no problem was judged for both."
    sign = f"{second[0].upper()}{second[1:]} against {first}: {100 * pair.difference:+.1f} points on {pair.n} problems"
    detail = f"{pair.gained} gained, {pair.lost} lost, exact McNemar p = {pair.p:.2f}"
    verdict = "the difference stands at the 5 % level" if pair.significant else "no difference is shown"
    return f"{sign} ({detail}): {verdict}."


# ---- table 1


def paper_rows(group: str) -> list[Row]:
    """Return one group of the paper's table 1, with Avg as the true mean of eight languages."""
    rows = []
    for line in paper("table1"):
        if line["group"] == group:
            rows.append(Row([Cell(line["model"]), Cell(line["size"]), *_paper_cells(line)], _paper_style(line)))
    if group.startswith("0.5B"):
        right = next(line for line in paper("qwen25_coder_instruct") if line["size"] == "0.5B")
        name = Cell("Qwen2.5-Coder-0.5B-Instruct", "as in the Qwen2.5-Coder report")
        rows.insert(1, Row([name, Cell("0.5B"), *_paper_cells(right)]))
    return rows


def _paper_style(line: dict[str, str]) -> str:
    return "xcoder" if "xCoder" in line["model"] else ""


def _paper_cells(line: dict[str, str]) -> list[Cell]:
    cells = [
        Cell(line[title], style="num" if number(line[title]) is not None else "num muted") for title in TITLES.values()
    ]
    printed = line.get("avg_printed", "")
    true, shown = number(line["avg8"]), number(printed)
    apart = true is not None and shown is not None and abs(true - shown) > 0.15
    return [*cells, Cell(line["avg8"], f"printed\u00a0{printed}" if apart else "", "num")]


def paper_groups() -> list[str]:
    """Return the groups of the paper's table 1, in its order."""
    return list(dict.fromkeys(line["group"] for line in paper("table1")))


def table1(run: Run, benchmark: str, counted: Scores) -> Table:
    """Return the paper's 0.5B group and, beneath it, our models on one benchmark."""
    table = Table(["Model", "Size", *TITLES.values(), "Avg"], rows=paper_rows("0.5B+ Models"))
    for model in models(run):
        by_language = [counted.get((benchmark, model, name)) for name in TITLES]
        average = mean([score for score in by_language if score])
        cells = [*map(score_cell, by_language), mean_cell(average)]
        size = f"{run.parameters / 1e6:.0f}M" if run.parameters else "–"
        table.rows.append(Row([Cell(row_name(run, model), f"this run · {benchmark}"), Cell(size), *cells], "ours"))
    table.notes = [*_comparisons(run, benchmark), *_left_out(run, benchmark, counted)]
    return table


def _comparisons(run: Run, benchmark: str) -> list[str]:
    names = models(run)
    steps = [(a, b) for a, b in (("start", "sft"), ("sft", "dpo"), ("start", "dpo")) if a in names and b in names]
    notes = [paired_text(compare(run, benchmark, a, b), a, b) for a, b in steps]
    if notes and benchmark != HELDOUT:
        notes.append(
            "The same problems stand in several languages and are counted one by one: p is, if anything, too small."
        )
    return notes


def compare(run: Run, benchmark: str, first: str, second: str) -> Paired:
    """Compare two models of this run on the problems that both answered."""
    return paired(*(results(run.completions(), benchmark, model) for model in (first, second)))


def _left_out(run: Run, benchmark: str, counted: Scores) -> list[str]:
    asked = {key[2] for key, score in counted.items() if key[0] == benchmark and score.n}
    missing = [title for name, title in TITLES.items() if name not in asked]
    notes = [f"Languages without a score here: {listed(missing)}."] if missing else []
    if without := [TITLES.get(name, name) for name in run.metrics.get("evaluate", {}).get("languages_left_out", {})]:
        notes.append(f"No toolchain on the machine that evaluated: {listed(without)}.")
    void = sum(score.void for key, score in counted.items() if key[0] == benchmark)
    if void:
        notes.append(f"{void} answers could not be judged (verdict infrastructure) and are left out of n.")
    tiers = Counter(row.tier for row in run.completions() if row.benchmark == benchmark and row.tier)
    if tiers:
        ways = ", ".join(f"{name} ({count})" for name, count in sorted(tiers.items()))
        notes.append(f"Answers ran isolated by: {ways}.")
    return notes


# ---- table 2


ABLATION = {  # row of the paper -> our model and kinds of data, and the command that makes it
    "1": ("dpo", ("Ds1", "Ds2", "Ds3"), "dvc repro"),
    "2": ("sft", ("Ds1", "Ds2", "Ds3"), "dvc repro"),
    "3": ("sft", ("Ds1", "Ds2"), "dvc exp run -S synthesize.discussions=0"),
    "4": ("sft", ("Ds1",), "dvc exp run -S synthesize.discussions=0 -S seed.ds1_share=1.0"),
}


def summary(run: Run) -> dict[str, Any]:
    """Return what later reports need of this run: kinds and number of training samples, counts by language."""
    train = [sample for sample in run.samples("filter") if sample.split == "train"]
    counted = scores(run.completions())
    rows = [
        {"benchmark": b, "model": m, "language": name, "passed": s.passed, "n": s.n, "void": s.void}
        for (b, m, name), s in counted.items()
    ]
    return {
        "kinds": sorted({sample.kind for sample in train}),
        "samples": len(train),
        "pairs": len(run.pairs()),
        "student": run.student,
        "scores": rows,
    }


def all_runs(run: Run) -> dict[str, dict[str, Any]]:
    """Return this run and those recorded before it, by name."""
    return {"this run": summary(run), **run.recorded}


def scores_of(entry: dict[str, Any], model: str) -> dict[str, PassRate]:
    """Return language -> score of one model on an entry's first benchmark other than the held-out tasks."""
    names = sorted({row["benchmark"] for row in entry.get("scores", [])} - {HELDOUT})
    return {
        row["language"]: PassRate(row["passed"], row["n"], row["void"])
        for row in entry.get("scores", [])
        if names and row["benchmark"] == names[0] and row["model"] == model
    }


def table2(run: Run) -> Table:
    """Return the ablation: the paper's rows, and ours where a run has the same kinds of data."""
    columns = ["Python", "Java", "C++", "C#"]
    table = Table(["Row", "Data", *columns, "Avg"])
    runs = all_runs(run)
    for line in paper("table2"):
        values = [Cell(line[name], style="num") for name in (*columns, "Avg")]
        table.rows.append(
            Row([Cell(f"paper ({line['id']})"), Cell(line["data"].replace("Ds", "D_s")), *values], "xcoder")
        )
        table.rows += _own_ablation(runs, line)
    return table


def _own_ablation(runs: dict[str, dict[str, Any]], line: dict[str, str]) -> list[Row]:
    model, kinds, command = ABLATION[line["id"]]
    data = line["data"].replace("Ds", "D_s")
    rows = []
    for name, entry in runs.items():
        found = scores_of(entry, model)
        trained = model != "dpo" or entry.get("pairs", 0) > 0
        if tuple(entry.get("kinds", ())) == kinds and found and trained:
            four = [found.get(key) for key in ("python", "java", "cpp", "csharp")]
            average = mean_cell(mean([score for score in four if score]), 4)
            note = f"{entry['student']}, {entry['samples']:,} samples"
            rows.append(Row([Cell(f"ours ({name})", note), Cell(data), *map(score_cell, four), average], "ours"))
    if rows:
        return rows
    empty = [Cell("–", style="num muted")] * 5
    return [Row([Cell("ours: not run", f"to run it: {command}"), Cell(data), *empty], "ours")]


# ---- held-out tasks


def heldout(run: Run, counted: Scores) -> Table:
    """Return scores on held-out verified tasks: greedy pass@1 by language, and all together."""
    asked = [name for name in TITLES if any(key[0] == HELDOUT and key[2] == name for key in counted)]
    table = Table(["Model", *(TITLES[name] for name in asked), "All tasks"])
    for model in models(run):
        each = [counted.get((HELDOUT, model, name), PassRate(0, 0)) for name in asked]
        if not any(score.n or score.void for score in each):
            continue
        whole = PassRate(sum(s.passed for s in each), sum(s.n for s in each), sum(s.void for s in each))
        table.rows.append(Row([Cell(row_name(run, model)), *map(score_cell, each), score_cell(whole)], "ours"))
    table.empty = "No held-out task was asked."
    table.notes = _comparisons(run, HELDOUT) if table.rows else []
    return table


def losses(run: Run) -> Table:
    """Return each model's loss per token on the verified answers of held-out tasks, and its change from the start."""
    table = Table(["Model", "Loss per token", "Against before training", "Tokens", "Tasks"])
    table.empty = "The evaluation booked no loss per token."
    booked = run.metrics.get("evaluate", {}).get("heldout_loss", {})
    first = number(booked.get("start", {}).get("loss_per_token"))
    for model in [*(m for m in MODELS if m in booked), *sorted(booked.keys() - MODELS.keys())]:
        row = booked[model]
        loss = number(row.get("loss_per_token"))
        if loss is not None and row.get("tokens"):
            change = f"{loss - first:+.3f}" if first is not None and model != "start" else "–"
            cells = [Cell(f"{loss:.3f}", style="num"), Cell(change, style="num")]
            table.add([row_name(run, model), *cells, row["tokens"], row.get("samples", 0)], "ours")
    return table
