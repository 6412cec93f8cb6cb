"""Direct preference optimisation of the tuned model with TRL.

Reads data/preferences and models/sft; writes models/dpo (an adapter on the base of models/sft, which it goes on from,
or with rank 0 all weights) and reports/dpo/loss.csv. Pairs that are longer than dpo.max_tokens are rejected. Those of
some tasks are held out and measure the margin. Without pairs models/dpo is a copy of models/sft; the metrics say so.
Beside the outputs, undeclared, DVCLive writes each step as it comes into reports/dpo/live, as in sft.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from xinstruct.models.chat import load_tokenizer
from xinstruct.models.device import copy_model
from xinstruct.params import DpoParams
from xinstruct.processes import rank
from xinstruct.records import Pair, Reason
from xinstruct.stage import BadInput, Context, Script, run
from xinstruct.training.dpo import LOGGED, EncodedPair, encoded, margins, optimise, split
from xinstruct.training.settings import check_own

START = Path("models/sft")
LIVE = Path("reports/dpo/live")


def work(ctx: Context[DpoParams]) -> None:
    """Train, and leave the model in the scratch folder until finish moves it."""
    check_own("dpo", ctx.own)
    pairs: list[Pair] = ctx.read("pairs", "data/preferences")
    rows = _encode(ctx, pairs)
    if pairs and not rows:
        raise BadInput(
            f"all {len(pairs)} pairs are longer than dpo.max_tokens, which is {ctx.own.max_tokens}; raise it"
        )
    final = ctx.scratch / "model"
    training, held = split(rows, ctx.own.heldout_share, ctx.params.random_seed)
    log: list[dict[str, float]] = []
    if training:
        log = optimise(START, training, ctx.own, ctx.params.random_seed, ctx.scratch / "checkpoints", final, LIVE)
    elif not rank():
        ctx.say("no preference pairs: models/dpo is a copy of models/sft (see reports/preferences/metrics.json)")
        copy_model(START, final)
        shutil.rmtree(LIVE, ignore_errors=True)  # an earlier run's
    if rank():
        return
    ctx.tables["loss.csv"] = pd.DataFrame(log, columns=["step", *LOGGED.values()])
    ctx.metrics = {
        "pairs": len(training),
        "pairs_by_chosen": dict(sorted(Counter(row.pair.chosen_verdict for row in training).items())),
        "heldout": _measured(ctx, final, held),
        "steps": len(log),
    }
    if log:
        ends = {"first": log[0], "last": log[-1]}
        ctx.metrics |= {
            name: {end: round(entry[name], 6) for end, entry in ends.items()} for name in ("loss", "margin", "accuracy")
        }


def _encode(ctx: Context[DpoParams], pairs: list[Pair]) -> list[EncodedPair]:
    """Tokenize pairs; those with an answer that does not fit are rejected, never cut."""
    rows = []
    for row in encoded(load_tokenizer(START), pairs) if pairs else []:
        ctx.open(row.pair.id)
        if row.tokens > ctx.own.max_tokens:
            ctx.reject(row.pair, Reason.TOO_LONG, f"{row.tokens} tokens, dpo.max_tokens is {ctx.own.max_tokens}")
        else:
            ctx.keep(row.pair)
            rows.append(row)
    return rows


def _measured(ctx: Context[DpoParams], final: Path, held: list[EncodedPair]) -> dict[str, Any]:
    """Return what the stored model makes of held-out pairs, against the model that it started from."""
    found: dict[str, Any] = {"pairs": len(held), "tasks": len({row.pair.task_id for row in held})}
    if held:
        apart = margins(START, final, held, ctx.own.beta)
        found["margin"] = round(sum(apart) / len(apart), 6)
        found["accuracy"] = round(sum(margin > 0 for margin in apart) / len(apart), 6)
        ctx.say(f"held-out pairs: margin {found['margin']:.3f}, accuracy {found['accuracy']:.2f} on {len(held)}")
    return found


def finish(ctx: Context[DpoParams]) -> None:
    """Copy the trained model to its final folder; the checkpoints have no use any more."""
    copy_model(ctx.scratch / "model", ctx.out("models/dpo"))
    shutil.rmtree(ctx.scratch / "checkpoints", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run(Script("dpo", work, finish), __doc__))
