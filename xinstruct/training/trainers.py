"""TRL's SFTTrainer with a cheaper loss.

TRL scores every position of a row on a CPU, prompts included, and recomputes each tile's logits in the backward pass.
Here only the answers' positions reach the vocabulary projection. The loss is the same: the sum of the answers' negative
log-likelihoods over the number of answer tokens in the step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy
from trl import SFTTrainer

from xinstruct.training.data import IGNORED


class PackedTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for packed rows (one flattened row per batch, no padding)."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the answer tokens of the step (all micro-batches), like TRL's."""
        labels = inputs.pop("labels")[0]
        at = (labels[1:] != IGNORED).nonzero().flatten()
        outputs = model(**inputs, use_cache=False, logits_to_keep=at)
        nll = cross_entropy(outputs.logits[0].float(), labels[1:][at], reduction="sum")
        count = torch.as_tensor(len(at) if num_items_in_batch is None else num_items_in_batch, device=nll.device)
        loss = nll / count.clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss
