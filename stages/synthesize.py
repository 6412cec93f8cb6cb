"""Make D_s3: language agents discuss, the teacher answers, the judge verifies, memories learn.

Each seed starts one agent. A round draws discussions, builds their prompts, asks for candidates,
runs them, scores what passed and offers it to the memories. Every discussion ends as one verified
sample or as one rejection with its reason; its turns are kept either way.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from xinstruct.agents.quality import calibration, measures
from xinstruct.agents.rounds import Outcome, run_round
from xinstruct.agents.scorer import Scorer
from xinstruct.agents.society import Society
from xinstruct.execution import toolchains
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput
from xinstruct.languages import all_languages
from xinstruct.llm.client import Teacher
from xinstruct.records import Sample
from xinstruct.stage import Context, Script, run, work_root


def work(ctx: Context) -> None:
    """All rounds. One shard only: agents meet each other."""
    if ctx.plan.shards != 1:
        raise BadInput("dvc.yaml: synthesize has meta.shards above 1; agents meet each other, so it must be 1")
    seeds: list[Sample] = ctx.read("samples", "data/seed")
    seed = int(ctx.params["random_seed"])
    order = _languages(ctx)
    society = Society([s for s in seeds if s.language in order], ctx.own, order, seed)
    scorer = Scorer(ctx.own["scorer"], seed)
    counts: Counter[tuple[str, str]] = Counter()
    rated: dict[bool, list[float]] = {True: [], False: []}
    with (
        Judge(ctx.params["execution"], work_root() / "verdicts.sqlite") as judge,
        Teacher(ctx.params["teacher"], stage=ctx.name, account=ctx.scratch / f"teacher-{ctx.shard}.json") as llm,
    ):
        for number in range(1, int(ctx.own["rounds"]) + 1):
            for outcome in run_round(society, number, llm, judge, scorer):
                _close(ctx, outcome, counts)
                if outcome.rated is not None:
                    rated[outcome.sample is not None].append(outcome.rated)
            made = len(ctx.records["samples"])
            ctx.say(f"round {number}: {made} verified samples of {len(ctx.opened)} discussions")
        ctx.metrics["teacher"] = {k: v for k, v in llm.usage.items() if k != "cached"}
    ctx.metrics |= _nested(counts)
    ctx.metrics["agents"] = dict(sorted(Counter(agent.language for agent in society.agents).items()))
    ctx.metrics["quality"] = measures(ctx.records["samples"], list(seeds), len(order))
    ctx.metrics["calibration"] = calibration(rated[True], rated[False])
    planned = int(ctx.own["rounds"]) * int(ctx.own["discussions"])
    ctx.metrics["not_drawn"] = planned - len(ctx.opened)  # no untried (base, target) was left for these
    ctx.metrics["tokens_per_sample"] = _per(llm.usage["completion_tokens"], len(ctx.records["samples"]))


def _languages(ctx: Context) -> list[str]:
    """The languages of the run that this machine can execute; those left out are named."""
    wanted = [language.name for language in all_languages() if language.name in ctx.params["languages"]]
    for name in (name for name in wanted if toolchains.available(name) is None):
        ctx.say(f"{name} is left out, its toolchain is missing; install it with: {toolchains.missing(name)}")
    return [name for name in wanted if toolchains.available(name)]


def _close(ctx: Context, outcome: Outcome, counts: Counter[tuple[str, str]]) -> None:
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
    """Discussed, verified and kept by each grouping; changes of memories."""
    talk = outcome.discussion
    groups = {"target": talk.target, "operation": talk.operation.name, "topology": talk.topology}
    groups |= {"source": talk.source.language, "round": str(talk.round)}
    for group, value in groups.items():
        counts[f"by_{group}", f"{value}/discussed"] += 1
        counts[f"by_{group}", f"{value}/verified"] += outcome.sample is not None
        counts[f"by_{group}", f"{value}/kept"] += outcome.reason is None
    for turn in talk.thread.turns:
        if turn.kind in ("insert", "refusal", "eviction"):
            counts["memory", turn.kind] += 1


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    """{"by_target": {"java": {"discussed": 6, ...}}, "memory": {"insert": 9, ...}}."""
    found: dict[str, Any] = {}
    for (group, path), count in sorted(counts.items()):
        *outer, leaf = path.split("/")
        place = found.setdefault(group, {})
        for key in outer:
            place = place.setdefault(key, {})
        place[leaf] = count
    return found


def _per(total: int, count: int) -> float:
    return round(total / count, 1) if count else 0.0


if __name__ == "__main__":
    sys.exit(run(Script("synthesize", work, writes=("samples", "turns")), __doc__))
