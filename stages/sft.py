"""Supervised fine-tuning of the student with TRL.

Reads data/filter (training split only) and models/start; writes models/sft (an adapter and its base's hash, or with
rank 0 all weights) and reports/sft/loss.csv. The loss per answer token on held-out samples is measured before and
after, in float32 on the models as they are stored. Beside the outputs, undeclared, DVCLive writes each step as it
comes, with its tokens per second, padding and memory, into reports/sft/live.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from xinstruct.models.chat import load_tokenizer
from xinstruct.models.device import copy_model
from xinstruct.params import SftParams
from xinstruct.processes import rank
from xinstruct.records import Reason, Sample
from xinstruct.stage import BadInput, Context, Script, run
from xinstruct.training.data import Encoded, conversation, encode, heldout_samples, training_samples
from xinstruct.training.loss import completion_loss, mean_loss
from xinstruct.training.settings import check_own
from xinstruct.training.sft import fine_tune, too_long

START = Path("models/start")
LIVE = Path("reports/sft/live")


def work(ctx: Context[SftParams]) -> None:
    """Train, and leave the model in the scratch folder until finish moves it."""
    check_own("sft", ctx.own)
    samples: list[Sample] = ctx.read("samples", "data/filter")
    rows = _encode(ctx, training_samples(samples))
    heldout = [conversation(sample) for sample in heldout_samples(samples)]
    if not heldout:
        raise BadInput(
            "data/filter/samples.parquet has no held-out sample, so nothing could be said of the model; "
            "raise filter.heldout_share, or mine more"
        )
    before = 0.0 if rank() else mean_loss(completion_loss(START, heldout, "float32"))
    final = ctx.scratch / "model"
    log = fine_tune(START, rows, ctx.own, ctx.params.random_seed, ctx.scratch / "checkpoints", final, LIVE)
    if rank():
        return
    after = mean_loss(completion_loss(final, heldout, "float32"))
    ctx.say(f"held-out loss per answer token {before:.3f} -> {after:.3f} on {len(heldout)} samples")
    ctx.tables["loss.csv"] = pd.DataFrame(log)
    ctx.metrics = _metrics(rows, log) | {
        "heldout": {"samples": len(heldout), "loss_before": round(before, 6), "loss_after": round(after, 6)}
    }


def _encode(ctx: Context[SftParams], samples: list[Sample]) -> list[Encoded]:
    """Tokenize samples; those that do not fit into a packed row are rejected, never cut."""
    tokenizer = load_tokenizer(START)
    every = [(sample, encode(tokenizer, conversation(sample))) for sample in samples]
    rows = []
    for sample, row in every:
        ctx.open(sample.id)
        if too_long(row, ctx.own):
            ctx.reject(sample, Reason.TOO_LONG, f"{len(row.input_ids)} tokens, batch_tokens is {ctx.own.batch_tokens}")
        else:
            ctx.keep(sample)
            rows.append(row)
    if not rows:
        shortest = min((len(row.input_ids) for _, row in every), default=0)
        raise BadInput(
            f"none of {len(every)} training samples of data/filter fits into sft.batch_tokens, {ctx.own.batch_tokens}; "
            f"the shortest has {shortest} tokens"
            if every
            else "data/filter/samples.parquet has no training sample; see reports/filter/metrics.json"
        )
    return rows


def _metrics(rows: list[Encoded], log: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "steps": len(log),
        "tokens": sum(len(row.input_ids) for row in rows),
        "answer_tokens": sum(row.answer_tokens for row in rows),
    } | ({"train_loss": {"first": round(log[0]["loss"], 6), "last": round(log[-1]["loss"], 6)}} if log else {})


def finish(ctx: Context[SftParams]) -> None:
    """Copy the trained model to its final folder; the checkpoints have no use any more."""
    copy_model(ctx.scratch / "model", ctx.out("models/sft"))
    shutil.rmtree(ctx.scratch / "checkpoints", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run(Script("sft", work, finish), __doc__))
