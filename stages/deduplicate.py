"""Remove benchmark overlaps and duplicates from the seed and synthesized samples; link samples of one task.

A shard decontaminates its samples and runs them on common inputs. When all have ended, samples of one language and
type of task are compared: by normalised code, results, instructions and, near ones, by MinHash. Of alike ones the
best stays: verified before unverified, then the higher score, then the smaller id. A rejection names the benchmark
problem or the sample that was kept, the kind of evidence and how strong it is. Translations are no duplicates; they
get the same task_id, and `across` says how many of them stay.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from xinstruct.dedup.against import Match, matches
from xinstruct.dedup.behaviour import common_inputs, result_keys
from xinstruct.dedup.contamination import COLUMNS, Contamination
from xinstruct.dedup.duplicates import Copy, Document, Thresholds, duplicates
from xinstruct.dedup.problems import coverage, problems, with_suites
from xinstruct.dedup.tasks import over_limit, task_ids
from xinstruct.execution.judge import Judge
from xinstruct.params import DeduplicateParams
from xinstruct.records import PASSED, Reason, Sample, rejection
from xinstruct.stage import Context, Script, run, work_root

BENCHMARKS = "data/fetch/benchmarks"
TABLE = "contamination.csv"  # one row per problem, sample and kind of evidence


def preference(sample: Sample) -> tuple[bool, float, str]:
    """Sort key by which the sample to keep comes first."""
    return (sample.verdict != PASSED, -sample.score, sample.id)


def work(ctx: Context[DeduplicateParams]) -> None:
    """Decontaminate this shard's samples, and note what they return in the field task_id."""
    everything = ctx.read("samples", "data/seed") + ctx.read("samples", "data/synthesize")
    own = ctx.mine(everything, key=lambda sample: sample.id)
    for sample in own:
        ctx.open(sample.id)
    usable = _usable(ctx, own)
    if not (ctx.own.inputs or ctx.own.contamination.tests):
        _judged(ctx, everything, usable, None)
        return
    with Judge(ctx.params.execution, cache=work_root() / "verdicts.sqlite") as judge:
        _judged(ctx, everything, usable, judge)


def _judged(ctx: Context[DeduplicateParams], everything: list[Sample], own: list[Sample], judge: Judge | None) -> None:
    own = _decontaminate(ctx, own, judge)
    keys: dict[str, str] = {}
    if judge is not None and ctx.own.inputs:
        keys = result_keys(own, common_inputs(everything, ctx.own.inputs, ctx.params.random_seed), judge)
    for sample in own:
        sample.task_id = keys.get(sample.id, "")
        ctx.keep(sample)


def _usable(ctx: Context[DeduplicateParams], samples: Iterable[Sample]) -> list[Sample]:
    """Reject samples that are empty, too long or no text."""
    usable = []
    for sample in samples:
        texts = {"instruction": sample.instruction, "response": sample.response}
        empty = [name for name, text in texts.items() if not text.strip()]
        long = [f"{name} of {len(text)} characters" for name, text in texts.items()
                if len(text) > ctx.own.max_characters]  # fmt: skip
        binary = [name for name, text in texts.items() if "\0" in text]
        if empty:
            ctx.reject(sample, Reason.EMPTY_ANSWER, f"empty {empty[0]}")
        elif long:
            ctx.reject(sample, Reason.TOO_LARGE, long[0])
        elif binary:
            ctx.reject(sample, Reason.NOT_UTF8, f"NUL in the {binary[0]}")
        else:
            usable.append(sample)
    return usable


def _decontaminate(ctx: Context[DeduplicateParams], samples: list[Sample], judge: Judge | None) -> list[Sample]:
    """Reject samples with evidence of a benchmark's problem and note all of it; return the other samples."""
    found = list(problems(_folders(ctx)))
    if judge is not None and ctx.own.contamination.tests:
        found = with_suites(found, _folders(ctx), judge)
    corpus = (f"{one.doc}\n{one.code}" for one in ctx.read("snippets", "data/mine"))
    evidence = Contamination(found, ctx.own.contamination, corpus).evidence(samples, judge)
    rows = []
    for sample in samples:
        if reasons := evidence.get(sample.id):
            rows += [reason.row(sample) for reason in reasons]
            ctx.reject(sample, Reason.CONTAMINATED, "; ".join(map(str, reasons)))
    ctx.tables[TABLE] = pd.DataFrame(rows, columns=COLUMNS)
    if ctx.shard == 0:
        ctx.metrics["benchmark_problems"] = dict(sorted(Counter(one.benchmark for one in found).items()))
    return [sample for sample in samples if sample.id not in evidence]


def _folders(ctx: Context[DeduplicateParams]) -> list[Path]:
    return [Path(BENCHMARKS), *(Path(folder) for folder in ctx.own.benchmarks)]


def finish(ctx: Context[DeduplicateParams]) -> None:
    """Compare all samples, link those of one task, count."""
    samples: list[Sample] = sorted(ctx.records["samples"], key=preference)
    results = {sample.id: sample.task_id for sample in samples}
    for sample in samples:
        sample.task_id = ""
    samples = _unlike(ctx, _new(ctx, samples), results)
    ids = task_ids(samples, results)
    for sample in samples:
        sample.task_id = ids[sample.id]
    limited = over_limit(samples, ctx.own.across, ctx.own.per_task)
    for sample in samples:
        if sample.id in limited:
            _reject(ctx, sample, Reason.TASK_LIMIT, limited[sample.id])
    ctx.records["samples"] = [sample for sample in samples if sample.id not in limited]
    _count(ctx)


def _new(ctx: Context[DeduplicateParams], samples: list[Sample]) -> list[Sample]:
    """Reject copies of what `against` names; return the other samples in their order."""
    documents = [Document.of(one.language, one.instruction, one.code) for one in samples]
    languages = [one.language for one in samples]
    found: dict[int, Match] = {}
    for given in ctx.own.against:
        found = matches(documents, languages, given, _thresholds(ctx)) | found
    for at, match in found.items():
        reason = Reason.EXACT_DUPLICATE if match.exact else Reason.NEAR_DUPLICATE
        _reject(ctx, samples[at], reason, f"{match.evidence}: Jaccard {match.similarity:.3f} with {match.record}")
    return [sample for at, sample in enumerate(samples) if at not in found]


def _thresholds(ctx: Context[DeduplicateParams]) -> Thresholds:
    return Thresholds(ctx.own.code, ctx.own.instruction, ctx.own.permutations)


def _unlike(ctx: Context[DeduplicateParams], samples: list[Sample], results: dict[str, str]) -> list[Sample]:
    """Reject duplicates within each language and type of task; return the other samples in their order."""
    groups: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.language, sample.task].append(sample)
    gone: set[str] = set()
    for group in groups.values():
        documents = [Document.of(s.language, s.instruction, s.code, results[s.id]) for s in group]
        for at, copy in duplicates(documents, _thresholds(ctx)).items():
            reason = Reason.EXACT_DUPLICATE if copy.exact else Reason.NEAR_DUPLICATE
            _reject(ctx, group[at], reason, _said(copy, group))
            gone.add(group[at].id)
    return [sample for sample in samples if sample.id not in gone]


def _said(copy: Copy, group: list[Sample]) -> str:
    return f"{copy.evidence}: Jaccard {copy.similarity:.3f} with {group[copy.of].id}"


def _reject(ctx: Context[DeduplicateParams], sample: Sample, reason: Reason, detail: str) -> None:
    ctx.records["rejected"].append(rejection(sample, ctx.name, reason, detail))


def _count(ctx: Context[DeduplicateParams]) -> None:
    kept, gone = ctx.records["samples"], list(ctx.records["rejected"])
    ctx.metrics["kept"] = {
        "language": dict(sorted(Counter(sample.language for sample in kept).items())),
        "kind": dict(sorted(Counter(sample.kind for sample in kept).items())),
    }
    ctx.metrics["rejected_by_language"] = dict(sorted(Counter(f"{r.language}/{r.reason}" for r in gone).items()))
    table = ctx.tables[TABLE].sort_values(list(COLUMNS), ignore_index=True)
    ctx.tables[TABLE] = table
    hit = table[["benchmark", "item", "sample"]].drop_duplicates()
    ctx.metrics["contaminated_by_benchmark"] = dict(sorted(Counter(hit["benchmark"]).items()))
    ctx.metrics["contaminated_by_evidence"] = dict(sorted(Counter(table["evidence"]).items()))
    _, absent = coverage(_folders(ctx))
    ctx.metrics["benchmarks_absent"] = absent
    if absent:
        ctx.say(f"not decontaminated against {'; '.join(absent)}: neither fetched nor in deduplicate.benchmarks")
    sizes = Counter(sample.task_id for sample in kept)
    ctx.metrics["tasks"] = {"count": len(sizes), "in_several_samples": sum(size > 1 for size in sizes.values())}


if __name__ == "__main__":
    sys.exit(run(Script("deduplicate", work, finish, writes=("samples",)), __doc__))
