"""Run every sample's response against its cases in the sandbox; split the verified ones by root snippet.

A sample that passes all cases is kept with verdict "passed"; any other is rejected with its verdict as the
reason. Samples that repeat the behaviour of one snippet or are of one task (`task_id`), directly or through others,
form one component and stay on the same side: no held-out task has a twin in training, in any language. Components are
held out in the order of a seeded hash of their smallest root until heldout_share of the samples is reached; one that
would exceed the share is skipped (discussions can connect most of the corpus into one large component, which then is
training data).

The quality of the cases is not checked here; they come from running code and were checked by mutants.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from math import ceil
from typing import Any

from xinstruct.dedup.tasks import Groups
from xinstruct.execution.jobs import Job, of_sample
from xinstruct.execution.judge import Judge
from xinstruct.params import FilterParams
from xinstruct.records import PASSED, Reason, Sample, content_id
from xinstruct.stage import Context, Script, run, work_root


def work(ctx: Context[FilterParams]) -> None:
    """Judge this shard's samples."""
    samples = ctx.mine(ctx.read("samples", "data/deduplicate"), key=lambda sample: sample.id)
    ready: dict[str, tuple[Sample, Job]] = {}
    for sample in samples:
        ctx.open(sample.id)
        try:
            ready[sample.id] = (sample, of_sample(sample))
        except ValueError as error:
            ctx.reject(sample, Reason.NO_CASES, str(error))
    with Judge(ctx.params.execution, cache=work_root() / "verdicts.sqlite") as judge:
        verdicts = judge.judge([job for _, job in ready.values()], desc="filter: running answers")
    for verdict in verdicts:
        sample, _ = ready[verdict.id]
        sample.verdict, sample.detail = verdict.verdict, verdict.detail
        if verdict.verdict == PASSED:
            ctx.keep(sample)
        else:
            ctx.reject(sample, verdict.verdict, verdict.detail)


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
    """Split over all shards, and count by language and kind."""
    samples = sorted(ctx.records["samples"], key=lambda sample: sample.id)
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
