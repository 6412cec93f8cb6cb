"""Make D_s3: language agents discuss, the teacher answers, the judge verifies, memories learn.

Each seed starts one agent. A round draws discussions, builds their prompts, asks for candidates,
runs them, scores what passed and offers it to the memories. Every discussion ends as one verified
sample or as one rejection with its reason; its turns are kept either way. Groups of agents are
societies of their own: shards take whole groups.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from xinstruct.agents.calibration import Calibration
from xinstruct.agents.prefill import resolved
from xinstruct.agents.rounds import Outcome, run_round
from xinstruct.agents.scorer import Scorer
from xinstruct.agents.society import Society, groups, merged
from xinstruct.execution import toolchains
from xinstruct.execution.judge import Judge
from xinstruct.languages import all_languages
from xinstruct.llm.chat_model import MeteredModel
from xinstruct.llm.client import Client
from xinstruct.params import SynthesizeParams
from xinstruct.records import Reason, rejection
from xinstruct.reporting.quality import calibration, coverage, measures
from xinstruct.stage import Context, Script, run, work_root


def work(ctx: Context[SynthesizeParams]) -> None:
    """Run all rounds of this shard's groups of agents. Agents meet within their group only."""
    seeds, order = ctx.read("samples", "data/seed"), _languages(ctx)
    usable = [sample for sample in seeds if sample.language in order]
    own = ctx.mine(groups(ctx.own.groups), key=lambda group: str(group.number))
    if not own:
        return
    counts: Counter[tuple[str, str]] = Counter()
    with (
        Judge(ctx.params.execution, work_root() / "verdicts.sqlite") as judge,
        Client(ctx.params.teacher, stage=ctx.name, account=ctx.scratch / f"calls-{ctx.shard}.json") as llm,
    ):
        params, metered = resolved(ctx.own, llm), MeteredModel(llm)
        for group in own:
            society = Society(group.seeds(usable), params, order, ctx.params.random_seed, group)
            _discuss(ctx, society, metered, judge, counts)
        ctx.metrics["teacher"] = {k: v for k, v in llm.usage.items() if k != "cached"}
        ctx.metrics["tokens"] = metered.spent
    ctx.metrics |= _nested(counts)


def _discuss(
    ctx: Context[SynthesizeParams],
    society: Society,
    teacher: MeteredModel,
    judge: Judge,
    counts: Counter[tuple[str, str]],
) -> None:
    """Run all rounds of one group."""
    calibration = Calibration() if society.params.rate_failures else None
    scorer = Scorer(society.params.scorer, society.seed, calibration)
    rated: dict[str, list[float]] = ctx.metrics.setdefault("rated", {"passed": [], "failed": []})
    for number in range(1, society.params.rounds + 1):
        for outcome in run_round(society, number, teacher, judge, scorer):
            _close(ctx, outcome, counts)
            if outcome.rated is not None:
                rated["failed" if outcome.sample is None else "passed"].append(outcome.rated)
            counts["unrated", ""] += outcome.sample is not None and outcome.rated is None
        made = len(ctx.records["samples"])
        who = ", ".join((*society.group.name, f"round {number}"))
        ctx.say(f"{who}: {made} verified samples of {len(ctx.opened)} discussions")
        counts["cutoff", calibration.state if calibration else "as_set"] += 1
        if calibration:
            ctx.say(f"{who}: {calibration.words}")
    counts["not_drawn", ""] += society.not_drawn
    for agent in society.agents:
        counts["agents", agent.language] += 1


def finish(ctx: Context[SynthesizeParams]) -> None:
    """Compute what needs all groups: samples that two of them made, variety, calibration of the scores."""
    ctx.records["samples"], repeats = merged(ctx.records["samples"])
    for sample in repeats:
        ctx.records["rejected"].append(rejection(sample, ctx.name, Reason.EXACT_DUPLICATE, "made by another group"))
        for group, value in _groups(sample.language, sample.operation, sample.topology, sample.source_language,
                                    sample.round, sample.task, sample.shape).items():  # fmt: skip
            ctx.metrics[f"by_{group}"][value]["kept"] -= 1
    samples = sorted(ctx.records["samples"], key=lambda sample: sample.id)
    rated = ctx.metrics.pop("rated", {"passed": [], "failed": []})
    ctx.metrics.setdefault("not_drawn", 0)
    ctx.metrics["quality"] = measures(samples, ctx.read("samples", "data/seed"), len(_available(ctx)))
    ctx.metrics["coverage"] = coverage(samples)
    ctx.metrics["calibration"] = calibration(sorted(rated["passed"]), sorted(rated["failed"]))
    tokens = ctx.metrics.get("teacher", {}).get("completion_tokens", 0)
    ctx.metrics["tokens_per_sample"] = _per(tokens, len(samples))


def _languages(ctx: Context[SynthesizeParams]) -> list[str]:
    """Return the languages of the run that this machine can execute; the others are named."""
    for language in all_languages():
        name = language.name
        if name in ctx.params.languages and toolchains.available(name) is None:
            ctx.say(f"{name} is left out, its toolchain is missing; install it with: {toolchains.missing(name)}")
    return _available(ctx)


def _available(ctx: Context[SynthesizeParams]) -> list[str]:
    wanted = [language.name for language in all_languages() if language.name in ctx.params.languages]
    return [name for name in wanted if toolchains.available(name)]


def _close(ctx: Context[SynthesizeParams], outcome: Outcome, counts: Counter[tuple[str, str]]) -> None:
    """Book one discussion: its row, its turns, its part of the metrics."""
    talk, sample = outcome.discussion, outcome.sample
    ctx.open(talk.id)
    if sample is not None and outcome.reason is None:
        ctx.keep(sample, of=talk.id)
    elif outcome.reason is None:
        raise AssertionError(f"discussion {talk.id} ended without sample and reason")
    elif sample is not None:
        ctx.reject(sample, outcome.reason, outcome.detail, of=talk.id)
    else:
        ctx.drop(talk.id, talk.target, outcome.reason, outcome.detail)
    for turn in talk.thread.turns:
        ctx.add(turn)
    _count(outcome, counts)


def _count(outcome: Outcome, counts: Counter[tuple[str, str]]) -> None:
    """Count discussed, verified and kept discussions by each grouping, and changes of memories."""
    talk = outcome.discussion
    kinds = _groups(
        talk.target, talk.operation.name, talk.topology, talk.source.language, talk.round, talk.task, talk.shape
    )
    for group, value in kinds.items():
        counts[f"by_{group}", f"{value}/discussed"] += 1
        counts[f"by_{group}", f"{value}/verified"] += outcome.sample is not None
        counts[f"by_{group}", f"{value}/kept"] += outcome.reason is None
        counts[f"by_{group}", f"{value}/tokens"] += talk.thread.tokens
    for turn in talk.thread.turns:
        if turn.kind in ("insert", "refusal", "eviction"):
            counts["memory", turn.kind] += 1
        elif turn.kind == "critique":
            counts["critique", "turns"] += 1
        elif turn.kind == "evidence":
            counts["critique", "objections"] += 1
            counts["critique", "upheld"] += int(turn.value)
    # a hit: what an agent brings to a discussion is a sample it remembers, not its seed
    hits = sum(s.id != agent.seed.id for agent, s in zip(talk.agents, talk.communicated, strict=True))
    counts["memory", "hit"] += hits


def _groups(
    target: str, operation: str, topology: str, source: str, round: int, task: str, shape: str
) -> dict[str, str]:
    """Return the groupings that yields are counted by, with the discussion's values."""
    found = {"target": target, "operation": operation, "topology": topology, "source": source, "round": str(round)}
    return found | {"task": task, "shape": shape}


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Return nested counts: {"by_target": {"java": {"discussed": 6, ...}}, "memory": {"insert": 9, ...}}."""
    found: dict[str, Any] = {}
    for (group, path), count in sorted(counts.items()):
        if not path:
            found[group] = count
            continue
        *outer, leaf = path.split("/")
        place = found.setdefault(group, {})
        for key in outer:
            place = place.setdefault(key, {})
        place[leaf] = count
    return found


def _per(total: int, count: int) -> float:
    return round(total / count, 1) if count else 0.0


if __name__ == "__main__":
    sys.exit(run(Script("synthesize", work, finish, writes=("samples", "turns")), __doc__))
