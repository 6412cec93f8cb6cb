"""The path of all records: counts per language and stage, reasons of rejection, yields, licences.

All counts come from the records themselves. A requested language without records at some stage is named with the most
frequent reason, never left out.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from xinstruct.records import Sample
from xinstruct.reporting.load import TITLES, WRITES, Run
from xinstruct.reporting.tables import Cell, Table, listed, plain, plural, share

STAGES = tuple(WRITES)
KEPT = {"mine": "snippets", "preferences": "pairs", "evaluate": "completions"}
MAKES = {  # step of the funnel -> the stage that makes it
    "candidates": "mine",
    "snippets": "mine",
    "runnable": "seed",
    "seeds": "seed",
    "synthesized": "synthesize",
    "unique": "deduplicate",
    "verified": "filter",
    "train": "filter",
}
Steps = list[tuple[str, str, list[Any]]]


def title(language: str) -> str:
    """Return a language's name in the tables."""
    return TITLES.get(language, language or "(no language)")


def steps(run: Run) -> Steps:
    """Return the funnel: (name, meaning, records) from mined candidates to the two splits."""
    snippets, verified = run.snippets(), run.samples("filter")
    runnable = [snippet for snippet in snippets if snippet.self_contained and snippet.signature]
    return [
        ("candidates", "definitions and files looked at", [*snippets, *run.rejected("mine")]),
        ("snippets", "documented functions kept", snippets),
        ("runnable", "stand alone, with a typed signature", runnable),
        ("seeds", "D_s1 and D_s2 with cases from running code", run.samples("seed")),
        ("synthesized", "D_s3 from discussions", run.samples("synthesize")),
        ("unique", "after near-duplicates and benchmark overlaps", run.samples("deduplicate")),
        ("verified", "answers that pass their cases", verified),
        ("train", "of the verified", [row for row in verified if row.split == "train"]),
        ("held-out", "whole descent of held-out snippets", [row for row in verified if row.split != "train"]),
    ]


def funnel(run: Run) -> Table:
    """Return counts per language, and their sum."""
    flow = steps(run)
    table = Table(["Language", *(name for name, _, _ in flow)])
    counts = [Counter(record.language for record in records) for _, _, records in flow]
    seen = {language for count in counts for language in count}
    for language in [*run.languages, *sorted(seen - set(run.languages))]:
        table.add([title(language), *(count[language] for count in counts)])
    table.add(["All", *(len(records) for _, _, records in flow)], "total")
    table.notes = ["; ".join(f"{name}: {meaning}" for name, meaning, _ in flow) + "."]
    return table


def missing(run: Run) -> list[str]:
    """Return one sentence per step that requested languages do not reach, with the reason when it is known."""
    notes: list[str] = []
    lost: set[str] = set()
    for name, _, records in steps(run):
        if name == "held-out":
            continue
        if not records:
            return [*notes, f"No record of any language reaches “{name}”."]
        have = {record.language for record in records}
        gone = [language for language in run.languages if language not in have and language not in lost]
        lost |= set(gone)
        notes += [f"{title(language)} has nothing from “{name}” on{_why(run, language, name)}." for language in gone]
    return notes


def _why(run: Run, language: str, step: str) -> str:
    """Return the most frequent reason of the stage before a step, with one detail."""
    stage = MAKES[step]
    reasons = Counter(row.reason for row in run.rejected(stage) if row.language == language)
    if not reasons:
        return ""
    reason, count = _ranked(reasons)[0]
    rows = (row for row in run.rejected(stage) if (row.language, row.reason) == (language, reason))
    detail = plain(next((row.detail for row in rows if row.detail), ""), 200)
    why = f"{reason}, e.g. “{detail}”" if detail else reason
    return f" ({stage}: {count} of {reasons.total()} rejected as {why})"


def _kind(stage: str) -> str:
    return KEPT.get(stage, "samples")


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def rejections(run: Run) -> dict[str, list[tuple[str, int]]]:
    """Return stage -> reasons with counts, the most frequent first."""
    return {stage: _ranked(Counter(row.reason for row in run.rejected(stage))) for stage in STAGES}


def kept(run: Run) -> dict[str, int]:
    """Return stage -> records passed on; for the preferences the tasks that gave a pair, because tasks are rejected."""
    counts = {stage: len(run.records.get((stage, _kind(stage)), [])) for stage in STAGES}
    return counts | {"preferences": len({pair.task_id for pair in run.pairs()})}


def reasons_table(run: Run) -> Table:
    """Return the reasons of rejection per stage, with the language that each affects most."""
    table = Table(["Stage", "Reason", "Records", "Share of stage", "By language"], empty="No stage rejected anything.")
    passed = kept(run)
    for stage, reasons in rejections(run).items():
        whole = passed[stage] + sum(count for _, count in reasons)
        for reason, count in reasons:
            hit = Counter(row.language for row in run.rejected(stage) if row.reason == reason)
            spread = ", ".join(f"{title(name)} {n}" for name, n in _ranked(hit))
            table.add([stage, reason, count, Cell(share(count, whole), style="num"), Cell(spread, style="small")])
    return table


def books(run: Run) -> Table:
    """Return rows in, out and rejected as each stage booked them, compared with the records found."""
    table = Table(["Stage", "In", "Out", "Rejected", "Records found", "Balance"])
    for stage in STAGES:
        rows = run.metrics.get(stage, {}).get("rows")
        found = len(run.rejected(stage))
        if not isinstance(rows, dict):
            table.add([stage, "–", "–", "–", found, Cell("no metrics.json", style="weak")])
            continue
        right = rows.get("in") == rows.get("out", 0) + rows.get("rejected", 0) and rows.get("rejected") == found
        state = Cell("balanced") if right else Cell("does not balance", style="weak")
        table.add([stage, rows.get("in", 0), rows.get("out", 0), rows.get("rejected", 0), found, state])
    table.columns[4] = "Rejected found"
    return table


# ---- yields of the discussions


def yields(run: Run, name: str, key: Callable[[dict[str, Any]], str]) -> Table:
    """Return tasks tried, synthesized, unique and verified by one property of a sample, also per thousand tokens.

    Tokens are those that the teacher wrote in these discussions, failed ones included, without those of scores.
    """
    tried = booked(run, name) or Counter(key(row) for row in attempts(run))
    spent = booked(run, name, "tokens")
    counts = [_by(run.samples(stage), key) for stage in ("synthesize", "deduplicate", "filter")]
    table = Table(
        [name, "Tried", "Synthesized", "Unique", "Verified", "Yield", "per 1,000 tokens"],
        empty="No discussion was held.",
    )
    for value in sorted(tried.keys() | set().union(*counts), key=lambda text: (-tried[text], text)):
        made, unique, good = (count[value] for count in counts)
        yielded = Cell(share(good, tried[value]), style="num")
        called = title(value) if name == "Target" else value or "(not recorded)"
        rate = Cell(f"{1000 * good / spent[value]:.2f}" if spent[value] else "–", style="num")
        table.add([called, tried[value], made, unique, good, yielded, rate])
    return table


def booked(run: Run, name: str, what: str = "discussed") -> Counter[str]:
    """Return what the stage booked by a property: a discussion that failed leaves no sample with its operation."""
    groups = run.metrics.get("synthesize", {}).get(f"by_{name.lower()}", {})
    discussed = {value: row.get(what) for value, row in groups.items() if isinstance(row, dict)}
    return Counter({value: count for value, count in discussed.items() if isinstance(count, int)})


def attempts(run: Run) -> list[dict[str, Any]]:
    """Return every new task that was tried, as its sample's fields; a drop without a record has its language only."""
    rows = [vars(sample) for sample in run.samples("synthesize")]
    for row in run.rejected("synthesize"):
        record = json.loads(row.record) if row.record else {}
        rows.append({"language": row.language} | record)
    return rows


def _by(samples: Iterable[Sample], key: Callable[[dict[str, Any]], str]) -> Counter[str]:
    return Counter(key(vars(sample)) for sample in samples if sample.kind == "Ds3")


def field_of(name: str) -> Callable[[dict[str, Any]], str]:
    """Return a key for ``yields``: one field of the sample, "" when it was not recorded."""
    return lambda row: str(row.get(name, ""))


# ---- coverage and licences


def coverage(run: Run) -> Table:
    """Return verified samples by language and kind, training and held-out."""
    kinds = ["Ds1", "Ds2", "Ds3"]
    table = Table(["Language", *(kind.replace("Ds", "D_s") for kind in kinds), "D_s4 pairs", "All"])
    counts = Counter((row.language, row.kind) for row in run.samples("filter"))
    pairs = Counter(pair.language for pair in run.pairs())
    for language in [*run.languages, *sorted({row[0] for row in counts} - set(run.languages))]:
        each = [counts[language, kind] for kind in kinds]
        table.add([title(language), *each, pairs[language], sum(each) + pairs[language]])
    totals = [sum(n for (_, kind), n in counts.items() if kind == wanted) for wanted in kinds]
    table.add(["All", *totals, pairs.total(), sum(totals) + pairs.total()], "total")
    absent = [kind.replace("Ds", "D_s") for kind, n in zip(kinds, totals, strict=True) if not n]
    if absent:
        table.notes.append(f"This run has no verified {listed(absent)} sample.")
    if not pairs:
        table.notes.append("This run has no preference pair (D_s4).")
    return table


def licences(run: Run) -> Table:
    """Return the packages behind the verified samples: licence, snippets used, samples descended from them."""
    table = Table(
        ["Licence", "Package", "Version", "Source", "Snippets used", "Samples"],
        empty="No verified sample: nothing of any package is used.",
    )
    used: dict[str, int] = Counter(root for row in run.samples("filter") for root in set(row.snippets))
    snippets: dict[tuple[str, str, str, str], int] = defaultdict(int)
    samples: dict[tuple[str, str, str, str], int] = defaultdict(int)
    known = {snippet.id: snippet for snippet in run.snippets()}
    for root, count in used.items():
        if snippet := known.get(root):
            key = (snippet.license, snippet.package, snippet.version, snippet.source)
            snippets[key] += 1
            samples[key] += count
    for key in sorted(snippets):
        table.add([*key, snippets[key], samples[key]])
    if lost := len(used.keys() - known.keys()):
        table.notes.append(f"{plural(lost, 'root snippet')} of verified samples not found in data/mine.")
    by_licence = Counter(key[0] for key, count in snippets.items() for _ in range(count))
    if by_licence:
        table.caption = "Snippets used by licence: " + ", ".join(f"{name} {n}" for name, n in _ranked(by_licence)) + "."
    return table
