"""The embedded model by layout, and batched transformers, on the same prompts (bench/llm.py runs them)."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.child import cores
from xinstruct.llm.client import Teacher
from xinstruct.llm.journal import Journal
from xinstruct.plan import work_root

# teacher params of each layout; the first is what the others are held against
LAYOUTS: dict[str, dict[str, Any]] = {
    "one slot, one at a time": {"servers": 1, "slots": 1},
    "default: a server per core": {"servers": 0},
    "8 slots": {"servers": 1, "slots": 8},
    "16 slots": {"servers": 1, "slots": 16},
}


def contestants(args: argparse.Namespace) -> dict[str, Callable[[int], dict[str, float]]]:
    """Runners by name. Raises BadInput without a fetched model."""
    if not (args.model / "teacher" / "model.json").exists():
        raise BadInput(f"{args.model}/teacher: no model; run the fetch stage (dvc repro fetch), or name --model")
    found: dict[str, Callable[[int], dict[str, float]]] = {}
    for label, layout in LAYOUTS.items():
        found[label] = lambda number, layout=layout: _served(args, number, layout)  # type: ignore[misc]
    if (args.model / "start" / "config.json").exists():
        found["transformers bf16, batched"] = lambda number: _batched(args, number)
    return found


def _questions(args: argparse.Namespace, number: int) -> list[str]:
    """Prompts as the pipeline's: worked examples that all share, then one function each."""
    example = "Translate to JavaScript.\ndef one(a, b):\n    return a + b\n\nfunction one(a, b) {\n  return a + b;\n}\n"
    task = "Translate to JavaScript.\ndef f{0}(xs):\n    total = {1}\n    for x in xs:\n        total += x * {0}\n"
    return [example * 3 + task.format(i, number) for i in range(args.prompts)]


def _served(args: argparse.Namespace, number: int, layout: dict[str, Any]) -> dict[str, float]:
    """Tokens a second of a layout, and the share of its wall time that no server worked."""
    fields: dict[str, Any] = {"max_tokens": args.tokens, "temperature": 0.8, "prefill": "function f"}
    requests = [
        Request(f"{i}", ({"role": "user", "content": text},), seed=i, **fields)
        for i, text in enumerate(_questions(args, number))
    ]
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        journal = Path(folder) / "j.sqlite"
        with Teacher({"context": 1024} | layout, args.model / "teacher", journal) as teacher:
            teacher.backend.start()  # type: ignore[union-attr]
            start = time.monotonic()
            answers = teacher.ask(requests)
            wall = time.monotonic() - start
        with Journal(journal) as kept:  # the servers' time, evaluation of prompts included
            (busy,) = kept.db.execute("select sum(waited) from calls").fetchone()
    lanes = {"servers": layout["servers"] or cores(), "slots": layout.get("slots", 1)}
    ceiling = busy / (lanes["servers"] * lanes["slots"])
    tokens = sum(answer.completion_tokens for answer in answers)
    return {"tokens_per_second": tokens / wall, "overhead_percent": 100 * max(0.0, wall - ceiling) / wall}


def _batched(args: argparse.Namespace, number: int) -> dict[str, float]:
    from xinstruct.training.generate import Generator

    generator = Generator(args.model / "start", dtype="bfloat16")
    conversations = [[{"role": "user", "content": text}] for text in _questions(args, number)]
    starts = ["function f"] * len(conversations)
    begun = time.monotonic()
    answers = generator.generate(conversations, max_new_tokens=args.tokens, temperature=0.8, prefill=starts)
    wall = time.monotonic() - begun
    return {"tokens_per_second": sum(one.tokens for row in answers for one in row) / wall, "overhead_percent": 0.0}


def _scratch() -> Path:
    folder = work_root() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
