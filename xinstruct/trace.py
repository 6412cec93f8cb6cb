"""The origin of a sample: its parents, their parents, down to the mined snippets.

``xinstruct trace ID`` takes the id of a seed, a synthesized or a verified sample (a few first digits are enough)
and prints each step with the turns that made it; ``--turns`` prints the turns in full. Model answers made in
evaluation are in data/evaluate and not shown.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from xinstruct.files import BadInput, read_records
from xinstruct.records import Sample, Snippet, Turn


class Lineage:
    """All samples, snippets and turns of a run, by id. Raises BadInput when data/seed is not there."""

    def __init__(self, root: Path = Path("data")) -> None:
        self.snippets: dict[str, Snippet] = {
            s.id: s for s in read_records(root / "mine" / "snippets.parquet", "snippets")
        }
        self.samples: dict[str, Sample] = {}
        self.threads: dict[str, list[Turn]] = {}
        for stage in ("seed", "synthesize"):
            if stage == "synthesize" and not (root / stage).exists():
                continue
            self.samples |= {s.id: s for s in read_records(root / stage / "samples.parquet", "samples")}
            for turn in read_records(root / stage / "turns.parquet", "turns"):
                self.threads.setdefault(turn.thread, []).append(turn)

    def find(self, prefix: str) -> Sample:
        """Return the sample whose id begins with `prefix`. Raises BadInput when there is none or several."""
        found = [sample for ident, sample in sorted(self.samples.items()) if ident.startswith(prefix)]
        if len(found) != 1:
            raise BadInput(f"{len(found)} samples have an id that starts with {prefix!r}; ids are in data/filter")
        return found[0]

    def thread(self, sample: Sample) -> list[Turn]:
        """Return the turns of a sample's discussion or making, in order; none when it was not kept."""
        named = (turns for turns in self.threads.values() if any(turn.sample == sample.id for turn in turns))
        return sorted(next(named, []), key=lambda turn: turn.step)


def lines(lineage: Lineage, sample: Sample, full: bool, depth: int = 0) -> list[str]:
    """Return the ancestry of a sample as indented text, parents below their children."""
    pad = "    " * depth
    what = f"{sample.task}, {sample.operation} by {sample.topology} discussion, {sample.shape.replace('_', ' ')}"
    made = f"{what}, round {sample.round}" if sample.operation else "seed"
    told = [f"{pad}{sample.kind} {sample.id}  {sample.language}  {sample.function}  {sample.verdict}  ({made})"]
    turns = lineage.thread(sample)
    told.append(f"{pad}  turns: {dict(Counter(turn.kind for turn in turns))}  {sample.rated}")
    if full:
        told += [f"{pad}  [{t.kind}] {t.agent} {(t.text or t.messages)[:2000]}" for t in turns]
    for parent in sample.parents:
        if parent in lineage.samples:
            told += lines(lineage, lineage.samples[parent], full, depth + 1)
        elif snippet := lineage.snippets.get(parent):
            told.append(f"{pad}    snippet {snippet.id}  {snippet.language}  {snippet.name}")
            told.append(f"{pad}      {snippet.source}: {snippet.package} {snippet.version}, {snippet.license}")
            told.append(f"{pad}      {snippet.path}, lines {snippet.start_line} to {snippet.end_line}")
    return told


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct trace`."""
    parser.add_argument("id", help="id of a sample, or its first digits")
    parser.add_argument("--turns", action="store_true", help="every prompt, answer, score and memory change in full")


def main(args: argparse.Namespace) -> int:
    """Print the ancestry. Returns the exit status."""
    lineage = Lineage()
    print("\n".join(lines(lineage, lineage.find(args.id), args.turns)))
    return 0
