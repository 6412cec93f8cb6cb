"""A check before training that samples in one packed row cannot see each other, on the model that is trained.

The attention that keeps them apart is chosen by device (models/device.py). Some architectures bring an attention of
their own, and a window of attention is not kept by the one for CPUs: such models are refused with a way out.
"""

from __future__ import annotations

from typing import Any

from xinstruct.files import BadInput
from xinstruct.models.attention import NAME

_TOKENS = 6  # of each of the two samples that are tried
_NEAR = 1e-2  # a neighbour's effect on logits that is rounding; leaks were 0.09 and more
_WAY_OUT = "set sft.trl: {packing: false, padding_free: false} for batches that are padded"


def refuse_leaks(model: Any, tokens: int) -> None:
    """Raise BadInput when samples of up to `tokens` tokens, packed into one row, do not give what they give alone."""
    import torch

    window = _window(model.config)
    if model.config._attn_implementation == NAME and window and window < tokens:
        raise BadInput(
            f"the model attends to {window} tokens at a time, which packing on a CPU does not keep for samples of up "
            f"to {tokens}; lower sft.batch_tokens to {window}, or {_WAY_OUT}"
        )
    ids = torch.arange(2 * _TOKENS, device=model.device)[None] + 10
    other = ids.clone()
    other[:, :_TOKENS] += 20
    places = torch.arange(_TOKENS, device=model.device).repeat(2)[None]
    was, training = None, model.training
    model.eval()
    with torch.no_grad():
        for row in (ids, other):
            found = model(input_ids=row, position_ids=places, use_cache=False).logits[0, _TOKENS:].float()
            was, change = found, 0.0 if was is None else float((found - was).abs().max())
    model.train(training)
    if not change < _NEAR:
        raise BadInput(f"{type(model).__name__}: samples in one packed row see each other (logits differ); {_WAY_OUT}")


def _window(config: Any) -> int:
    """Return the number of tokens that some layer attends to at most; 0 for all of them."""
    text = config.get_text_config()
    if getattr(text, "use_sliding_window", True) is False:
        return 0
    kinds = getattr(text, "layer_types", None)
    if kinds is not None and "sliding_attention" not in kinds:
        return 0
    return int(getattr(text, "sliding_window", None) or 0)
