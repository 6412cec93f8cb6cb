"""A pool of engines that serve one model, each in a worker process; cores and memory limit their number.

    with EnginePool(Path("models/start")) as pool:
        answers = pool.run([GenerationRequest(ids, max_tokens=100), ...])

A step of a small model consists of many small operations. Two threads share them badly, and any other busy
process stalls them at every barrier, so each worker computes on one thread (docs/llm.md has the figures). An
answer depends on its request only, so it does not matter which worker computes it. Requests of one prompt go
to the same worker while the others are busy too. One model over several devices is not supported.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.models.adapters import weight_bytes
from xinstruct.models.prefix_queue import PrefixQueue
from xinstruct.models.sampling import Completion, GenerationRequest, refuse_too_long
from xinstruct.models.worker_process import answer
from xinstruct.params import Dtype
from xinstruct.processes import cores

_AHEAD = 4  # requests that a worker is given beyond its slots, so that a free slot is filled at once
_GATHER = 0.005  # seconds between the first of many requests and the handing out, so that prompts stay together
_SHARE = 0.25  # of the memory, for the weights of all workers
PATIENCE = 300.0  # seconds; the longest step is reading many prompts beside other work
_DIED = "an engine's process ended by itself (out of memory?), or was silent for too long"

Done = Callable[[Completion], None]


class EngineDied(RuntimeError):
    """A worker process ended unexpectedly; its requests are lost."""


@dataclass(eq=False)
class _Pending:
    """A request, the function to call with its completion, and the worker that it was given to."""

    number: int
    request: GenerationRequest
    done: Done
    worker: _Worker | None = None
    cancelled: bool = False


class _Worker:
    """The parent's side of one process: its pipes and the requests assigned to it."""

    def __init__(self, context: Any, options: tuple[Any, ...]) -> None:
        self.outbox, far = context.Pipe(duplex=False)
        self.inbox = context.Queue()  # its own thread writes it, so that handing out never waits
        self.assigned: dict[int, _Pending] = {}
        self.heard = time.monotonic()  # its last word, or when it was last given work while it had none
        self.worked, self.tokens = 0.0, 0
        self.process = context.Process(target=answer, args=(self.inbox, far, os.getpid(), *options), daemon=True)
        self.process.start()
        far.close()

    def ready(self) -> tuple[int, int]:
        """Wait for the engine and return its (context, slots). Raises BadInput or EngineDied when it did not start."""
        try:
            kind, value = self.outbox.recv()
        except EOFError as error:
            raise EngineDied("the engine's process died while it loaded the model") from error
        if kind == "refused":
            raise BadInput(value)
        return value  # type: ignore[no-any-return]


class EnginePool:
    """Engines in parallel. Any thread may call `add`; `done` is called in a thread of the pool."""

    def __init__(
        self,
        folder: Path,
        slots: int = 0,
        context: int = 4096,
        dtype: Dtype = "auto",
        count: int = 0,
        died: Callable[[], None] | None = None,
        tell: float = 1.0,
        patience: float = PATIENCE,
    ) -> None:
        """slots: answers at a time over all engines (0: what suits the device). count: engines (0: `how_many`).

        A GGUF file is run by QuantisedEngine, a folder by Engine. died: called when a process ended unexpectedly.
        tell: seconds between two reports of the tokens generated. patience: seconds without a word from a process that
        has work; after them it is ended, as one that hangs.
        Raises BadInput as Engine does.
        """
        count = count or how_many(folder)
        options = (folder, -(-slots // count), context, dtype, max(1, cores() // count), tell)
        self._died = died
        self._tell, self._patience = tell, patience
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._waiting: PrefixQueue[_Pending] = PrefixQueue()
        self._gathering = False
        self._broken = False
        self._keeps_prompts = folder.is_file()  # OpenVINO's prefix cache
        spawn = multiprocessing.get_context("spawn")
        self.workers = [_Worker(spawn, options) for _ in range(count)]
        try:
            for worker in self.workers:
                self.context, self._slots = worker.ready()
        except BaseException:
            self.close()
            raise
        for worker in self.workers:
            threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def __enter__(self) -> EnginePool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def worked(self) -> float:
        """The busy time of the busiest worker, in seconds."""
        return max(worker.worked for worker in self.workers)

    @property
    def tokens(self) -> int:
        """Tokens generated so far, including unfinished answers, as last reported by the processes."""
        return sum(worker.tokens for worker in self.workers)

    def add(self, request: GenerationRequest, done: Done) -> Callable[[], None]:
        """Queue a request and return a function that cancels it.

        Raises BadInput when the request does not fit into the context, EngineDied when a process has died.
        """
        refuse_too_long(request, self.context)
        if self._broken:
            raise EngineDied(_DIED)
        pending = _Pending(next(self._numbers), request, done)
        with self._lock:
            self._waiting.add(request.ids, pending)
            if not self._gathering:
                self._gathering = True
                timer = threading.Timer(_GATHER, self._hand_out)
                timer.daemon = True
                timer.start()

        def cancel() -> None:
            with self._lock:
                pending.cancelled = True
                if pending.worker:
                    pending.worker.inbox.put((pending.number, None))

        return cancel

    def run(
        self,
        requests: Sequence[GenerationRequest],
        done: Callable[[int, Completion], None] = lambda number, completion: None,
        count: Callable[[int], None] = lambda tokens: None,
    ) -> list[Completion]:
        """Return the completions in the order of the requests; `done` gets each as it arrives, in the caller's thread.

        `count` is called every `tell` seconds and before each `done`, with the number of tokens generated so far for
        these requests, including unfinished answers. Raises EngineDied when a process ends by itself.
        """
        before = self.tokens
        came: queue.SimpleQueue[tuple[int, Completion] | None] = queue.SimpleQueue()
        self._died = lambda: came.put(None)
        for number, request in enumerate(requests):
            self.add(request, lambda completion, number=number: came.put((number, completion)))  # type: ignore[misc]
        found: list[Completion] = [Completion()] * len(requests)
        missing = len(requests)
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
        """Terminate the processes."""
        self._died = None
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()
            worker.inbox.cancel_join_thread()

    def _hand_out(self) -> None:
        """Assign waiting requests to the workers with the fewest, while they have room."""
        with self._lock:
            self._gathering = False
            while self._waiting:
                worker = min(self.workers, key=lambda one: len(one.assigned))
                if len(worker.assigned) >= self._slots + _AHEAD:
                    return
                pending = self._waiting.take(None if self._keeps_prompts else worker)
                if pending and not pending.cancelled:
                    worker.heard = worker.heard if worker.assigned else time.monotonic()
                    pending.worker = worker
                    worker.assigned[pending.number] = pending
                    worker.inbox.put((pending.number, pending.request))

    def _end_if_hanging(self, worker: _Worker) -> None:
        """End a process that has been silent too long with work in hand; one without work has nothing to say."""
        with self._lock:
            if not worker.assigned:
                worker.heard = time.monotonic()
            elif time.monotonic() - worker.heard >= self._patience:
                worker.process.kill()

    def _listen(self, worker: _Worker) -> None:
        while True:
            try:
                if not worker.outbox.poll(max(0.1, worker.heard + self._patience - time.monotonic())):
                    self._end_if_hanging(worker)
                    continue
                number, completion, worker.worked, worker.tokens = worker.outbox.recv()
                worker.heard = time.monotonic()
            except (EOFError, OSError):
                self._broken = True
                if self._died:
                    self._died()
                return
            if number is None:
                continue  # only a report of progress
            with self._lock:
                pending = worker.assigned.pop(number)
                self._hand_out()
            if completion:
                pending.done(completion)


def how_many(folder: Path) -> int:
    """Return one engine per core, as long as all their weights take a quarter of the memory at most; one on a GPU."""
    import torch

    if torch.cuda.is_available():
        return 1
    weights = weight_bytes(folder) or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores(), int(_SHARE * memory / weights)))
