"""Make the seed samples D_s1 and D_s2 from mined snippets.

Self-contained functions are run in their own language; results that are deterministic and tell broken variants apart
become their cases. I-Generator and R-Generator describe them, and write new problems in the spirit of other snippets;
the Scorer rates what holds up. Every snippet is kept or rejected with its reason; those never tried are sampled_out.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from typing import Any

from xinstruct.agents.cases import Probe
from xinstruct.agents.generators import SeedContext
from xinstruct.agents.inference import with_types
from xinstruct.agents.prefill import resolved
from xinstruct.agents.scorer import Scorer
from xinstruct.agents.seeding import generate
from xinstruct.agents.seeds import Draft, assign, inspiring, screen, try_snippets
from xinstruct.code.traits import traits_of
from xinstruct.execution.judge import Judge
from xinstruct.llm.chat_model import MeteredModel
from xinstruct.llm.client import Client
from xinstruct.params import SeedParams
from xinstruct.records import Reason, Snippet
from xinstruct.stage import Context, Script, run, work_root


def work(ctx: Context[SeedParams]) -> None:
    """Run one shard, which has whole languages, so that it can count what a language still needs."""
    snippets: list[Snippet] = ctx.mine(ctx.read("snippets", "data/mine"), key=lambda s: s.language)
    funnel: Counter[tuple[str, str]] = Counter((s.language, "snippets") for s in snippets)
    spirits = inspiring([s for s in snippets if s.language in ctx.params.languages], ctx.own)
    apart = {s.id for s in spirits}
    for snippet in spirits:
        ctx.open(snippet.id)
    usable, untyped = _usable(ctx, [s for s in snippets if s.id not in apart])
    funnel.update((s.language, "self_contained") for s in usable)
    seed = ctx.params.random_seed
    with (
        Judge(ctx.params.execution, work_root() / "verdicts.sqlite") as judge,
        Client(ctx.params.teacher, stage=ctx.name, account=ctx.scratch / f"calls-{ctx.shard}.json") as llm,
    ):
        own, metered = resolved(ctx.own, llm), MeteredModel(llm)
        scorer = Scorer(own.scorer, seed)
        drafts = assign(_verified(ctx, usable, untyped, judge, funnel), own.ds1_share, seed)
        drafts += [Draft.inspired(snippet) for snippet in spirits]
        generate(drafts, SeedContext(metered, judge, own, seed, ctx.params.languages))
        _close(ctx, drafts, scorer, metered, funnel)
        ctx.metrics["teacher"] = {k: v for k, v in llm.usage.items() if k != "cached"}
        ctx.metrics["tokens"] = metered.spent
        if own.sufficiency:
            ctx.metrics["sufficiency"] = _sufficiency(drafts)
    ctx.metrics["funnel"] = nested(funnel)
    ctx.metrics["tokens_per_sample"] = _share(llm.usage["completion_tokens"], len(ctx.records["samples"]))


def _usable(ctx: Context[SeedParams], snippets: list[Snippet]) -> tuple[list[Snippet], list[Snippet]]:
    """Open every snippet and reject those that cannot be tried; with `prove`, those without types are set apart."""
    usable: list[Snippet] = []
    untyped: list[Snippet] = []
    for snippet in snippets:
        ctx.open(snippet.id)
        off = snippet.language not in ctx.params.languages
        problem = (
            (Reason.SAMPLED_OUT, "its language is off in params.yaml")
            if off
            else screen(snippet, ctx.own.min_statements)
        )
        if (
            problem
            and problem[0] == Reason.NO_SIGNATURE
            and ctx.own.prove
            and traits_of(snippet.language).untyped_calls
        ):
            untyped.append(snippet)
        elif problem:
            ctx.reject(snippet, *problem)
        else:
            usable.append(snippet)
    return usable, untyped


def _verified(
    ctx: Context[SeedParams],
    usable: list[Snippet],
    untyped: list[Snippet],
    judge: Judge,
    funnel: Counter[tuple[str, str]],
) -> list[Probe]:
    """Run snippets until each language has enough with cases; reject the others."""
    more = ctx.own.prove  # snippets proved to run beyond those that become seeds
    most = (max(more, ctx.own.per_language), max(4 * more, ctx.own.tries_per_language))
    wanted = replace(ctx.own, per_language=most[0], tries_per_language=most[1])
    good = _tried(ctx, usable, judge, wanted, funnel)
    short = [s for s in untyped if funnel[s.language, "with_cases"] < more]
    typed = [s for s in with_types(short, judge) if screen(s, ctx.own.min_statements) is None] if short else []
    funnel.update((s.language, "typed_by_trying") for s in typed)
    known = {s.id for s in typed}
    for snippet in untyped:
        if snippet.id not in known:
            ctx.reject(snippet, Reason.NO_SIGNATURE, "no inputs tried gave results of one type")
    return good + _tried(ctx, typed, judge, wanted, funnel)


def _tried(
    ctx: Context[SeedParams],
    snippets: list[Snippet],
    judge: Judge,
    wanted: SeedParams,
    funnel: Counter[tuple[str, str]],
) -> list[Probe]:
    """Return the snippets that become seeds; every other one is rejected with its reason."""
    good: list[Probe] = []
    tried: set[str] = set()
    for wave in try_snippets(snippets, judge, wanted, ctx.params.languages):
        for probe in wave:
            tried.add(probe.snippet.id)
            if _proved(ctx, probe, funnel):
                good.append(probe)
        ctx.say(f"with cases: {dict(sorted(Counter(p.snippet.language for p in good).items()))}")
    for snippet in snippets:
        if snippet.id not in tried:
            ctx.reject(snippet, Reason.SAMPLED_OUT, "not tried: simpler ones were enough, or tries_per_language")
    return good


def _proved(ctx: Context[SeedParams], probe: Probe, funnel: Counter[tuple[str, str]]) -> bool:
    """Count a snippet that was run. Returns True if it becomes a seed, else rejects it."""
    language = probe.snippet.language
    funnel[language, "tried"] += 1
    if probe.reason is not None:
        ctx.reject(probe.snippet, probe.reason, probe.detail)
        return False
    funnel[language, "with_cases"] += 1
    if funnel[language, "with_cases"] > ctx.own.per_language:
        ctx.reject(probe.snippet, Reason.SAMPLED_OUT, "proved to run; enough of its language")
        return False
    return True


def _close(
    ctx: Context[SeedParams], drafts: list[Draft], scorer: Scorer, llm: MeteredModel, funnel: Counter[tuple[str, str]]
) -> None:
    """Score the drafts; keep each, or reject its snippet with the reason."""
    written = [draft for draft in drafts if draft.reason is None]
    funnel.update((d.snippet.language, "written") for d in written)
    samples = [draft.sample() for draft in written]
    ratings = scorer.rate(samples, llm, [draft.thread for draft in written])
    ctx.metrics["unrated"] = sum(bool(rating.problem) for rating in ratings)
    for draft, sample, rating in zip(written, samples, ratings, strict=True):
        sample.score, sample.scores, sample.tokens_spent = rating.total, rating.to_json(), draft.thread.tokens
        if why := scorer.refusal(rating):
            draft.fail(Reason.LOW_SCORE, why)
        else:
            ctx.keep(sample, of=draft.snippet.id)
            funnel[sample.language, sample.kind] += 1
    for draft in drafts:
        if draft.reason is not None:
            ctx.reject(draft.snippet, draft.reason, draft.detail)
        for turn in draft.thread.turns:
            ctx.add(turn)


def _sufficiency(drafts: list[Draft]) -> dict[str, Any]:
    """Return how many described functions were answered from their words alone, how many passed, by which wording."""
    lost = sum(draft.reason is Reason.INSUFFICIENT_INSTRUCTION for draft in drafts)
    kept = sum(draft.brief is None and draft.reason in (None, Reason.LOW_SCORE) for draft in drafts)
    taken = Counter(str(d.wording) for d in drafts if d.brief is None and d.reason is None)
    return {"checked": kept + lost, "sufficient": kept, "by_wording": dict(sorted(taken.items()))}


def nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Turn counts by (outer, inner) key into a dict of dicts."""
    found: dict[str, dict[str, int]] = {}
    for (outer, inner), count in sorted(counts.items()):
        found.setdefault(outer, {})[inner] = count
    return found


def _share(total: int, count: int) -> float:
    return round(total / count, 1) if count else 0.0


if __name__ == "__main__":
    sys.exit(run(Script("seed", work, writes=("samples", "turns")), __doc__))
