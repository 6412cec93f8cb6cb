"""Compilation of programs inside the sandbox, one by one or many in one compiler process.

A language backend may offer one command for many programs (``languages.base.Batch``). Programs that such a batch did
not reach are compiled alone, so that a program that crashes the compiler affects only itself. The results stay in
folders of the sandbox's scratch until ``discard``. The judge runs them.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from xinstruct.execution.forks import choice, compiling
from xinstruct.execution.limits import Limits
from xinstruct.execution.prepared import shown
from xinstruct.execution.sandbox import Result, Sandbox
from xinstruct.languages import Program, get

STATUS, TEXT = "compile.status", "compile.txt"
_OVER = "error: the compiler went over a limit"
BATCH = 96  # programs per compiler process at most: enough to share its start, few enough to spread over workers


@dataclass
class Built:
    """A program's compiled files. verdict: "" when it can be run, else why not, with the compiler's message.

    forked: for each command that was run for this program alone, whether a fork replaced it (docs/forks.md).
    """

    folder: Path | None = None
    verdict: str = ""
    said: str = ""
    cpu: float = 0.0
    wall: float = 0.0
    forked: list[bool] = field(default_factory=list)

    def discard(self) -> None:
        """Remove the files."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def write_files(folder: Path, program: Program) -> None:
    """Write a program's sources into a folder that other users may write to as well."""
    for name, text in program.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))


def compile_one(sandbox: Sandbox, language: str, program: Program, limits: Limits) -> Built:
    """Compile one program in its own folder; a program without a compile command is ready as it is."""
    if not program.compile:
        return Built()
    folder = sandbox.folder()
    write_files(folder, program)
    wider = replace(limits.for_compiler(), output_kb=1024)
    beside = shown(sandbox, program.compile_with)

    def run(line: tuple[str, ...], fork: choice.Started | None) -> Result:
        return sandbox.run(line, wider, folder=folder, writable=True, shown=beside, env=program.env, fork=fork)

    rows = choice.compiler(sandbox, language, program)
    tries = compiling.tries(run, _why, program.compile, rows)
    compiling.clean(folder, rows)
    for name in beside:  # its mount point
        (folder / name).unlink(missing_ok=True)
    verdict = _why(tries[-1])
    said = (tries[-1].stderr + tries[-1].stdout).decode("utf-8", "replace")
    if tries[-1].reason and verdict == "compile_error":
        said = _OVER  # how far it came, and which limit it met first, is the machine's doing
    spent = sum(one.cpu for one in tries), sum(one.wall for one in tries)
    return Built(folder, verdict, said if verdict else "", *spent, [one.forked for one in tries])


def _why(result: Result) -> str:
    """Return the verdict of a compiler run, "" when it succeeded."""
    if result.reason in ("infrastructure", "wall") or result.status in (126, 127):
        return "infrastructure"
    return "compile_error" if result.status or result.reason else ""


def batches(language: str, programs: list[Program], workers: int) -> list[list[int]]:
    """Return which programs to compile together: positions, in groups of about equal size; none if unsupported."""
    backend = get(language)
    fit = [i for i, program in enumerate(programs) if program.compile and backend.batchable(program)]
    if len(fit) < 2:
        return []
    count = min(len(fit) // 2, workers * -(-len(fit) // (workers * BATCH)))
    return [fit[len(fit) * k // count : len(fit) * (k + 1) // count] for k in range(count)]


def compile_batch(sandbox: Sandbox, language: str, programs: list[Program], limits: Limits) -> list[Built | None]:
    """Compile programs with one command. None stands for those that it did not reach.

    When the command dies at one program, those behind it get another command.
    """
    built: list[Built | None] = []
    while len(programs) - len(built) > 1:
        made, in_order = _one_batch(sandbox, language, programs[len(built) :], limits)
        judged = [i for i, one in enumerate(made) if one]
        if not in_order or len(judged) == len(made):
            return built + made
        built += made[: (judged[-1] + 1 if judged else 0) + 1]  # with the one that it died of
    return built + [None] * (len(programs) - len(built))


def _one_batch(
    sandbox: Sandbox, language: str, programs: list[Program], limits: Limits
) -> tuple[list[Built | None], bool]:
    """Return one command's results, and whether it went through the programs in order and died."""
    parent = sandbox.folder()
    names = [secrets.token_hex(8) for _ in programs]  # no program can name its neighbour's folder
    for name, program in zip(names, programs, strict=True):
        (parent / name).mkdir()
        (parent / name).chmod(0o777)
        write_files(parent / name, program)
    batch = get(language).batch_compile(programs, names)
    ample = replace(limits.for_compiler(), cpu_seconds=30.0 + len(programs), output_kb=4096)
    try:
        beside = shown(sandbox, batch.compile_with)
        result = sandbox.run(batch.command, ample, folder=parent, writable=True, shown=beside, env=programs[0].env)
        share = len(programs)
        made = [_collect(sandbox, parent / name, result.cpu / share, result.wall / share) for name in names]
    finally:
        shutil.rmtree(parent, ignore_errors=True)
    return made, batch.in_order and bool(result.status or result.reason)


def _collect(sandbox: Sandbox, folder: Path, cpu: float, wall: float) -> Built | None:
    """Move one program's part of a batch to a folder of its own and return it."""
    if (folder / STATUS).is_symlink() or not (folder / STATUS).is_file():
        return None
    status = (folder / STATUS).read_text(encoding="utf-8").strip()
    said = (folder / TEXT).read_bytes().decode("utf-8", "replace") if (folder / TEXT).is_file() else ""
    for name in (STATUS, TEXT):
        (folder / name).unlink(missing_ok=True)
    own = sandbox.folder()
    own.rmdir()
    folder.rename(own)
    return Built(own, "" if status == "0" else "compile_error", said, cpu, wall)
