"""Supervised fine-tuning of the student with TRL.

Reads data/filter (training split only) and models/start; writes models/sft, a plain transformers
checkpoint with the adapters merged, and reports/sft/loss.csv. The loss per answer token on held-out
and training samples is measured before and after, on the checkpoints as they are stored.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from xinstruct.models.chat import load_tokenizer
from xinstruct.models.device import copy_model
from xinstruct.params import SftParams
from xinstruct.records import Reason, Sample
from xinstruct.stage import BadInput, Context, Script, run
from xinstruct.training.data import Encoded, conversation, encode, heldout_samples, training_samples
from xinstruct.training.loss import completion_loss, mean_loss
from xinstruct.training.sft import fine_tune, too_long

START = Path("models/start")


def work(ctx: Context[SftParams]) -> None:
    """Train, and leave the model in the scratch folder until finish moves it."""
    samples: list[Sample] = ctx.read("samples", "data/filter")
    rows = _encode(ctx, training_samples(samples))
    if not rows:
        raise BadInput("data/filter/samples.parquet has no training sample that fits; see reports/filter/metrics.json")
    heldout = [conversation(sample) for sample in heldout_samples(samples)]
    before = mean_loss(completion_loss(START, heldout, ctx.own.dtype))
    final = ctx.scratch / "model"
    log = fine_tune(START, rows, ctx.own, ctx.params.random_seed, ctx.scratch / "checkpoints", final)
    after = mean_loss(completion_loss(final, heldout, ctx.own.dtype))
    ctx.say(f"held-out loss per answer token {before:.3f} -> {after:.3f} on {len(heldout)} samples")
    ctx.tables["loss.csv"] = pd.DataFrame(log)
    ctx.metrics = _metrics(rows, log) | {
        "heldout": {"samples": len(heldout), "loss_before": round(before, 6), "loss_after": round(after, 6)}
    }


def _encode(ctx: Context[SftParams], samples: list[Sample]) -> list[Encoded]:
    """Tokenize samples; those that do not fit into a packed row are rejected, never cut."""
    tokenizer = load_tokenizer(START)
    rows = []
    for sample in samples:
        ctx.open(sample.id)
        row = encode(tokenizer, conversation(sample))
        if too_long(row, ctx.own):
            ctx.reject(sample, Reason.TOO_LONG, f"{len(row.input_ids)} tokens, batch_tokens is {ctx.own.batch_tokens}")
        else:
            ctx.keep(sample)
            rows.append(row)
    return rows


def _metrics(rows: list[Encoded], log: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "steps": len(log),
        "tokens": sum(len(row.input_ids) for row in rows),
        "answer_tokens": sum(row.answer_tokens for row in rows),
        "train_loss": {"first": round(log[0]["loss"], 6), "last": round(log[-1]["loss"], 6)},
    }


def finish(ctx: Context[SftParams]) -> None:
    """Move the trained model to its final folder."""
    copy_model(ctx.scratch / "model", ctx.out("models/sft"))


if __name__ == "__main__":
    sys.exit(run(Script("sft", work, finish), __doc__))
