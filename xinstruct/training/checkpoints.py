"""Checkpoints that survive kill -9, and the progress bar of a training run.

A checkpoint counts only with a marker file in it, which is written and synced after the trainer has finished the
folder. Resuming takes the newest complete checkpoint and removes the others; weights, optimizer, schedule, random
states and the loss log continue as if nothing had happened.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from xinstruct.files import BadInput, write_text
from xinstruct.processes import rank, world
from xinstruct.progress import bar, say
from xinstruct.training.tracking import Track, row
from xinstruct.training.trainers import refuse_no_number

MARKER = "whole"
# Seconds. A thread of the process group takes the interpreter's lock to end its last operation. If the group is freed
# before, its destructor waits for that thread with the lock in hand, for ever.
_SETTLE = 0.5


def newest_whole(folder: Path) -> Path | None:
    """Return the checkpoint to resume from, or None. Incomplete ones are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    whole = [path for path in found if (path / MARKER).exists()]
    for path in found:
        if path not in whole and not rank():
            shutil.rmtree(path)
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
        """Show the loss of the last step. Raises BadInput at a gradient that is no number."""
        if logs and "grad_norm" in logs:
            refuse_no_number("gradient norm", float(logs["grad_norm"]), state.global_step)
        if self.bar is not None and logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}", refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update(1)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint that every process has just finished."""
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        if not rank():
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


def train(trainer: Any, watch: Watch, names: dict[str, str], live: Path | None) -> list[dict[str, float]]:
    """Run or resume a TRL trainer. Returns one row per logged step: "step", and by our names what `names` lists.

    `live` is the folder that DVCLive writes the steps into as they come (tracking.py); None: they are not watched.
    Raises BadInput at a loss or gradient that is no number, and when the disk has no room for the checkpoints.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(watch)
    if live and not rank():
        trainer.add_callback(Track(live, names))
    folder = Path(trainer.args.output_dir)
    start = newest_whole(folder)
    if start:
        say(f"resuming from {start.name}")
    refuse_full_disk(trainer.model, folder)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    trainer.end()
    if world() > 1:
        time.sleep(_SETTLE)
    return [row(entry, names) for entry in trainer.state.log_history if "loss" in entry]


def refuse_full_disk(model: Any, folder: Path) -> None:
    """Raise BadInput unless three checkpoints (weights, two moments of Adam each) and two final models fit."""
    folder.mkdir(parents=True, exist_ok=True)
    trained = 4 * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    needed, free = 11 * trained, shutil.disk_usage(folder).free
    if free < needed:
        raise BadInput(
            f"{folder}: training writes up to {needed / 1e9:.1f} GB (checkpoints and the result), {free / 1e9:.1f} GB "
            "are free; free space, or set $XINSTRUCT_WORK to a folder on another disk"
        )
