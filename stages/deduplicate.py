"""Remove benchmark overlaps, exact duplicates and near-duplicates from the seed and synthesized samples.

Instruction and response are compared together, and only within one language: translations of a seed into
other languages are the purpose of the corpus and never collapse into one. Of a group of near-duplicates the
best one stays: verified before unverified, then the higher score, then D_s1 before D_s2 before D_s3, then the
smaller id. A rejection names the benchmark problem or the sample that was kept.

A shard holds whole languages, so the number of shards changes nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from xinstruct.dedup.decontaminate import Overlap, benchmark_texts
from xinstruct.dedup.minhash import survivors
from xinstruct.dedup.words import exact_key
from xinstruct.params import DeduplicateParams
from xinstruct.records import PASSED, Reason, Sample
from xinstruct.stage import BadInput, Context, Script, run

BENCHMARKS = "data/fetch/benchmarks"


def text_of(sample: Sample) -> str:
    """Return the text of a sample that is compared."""
    return f"{sample.instruction}\n{sample.response}"


def preference(sample: Sample) -> tuple[bool, float, str, str]:
    """Sort key by which the sample to keep comes first."""
    return (sample.verdict != PASSED, -sample.score, sample.kind, sample.id)


def work(ctx: Context[DeduplicateParams]) -> None:
    """Compare all samples of this shard's languages."""
    everything = ctx.read("samples", "data/seed") + ctx.read("samples", "data/synthesize")
    samples = sorted(ctx.mine(everything, key=lambda sample: sample.language), key=preference)
    for sample in samples:
        ctx.open(sample.id)
    samples = _decontaminate(ctx, samples)
    samples = _exact(ctx, samples)
    by_language: dict[str, list[Sample]] = {}
    for sample in samples:
        by_language.setdefault(sample.language, []).append(sample)
    for group in ctx.progress(by_language.values(), desc="near-duplicates", unit="language"):
        _near(ctx, group)


def _decontaminate(ctx: Context[DeduplicateParams], samples: list[Sample]) -> list[Sample]:
    folders = [Path(BENCHMARKS), *(Path(folder) for folder in ctx.own.benchmarks)]
    overlap = Overlap(benchmark_texts(folders), ctx.own.decontamination_ngram)
    if not overlap.names:
        raise BadInput(
            f"{', '.join(map(str, folders))}: no benchmark texts to decontaminate against; run dvc repro fetch"
        )
    clean = []
    for sample in ctx.progress(samples, desc="decontamination"):
        found = overlap.find(text_of(sample))
        if found is None:
            clean.append(sample)
        else:
            ctx.reject(sample, Reason.CONTAMINATED, f"{found[0]}: shares {found[1]!r}")
    return clean


def _exact(ctx: Context[DeduplicateParams], samples: list[Sample]) -> list[Sample]:
    kept: dict[tuple[str, str], Sample] = {}
    for sample in samples:
        first = kept.setdefault((sample.language, exact_key(text_of(sample))), sample)
        if first is not sample:
            ctx.reject(sample, Reason.EXACT_DUPLICATE, f"the same text as {first.id}")
    return list(kept.values())


def _near(ctx: Context[DeduplicateParams], samples: list[Sample]) -> None:
    rejected = survivors([text_of(sample) for sample in samples], ctx.own.threshold, ctx.own.permutations)
    for i, sample in enumerate(samples):
        if i in rejected:
            kept, similarity = rejected[i]
            ctx.reject(sample, Reason.NEAR_DUPLICATE, f"Jaccard {similarity:.3f} with {samples[kept].id}")
        else:
            ctx.keep(sample)


def finish(ctx: Context[DeduplicateParams]) -> None:
    """Count the kept and rejected samples by language, kind and benchmark."""
    kept, gone = ctx.records["samples"], ctx.records["rejected"]
    ctx.metrics["kept"] = {
        "language": dict(sorted(Counter(sample.language for sample in kept).items())),
        "kind": dict(sorted(Counter(sample.kind for sample in kept).items())),
    }
    ctx.metrics["rejected_by_language"] = dict(sorted(Counter(f"{r.language}/{r.reason}" for r in gone).items()))
    hits = [row.detail.split("/")[0] for row in gone if row.reason == Reason.CONTAMINATED]
    ctx.metrics["contaminated_by_benchmark"] = dict(sorted(Counter(hits).items()))


if __name__ == "__main__":
    sys.exit(run(Script("deduplicate", work, finish, writes=("samples",)), __doc__))
