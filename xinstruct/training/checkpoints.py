"""Checkpoints that survive kill -9, the progress bar of a training run, and the final merged model.

A checkpoint counts only with a marker file in it, which is written and synced after the trainer has finished the
folder. Resuming takes the newest complete checkpoint and removes the others; weights, optimizer, schedule, random
states and the loss log continue as if nothing had happened.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from xinstruct.files import replaced_folder, write_text
from xinstruct.progress import bar

MARKER = "whole"


def newest_whole(folder: Path) -> Path | None:
    """Return the checkpoint to resume from, or None. Incomplete ones are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in [path for path in found if not (path / MARKER).exists()]:
        shutil.rmtree(path)
    whole = [path for path in found if path.exists()]
    return whole[-1] if whole else None


class Watch(TrainerCallback):  # type: ignore[misc]
    """Shows steps, loss, rate and time left; marks finished checkpoints; counts tokens per second."""

    def __init__(self, desc: str) -> None:
        self.desc = desc
        self.bar: Any = None
        self.begun = (0.0, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the bar at the step that training starts from."""
        self.bar = bar(total=state.max_steps, initial=state.global_step, desc=self.desc, unit="step")
        self.begun = (time.monotonic(), state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Show the loss of the last step."""
        if self.bar is not None and logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(1)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint that was just finished."""
        write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / MARKER, "")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()

    def rate(self, tokens_per_epoch: int, state: Any) -> float:
        """Tokens trained on per second since this process began."""
        seconds = time.monotonic() - self.begun[0]
        share: float = (state.global_step - self.begun[1]) / max(1, state.max_steps)
        return float(tokens_per_epoch) * float(state.num_train_epochs) * share / max(seconds, 1e-9)


def train(trainer: Any, watch: Watch) -> list[dict[str, Any]]:
    """Run or resume a TRL trainer. Returns its log, one entry per optimizer step."""
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(watch)
    start = newest_whole(Path(trainer.args.output_dir))
    if start:
        print(f"resuming from {start.name}", file=sys.stderr, flush=True)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def save_merged(model: Any, tokenizer: Any, folder: Path, dtype: Any) -> None:
    """Write a plain transformers checkpoint atomically, with adapters merged into the weights."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model = model.to(dtype)
    model.config._attn_implementation = None
    with replaced_folder(folder) as tmp:
        model.save_pretrained(tmp)
        tokenizer.save_pretrained(tmp)
