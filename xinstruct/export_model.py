"""Hand a trained model over: one folder that transformers, `xinstruct serve`, llama.cpp and Ollama run.

  xinstruct export-model models/dpo OUT                              float32: nothing is lost by merging
  xinstruct export-model models/dpo OUT --dtype float16 --most 0.2   half the size

OUT holds the merged checkpoint, NAME.gguf (llama and qwen2 models), a Modelfile for Ollama, and README.md, the model's
card, whose figures are read from the project that the model lies in. What merging into the number type loses is
measured, printed, written into the card, and refused above --most, as `xinstruct merge` does.

  xinstruct serve OUT
  cd OUT && ollama create NAME -f Modelfile
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from xinstruct.files import replaced_folder, write_text
from xinstruct.model_card import card
from xinstruct.models.chat import end_id, load_tokenizer, render_prompt
from xinstruct.models.gguf_write import write_gguf
from xinstruct.models.merge import MOST, merge
from xinstruct.models.merge import configure as configure_merge

_TURN = "<|im_start|>{role}\n{content}<|im_end|>\n"  # of the only form of conversation that a Modelfile is written for


def export(folder: Path, out: Path, dtype: str, most: float = MOST, name: str = "", gguf: bool = True) -> float:
    """Write what sft or dpo stored in `folder` as a folder to hand over; `name` is the model's (default: out's).

    Returns the share of the training's change that the number type lost. Raises BadInput as `merge.merge` and
    `gguf_write.write_gguf` do; then nothing is written.
    """
    import torch

    from xinstruct.models.device import load_base

    name = name or out.name
    with replaced_folder(out) as tmp:
        share = merge(folder, tmp / "merged", dtype, most)
        tokenizer = load_tokenizer(tmp / "merged")
        if gguf:
            model = load_base(tmp / "merged", torch.float32, "sdpa")
            write_gguf(model, tmp / "merged", tmp / f"{name}.gguf", dtype, name, end_id(tokenizer))
            write_text(tmp / "Modelfile", modelfile(tokenizer, f"{name}.gguf"))
        for path in (tmp / "merged").iterdir():
            path.rename(tmp / path.name)
        (tmp / "merged").rmdir()
        write_text(tmp / "README.md", card(folder, name, dtype, share, gguf))
    return share


def modelfile(tokenizer: Any, file: str) -> str:
    """Return Ollama's description of a GGUF file: the chat template in Ollama's words, the end of an answer.

    Ollama does not run the template inside the file but looks for a known one like it. One that renders turns as
    ChatML does, with or without a system turn of its own, is written out; for another Ollama's choice is left to it.
    """
    asked = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}]
    body = "".join(_TURN.format(**turn) for turn in asked) + "<|im_start|>assistant\n"
    own, found, rest = render_prompt(tokenizer, asked).rpartition(body)
    told = {"role": "system", "content": "0"}
    lines = [f"FROM ./{file}", "PARAMETER temperature 0"]
    if found and not rest and render_prompt(tokenizer, [told, *asked]) == _TURN.format(**told) + body:
        first = '{{ if and (eq $i 0) (ne $m.Role "system") }}' + own + "{{ end }}" if own else ""
        turns = first + _TURN.format(role="{{ $m.Role }}", content="{{ $m.Content }}")
        lines += [f'TEMPLATE """{{{{ range $i, $m := .Messages }}}}{turns}{{{{ end }}}}<|im_start|>assistant\n"""']
        lines += ['PARAMETER stop "<|im_end|>"']
    return "\n".join(lines) + "\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct export-model`."""
    configure_merge(parser)
    parser.add_argument("--name", default="", help="the model's name (default: that of the folder OUT)")
    parser.add_argument("--no-gguf", action="store_true", help="the checkpoint and its card only, for any architecture")


def main(args: argparse.Namespace) -> int:
    """Run `xinstruct export-model`. Returns 0."""
    share = export(args.folder, args.out, args.dtype, args.most, args.name, not args.no_gguf)
    print(f"{args.out}: {args.dtype}, rounding took {share:.2%} of what training changed", file=sys.stderr)
    return 0
