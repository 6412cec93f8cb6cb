"""A sandbox for single commands: namespaces, limits by the kernel, a watching process.

``Sandbox`` keeps a few small worker processes (``process/worker.py``); ``run`` gives one of them a command with its
files and waits. The isolation (``tiers.py``) is chosen when a sandbox is made: the best tier that withstands its own
attacks (``selftest.py``). A result tells how a command ended; verdicts are decided elsewhere.
"""

from __future__ import annotations

import contextlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.execution import mounts, tiers
from xinstruct.execution.forks.base import Fork, Template
from xinstruct.execution.forks.templates import Templates
from xinstruct.execution.limits import Limits
from xinstruct.execution.selftest import ESSENTIAL, guarantees
from xinstruct.files import BadInput

__all__ = ["ESSENTIAL", "Result", "Sandbox", "guarantees"]

_WORKER = Path(__file__).parent / "process" / "worker.py"
DATA_FILES = ("process/worker.py",)
_AHEAD = 2  # requests with a worker at a time: the one that runs, and the one it turns to then
_NEVER = -1
_REMEDY = (
    "programs cannot be isolated here and are not run: {reasons}. It takes root or unprivileged user namespaces "
    "(sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0 "
    "user.max_user_namespaces=15000) and a C compiler "
    f"or bubblewrap: {tiers.INSTALL}"
)


@dataclass(frozen=True)
class Result:
    """The end of a command.

    status: exit status, 128 + signal when a signal ended it. cpu, wall: seconds. reason: "" when it ended by itself,
    else cpu, wall, memory, output (the limit it exceeded) or infrastructure (it never started). forked: True if a fork
    of a template replaced it.
    """

    status: int
    signal: int
    cpu: float
    wall: float
    peak_mb: float
    stdout: bytes
    stderr: bytes
    reason: str
    forked: bool = False


class Worker:
    """A handle on one worker process, which answers requests in the order in which they were sent.

    Several threads may ask; the worker gets the next request when it has answered the last. Raises BadInput when it
    does not start.
    """

    def __init__(self, config: tiers.Request | None) -> None:
        line = [sys.executable, "-I", "-S", "-B", str(_WORKER)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, env={}, cwd="/", start_new_session=True)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self._sending, self._turn = threading.Lock(), threading.Condition()
        self._sent = self._answered = 0
        self.hello = self.ask(config)
        if error := self.hello.get("error"):
            self.close()
            raise BadInput(f"a worker of the sandbox did not start: {error}")
        self.uid = 10000 + int(self.hello["pid"]) % 50000

    def ask(self, request: tiers.Request | None) -> dict[str, Any]:
        """Send one request and wait. Raises EOFError when the worker has died."""
        data = pickle.dumps(request)
        try:
            with self._sending:
                number, self._sent = self._sent, self._sent + 1
                self._stdin.write(data)
                self._stdin.flush()
            with self._turn:
                self._turn.wait_for(lambda: self._answered in (number, _NEVER))
            if self._answered == number:
                answer: dict[str, Any] = pickle.load(self._stdout)
                self._next(number + 1)
                return answer
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # ValueError: closed by another thread
            self._next(_NEVER)
        except BaseException:  # an answer that nobody has read would be taken for the next one's
            self._next(_NEVER)
            raise
        raise EOFError("the sandbox's worker died")

    def _next(self, number: int) -> None:
        with self._turn:
            self._answered = number
            self._turn.notify_all()

    def close(self) -> None:
        """Close the worker's input, at which it ends."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._stdout.close()


@dataclass
class _Place:
    """A slot for a worker, which is started on demand, and the number of callers that wait for it."""

    worker: Worker | None = None
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)  # of the worker's start, which takes a while, and end


class Sandbox:
    """A pool of workers behind one ``run``. It is a context manager and safe to use from several threads.

    tier: "zygote" or "bubblewrap" requires that one; "" takes the best that works here. forks: commands may be forked
    from templates where that works (docs/forks.md). Raises BadInput when no tier works and `unsafe` was not requested.
    """

    def __init__(self, workers: int = 1, unsafe: bool = False, tier: str = "", forks: bool = True) -> None:
        self.workers = workers
        self.scratch = Path(tempfile.mkdtemp(prefix="xinstruct-"))
        self.guarantees: dict[str, bool] = {}
        self.cgroup = self.addresses = False
        self.passed_over: list[str] = []  # better tiers, and why they are not used
        self._lock = threading.Lock()
        self._places = [_Place() for _ in range(workers)]
        self._free = threading.Semaphore(_AHEAD * workers)
        try:
            self._tier: tiers.Tier = tiers.Unsafe(self.scratch, self.folder) if unsafe else self._settle(tier)
            if forks and isinstance(self._tier, tiers.Zygote):
                self._tier.fork_commands()
        except BaseException:
            self.close()
            raise

    def _settle(self, wanted: str) -> tiers.Tier:
        """Return the first tier that is available and passes its test. Raises BadInput with each tier's problem."""
        if closed := mounts.closed():
            raise BadInput(closed)
        for kind in tiers.SAFE:
            if wanted not in ("", kind.name):
                continue
            if missing := kind.missing():
                self.passed_over.append(f"{kind.name}: {missing}")
                continue
            self._tier = kind(self.scratch)
            try:
                self.guarantees = guarantees(self)
                return self._tier
            except (BadInput, OSError) as error:
                self.passed_over.append(f"{kind.name}: {error}")
                self._end_workers()
        raise BadInput(_REMEDY.format(reasons="; ".join(self.passed_over) or f"no tier is called {wanted!r}"))

    @property
    def tier(self) -> str:
        """The name of the isolation in use."""
        return self._tier.name

    @property
    def forks(self) -> bool:
        """True if commands may be forked from templates here."""
        return self._templates is not None

    @property
    def _templates(self) -> Templates | None:
        return self._tier.templates if isinstance(self._tier, tiers.Zygote) else None

    def expect(self, wanted: Mapping[Template, int]) -> None:
        """Announce how many programs will want each template, so that it can start without warm-up."""
        if self._templates:
            self._templates.expect({template: count // self.workers for template, count in wanted.items()})

    @property
    def view(self) -> Any:
        """The parts of the host that programs see (mounts.View)."""
        return self._tier.view

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and remove what is left in scratch."""
        self._end_workers()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _end_workers(self) -> None:
        for place in self._places:
            if place.worker:
                place.worker.close()
            place.worker = None

    def folder(self) -> Path:
        """Make a new folder on the host's disk, for a compiler to write to or to be shown to a run."""
        path = Path(tempfile.mkdtemp(dir=self.scratch))
        path.chmod(0o777)  # the compiler runs as someone else; the parent folder is closed to all others
        return path

    def run(
        self,
        command: tuple[str, ...],
        limits: Limits,
        *,
        files: Mapping[str, str | bytes] | None = None,
        folder: Path | None = None,
        writable: bool = False,
        shown: Mapping[str, Path] | None = None,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        fresh: bool = False,
        steady: bool = False,
        fork: tuple[Fork, Path] | None = None,
    ) -> Result:
        """Run a command and wait for it. Never raises for what the command does. Arguments: see tiers.Command."""
        contents = {name: _bytes(content) for name, content in (files or {}).items()}
        wanted = tiers.Command(command, limits, contents, folder, writable, shown or {}, env or {}, fresh, steady, fork)
        with self._place() as place:
            worker = self._worker(place)
            request = self._tier.request(wanted, worker.uid)
            try:
                return Result(**worker.ask(limits.ceilings() | request | {"stdin": stdin}))
            except EOFError:
                self._drop(place, worker)
                return Result(-1, 0, 0.0, 0.0, 0.0, b"", b"the sandbox's worker died", "infrastructure")

    @contextlib.contextmanager
    def _place(self) -> Iterator[_Place]:
        """Lend the slot with the fewest waiting callers."""
        with self._free:
            with self._lock:
                place = min(self._places, key=lambda each: each.asked)
                place.asked += 1
            try:
                yield place
            finally:
                with self._lock:
                    place.asked -= 1

    def _worker(self, place: _Place) -> Worker:
        with place.lock:
            if place.worker is None:
                place.worker = Worker(self._tier.config())
                self.cgroup = bool(place.worker.hello["cgroup"])
                self.addresses = bool(place.worker.hello["addresses"])
            return place.worker

    def _drop(self, place: _Place, worker: Worker) -> None:
        with place.lock:
            if place.worker is worker:
                place.worker = None
        worker.process.kill()
        worker.close()


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
