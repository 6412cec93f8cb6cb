"""Decontamination: a text that shares a word n-gram with a benchmark's problem is reported with that problem.

Only n-grams count (the paper's cited code takes ten words); a shared function name does not. N-grams without a
single letter (a run of numbers such as 1 2 3 ... 10) say nothing about a problem and do not count.
``benchmark_texts`` reads every JSON-lines file below the given folders.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from xinstruct.dedup.tokens import tokens as words
from xinstruct.files import BadInput

_IDS = ("task_id", "name", "id")
_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_LETTER = re.compile(r"[^\W\d_]")


class Overlap:
    """An index of the word n-grams of named texts."""

    def __init__(self, texts: Iterable[tuple[str, str]], n: int) -> None:
        self.n = n
        self.names: dict[str, str] = {}
        for name, text in texts:
            for gram in self._grams(text):
                self.names.setdefault(gram, name)

    def _grams(self, text: str) -> Iterator[str]:
        found = words(text)
        for start in range(len(found) - self.n + 1):
            gram = " ".join(found[start : start + self.n])
            if _LETTER.search(gram):
                yield gram

    def find(self, text: str) -> tuple[str, str] | None:
        """Return (name of the benchmark's problem, shared n-gram) of the first overlap, or None."""
        for gram in self._grams(text):
            if gram in self.names:
                return self.names[gram], gram
        return None


def benchmark_texts(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield (problem id, text) for every text field of every record below the folders, in a fixed order.

    Reads .jsonl, .json, .jsonl.gz, .json.gz. Fields are separate texts, so that no n-gram spans two. Raises
    BadInput for a folder that does not exist or a file that cannot be read.
    """
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"{folder}: no such folder of benchmarks; see deduplicate.benchmarks in params.yaml")
        for path in sorted(p for p in folder.rglob("*") if p.name.endswith(_ENDINGS)):
            for number, record in enumerate(_records(path), 1):
                name = next((str(record[key]) for key in _IDS if key in record), f"{path.name}:{number}")
                where = name if "/" in name else f"{path.name.split('.')[0]}/{name}"
                yield from ((where, text) for text in _strings(record))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8")
        lines = [line for line in text.split("\n") if line.strip()]
        found = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in lines]
    except (OSError, EOFError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as JSON lines: {error}") from error
    yield from (record for record in found if isinstance(record, dict))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
