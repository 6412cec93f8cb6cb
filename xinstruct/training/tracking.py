"""Every step of a training run as it happens: DVCLive's files in reports/STAGE/live, which `dvc plots show` draws.

They are for watching and hold what a machine decides, too, so no stage declares them as an output; the run's own
record is loss.csv. DVCLive appends to them and cannot take a step back, as a run does that was killed between two
checkpoints. So each run begins the folder anew, with the steps that its checkpoint remembers.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

MACHINE = ("tokens_per_second", "padding", "memory_gb")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def row(entry: dict[str, Any], names: dict[str, str]) -> dict[str, float]:
    """Return a step of a trainer's log as {"step", and by our names what `names` lists by TRL's}."""
    return {"step": entry["step"], **{ours: float(entry[key]) for key, ours in names.items() if key in entry}}


class Meter:
    """What one step cost this process: tokens per second, the share of padding, memory."""

    def __init__(self) -> None:
        self.tokens = self.places = 0
        self.begun = 0.0

    def add(self, inputs: dict[str, Any]) -> None:
        """Count a batch before it is computed: "input_ids" and, where there is padding, "attention_mask", (rows, n)."""
        import torch

        if not self.places:
            self.begun = time.monotonic()
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        mask = inputs.get("attention_mask")
        self.places += inputs["input_ids"].numel()
        self.tokens += inputs["input_ids"].numel() if mask is None else int(mask.sum())

    def read(self) -> dict[str, float]:
        """Return MACHINE's figures of all batches since the last reading; {} if there was none.

        Padding is a share of all places, 0 to 1. Memory in GB (1e9 bytes) is the GPU's highest during the step, or
        what this process holds on a CPU.
        """
        if not self.places:
            return {}
        rate = self.tokens / max(time.monotonic() - self.begun, 1e-9)
        found = dict(zip(MACHINE, (rate, 1 - self.tokens / self.places, _memory() / 1e9), strict=True))
        self.tokens = self.places = 0
        return found


def _memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * _PAGE


class Track(TrainerCallback):  # type: ignore[misc]
    """Hands every logged step to DVCLive, a file per quantity."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        """names: the columns of loss.csv by TRL's names; MACHINE's figures are added."""
        self.folder = folder
        self.names = names | {name: name for name in MACHINE}
        self.live: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the folder anew with the steps that a checkpoint remembers."""
        self.live = _logger(self.folder)
        for entry in state.log_history:
            self._write(entry)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Write the last step."""
        self._write((logs or {}) | {"step": state.global_step})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close DVCLive's files."""
        self.live.end()

    def _write(self, entry: dict[str, Any]) -> None:
        if "loss" not in entry:  # the summary at the end of a run
            return
        values = row(entry, self.names)
        self.live.step = int(values.pop("step"))
        for name, value in values.items():
            self.live.log_metric(name, value)
        self.live.make_summary()


def _logger(folder: Path) -> Any:
    """Return DVCLive's logger over an emptied folder, which asks neither Git nor DVC and sends nothing."""
    os.environ["DVC_STUDIO_OFFLINE"] = "true"
    from dvclive import Live

    class Alone(Live):  # type: ignore[misc]
        def _init_dvc(self) -> None:
            # DVCLive's own makes a DVC repository of a Git folder that is none, whatever its options say, and has files
            # added to Git's index under `dvc exp run`.
            self._dvc_file = "dvc.yaml"

    return Alone(str(folder), save_dvc_exp=False, dvcyaml=None)
