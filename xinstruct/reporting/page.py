"""The report as a whole: one view of the run, drawn as a self-contained page and as Markdown.

``build`` computes, the templates only draw. Neither output contains a date, a path of this machine or anything else
that is not in the data, so the same data give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xinstruct.benchmarks.rates import mean
from xinstruct.reporting import ablations, discussions, examples, figures, funnel, lengths, scores, training
from xinstruct.reporting.load import TITLES, Run, number, paper
from xinstruct.reporting.tables import Cell, Table, plural

DATA_FILES = ("templates/*",)
FAULTS = [
    "The Avg printed for every xCoder row leaves out Python (7 languages), while baseline rows average 8. "
    "Here Avg is the mean of all eight languages; the printed value stands beneath it where it differs.",
    "By that mean xCoder is above the official Instruct models at 0.5B and 1.5B and below them at 3B, 7B, 14B and 32B.",
    "The printed 0.5B-Instruct row repeats its EvalPlus figures in the Python, Java, C++ and C# columns; "
    "the row beneath it has the figures of the Qwen2.5-Coder report.",
    "Java collapses in some rows (3B DPO 11.4, 7B SFT 39.2), most likely by answer extraction.",
]

_YIELDS = (
    ("Target", "language"),
    ("Operation", "operation"),
    ("Topology", "topology"),
    ("Task", "task"),
    ("Shape", "shape"),
)  # how a yield table is called, and the sample's field


def build(run: Run, count: lengths.Count | None) -> dict[str, Any]:
    """Compute everything the templates draw. `count` is None when the student's tokenizer is missing."""
    counted = scores.scores(run.completions())
    bars, legend = figures.stage_bars(funnel.kept(run), funnel.rejections(run))
    return {
        "run": run,
        "scale": _scale(run),
        "headline": _headline(run),
        "absent": run.absent,
        "missing": funnel.missing(run),
        "funnel": funnel.funnel(run),
        "bars": bars,
        "legend": legend,
        "reasons": funnel.reasons_table(run),
        "books": funnel.books(run),
        "snippets": examples.snippets(run),
        "seeds": [(seed, _making(run, seed.parents)) for seed in examples.seeds(run)],
        "drawn": examples.drawn(run),
        "discussions": discussions.discussions(run, run.params.report.discussions),
        "yields": [funnel.yields(run, name, funnel.field_of(key)) for name, key in _YIELDS],
        "ablations": ablations.ablations(run),
        "quality": ablations.quality(run),
        "trust": ablations.trust(run),
        "types": ablations.types(run),
        "costs": ablations.costs(run),
        "curves": training.curves(run),
        "pairs": examples.pairs(run),
        "pair_text": _pair_text(run),
        "evaluation": [_evaluation(run, name, counted) for name in scores.benchmarks(run)],
        "paper_groups": [(group, _group(group)) for group in scores.paper_groups()],
        "faults": FAULTS,
        "heldout": scores.heldout(run, counted),
        "losses": scores.losses(run),
        "ablation": scores.table2(run),
        "size": _size(run),
        "lengths": _lengths(run, count),
        "coverage": funnel.coverage(run),
        "licences": funnel.licences(run),
    }


def _scale(run: Run) -> list[tuple[str, str, str]]:
    """Return (quantity, paper, this run): the sizes that every figure must be read with."""
    train = [sample for sample in run.samples("filter") if sample.split == "train"]
    passed = sum(sample.verdict == "passed" for sample in train)
    seeds = run.samples("seed")
    return [
        ("Snippets", "about 100K", f"{len(run.snippets()):,}"),
        ("Seeds (D_s1 and D_s2)", "30K", f"{len(seeds):,}"),
        ("Synthesized by agents (D_s3)", "67K", f"{len(run.samples('synthesize')):,}"),
        (
            "SFT samples",
            "97.3K, not executed",
            f"{len(train):,}, {passed:,} of them passed by the judge" if train else "0",
        ),
        ("Preference pairs (D_s4)", "133K", f"{len(run.pairs()):,}"),
        ("Student", "Qwen2.5-Coder 0.5B to 32B", run.student),
        ("Teacher and scorer", "not named", run.teacher),
        ("Languages", "8", str(len(run.languages))),
    ]


def _headline(run: Run) -> str:
    train = sum(sample.split == "train" for sample in run.samples("filter"))
    return f"paper: 97.3K samples, 0.5B to 32B; this run: {plural(train, 'sample')}, {run.student}"


def _pair_text(run: Run) -> str:
    chosen = sorted(Counter(pair.chosen_verdict for pair in run.pairs()).items())
    kinds = ", ".join(f"chosen {verdict}: {count}" for verdict, count in chosen)
    return f"{plural(len(run.pairs()), 'pair')} (paper: 133K){'; ' + kinds if kinds else ''}."


def _making(run: Run, parents: list[str]) -> list[discussions.Step]:
    """Return the turns in which a seed was written; its thread has its snippet's id."""
    talks = discussions.threads(run.turns("seed"))
    return [discussions.step(turn, {}) for name in parents for turn in talks.get(name, [])]


def _group(group: str) -> Table:
    return Table(["Model", "Size", *TITLES.values(), "Avg"], rows=scores.paper_rows(group))


def _evaluation(run: Run, benchmark: str, counted: scores.Scores) -> dict[str, Any]:
    names = scores.models(run)
    rows = [
        (label, [(model, counted.get((benchmark, model, name))) for model in names])
        for name, label in TITLES.items()
        if any((benchmark, model, name) in counted for model in names)
    ]
    line = next(row for row in paper("table1") if row["size"] == "0.5B" and row["model"].endswith("(SFT)"))
    theirs = {label: value for label in TITLES.values() if (value := number(line[label])) is not None}
    return {
        "benchmark": benchmark,
        "table": scores.table1(run, benchmark, counted),
        "figure": figures.intervals(rows, theirs, names),
    }


def _size(run: Run) -> dict[str, Any]:
    theirs = [(float(row["samples"]), float(row["multipl_e_avg"])) for row in paper("figure5")]
    ours, table = [], Table(["Run", "SFT samples", "Mean of languages"], empty="No run has a score after SFT.")
    for name, entry in scores.all_runs(run).items():
        if average := mean(list(scores.scores_of(entry, "sft").values())):
            ours.append((name, float(entry["samples"]), 100 * average.rate))
            table.add([name, entry["samples"], scores.mean_cell(average)], "ours")
    note = _points([name for name, _, _ in ours])
    return {"figure": figures.size_curve(theirs, ours), "table": table, "note": note}


def _points(names: Sequence[str]) -> str:
    if not names:
        return "There is no point of ours."
    if len(names) == 1:
        return f"There is only one point of ours ({names[0]}): no curve."
    return f"There are {len(names)} points of ours."


def _lengths(run: Run, count: lengths.Count | None) -> list[dict[str, Any]]:
    panels = []
    for panel, texts in lengths.texts(run).items():
        name = lengths.PANELS[panel]
        ours: dict[int, float] = {}
        note = f"No {name.lower()} in this run."
        if texts and count is None:
            note = "Lengths of this run are not computed: models/start has no tokenizer.json."
        elif texts and count:
            numbers = sorted(count(texts))
            ours = lengths.shares(numbers)
            middle, most = numbers[len(numbers) // 2], numbers[-1]
            note = f"this run: {plural(len(numbers), 'text')}, median {middle} tokens, longest {most}"
        figure = figures.histogram(lengths.published(panel), ours)
        panels.append({"name": name, "figure": figure, "note": note, "ours": ours, "paper": lengths.published(panel)})
    return panels


# ---- drawing


def html(view: dict[str, Any]) -> str:
    """Return the page: one file, no request to anywhere, all text of models and packages escaped."""
    env = _environment(autoescape=True)
    script = Markup(env.loader.get_source(env, "page.js")[0].strip())  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return env.get_template("page.html.j2").render(**view, script=script, script_hash=digest) + "\n"


def calls_html(table: Table, cost: list[training.Panel]) -> str:
    """Return the page of what calls (reporting/calls.py) and training (reporting/training.py) took."""
    return _environment(autoescape=True).get_template("calls.html.j2").render(calls=table, cost=cost) + "\n"


def markdown(view: dict[str, Any]) -> str:
    """Return the numbers of the page as Markdown; long texts are only on the page."""
    env = _environment(autoescape=False)
    return env.get_template("report.md.j2").render(**view).strip() + "\n"


def _environment(autoescape: bool) -> Environment:
    env = Environment(
        loader=PackageLoader("xinstruct.reporting", "templates"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["md"] = _md
    env.filters["md_table"] = _md_table
    return env


def _md(text: str) -> str:
    """Return text on one line without anything that a Markdown reader takes for markup."""
    for char in "\\`*_[]<>|#~":
        text = text.replace(char, f"&#{ord(char)};" if char in "<>|" else f"\\{char}")
    return " ".join(text.split())


def _md_table(table: Table) -> str:
    """Return a table with its caption and notes; notes of cells are in brackets."""
    if not table.rows:
        return f"{_md(table.empty)}\n"
    rows = [[_md_cell(cell) for cell in row.cells] for row in table.rows]
    align = ["--:" if cell.style.startswith("num") else "---" for cell in table.rows[0].cells]
    lines = [table.columns, align, *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in [[_md(c) for c in lines[0]], *lines[1:]])
    after: Sequence[str] = [f"- {_md(note)}" for note in ([table.caption] if table.caption else []) + table.notes]
    return "\n".join([body, "", *after]) + "\n"


def _md_cell(cell: Cell) -> str:
    return f"{_md(cell.text)} ({_md(cell.note.replace(chr(10), ', '))})" if cell.note else _md(cell.text)
