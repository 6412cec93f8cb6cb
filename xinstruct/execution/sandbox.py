"""Run one command where it can do no harm: namespaces by bubblewrap, limits by the kernel and a watcher.

``Sandbox`` keeps a few small worker processes (``worker.py``); ``run`` hands one of them a command with
its files and waits. It leaves out verdicts: it says how a command ended, not whether that is good.

Tiers: "bubblewrap"; "none", only when asked for by ``unsafe=True``, gives limits but no isolation.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import queue
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.execution import mounts, seccomp
from xinstruct.execution.limits import MEGABYTE, Limits
from xinstruct.files import BadInput

INSTALL = "apt-get install -y --no-install-recommends bubblewrap"
_WORKER = Path(__file__).with_name("worker.py")
_ATTACKS = Path(__file__).with_name("attacks.py")
ESSENTIAL = ("network", "files", "writes", "processes", "environment", "user", "privileges")


@dataclass(frozen=True)
class Result:
    """How a command ended.

    status: exit status, 128 + signal when a signal ended it. cpu, wall: seconds. reason: "" when it ended by
    itself, else cpu, wall, memory, output (the limit it went over) or infrastructure (it never started).
    """

    status: int
    signal: int
    cpu: float
    wall: float
    peak_mb: float
    stdout: bytes
    stderr: bytes
    reason: str


class Worker:
    """A handle on one worker process; used by one thread at a time."""

    def __init__(self) -> None:
        line = [sys.executable, "-I", "-S", "-B", str(_WORKER)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, env={}, cwd="/", start_new_session=True)
        self.hello: dict[str, Any] = self._answer()
        self.uid = 10000 + int(self.hello["pid"]) % 50000

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and wait. Raises EOFError when the worker has died."""
        assert self.process.stdin is not None
        pickle.dump(request, self.process.stdin)
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = pickle.load(self.process.stdout)
        return answer

    def close(self) -> None:
        """Let it end: it leaves when its input does."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Sandbox:
    """A pool of workers behind one ``run``. Context manager; safe to use from several threads."""

    def __init__(self, workers: int = 1, unsafe: bool = False) -> None:
        self.tier = "none" if unsafe else "bubblewrap"
        if not unsafe and not mounts.bubblewrap():
            raise BadInput(f"bubblewrap is missing, programs cannot be isolated; install it: {INSTALL}")
        self.view = mounts.default_view()
        self.scratch = Path(tempfile.mkdtemp(prefix="xinstruct-"))
        self._filter = seccomp.program()
        self._idle: queue.Queue[Worker | None] = queue.Queue()
        self._all: list[Worker] = []
        for _ in range(workers):
            self._idle.put(None)
        if not unsafe:
            try:
                self.guarantees = guarantees(self)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and remove what is left in scratch."""
        for worker in self._all:
            worker.close()
        self._all.clear()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def folder(self) -> Path:
        """A new folder on the machine's disk that a run may be shown or a compiler may write to."""
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
    ) -> Result:
        """Run a command and wait for it. Never raises for what the command does.

        files: relative name -> content, copied into the working folder. folder: its entries are shown
        read-only in the working folder, or, when writable, it is the working folder. shown: relative name ->
        a file on the machine, shown there read-only.
        """
        contents = {name: _bytes(content) for name, content in (files or {}).items()}
        worker = self._take()
        try:
            if self.tier == "none":
                request = self._bare(command, contents, folder, writable, shown or {}, env or {})
            else:
                binds = self._binds(contents, folder, writable, shown or {})
                request = self._isolated(command, limits, contents, binds, worker.uid, env or {})
            return Result(**worker.ask(request | _ceilings(limits) | {"stdin": stdin}))
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            self._drop(worker)
            return Result(-1, 0, 0.0, 0.0, 0.0, b"", b"the sandbox's worker died", "infrastructure")
        finally:
            self._idle.put(worker if worker in self._all else None)

    def _take(self) -> Worker:
        worker = self._idle.get()
        if worker is None:
            try:
                worker = Worker()
            except BaseException:
                self._idle.put(None)
                raise
            self._all.append(worker)
        return worker

    def _drop(self, worker: Worker) -> None:
        self._all.remove(worker)
        worker.process.kill()
        worker.close()

    def _binds(
        self, files: dict[str, bytes], folder: Path | None, writable: bool, shown: Mapping[str, Path]
    ) -> list[tuple[str, str, str]]:
        """What of the machine's disk is mounted into the working folder."""
        binds = []
        if folder and writable:
            binds.append(("--bind", str(folder), mounts.BOX))
        elif folder:
            binds += [("--ro-bind", str(p), f"{mounts.BOX}/{p.name}") for p in folder.iterdir() if p.name not in files]
        return binds + [("--ro-bind", str(path), f"{mounts.BOX}/{name}") for name, path in shown.items()]

    def _isolated(
        self,
        command: tuple[str, ...],
        limits: Limits,
        files: dict[str, bytes],
        binds: list[tuple[str, str, str]],
        uid: int,
        env: dict[str, str],
    ) -> dict[str, Any]:
        handed = [("--file", content, f"{mounts.BOX}/{name}") for name, content in files.items()]
        if self._filter:
            handed.append(("--seccomp", self._filter, ""))
        argv = mounts.command(command, self.view, limits, uid, env, binds)
        return {"argv": argv, "env": {}, "files": handed, "isolated": True}

    def _bare(
        self,
        command: tuple[str, ...],
        files: dict[str, bytes],
        folder: Path | None,
        writable: bool,
        shown: Mapping[str, Path],
        env: dict[str, str],
    ) -> dict[str, Any]:
        """No isolation: a fresh folder on disk, the same limits. Only for people who know."""
        place = folder if folder and writable else self.folder()
        if folder and not writable:
            shutil.copytree(folder, place, dirs_exist_ok=True)
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        for name, path in shown.items():
            (place / name).symlink_to(path)
        variables = mounts.environment(self.view, env) | {"HOME": str(place), "TMPDIR": str(place)}
        argv = ["/bin/sh", "-c", 'cd "$0" && "$@"; exit $?', str(place), *command]
        return {"argv": argv, "env": variables, "files": [], "isolated": False}


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _ceilings(limits: Limits) -> dict[str, Any]:
    """The limits as the worker wants them. DATA, not AS: Java and node reserve far more than they use."""
    # The kernel counts RLIMIT_CPU by ticks, a third too much on a busy virtual machine: it is the backstop
    # here, and the watcher's exact sum over all processes decides.
    cpu = math.ceil(limits.cpu_seconds * 1.5) + 1
    rlimits = {
        "RLIMIT_CPU": cpu,
        "RLIMIT_DATA": 2 * limits.memory_mb * MEGABYTE,  # the backstop of the limit on what is in use
        "RLIMIT_FSIZE": limits.file_mb * MEGABYTE,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    return {
        "rlimits": rlimits,
        "cpu": limits.cpu_seconds,
        "wall": limits.wall_seconds,
        "memory_mb": limits.memory_mb,
        "output": limits.output_kb * 1024,
    }


_tested: dict[str, bool] = {}
_testing = threading.Lock()


def guarantees(sandbox: Sandbox) -> dict[str, bool]:
    """What the sandbox was seen to hold against attacks on itself, tried once per process.

    Keys: network, files, writes, processes, environment, user, privileges, seccomp, cgroup.
    Raises BadInput when it cannot start or an essential guarantee does not hold.
    """
    with _testing:
        if not _tested:
            _tested.update(_attack(sandbox))
    if broken := [name for name in ESSENTIAL if not _tested.get(name)]:
        raise BadInput(f"the bubblewrap sandbox does not hold here: {', '.join(broken)}; programs are not run")
    return dict(_tested)


def _private(view: mounts.View) -> list[str]:
    """Some of what lies in the user's home, toolchains that programs are shown left out."""
    home, shown = Path.home(), [Path(name) for name in view.folders]
    entries = sorted(home.iterdir()) if os.access(home, os.R_OK) else []
    return [str(p) for p in entries if not any(f.is_relative_to(p) or p.is_relative_to(f) for f in shown)][:50]


def _attack(sandbox: Sandbox) -> dict[str, bool]:
    secret = sandbox.scratch / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    marker = f"XINSTRUCT_{secrets.token_hex(8)}"
    os.environ[marker] = marker
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            private = [str(secret), *_private(sandbox.view)]
            outer = {"port": server.getsockname()[1], "private": private, "marker": marker}
            files = {"attacks.py": _ATTACKS.read_text(encoding="utf-8")}
            line = ("python3", "-I", "-S", "attacks.py", json.dumps(outer))
            result = sandbox.run(line, Limits(), files=files)
    finally:
        del os.environ[marker]
    try:
        held: dict[str, bool] = json.loads(result.stdout)
    except ValueError:
        said = result.stderr.decode(errors="replace").strip()[-300:]
        raise BadInput(
            f"bubblewrap cannot isolate programs here ({said}); it needs root or unprivileged user namespaces: "
            f"{INSTALL}; sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
        ) from None
    held["cgroup"] = bool(sandbox._all and sandbox._all[0].hello["cgroup"])
    return held
