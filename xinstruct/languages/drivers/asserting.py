"""Runs program.py as the main module and reports that its last statement was reached.

While the program runs the nonce is a pending argument: no variable of any frame holds it. A program that goes through
the interpreter's own memory finds it all the same; marking the completion is what keeps it away (separated.py).
"""

from __future__ import annotations

import os
import sys
import types

TYPE_CHECKING = False  # what only a type checker reads would be worked out anew for every program
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def read(name: str) -> str:
    """Text of a file."""
    fd = os.open(name, os.O_RDONLY)
    left, parts = os.fstat(fd).st_size, []
    while left:
        parts.append(os.read(fd, left))
        left -= len(parts[-1])
    os.close(fd)
    return b"".join(parts).decode()


def take(name: str) -> str:
    """Text of a file that is gone after this; an error when it stays."""
    text = read(name)
    os.unlink(name)
    return text


def suites(source: str) -> list[Any]:
    """Results of unittest's suites, as they are run; a program may go on whatever they are."""
    results: list[Any] = []
    if "unittest" in source:
        from unittest import TextTestRunner

        run = TextTestRunner.run
        TextTestRunner.run = lambda self, test: results.append(run(self, test)) or results[-1]  # type: ignore
    return results


def fine(result: Any) -> bool:
    """Whether a suite had tests and none failed or was skipped."""
    return bool(result.testsRun and result.wasSuccessful() and not result.skipped)


def by_suite(left: SystemExit) -> bool:
    """Whether it was unittest.main that left, called by the main module itself."""
    frames, trace = [], left.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_globals.get("__name__"))
        trace = trace.tb_next
    return not left.code and set(frames[2:]) == {"unittest.main"}  # behind ours and the main module's


def run(name: str) -> types.ModuleType:
    """Run a file as the main module."""
    sys.argv = [name]
    module = types.ModuleType("__main__")
    module.__file__ = name
    sys.modules["__main__"] = module
    source = read(name)
    results = suites(source)
    try:
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as left:
        if not results or not by_suite(left):
            raise
    if not all(map(fine, results)):
        sys.exit(1)
    return module


def report(
    nonce: str, write: Callable[[int, bytes], int], out: int, flush: Callable[[], None], through: types.ModuleType
) -> None:
    """Print the nonce; called when everything before it in the call has been worked out."""
    flush()
    write(out, f"\n{nonce}\tend\n".encode())


report(take("plan.json"), os.write, os.dup(1), sys.stdout.flush, run("program.py"))
