"""Direct preference optimisation of the tuned model with TRL.

Reads data/preferences and models/sft; writes models/dpo, a plain transformers checkpoint, and
reports/dpo/loss.csv. Without pairs models/dpo is a copy of models/sft, and the metrics say so.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from xinstruct.models.device import copy_model
from xinstruct.params import DpoParams
from xinstruct.records import Pair
from xinstruct.stage import Context, Script, run
from xinstruct.training.dpo import optimise

START = Path("models/sft")
COLUMNS = ["step", "loss", "margin", "accuracy"]


def work(ctx: Context[DpoParams]) -> None:
    """Train, and leave the model in the scratch folder until finish moves it."""
    pairs: list[Pair] = ctx.read("pairs", "data/preferences")
    for pair in pairs:
        ctx.open(pair.id)
        ctx.keep(pair)
    final = ctx.scratch / "model"
    log: list[dict[str, float]] = []
    if pairs:
        log = optimise(START, pairs, ctx.own, ctx.params.random_seed, ctx.scratch / "checkpoints", final)
    else:
        ctx.say("no preference pairs: models/dpo is a copy of models/sft (see reports/preferences/metrics.json)")
        copy_model(START, final)
    ctx.tables["loss.csv"] = pd.DataFrame(log, columns=COLUMNS)
    ctx.metrics = {
        "pairs": len(pairs),
        "pairs_by_chosen": dict(sorted(Counter(pair.chosen_verdict for pair in pairs).items())),
        "steps": len(log),
    }
    if log:
        ends = {"first": log[0], "last": log[-1]}
        ctx.metrics |= {
            name: {end: round(entry[name], 6) for end, entry in ends.items()} for name in ("loss", "margin", "accuracy")
        }


def finish(ctx: Context[DpoParams]) -> None:
    """Move the trained model to its final folder."""
    copy_model(ctx.scratch / "model", ctx.out("models/dpo"))


if __name__ == "__main__":
    sys.exit(run(Script("dpo", work, finish), __doc__))
