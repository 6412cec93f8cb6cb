"""Run every sample's response against its cases in the sandbox; select among the verified ones, and split them.

A sample that passes all cases is kept with verdict "passed"; any other is rejected with its verdict as the
reason. Samples that repeat the behaviour of one snippet or are of one task (`task_id`), directly or through others,
form one component and stay on the same side: no held-out task has a twin in training, in any language. Components are
held out in the order of a seeded hash of their smallest root until heldout_share of the samples is reached; one that
would exceed the share is skipped (discussions can connect most of the corpus into one large component, which then is
training data).

Imports, tests and main programs that an answer does not need are removed where it passes its cases without them. Of
the verified samples those are split that are neither too short nor too long, have no other's code under other names,
fit into their package's quota, and are not trivial beyond a share (xinstruct/dedup/selection.py); the others are
rejected, too.

The quality of the cases is not checked here; they come from running code and were checked by mutants.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from math import ceil
from pathlib import Path
from typing import Any

from xinstruct.code.trailing import without_tests
from xinstruct.code.unused import without_unused_imports
from xinstruct.dedup.selection import measures, out_of_bounds, selected
from xinstruct.dedup.tasks import Groups
from xinstruct.execution.jobs import Job, of_sample
from xinstruct.execution.judge import Judge
from xinstruct.mining.tokens import counter
from xinstruct.params import FilterParams
from xinstruct.prompts import table
from xinstruct.records import PASSED, Reason, Sample, content_id, rejection
from xinstruct.stage import Context, Script, run, work_root

TOKENIZER = Path("models/start/tokenizer.json")  # the student's
WRITTEN_WHOLE = ("generation", "translation", "repair")  # tasks whose answer repeats nothing of the instruction's code


def work(ctx: Context[FilterParams]) -> None:
    """Judge this shard's samples, and reject those out of bounds."""
    samples = ctx.mine(ctx.read("samples", "data/deduplicate"), key=lambda sample: sample.id)
    ready: dict[str, tuple[Sample, Job]] = {}
    for sample in samples:
        ctx.open(sample.id)
        try:
            ready[sample.id] = (sample, of_sample(sample))
        except ValueError as error:
            ctx.reject(sample, Reason.NO_CASES, str(error))
    with Judge(ctx.params.execution, cache=work_root() / "verdicts.sqlite") as judge:
        passed = _passed(ctx, judge, ready)
        if ctx.own.unneeded == "remove":
            _shorten(ctx, judge, passed)
    for sample in passed:
        if problem := out_of_bounds(sample, ctx.own):
            ctx.reject(sample, *problem)
        else:
            ctx.keep(sample)


def _passed(ctx: Context[FilterParams], judge: Judge, ready: dict[str, tuple[Sample, Job]]) -> list[Sample]:
    """Return the samples that pass their cases; the others are rejected with their verdict."""
    passed = []
    for verdict in judge.judge([job for _, job in ready.values()], desc="filter: running answers"):
        sample, _ = ready[verdict.id]
        sample.verdict, sample.detail = verdict.verdict, verdict.detail
        if verdict.verdict == PASSED:
            passed.append(sample)
        else:
            ctx.reject(sample, verdict.verdict, verdict.detail)
    return passed


def _shorten(ctx: Context[FilterParams], judge: Judge, samples: list[Sample]) -> None:
    """Take unneeded imports, tests and main programs out of the answers that pass their cases again without them."""
    shorter: dict[str, tuple[Sample, str]] = {}
    for sample in (sample for sample in samples if sample.task in WRITTEN_WHOLE):
        code = without_tests(sample.language, sample.response, sample.function)
        code = without_unused_imports(sample.language, code)
        if code != sample.response:
            shorter[sample.id] = (sample, code)
    jobs = [of_sample(sample, code) for sample, code in shorter.values()]
    verdicts = judge.judge(jobs, desc="filter: without what is not needed")
    good = [shorter[verdict.id] for verdict in verdicts if verdict.verdict == PASSED]
    for sample, code in good:
        sample.response = code
    ctx.metrics["unneeded"] = {"removed": len(good), "needed_after_all": len(jobs) - len(good)}


def components(samples: list[Sample]) -> list[list[Sample]]:
    """Group samples so that no two groups share a root snippet or a task."""
    names = Groups()
    for sample in samples:
        names.join(*sample.roots(), *([f"~{sample.task_id}"] if sample.task_id else []))  # behind every root's name
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[names.find(sample.roots()[0])].append(sample)
    return [groups[name] for name in sorted(groups)]


def split(samples: list[Sample], share: float, seed: int) -> None:
    """Set each sample's split. At most ceil(share x samples) are held out, as whole components."""
    groups = components(samples)
    order = sorted(groups, key=lambda group: content_id(str(seed), min(sample.roots()[0] for sample in group)))
    room = ceil(share * len(samples)) if len(order) > 1 else 0
    for group in order:
        is_heldout = len(group) <= room
        room -= len(group) if is_heldout else 0
        for sample in group:
            sample.split = "heldout" if is_heldout else "train"


def finish(ctx: Context[FilterParams]) -> None:
    """Select and split over all shards, measure what is kept, and count by language and kind."""
    samples = _select(ctx)
    split(samples, ctx.own.heldout_share, ctx.params.random_seed)
    heldout = [sample for sample in samples if sample.split == "heldout"]
    sizes = sorted((len(group) for group in components(samples)), reverse=True)
    ctx.metrics["by_language"] = _counts(samples, ctx.records["rejected"])
    ctx.metrics["split"] = {"train": len(samples) - len(heldout), "heldout": len(heldout)}
    ctx.metrics["components"] = {"count": len(sizes), "largest": sizes[0] if sizes else 0}
    without = sorted({s.language for s in samples} - {s.language for s in heldout})
    if without:
        ctx.say(f"no held-out sample in {', '.join(without)}: too few verified samples with a root of their own")
    ctx.metrics["languages_without_heldout"] = len(without)


def _select(ctx: Context[FilterParams]) -> list[Sample]:
    """Keep the samples that the rules for the whole set leave; they are returned in the order of their ids."""
    packages = {snippet.id: snippet.package for snippet in ctx.read("snippets", "data/mine")}
    kept, gone = selected(list(ctx.records["samples"]), packages, ctx.own)
    ctx.records["samples"] = kept
    for sample, reason, detail in gone:
        ctx.records["rejected"].append(rejection(sample, ctx.name, reason, detail))
    evolving = {name for name, spec in table("operations")["operations"].items() if not spec["keeps_behaviour"]}
    tokens = counter(str(TOKENIZER) if TOKENIZER.exists() else "")
    ctx.metrics["quality"] = measures(kept, tokens, evolving)
    return kept


def _counts(samples: list[Sample], rejected: list[Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return language -> kind -> counts of samples in, passed, train and heldout, and of each other verdict."""
    table: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for sample in samples:
        table[sample.language][sample.kind].update(["in", PASSED, sample.split])
    for row in rejected:
        kind = json.loads(row.record)["kind"]
        table[row.language][kind].update(["in", row.reason])
    return {language: {kind: dict(counts) for kind, counts in kinds.items()} for language, kinds in table.items()}


if __name__ == "__main__":
    sys.exit(run(Script("filter", work, finish, writes=("samples",)), __doc__))
