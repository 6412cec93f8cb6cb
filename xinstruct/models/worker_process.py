"""What runs in a worker process of the pool: one engine that takes requests and reports completions (workers.py)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xinstruct.files import BadInput
from xinstruct.models.sampling import Completion, GenerationRequest
from xinstruct.params import Dtype
from xinstruct.processes import live_with

if TYPE_CHECKING:
    from xinstruct.models.engine import Engine
    from xinstruct.models.quantised import QuantisedEngine


def _engine(model: Path, slots: int, context: int, dtype: Dtype, threads: int) -> Engine | QuantisedEngine:
    if model.is_file():
        from xinstruct.models.quantised import QuantisedEngine

        return QuantisedEngine(model, slots, context, threads)
    from xinstruct.models.engine import Engine

    return Engine(model, slots, context, dtype, threads)


def answer(  # noqa: PLR0913 (what a process is started with)
    inbox: Any,
    outbox: Connection,
    parent: int,
    folder: Path,
    slots: int,
    context: int,
    dtype: Dtype,
    threads: int,
    tell: float,
) -> None:
    """Run a worker process: admit requests and step, until the parent ends. Ctrl-C is left to the parent."""
    live_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        engine = _engine(folder, slots, context, dtype, threads)
    except (BadInput, OSError, ValueError, RuntimeError) as error:
        outbox.send(("refused", f"{error}"))
        return
    outbox.send(("ready", (engine.context, engine.count)))
    cancels: dict[int, Callable[[], None]] = {}
    worked, busy, told = 0.0, False, 0.0

    def take(number: int, request: GenerationRequest | None) -> None:
        if request:
            cancels[number] = engine.add(request, lambda completion: give(number, completion))
        elif cancel := cancels.pop(number, None):
            cancel()
            outbox.send((number, None, worked, engine.tokens))

    def give(number: int, completion: Completion) -> None:
        del cancels[number]
        outbox.send((number, completion, worked, engine.tokens))

    while True:
        while not busy or not inbox.empty():
            take(*inbox.get())
            busy = True
        begun = time.monotonic()
        busy = engine.step()
        now = time.monotonic()
        worked += now - begun
        if now - told >= tell:
            told = now
            outbox.send((None, None, worked, engine.tokens))
