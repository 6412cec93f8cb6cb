"""The process that starts programs and watches them: one per judging thread, small, standard library only.

It is started as a script by path with an empty environment, reads pickled requests on stdin and answers on stdout. The
first request tells which tier this is: with a zygote (zygote.py) programs are forked from that, without one a command
line (bubblewrap's) is started for each. The requests define what a program may see.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

if __name__ == "__main__":  # by path and isolated: the package is not on the path yet
    sys.path.append(str(Path(__file__).parents[3]))

from xinstruct.execution.process.group import MEGABYTE, Group, memory_group
from xinstruct.execution.process.starting import Fields, Zygote, Zygotes, fix_addresses, memory_file, start

_SHORT = 0.02  # seconds in which most programs end: until then it is not worth being woken for what they print


class Run:
    """One program from start to end."""

    def __init__(self, request: Fields, group: Group | None, zygote: Zygote | None) -> None:
        self.request, self.group, self.zygote = request, group, zygote
        self.output: dict[int, bytearray] = {}
        self.reason = ""
        self.peak_kb = 0
        self.cpu = 0.0
        self.init = 0
        self.closing: list[int] = []
        self.over = -1  # the open file that can be read when the program has ended

    def go(self) -> Fields:
        """Run the program and return how it ended."""
        request = self.request
        kills = self._reset_group()
        fds = self._open()
        began = time.monotonic()
        self.pid, self.done = self._begin(fds)
        for fd in self.closing:
            os.close(fd)
        self.out, self.err, self.note = fds["out"], fds["err"], fds["note"]
        self._watch(began + request["wall"])
        status, cpu, peak = self._end()
        wall = time.monotonic() - began
        note = self._note()
        for fd in (self.out, self.err, self.note):
            os.close(fd)
        self.cpu, self.peak_kb = max(self.cpu, cpu), max(self.peak_kb, peak)
        return self._answer(status, wall, note, kills)

    def _begin(self, fds: dict[str, int]) -> tuple[int, int]:
        """Start the program. Returns its pid and pidfd."""
        if not self.zygote:
            pid = start(self.request, self.group, fds)
            self.over = os.pidfd_open(pid)
            return pid, self.over
        blob = memory_file(self.zygote.encode(self.request["blob"]))
        self.closing.append(blob)
        pipes = (fds[name] for name in ("stdin", "stdout", "stderr", "status"))
        text, (handle,) = self.zygote.ask([blob, *pipes])
        self.over = self.zygote.connection.fileno()
        return int(text), handle

    def _reset_group(self) -> int:
        if not self.group:
            return 0
        self.group.reset(int(self.request["memory_mb"] * MEGABYTE))
        return self.group.kills()

    def _open(self) -> dict[str, int]:
        """Return pipes for the output, and in-memory copies of the files that bubblewrap writes out."""
        out, stdout = os.pipe()
        err, stderr = os.pipe()
        note, status = os.pipe()
        stdin = memory_file(self.request["stdin"])
        self.closing = [stdout, stderr, status, stdin]
        self.output = {out: bytearray(), err: bytearray(), note: bytearray()}
        argv = self.request.get("argv", ())
        if "{files}" in argv:
            extra = ["--json-status-fd", str(status)]
            os.set_inheritable(status, True)
            for flag, content, dest in self.request["files"]:
                handle = memory_file(content)
                os.set_inheritable(handle, True)
                self.closing.append(handle)
                extra += [flag, str(handle), dest] if dest else [flag, str(handle)]
            at = argv.index("{files}")
            self.request["argv"] = [*argv[:at], *extra, *argv[at + 1 :]]
        pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "status": status}
        return pipes | {"out": out, "err": err, "note": note}

    def _watch(self, deadline: float) -> None:
        """Read the output until the program has ended; end it when it exceeds a limit."""
        poll = select.poll()
        poll.register(self.over, select.POLLIN)
        poll.register(0, 0)  # only hang-up: whoever asked is gone
        tick = 0.2 if self.group else 0.05
        due = time.monotonic() + tick
        reading = time.monotonic() + _SHORT
        while not self.reason:
            now = time.monotonic()
            if now >= reading:
                for fd in (self.out, self.err, self.note):
                    poll.register(fd, select.POLLIN)
                reading = math.inf
            if now >= due:
                self._measure()
                due = now + tick
            events = poll.poll(max(0.0, min(deadline, due, reading) - now) * 1000)
            if now >= deadline:
                self.reason = "wall"
            for fd, event in events:
                if fd == 0:
                    self._gone()
                if fd == self.over:
                    return
                if not self._read(fd) or event & select.POLLNVAL:
                    poll.unregister(fd)

    def _gone(self) -> None:
        """End the program and this worker, because nobody waits for the answer any more."""
        self._kill()
        os._exit(0)

    def _read(self, fd: int) -> bool:
        data = os.read(fd, 65536)
        self.output[fd] += data
        if len(self.output[fd]) > self.request["output"]:
            self.reason = self.reason or "output"
        return bool(data)

    def _measure(self) -> None:
        """Sum up the tree's memory and CPU time, ended children included: RLIMIT_CPU counts one process only."""
        pages, ticks, tree = 0, 0, _tree(self.pid)
        for pid in tree:
            try:
                with open(f"/proc/{pid}/statm", encoding="latin-1") as handle:
                    pages += int(handle.read().split()[1])
                with open(f"/proc/{pid}/stat", encoding="latin-1") as handle:
                    ticks += sum(map(int, handle.read().rpartition(")")[2].split()[11:15]))
            except (OSError, IndexError):
                continue
        used, most = pages * resource.getpagesize() // 1024, self.request["memory_mb"] * 1024
        if not self.group and used > most:
            used = sum(map(_proportional_kb, tree))  # what forks share was counted for each of them
            self.reason = "memory" if used > most else ""
        self.peak_kb = max(self.peak_kb, used)
        self.cpu = max(self.cpu, ticks / os.sysconf("SC_CLK_TCK"))
        if self.cpu > self.request["cpu"]:
            self.reason = self.reason or "cpu"

    def _kill(self) -> None:
        """End the whole tree: the first process of its pid namespace takes all others with it."""
        self._note()
        with contextlib.suppress(ProcessLookupError):
            if self.init:
                os.kill(self.init, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.done, signal.SIGKILL)
        self._kill_left()

    def _end(self) -> tuple[int, float, int]:
        """Reap the program and read its pipes until all writers are gone. Returns status, CPU s, peak KB."""
        if self.reason:
            self._kill()
        if self.zygote:
            words = self.zygote.answer()[0].split()
            ended = int(words[0]), float(words[1]), int(words[2])
        else:
            _, status, usage = os.wait4(self.pid, 0)
            ended = status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss
        os.close(self.done)
        if not self.reason:
            self._kill_left()
        if self.zygote:  # which has seen all writers end
            for fd in (self.out, self.err, self.note):
                os.set_blocking(fd, False)
                with contextlib.suppress(BlockingIOError):
                    while self._read(fd) and len(self.output[fd]) <= self.request["output"] + 65536:
                        pass
            return ended
        end = time.monotonic() + 2
        open_fds = {self.out, self.err, self.note}
        while open_fds and time.monotonic() < end:
            for fd in select.select(list(open_fds), [], [], 0.1)[0]:
                if len(self.output[fd]) > self.request["output"] + 65536 or not self._read(fd):
                    open_fds.discard(fd)
        return ended

    def _kill_left(self) -> None:
        """End the processes that a run without namespaces left behind (bubblewrap ends its own)."""
        if not self.request["isolated"]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _note(self) -> Fields:
        """Return the report about the first process inside: its pid, and how it ended."""
        found: Fields = {}
        for line in bytes(self.output[self.note]).splitlines():
            try:
                found.update(json.loads(line))
            except ValueError:
                continue
        self.init = int(found.get("child-pid", self.init))
        return found

    def _answer(self, status: int, wall: float, note: Fields, kills: int) -> Fields:
        cpu = self.cpu
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
        peak = self.group.peak_mb() if self.group else self.peak_kb / 1024
        cap = self.request["output"]
        out, err = bytes(self.output[self.out][:cap]), bytes(self.output[self.err][:cap])
        answer: Fields = {"status": code, "signal": signalled, "cpu": cpu, "wall": wall, "peak_mb": peak}
        forked = bool(self.zygote and self.zygote.template)
        return answer | {"stdout": out, "stderr": err, "reason": reason, "forked": forked}


def _proportional_kb(pid: int) -> int:
    """Return the memory of a process in KB, with shared pages counted in proportion."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="latin-1") as handle:
            return next((int(line.split()[1]) for line in handle if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def _tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found, stack = [], [pid]
    while stack:
        found.append(stack.pop())
        try:
            for task in os.listdir(f"/proc/{found[-1]}/task"):
                with open(f"/proc/{found[-1]}/task/{task}/children", encoding="latin-1") as handle:
                    stack += map(int, handle.read().split())
        except OSError:
            continue
    return found


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the caller is gone. The first answer reports on this worker."""
    config = pickle.load(requests)
    group = memory_group()
    hello: Fields = {"cgroup": group.version if group else 0, "addresses": fix_addresses(), "pid": os.getpid()}

    def probe(zygote: Zygote, wanted: Fields) -> bool:
        found = Run(dict(wanted), group, zygote).go()
        return bool(found["status"] == 0 and found["stdout"] == wanted["expected"])

    try:
        zygotes = Zygotes(config, group, probe) if config else None
    except OSError as error:
        hello["error"], zygotes = str(error), None
    try:
        pickle.dump(hello, answers)
        answers.flush()
        while True:
            request = pickle.load(requests)
            zygote = zygotes.of(request) if zygotes else None
            pickle.dump(Run(request, group, zygote).go(), answers)
            answers.flush()
    except (EOFError, BrokenPipeError):
        pass
    finally:
        if zygotes:
            zygotes.close()
        if group:
            group.remove()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
