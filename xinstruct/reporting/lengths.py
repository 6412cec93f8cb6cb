"""Token lengths of problems and solutions (the paper's figure 6), by the student's tokenizer.

No model is loaded: the tokenizer's own file is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from xinstruct.reporting.load import Run, paper

BIN = 100
PANELS = {
    "sft_problem": "SFT problems",
    "sft_solution": "SFT solutions",
    "dpo_problem": "DPO problems",
    "dpo_solution": "DPO solutions",
}
Count = Callable[[Sequence[str]], list[int]]


def counter(folder: Path) -> Count | None:
    """Return a function that counts tokens by a checkpoint's tokenizer, or None when the folder has none."""
    path = folder / "tokenizer.json"
    if not path.exists():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [len(code.ids) for code in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def texts(run: Run) -> dict[str, list[str]]:
    """Return the texts of each panel: training samples, and both answers of each preference pair."""
    train = [sample for sample in run.samples("filter") if sample.split == "train"]
    return {
        "sft_problem": [sample.instruction for sample in train],
        "sft_solution": [sample.response for sample in train],
        "dpo_problem": [pair.prompt for pair in run.pairs()],
        "dpo_solution": [answer for pair in run.pairs() for answer in (pair.chosen, pair.rejected)],
    }


def shares(lengths: Sequence[int]) -> dict[int, float]:
    """Return each bin's lower bound -> share of the lengths in it."""
    bins = Counter(length // BIN * BIN for length in lengths)
    return {low: bins[low] / len(lengths) for low in sorted(bins)}


def published(panel: str) -> dict[int, float]:
    """Return the paper's shares of one panel."""
    return {int(row["first_bin_tokens"]): float(row["share"]) for row in paper("figure6") if row["panel"] == panel}
