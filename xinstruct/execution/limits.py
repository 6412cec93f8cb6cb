"""Limits of one program: CPU time decides, wall time is a safeguard, everything else has a maximum.

The limits are enforced in ``worker.py``.
"""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass, replace
from typing import Any

from xinstruct.params import ExecutionParams

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The resources that one program may use. Sizes are in megabytes or kilobytes as named, times in seconds."""

    cpu_seconds: float = 10.0
    wall_factor: float = 4.0
    memory_mb: int = 1024
    output_kb: int = 256
    scratch_mb: int = 64  # size of its working folder and of its /tmp
    file_mb: int = 64  # size of one file
    processes: int = 128  # processes and threads; a JVM alone takes about thirty
    open_files: int = 256
    stack_mb: int = 8  # of a first thread: whoever started us may have another

    @property
    def wall_seconds(self) -> float:
        """The wall time after which a program is ended even if its CPU time is not used up."""
        return self.cpu_seconds * self.wall_factor

    @staticmethod
    def of(params: ExecutionParams) -> Limits:
        """Return the limits of the `execution` section of params.yaml."""
        return Limits(params.cpu_seconds, params.wall_factor, params.memory_mb, params.output_kb)

    def kernel(self) -> list[tuple[int, int]]:
        """Return (resource, value) for setrlimit. DATA, not AS: Java and node reserve far more than they use."""
        # The kernel counts RLIMIT_CPU by ticks, a third too much on a busy virtual machine: it is the backstop
        # here, and the watcher's exact sum over all processes decides.
        return [
            (resource.RLIMIT_CPU, math.ceil(self.cpu_seconds * 1.5) + 1),
            (resource.RLIMIT_DATA, 2 * self.memory_mb * MEGABYTE),  # the backstop of the limit on what is in use
            (resource.RLIMIT_FSIZE, self.file_mb * MEGABYTE),
            (resource.RLIMIT_NOFILE, self.open_files),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_STACK, self.stack_mb * MEGABYTE),
        ]

    def ceilings(self) -> dict[str, Any]:
        """Return the limits in the form that the watching worker reads."""
        return {
            "rlimits": self.kernel(),
            "cpu": self.cpu_seconds,
            "wall": self.wall_seconds,
            "memory_mb": self.memory_mb,
            "output": self.output_kb * 1024,
        }

    def for_compiler(self) -> Limits:
        """Return wider limits for a compiler, which is trusted more than what it compiles."""
        return replace(
            self,
            cpu_seconds=max(self.cpu_seconds, 30.0),
            memory_mb=max(self.memory_mb, 2048),
            file_mb=128,
            open_files=1024,
            stack_mb=64,
        )
