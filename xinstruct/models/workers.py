"""Copies of one engine, each in a process of its own: as many as the cores and the memory carry.

    with Copies(Path("models/start")) as copies:
        answers = copies.run([Job(ids, max_tokens=100), ...])

A small model's step is many small operations, which two threads share badly and any other busy process
brings to a halt at every barrier; a copy on one thread has none (docs/llm.md has the figures). A job's
answer depends on the job only, so it does not matter which copy gets it. Jobs of one prompt go to one
copy while others have work too. Left out: one model over several devices.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.models.prefix_queue import ByPrompt
from xinstruct.models.sampling import Job, Made, refuse_too_long
from xinstruct.params import Dtype
from xinstruct.processes import cores, live_with

_AHEAD = 4  # jobs that a copy holds beyond its slots, so that a free slot is filled at once
_GATHER = 0.005  # seconds between the first of many jobs and the handing out, so that prompts stay together
_SHARE = 0.25  # of the memory, for the weights of all copies
_DIED = "an engine's process ended by itself (out of memory?)"

Done = Callable[[Made], None]


class EngineDied(RuntimeError):
    """A copy's process ended by itself; its jobs are lost."""


@dataclass(eq=False)
class _Asked:
    """A job with what is done with its answer. copy: who works on it."""

    number: int
    job: Job
    done: Done
    copy: _Copy | None = None
    cancelled: bool = False


class _Copy:
    """The near end of one process: what it was handed, and the pipes to it."""

    def __init__(self, context: Any, options: tuple[Any, ...]) -> None:
        self.outbox, far = context.Pipe(duplex=False)
        self.inbox = context.Queue()  # its own thread writes it, so that handing out never waits
        self.held: dict[int, _Asked] = {}
        self.worked, self.tokens = 0.0, 0
        self.process = context.Process(target=_answer, args=(self.inbox, far, os.getpid(), *options), daemon=True)
        self.process.start()
        far.close()

    def ready(self) -> tuple[int, int]:
        """(context, slots) of the engine. Raises BadInput or EngineDied when it did not start."""
        try:
            kind, value = self.outbox.recv()
        except EOFError as error:
            raise EngineDied("the engine's process died while it loaded the model") from error
        if kind == "refused":
            raise BadInput(value)
        return value  # type: ignore[no-any-return]


class Copies:
    """Engines side by side. `add` may be called by any thread; `done` is called by a thread of its own."""

    def __init__(
        self,
        folder: Path,
        slots: int = 0,
        context: int = 4096,
        dtype: Dtype = "auto",
        count: int = 0,
        died: Callable[[], None] | None = None,
        tell: float = 1.0,
    ) -> None:
        """slots: answers at a time in all (0: what suits the device). count: copies (0: `how_many`).

        died: called when a process ended by itself. tell: seconds between two counts of the tokens made.
        Raises BadInput as Engine does.
        """
        count = count or how_many(folder)
        options = (folder, -(-slots // count), context, dtype, max(1, cores() // count), tell)
        self._died = died
        self._tell = tell
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._waiting: ByPrompt[_Asked] = ByPrompt()
        self._gathering = False
        self._broken = False
        spawn = multiprocessing.get_context("spawn")
        self.copies = [_Copy(spawn, options) for _ in range(count)]
        try:
            for copy in self.copies:
                self.context, self._slots = copy.ready()
        except BaseException:
            self.close()
            raise
        for copy in self.copies:
            threading.Thread(target=self._listen, args=(copy,), daemon=True).start()

    def __enter__(self) -> Copies:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def worked(self) -> float:
        """Seconds that the busiest copy has worked."""
        return max(copy.worked for copy in self.copies)

    @property
    def tokens(self) -> int:
        """Tokens made so far, unfinished answers included; as last told by the processes."""
        return sum(copy.tokens for copy in self.copies)

    def add(self, job: Job, done: Done) -> Callable[[], None]:
        """Queue a job. Returns what cancels it. Raises BadInput when it does not fit, EngineDied after a death."""
        refuse_too_long(job, self.context)
        if self._broken:
            raise EngineDied(_DIED)
        asked = _Asked(next(self._numbers), job, done)
        with self._lock:
            self._waiting.add(job.ids, asked)
            if not self._gathering:
                self._gathering = True
                timer = threading.Timer(_GATHER, self._hand_out)
                timer.daemon = True
                timer.start()

        def cancel() -> None:
            with self._lock:
                asked.cancelled = True
                if asked.copy:
                    asked.copy.inbox.put((asked.number, None))

        return cancel

    def run(
        self,
        jobs: Sequence[Job],
        done: Callable[[int, Made], None] = lambda number, made: None,
        count: Callable[[int], None] = lambda tokens: None,
    ) -> list[Made]:
        """Answers in the order of the jobs; `done` is called with each as it comes, by the caller's thread.

        `count` is called every `tell` seconds and before each `done`, with how many tokens these jobs have so
        far, unfinished answers included. Raises EngineDied when a process ends by itself.
        """
        before = self.tokens
        came: queue.SimpleQueue[tuple[int, Made] | None] = queue.SimpleQueue()
        self._died = lambda: came.put(None)
        for number, job in enumerate(jobs):
            self.add(job, lambda made, number=number: came.put((number, made)))  # type: ignore[misc]
        found: list[Made] = [Made()] * len(jobs)
        missing = len(jobs)
        while missing:
            try:
                item = came.get(timeout=self._tell)
            except queue.Empty:
                count(self.tokens - before)
                continue
            if item is None:
                raise EngineDied(_DIED)
            found[item[0]], missing = item[1], missing - 1
            count(self.tokens - before)
            done(*item)
        return found

    def close(self) -> None:
        """End the processes."""
        self._died = None
        for copy in self.copies:
            copy.process.terminate()
        for copy in self.copies:
            copy.process.join()
            copy.inbox.cancel_join_thread()

    def _hand_out(self) -> None:
        """Give waiting jobs to the copies that hold the fewest, while they have room."""
        with self._lock:
            self._gathering = False
            while self._waiting:
                copy = min(self.copies, key=lambda one: len(one.held))
                if len(copy.held) >= self._slots + _AHEAD:
                    return
                asked = self._waiting.take(copy)
                if asked and not asked.cancelled:
                    asked.copy = copy
                    copy.held[asked.number] = asked
                    copy.inbox.put((asked.number, asked.job))

    def _listen(self, copy: _Copy) -> None:
        while True:
            try:
                number, made, copy.worked, copy.tokens = copy.outbox.recv()
            except (EOFError, OSError):
                self._broken = True
                if self._died:
                    self._died()
                return
            if number is None:
                continue  # only how far it is
            with self._lock:
                asked = copy.held.pop(number)
                self._hand_out()
            if made:
                asked.done(made)


def how_many(folder: Path) -> int:
    """One copy per core, as long as all their weights take a quarter of the memory at most; one on a GPU."""
    import torch

    if torch.cuda.is_available():
        return 1
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors")) or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores(), int(_SHARE * memory / weights)))


def _answer(  # noqa: PLR0913 (what a process is started with)
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
    """A copy's process: take in jobs, step, for ever. Ends with its parent; Ctrl-C is the parent's affair."""
    live_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from xinstruct.models.engine import Engine

    try:
        engine = Engine(folder, slots, context, dtype, threads)
    except (BadInput, OSError, ValueError) as error:
        outbox.send(("refused", f"{error}"))
        return
    outbox.send(("ready", (engine.context, engine.count)))
    cancels: dict[int, Callable[[], None]] = {}
    worked, busy, told = 0.0, False, 0.0

    def take(number: int, job: Job | None) -> None:
        if job:
            cancels[number] = engine.add(job, lambda made: give(number, made))
        elif cancel := cancels.pop(number, None):
            cancel()
            outbox.send((number, None, worked, engine.tokens))

    def give(number: int, made: Made) -> None:
        del cancels[number]
        outbox.send((number, made, worked, engine.tokens))

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
