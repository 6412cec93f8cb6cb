"""The process that starts programs and watches them: one per judging thread, small, standard library only.

It is started as a script by path with an empty environment, reads pickled requests on stdin and
answers on stdout. Being small it forks in well under a millisecond, however large the process that
judges is, and no thread runs in it when it forks. It leaves out what a program may see: the command
line that it is handed (bubblewrap's) says that.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import select
import signal
import sys
import time
from typing import Any, BinaryIO

MEGABYTE = 1 << 20
Fields = dict[str, Any]


class Group:
    """A memory cgroup of our own (version 1 or 2), used by one program after the other."""

    def __init__(self, parent: str, version: int) -> None:
        self.version = version
        self.path = f"{parent}/xinstruct-{os.getpid()}"
        os.mkdir(self.path)
        self.limit = "memory.max" if version == 2 else "memory.limit_in_bytes"
        self.peak = "memory.peak" if version == 2 else "memory.max_usage_in_bytes"
        if not os.access(f"{self.path}/{self.limit}", os.W_OK):
            self.remove()
            raise OSError("the memory controller is not delegated")

    def _write(self, name: str, text: str) -> None:
        with open(f"{self.path}/{name}", "w") as handle:
            handle.write(text)

    def _read(self, name: str) -> str:
        with open(f"{self.path}/{name}") as handle:
            return handle.read()

    def reset(self, limit: int) -> None:
        """Ready for the next program: its limit set, the last one's peak forgotten where possible."""
        self._write(self.limit, str(limit))
        with contextlib.suppress(OSError):  # read-only in version 2 before Linux 6.12: the peak is then the worker's
            self._write(self.peak, "0")

    def kills(self) -> int:
        """How often the kernel has ended a process of the group for want of memory."""
        text = self._read("memory.events" if self.version == 2 else "memory.oom_control")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def peak_mb(self) -> float:
        """The most memory in use at once, files in scratch included."""
        try:
            return int(self._read(self.peak)) / MEGABYTE
        except OSError:
            return 0.0

    def remove(self) -> None:
        """Delete the group; it is empty once its programs are gone."""
        for _ in range(20):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.01)


def memory_group() -> Group | None:
    """A cgroup below the one this process is in, or None where that may not be made."""
    with open("/proc/self/cgroup") as handle:
        lines = [line.strip().split(":", 2) for line in handle]
    places = [(f"/sys/fs/cgroup/memory{path}", 1) for _, names, path in lines if "memory" in names.split(",")]
    places += [(f"/sys/fs/cgroup{path}", 2) for _, names, path in lines if not names]
    for parent, version in places:
        parent = parent.rstrip("/")
        try:
            _sweep(parent)
            return Group(parent, version)
        except OSError:
            continue
    return None


def _sweep(parent: str) -> None:
    """Remove the groups of workers that were killed."""
    for name in os.listdir(parent):
        if name.startswith("xinstruct-") and not os.path.exists(f"/proc/{name[10:]}"):
            with contextlib.suppress(OSError):
                os.rmdir(f"{parent}/{name}")


def _start(request: Fields, group: Group | None, fds: dict[str, int]) -> int:
    """Fork and become the command. Everything that the child needs was opened before."""
    argv, env = request["argv"], request["env"]
    limits = {getattr(resource, name): value for name, value in request["rlimits"].items()}
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.umask(0o022)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):  # Python ignores them, programs inherit that
            signal.signal(ignored, signal.SIG_DFL)
        for target, name in enumerate(("stdin", "stdout", "stderr")):
            os.dup2(fds[name], target)
        if group:
            group._write("cgroup.procs", "0" if group.version == 2 else str(os.getpid()))
        for kind, value in limits.items():
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (value, value) if hard < 0 else (min(value, hard), min(value, hard)))
        os.execve(argv[0], argv, env)
    except BaseException as error:
        os.write(2, f"cannot start: {error}".encode())
    os._exit(125)


class Run:
    """One program from start to end."""

    def __init__(self, request: Fields, group: Group | None) -> None:
        self.request, self.group = request, group
        self.output: dict[int, bytearray] = {}
        self.reason = ""
        self.peak_kb = 0
        self.cpu = 0.0
        self.init = 0
        self.closing: list[int] = []

    def go(self) -> Fields:
        """Run it and say how it went."""
        request = self.request
        kills = self._reset_group()
        fds = self._open()
        began = time.monotonic()
        self.pid = _start(request, self.group, fds)
        for fd in self.closing:
            os.close(fd)
        self.out, self.err, self.note = fds["out"], fds["err"], fds["note"]
        self._watch(began + request["wall"])
        status, usage = self._end()
        wall = time.monotonic() - began
        note = self._note()
        for fd in (self.out, self.err, self.note):
            os.close(fd)
        return self._answer(status, usage, wall, note, kills)

    def _reset_group(self) -> int:
        if not self.group:
            return 0
        self.group.reset(int(self.request["memory_mb"] * MEGABYTE))
        return self.group.kills()

    def _open(self) -> dict[str, int]:
        """Pipes for the output, and copies of the files in memory for bubblewrap to write out."""
        out, stdout = os.pipe()
        err, stderr = os.pipe()
        note, status = os.pipe()
        stdin = _memory_file(self.request["stdin"])
        self.closing = [stdout, stderr, status, stdin]
        self.output = {out: bytearray(), err: bytearray(), note: bytearray()}
        argv = self.request["argv"]
        if "{files}" in argv:
            extra = ["--json-status-fd", str(status)]
            os.set_inheritable(status, True)
            for flag, content, dest in self.request["files"]:
                handle = _memory_file(content)
                os.set_inheritable(handle, True)
                self.closing.append(handle)
                extra += [flag, str(handle), dest] if dest else [flag, str(handle)]
            at = argv.index("{files}")
            self.request["argv"] = [*argv[:at], *extra, *argv[at + 1 :]]
        return {"stdin": stdin, "stdout": stdout, "stderr": stderr, "out": out, "err": err, "note": note}

    def _watch(self, deadline: float) -> None:
        """Read the output until the program has ended; end it when it goes over a limit."""
        poll = select.poll()
        self.done = os.pidfd_open(self.pid)
        for fd in (self.out, self.err, self.note, self.done):
            poll.register(fd, select.POLLIN)
        poll.register(0, 0)  # only hang-up: whoever asked is gone
        tick = 0.2 if self.group else 0.05
        due = time.monotonic() + tick
        while not self.reason:
            now = time.monotonic()
            left = deadline - now
            if now >= due:
                self._measure()
                due = now + tick
            events = poll.poll(max(0.0, min(left, due - now)) * 1000)
            if left <= 0:
                self.reason = "wall"
            for fd, event in events:
                if fd == 0:
                    self._kill()
                    os._exit(0)
                if fd == self.done:
                    return
                if not self._read(fd) or event & select.POLLNVAL:
                    poll.unregister(fd)

    def _read(self, fd: int) -> bool:
        data = os.read(fd, 65536)
        self.output[fd] += data
        if len(self.output[fd]) > self.request["output"]:
            self.reason = self.reason or "output"
        return bool(data)

    def _measure(self) -> None:
        """Sum up the tree's memory and CPU time, ended children included: RLIMIT_CPU counts one process only."""
        pages, ticks = 0, 0
        for pid in _tree(self.pid):
            try:
                with open(f"/proc/{pid}/statm") as handle:
                    pages += int(handle.read().split()[1])
                with open(f"/proc/{pid}/stat") as handle:
                    ticks += sum(map(int, handle.read().rpartition(")")[2].split()[11:15]))
            except (OSError, IndexError):
                continue
        self.peak_kb = max(self.peak_kb, pages * resource.getpagesize() // 1024)
        if not self.group and self.peak_kb > self.request["memory_mb"] * 1024:
            self.reason = "memory"
        self.cpu = max(self.cpu, ticks / os.sysconf("SC_CLK_TCK"))
        if self.cpu > self.request["cpu"]:
            self.reason = self.reason or "cpu"

    def _kill(self) -> None:
        """End the whole tree: the first process of its pid namespace takes all others along."""
        self._note()
        for pid in (self.init, self.pid):
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._kill_left()

    def _end(self) -> tuple[int, resource.struct_rusage]:
        """Reap the program and read what is left in its pipes until all writers are gone."""
        if self.reason:
            self._kill()
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.done)
        if not self.reason:
            self._kill_left()
        end = time.monotonic() + 2
        open_fds = {self.out, self.err, self.note}
        while open_fds and time.monotonic() < end:
            for fd in select.select(list(open_fds), [], [], 0.1)[0]:
                if len(self.output[fd]) > self.request["output"] + 65536 or not self._read(fd):
                    open_fds.discard(fd)
        return status, usage

    def _kill_left(self) -> None:
        """Whatever was left behind in a run without namespaces (bubblewrap ends its own)."""
        if not self.request["isolated"]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _note(self) -> Fields:
        """What bubblewrap said about the first process inside: its pid, how it ended."""
        found: Fields = {}
        for line in bytes(self.output[self.note]).splitlines():
            try:
                found.update(json.loads(line))
            except ValueError:
                continue
        self.init = int(found.get("child-pid", 0))
        return found

    def _answer(self, status: int, usage: Any, wall: float, note: Fields, kills: int) -> Fields:
        cpu = max(self.cpu, usage.ru_utime + usage.ru_stime)
        signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + signalled
        if code > 128 and not signalled:
            signalled = code - 128
        reason = self.reason
        if not reason and self.group and self.group.kills() > kills:
            reason = "memory"
        if not reason and (cpu >= self.request["cpu"] or signalled == signal.SIGXCPU):
            reason = "cpu"
        if not reason and self.request["isolated"] and "exit-code" not in note:
            reason = "infrastructure"
        peak = self.group.peak_mb() if self.group else max(self.peak_kb, usage.ru_maxrss) / 1024
        cap = self.request["output"]
        out, err = bytes(self.output[self.out][:cap]), bytes(self.output[self.err][:cap])
        answer: Fields = {"status": code, "signal": signalled, "cpu": cpu, "wall": wall, "peak_mb": peak}
        return answer | {"stdout": out, "stderr": err, "reason": reason}


def _memory_file(content: bytes) -> int:
    fd = os.memfd_create("file")
    while content:
        content = content[os.write(fd, content) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, stack = [], [pid]
    while stack:
        found.append(stack.pop())
        try:
            for task in os.listdir(f"/proc/{found[-1]}/task"):
                with open(f"/proc/{found[-1]}/task/{task}/children") as handle:
                    stack += map(int, handle.read().split())
        except OSError:
            continue
    return found


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until whoever asks is gone. The first answer tells about this worker."""
    group = memory_group()
    hello = {"cgroup": group.version if group else 0, "pid": os.getpid()}
    pickle.dump(hello, answers)
    answers.flush()
    try:
        while True:
            request = pickle.load(requests)
            pickle.dump(Run(request, group).go(), answers)
            answers.flush()
    except (EOFError, BrokenPipeError):
        pass
    finally:
        if group:
            group.remove()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
