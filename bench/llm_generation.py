"""The embedded model by what runs it, on the same requests (bench/llm.py runs them)."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.gguf_types import requantise
from xinstruct.llm.calls import Request
from xinstruct.llm.client import Client
from xinstruct.llm.journal import Journal
from xinstruct.models.fetch import fetch_teacher
from xinstruct.params import at_hand
from xinstruct.plan import work_root
from xinstruct.processes import cores

BASE = "llama.cpp, one at a time"  # what the others are held against
# engine and teacher params of each layout; "llamacpp KIND" has the model's matrices in that number type
LAYOUTS: dict[str, tuple[str, dict[str, Any]]] = {
    BASE: ("llamacpp", {"servers": 1, "slots": 1}),
    "default: batched, 96 slots": ("batched", {"slots": 96}),
    "batched, 48 slots": ("batched", {"slots": 48}),
    "batched, 48 slots, one process": ("batched", {"slots": 48, "servers": 1}),
    "OpenVINO, 96 slots": ("openvino", {"slots": 96}),
    "OpenVINO, 32 slots": ("openvino", {"slots": 32}),
    "OpenVINO, 16 slots": ("openvino", {"slots": 16}),
    "llama.cpp, a server per core": ("llamacpp", {"servers": 0}),
    "llama.cpp, 8 slots": ("llamacpp", {"servers": 1, "slots": 8}),
    "llama.cpp, 16 slots": ("llamacpp", {"servers": 1, "slots": 16}),
    "llama.cpp Q8_0, a server per core": ("llamacpp Q8_0", {"servers": 0}),
    "llama.cpp Q4_0, a server per core": ("llamacpp Q4_0", {"servers": 0}),
    "llama.cpp BF16, a server per core": ("llamacpp BF16", {"servers": 0}),
}


def contestants(args: argparse.Namespace) -> dict[str, Callable[[int], dict[str, float]]]:
    """Runners by name; the model is fetched for each engine. Raises BadInput when it cannot be."""
    wanted = [name.strip() for name in args.only.split(";") if name.strip()]
    layouts = {
        label: layout
        for label, layout in LAYOUTS.items()
        if label == BASE or not wanted or any(name in label for name in wanted)
    }
    folders = {engine: fetched(args.model, engine) for engine in {engine for engine, _ in layouts.values()}}
    found: dict[str, Callable[[int], dict[str, float]]] = {}
    for label, (engine, layout) in layouts.items():
        found[label] = lambda number, layout=layout, folder=folders[engine]: _served(args, number, layout, folder)  # type: ignore[misc]
    return found


def fetched(model: str, engine: str) -> Path:
    """The model as an engine wants it."""
    name, _, kind = engine.partition(" ")
    folder = _scratch() / engine.replace(" ", "-")
    facts = fetch_teacher(model, folder, lambda _: None, engine=name)
    if kind:
        file = folder / str(facts["file"])
        requantise(file, folder / "new.gguf", kind)
        (folder / "new.gguf").replace(file)
    return folder


def _questions(args: argparse.Namespace, number: int) -> list[str]:
    """Prompts as the pipeline's: worked examples that all share, then one function each."""
    example = "Translate to JavaScript.\ndef one(a, b):\n    return a + b\n\nfunction one(a, b) {\n  return a + b;\n}\n"
    task = "Translate to JavaScript.\ndef f{0}(xs):\n    total = {1}\n    for x in xs:\n        total += x * {0}\n"
    return [example * 3 + task.format(i, number) for i in range(args.prompts)]


def _requests(args: argparse.Namespace, number: int) -> list[Request]:
    """`samples` answers to each prompt, as a wave of candidates."""
    fields: dict[str, Any] = {"max_tokens": args.tokens, "temperature": 0.8, "prefill": "function f"}
    asked = [
        Request(f"{i}", ({"role": "user", "content": q},), **fields) for i, q in enumerate(_questions(args, number))
    ]
    return [sample for request in asked for sample in request.samples(args.samples)]


def _served(args: argparse.Namespace, number: int, layout: dict[str, Any], folder: Path) -> dict[str, float]:
    """Tokens a second of a layout; where it is known, the share of time that no server worked."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as scratch:
        journal = Path(scratch) / "j.sqlite"
        with Client(replace(at_hand().teacher, **({"context": 1024} | layout)), folder, journal) as teacher:
            teacher.backend.start()  # type: ignore[union-attr]
            start = time.monotonic()
            answers = teacher.ask(_requests(args, number))
            wall = time.monotonic() - start
            backend = teacher.backend
            worked = _worked(backend.servers[0].url, layout, journal, backend.pooled)  # type: ignore[union-attr]
    row = {
        "tokens_per_second": sum(answer.completion_tokens for answer in answers) / wall,
        "read_and_written": sum(answer.prompt_tokens + answer.completion_tokens for answer in answers) / wall,
    }
    return row | ({"overhead_percent": 100 * max(0.0, wall - worked) / wall} if worked else {})


def _worked(url: str, layout: dict[str, Any], journal: Path, pooled: bool) -> float:
    """Seconds that the servers worked: ours tell, one slot worked while a call waited; else unknown (0)."""
    if pooled:
        with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:
            return float(json.load(answer)["worked_seconds"])
    if layout.get("slots", 1) > 1:
        return 0.0
    with Journal(journal) as kept:
        (waited,) = kept.db.execute("select sum(waited) from calls").fetchone()
    return float(waited) / (layout["servers"] or cores())


def _scratch() -> Path:
    folder = work_root() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
