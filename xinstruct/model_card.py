"""The card of a trained model (README.md of an exported folder), from the files of the project that it lies in.

Every figure is read: parameters from params.yaml, samples and licences from data/filter, losses from
reports/STAGE/metrics.json, scores from reports/evaluate/scores.csv. What is not there is named as missing.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xinstruct.files import read_records, read_yaml
from xinstruct.models.registry import models

_STAGES = ("sft", "dpo")
_SHOWN = ("epochs", "learning_rate", "warmup_steps", "batch_tokens", "batch_size", "beta", "lora_rank", "dtype")


def card(folder: Path, name: str, dtype: str, share: float, gguf: bool) -> str:
    """Return the card, Markdown with the header that hubs read, of the model stored in PROJECT/models/STAGE.

    `share` is what merging into `dtype` lost of the training's change, 0 to 1; `gguf`: whether NAME.gguf lies beside.
    Raises BadInput when a file of the project is there and cannot be read.
    """
    project = folder.resolve().parents[1]
    values = read_yaml(project / "params.yaml") if (project / "params.yaml").exists() else {}
    student = str(values.get("student", {}).get("model", "not recorded"))
    parts = [
        _header(student),
        f"# {name}\n",
        f"`{student}`, fine-tuned on verified multilingual code instructions by xinstruct, stage `{folder.name}`.\n",
        "\n".join(_running(name, dtype, share, gguf)),
        "\n".join(_data(project, values)),
        "\n".join(_training(project, folder.name, values)),
        "\n".join(_scores(project, folder.name)),
        _LIMITS,
    ]
    return "\n".join(parts)


_LIMITS = """## Limits

Answers are programs by a small model: run them where they can do no harm. Samples were kept when their own cases
passed, which says that a program does what its cases say, not what a reader of the instruction would expect.
"""


def _header(student: str) -> str:
    known = models().get(student)
    licence = [f"license: {known.license.lower()}"] if known and known.license else []
    lines = [f"base_model: {student}", *licence, "library_name: transformers", "pipeline_tag: text-generation"]
    return "\n".join(["---", *lines, "tags: [code, xinstruct]", "---", ""])


def _running(name: str, dtype: str, share: float, gguf: bool) -> Iterator[str]:
    yield "## The files\n"
    yield f"- the merged checkpoint in {dtype}; merging lost {share:.2%} of what training changed in the weights"
    if gguf:
        yield f"- `{name}.gguf`: the same weights for llama.cpp (`xinstruct serve {name}.gguf`)"
        yield f"- `Modelfile`: for Ollama (`ollama create {name} -f Modelfile`)"
    yield ""


def _data(project: Path, values: dict[str, Any]) -> Iterator[str]:
    yield "## Data\n"
    path = project / "data" / "filter" / "samples.parquet"
    if not path.exists():
        yield "Not recorded: data/filter is not in the project's folder.\n"
        return
    samples = [sample for sample in read_records(path, "samples") if sample.split == "train"]
    passed = sum(sample.verdict == "passed" for sample in samples)
    teacher = values.get("teacher", {}).get("model", "not recorded")
    yield f"{len(samples):,} training samples, {passed:,} of them passed by execution; teacher `{teacher}`.\n"
    yield from _counts("language", Counter(sample.language for sample in samples))
    yield "Licences of the snippets behind them (a sample may have several; each is recorded on its sample):\n"
    yield from _counts("licence", Counter(licence for sample in samples for licence in sorted(set(sample.licenses))))


def _counts(what: str, counts: Counter[str]) -> Iterator[str]:
    yield f"| {what} | samples |\n|---|--:|"
    yield from (f"| {key} | {count:,} |" for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    yield ""


def _training(project: Path, stage: str, values: dict[str, Any]) -> Iterator[str]:
    yield "## Training\n"
    for name in _STAGES[: _STAGES.index(stage) + 1] if stage in _STAGES else ():
        section = values.get(name, {})
        given = ", ".join(f"{key} {section[key]}" for key in _SHOWN if key in section)
        yield f"- {name}: {given or 'parameters not recorded'}; {_losses(project, name)}"
    yield ""


def _losses(project: Path, stage: str) -> str:
    path = project / "reports" / stage / "metrics.json"
    if not path.exists():
        return "metrics not recorded"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    held = metrics.get("heldout", {})
    found = [f"{metrics['steps']} steps"]
    if "loss_after" in held:
        change = f"{held['loss_before']:.3f} to {held['loss_after']:.3f}"
        found.append(f"held-out loss per answer token {change} on {held['samples']} samples")
    if "margin" in held:
        found.append(f"margin of {held['pairs']} held-out pairs {held['margin']:.3f}, accuracy {held['accuracy']:.2f}")
    return ", ".join(found)


def _scores(project: Path, stage: str) -> Iterator[str]:
    yield "## Scores\n"
    path = project / "reports" / "evaluate" / "scores.csv"
    if not path.exists():
        yield "Not recorded: reports/evaluate/scores.csv is not in the project's folder.\n"
        return
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["model"] in (stage, "start") and row["n"]]
    yield "Greedy pass@1 with its 95 % Wilson interval; `start` is the base. With a small n it says next to nothing.\n"
    yield "| benchmark | language | model | passed of n | pass@1 | interval |\n|---|---|---|--:|--:|--:|"
    for row in sorted(rows, key=lambda row: (row["benchmark"], row["language"], row["model"] != "start")):
        between = f"{float(row['low']):.3f} to {float(row['high']):.3f}" if row["low"] else "–"
        rate = f"{float(row['pass_at_1']):.3f}" if row["pass_at_1"] else "–"
        cells = [row["benchmark"], row["language"], row["model"], f"{row['passed']} of {row['n']}", rate, between]
        yield f"| {' | '.join(cells)} |"
    yield ""
