"""Compile programs inside the sandbox, one by one or many in one compiler process.

A language backend may offer ``batch_compile(programs, folders)``: one command that compiles each
folder and leaves ``compile.status`` and ``compile.txt`` in it. What a batch did not get to is
compiled alone. The results stay in folders of the sandbox's scratch until ``discard``. This module
leaves out running what was compiled.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xinstruct.execution.limits import Limits
from xinstruct.execution.prepared import shown
from xinstruct.execution.sandbox import Result, Sandbox
from xinstruct.languages import Program, get

STATUS, TEXT = "compile.status", "compile.txt"
BATCH = 48  # programs per compiler process: enough to share its start, few enough to spread over workers


@dataclass
class Built:
    """A program's compiled files. verdict: "" when it can be run, else why not, with what the compiler said."""

    folder: Path | None = None
    verdict: str = ""
    said: str = ""
    cpu: float = 0.0
    wall: float = 0.0

    def discard(self) -> None:
        """Remove the files."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def write_files(folder: Path, program: Program) -> None:
    """Write a program's sources into a folder that somebody else may write to as well."""
    for name, text in program.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))


def compile_one(sandbox: Sandbox, program: Program, limits: Limits) -> Built:
    """Compile one program in a folder of its own; a program without a compile command is ready as it is."""
    if not program.compile:
        return Built()
    folder = sandbox.folder()
    write_files(folder, program)
    wider = replace(limits.for_compiler(), output_kb=1024)
    beside = shown(sandbox, program.compile_with)
    result = sandbox.run(program.compile, wider, folder=folder, writable=True, shown=beside, env=program.env)
    for name in beside:
        (folder / name).unlink(missing_ok=True)  # the mount point that is left
    verdict = _why(result)
    said = (result.stderr + result.stdout).decode("utf-8", "replace")
    return Built(folder, verdict, said if verdict else "", result.cpu, result.wall)


def _why(result: Result) -> str:
    """The verdict of a compiler run, "" when it was fine."""
    if result.reason in ("infrastructure", "wall") or result.status in (126, 127):
        return "infrastructure"
    return "compile_error" if result.status or result.reason else ""


def batches(language: str, programs: list[Program], workers: int) -> list[list[int]]:
    """Which programs to compile together: positions, in groups; empty when the language compiles singly."""
    compiled = [i for i, program in enumerate(programs) if program.compile]
    if len(compiled) < 2 or not hasattr(get(language), "batch_compile"):
        return []
    size = min(BATCH, -(-len(compiled) // workers))
    return [compiled[i : i + size] for i in range(0, len(compiled), size)]


def compile_batch(sandbox: Sandbox, language: str, programs: list[Program], limits: Limits) -> list[Built | None]:
    """Compile programs with one command. None for those that it did not get to."""
    parent = sandbox.folder()
    names = [f"p{i}" for i in range(len(programs))]
    for name, program in zip(names, programs, strict=True):
        (parent / name).mkdir()
        (parent / name).chmod(0o777)
        write_files(parent / name, program)
    backend: Any = get(language)
    command = backend.batch_compile(programs, names)
    if command is None:
        shutil.rmtree(parent, ignore_errors=True)
        return [None] * len(programs)
    ample = replace(limits.for_compiler(), cpu_seconds=30.0 + 2 * len(programs), output_kb=4096)
    result = sandbox.run(command, ample, folder=parent, writable=True, env=programs[0].env)
    share = len(programs)
    return [_collect(sandbox, parent / name, result.cpu / share, result.wall / share) for name in names]


def _collect(sandbox: Sandbox, folder: Path, cpu: float, wall: float) -> Built | None:
    """One program's part of a batch, moved to a folder of its own."""
    if not (folder / STATUS).is_file():
        return None
    status = (folder / STATUS).read_text().strip()
    said = (folder / TEXT).read_bytes().decode("utf-8", "replace") if (folder / TEXT).is_file() else ""
    for name in (STATUS, TEXT):
        (folder / name).unlink(missing_ok=True)
    own = sandbox.folder()
    own.rmdir()
    folder.rename(own)
    return Built(own, "" if status == "0" else "compile_error", said, cpu, wall)
