"""Memory control groups: the kernel's limit on the memory of all processes of one program together."""

from __future__ import annotations

import contextlib
import os
import time

MEGABYTE = 1 << 20


class Group:
    """A memory cgroup of our own (version 1 or 2), used by one program after the other."""

    def __init__(self, parent: str, version: int) -> None:
        self.version = version
        # The number is for _sweep; the rest, since another container may count its processes from one too.
        self.path = f"{parent}/xinstruct-{os.getpid()}-{os.urandom(4).hex()}"
        os.mkdir(self.path)
        self.limit = "memory.max" if version == 2 else "memory.limit_in_bytes"
        self.peak = "memory.peak" if version == 2 else "memory.max_usage_in_bytes"
        self.used = "memory.current" if version == 2 else "memory.usage_in_bytes"
        self.rest = 0  # bytes in use before any program started
        self._limited = -1  # by how many bytes
        self._files: dict[str, int] = {}  # open ones by name: they are used for every program
        if not os.access(f"{self.path}/{self.limit}", os.W_OK):
            self.remove()
            raise OSError("the memory controller is not delegated")
        with contextlib.suppress(OSError):  # without swap there is nothing to say; with it a limit would be none
            self._write("memory.swap.max" if version == 2 else "memory.swappiness", "0")

    def _file(self, name: str) -> int:
        if name not in self._files:
            path = f"{self.path}/{name}"
            try:
                self._files[name] = os.open(path, os.O_RDWR)
            except OSError:  # read-only
                self._files[name] = os.open(path, os.O_RDONLY)
        return self._files[name]

    def _write(self, name: str, text: str) -> None:
        os.pwrite(self._file(name), text.encode(), 0)

    def _read(self, name: str) -> str:
        return os.pread(self._file(name), 1 << 16, 0).decode()

    def join(self) -> None:
        """Move the calling process into the group."""
        self._write("cgroup.procs", "0" if self.version == 2 else str(os.getpid()))

    def settle(self) -> None:
        """Exclude the memory in use now, which is the zygote's own."""
        self.rest = int(self._read(self.used))

    def reset(self, limit: int) -> None:
        """Prepare the group for the next program: set its limit and clear the last peak where possible."""
        if limit + self.rest != self._limited:
            self._write(self.limit, str(limit + self.rest))
            self._limited = limit + self.rest
        with contextlib.suppress(OSError):  # read-only in version 2 before Linux 6.12: the peak is then the worker's
            self._write(self.peak, "0")

    def kills(self) -> int:
        """Return how often the kernel has killed a process of the group for lack of memory."""
        text = self._read("memory.events" if self.version == 2 else "memory.oom_control")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def peak_mb(self) -> float:
        """Return the highest memory use, including files in scratch."""
        try:
            return max(0, int(self._read(self.peak)) - self.rest) / MEGABYTE
        except OSError:
            return 0.0

    def remove(self) -> None:
        """Delete the group; it is empty once its programs are gone."""
        while self._files:
            os.close(self._files.popitem()[1])
        for _ in range(20):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.01)


def memory_group() -> Group | None:
    """Return a new cgroup below the one this process is in, or None where that is not allowed."""
    with open("/proc/self/cgroup", encoding="utf-8") as handle:
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
        if name.startswith("xinstruct-") and not os.path.exists(f"/proc/{name.split('-')[1]}"):
            with contextlib.suppress(OSError):
                os.rmdir(f"{parent}/{name}")
