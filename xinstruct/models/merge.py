"""Merge a trained adapter into plain weights, for tools that read no adapters, and measure what the number type loses.

  xinstruct merge models/sft OUT                    float32: nothing is lost
  xinstruct merge models/sft OUT --dtype bfloat16   refused if rounding takes more than --most of what training changed

The loss is the norm of the rounding error over the norm of the change, both over all weights. Fully fine-tuned
checkpoints, which are stored in float32, are converted the same way.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, replaced_folder, write_json
from xinstruct.models.adapters import ORIGIN, base_of, holds_model, is_tuned, origin
from xinstruct.models.chat import load_tokenizer

MOST = 0.1  # of the change may be lost to rounding: about a tenth of a step, far below what a seed changes


def lost(model: Any, base: Path, dtype: Any) -> float:
    """Return the share of a float32 model's change from its base that rounding to `dtype` loses (0: nothing)."""
    from xinstruct.models.device import load_base

    before = load_base(base, "auto").state_dict()
    error = change = 0.0
    for name, now in model.state_dict().items():
        old = before[name].float()
        change += float((now - old).double().square().sum())
        error += 0.0 if now.equal(old) else float((now.to(dtype).float() - now).double().square().sum())
    return float((error / change) ** 0.5) if change else 0.0


def rounded(model: Any, folder: Path, dtype: Any, most: float = MOST) -> Any:
    """Return a float32 model of a trained folder in another number type.

    Raises BadInput when more than `most` of what training changed would be lost.
    """
    import torch

    if dtype == torch.float32:
        return model
    share = lost(model, base_of(folder), dtype)
    if share > most:
        name = str(dtype).removeprefix("torch.")
        raise BadInput(
            f"{folder}: as {name} weights, rounding takes {share:.0%} of what training changed, more than {most:.0%}; "
            "use float32 (student.dtype, --dtype), serve the adapter itself, or allow it: xinstruct merge --most"
        )
    return model.to(dtype)


def merge(folder: Path, out: Path, dtype: str, most: float = MOST) -> float:
    """Write a plain checkpoint of a trained folder to `out`. Returns the share of the change that was lost.

    Raises BadInput when `folder` is no result of training, or more than `most` would be lost.
    """
    import torch

    from xinstruct.models.device import load_model

    if not is_tuned(folder):
        reason = "nothing was trained in it" if holds_model(folder) else "no model here"
        raise BadInput(f"{folder}: {reason}; name a folder that sft or dpo wrote")
    kind = getattr(torch, dtype)
    if kind == torch.float32:
        with replaced_folder(out) as tmp:
            fill_merged(folder, tmp)
        return 0.0
    model = load_model(folder, torch.float32, "sdpa")
    share = lost(model, base_of(folder), kind)
    model = rounded(model, folder, kind, most)
    with replaced_folder(out) as tmp:
        fill(model, load_tokenizer(folder), tmp)
    return share


def fill_merged(folder: Path, target: Path) -> None:
    """Write a trained folder as a float32 checkpoint into an existing folder, which `auto` runs in float32, too."""
    import torch

    from xinstruct.models.device import load_model

    fill(load_model(folder, torch.float32, "sdpa"), load_tokenizer(folder), target)
    write_json(target / ORIGIN, origin(folder))


def fill(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a plain checkpoint into an existing folder, readable by everybody."""
    used = model.config._attn_implementation
    model.config._attn_implementation = None
    model.config.use_cache = True
    model.save_pretrained(folder)
    model.config._attn_implementation = used  # a model in memory computes on as before
    tokenizer.save_pretrained(folder)
    readable(folder)


def readable(folder: Path) -> None:
    """Give every file of a folder the usual mode; safetensors leaves its files to their owner."""
    for path in folder.iterdir():
        path.chmod(0o644)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct merge`."""
    parser.add_argument("folder", type=Path, help="what sft or dpo wrote, such as models/sft")
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32", help="of the weights")
    parser.add_argument(
        "--most", type=float, default=MOST, help=f"of the change that rounding may lose, 0 to 1 (default {MOST})"
    )


def main(args: argparse.Namespace) -> int:
    """Run `xinstruct merge`. Returns 0."""
    share = merge(args.folder, args.out, args.dtype, args.most)
    print(f"{args.out}: {args.dtype}, rounding took {share:.2%} of what training changed", file=sys.stderr)
    return 0
