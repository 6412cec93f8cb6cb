"""TRL's trainers with a cheaper loss: only the answers' positions reach the vocabulary projection.

TRL scores every position on a CPU, prompts and padding included. The losses are the same. Both trainers stop at a loss
or gradient that is no number, and give the first step of a warm-up a rate above 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from trl import DPOTrainer, SFTTrainer
from trl.trainer import utils

from xinstruct.files import BadInput
from xinstruct.training.data import IGNORED
from xinstruct.training.tracking import Meter


class Careful:
    """What both trainers add to TRL's; it comes first among the base classes."""

    args: Any
    state: Any
    lr_scheduler: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.meter = Meter()
        super().__init__(*args, **kwargs)

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Compute one batch's gradients. Raises BadInput at a loss that is no number."""
        self.meter.add(inputs)
        loss = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        refuse_no_number("loss", float(loss), self.state.global_step + 1)
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log a step with what it cost. Checkpoints keep the log, so a resumed run knows these figures, too."""
        super().log(logs | self.meter.read() if "loss" in logs else logs, *args, **kwargs)  # type: ignore[misc]

    def create_scheduler(self, num_training_steps: int, *args: Any, **kwargs: Any) -> Any:
        """Create the schedule. Step n of a warm-up of w steps has n/w of the rate: transformers begins with 0/w."""
        new = self.lr_scheduler is None
        schedule = super().create_scheduler(num_training_steps, *args, **kwargs)  # type: ignore[misc]
        warmup = self.args.get_warmup_steps(num_training_steps)
        if new and warmup and isinstance(schedule, LambdaLR):
            schedule.lr_lambdas = [_ahead(rate, warmup) for rate in schedule.lr_lambdas]
            groups = schedule.optimizer.param_groups
            for group, base, rate in zip(groups, schedule.base_lrs, schedule.lr_lambdas, strict=True):
                group["lr"] = base * rate(schedule.last_epoch)
            schedule._last_lr = [group["lr"] for group in groups]
        return schedule


def _ahead(rate: Any, warmup: int) -> Any:
    return lambda step: rate(step + 1 if step < warmup else step)


def refuse_no_number(name: str, value: float, step: int) -> None:
    """Raise BadInput when a loss or gradient norm is infinite or no number."""
    if not math.isfinite(value):
        raise BadInput(
            f"step {step}: the {name} is {value}; nothing was stored. Lower learning_rate, or set "
            "trl: {max_grad_norm: 1.0} and more warmup_steps"
        )


class PackedTrainer(Careful, SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for batches that are one row without padding: packed rows, or samples with `padding_free`."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the answer tokens of the step (all micro-batches), like TRL's."""
        if inputs["labels"].shape[0] != 1 or self.args.loss_type != "nll":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")[0]
        at = (labels[1:] != IGNORED).nonzero().flatten()
        outputs = model(**inputs, use_cache=False, logits_to_keep=at)
        nll = cross_entropy(outputs.logits[0].float(), labels[1:][at], reduction="sum")
        count = torch.as_tensor(len(at) if num_items_in_batch is None else num_items_in_batch, device=nll.device)
        loss = nll / count.clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


class PairTrainer(Careful, DPOTrainer):  # type: ignore[misc]
    """DPOTrainer over rows of token ids (prompt_ids, chosen_ids, rejected_ids), made by the encoding that SFT uses."""

    def _prepare_dataset(self, dataset: Any, *args: Any) -> Any:
        return dataset

    def _compute_loss(self, *args: Any) -> Any:
        with _answers_only():
            return super()._compute_loss(*args)

    def compute_ref_log_probs(self, *args: Any) -> Any:
        """Return the reference's log-probabilities of a batch."""
        with _answers_only():
            return super().compute_ref_log_probs(*args)


@contextmanager
def _answers_only() -> Iterator[None]:
    """Let TRL gather the labelled positions before the projection, as it does where it has Triton."""
    usual = utils._use_triton
    utils._use_triton = lambda device: True
    try:
        yield
    finally:
        utils._use_triton = usual
