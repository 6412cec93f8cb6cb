"""Templates, which are commands stopped halfway through their start, and the forks that replace a command."""

from __future__ import annotations

from dataclasses import dataclass

from xinstruct.languages.base import Prepared


@dataclass(frozen=True)
class Template:
    """A command that runs up to the point where it opens the program's own file and is forked there for each program.

    line: the command line, run in a folder that holds `files` (name, text) and `needs`.
    opens: the name under which the command opens the program's file.
    calls: symbols of the command's own functions that the template calls before it is forked, if it has them.
    pipes_output: a fork's standard output becomes the standard input of the next command (Fork.then).
    probe: (files, commands, expected output) of a program that shows whether forks of this template work; a file is a
        text or one of `needs`, the commands are as in Fork.then.
    fallback_pattern: a pattern of error messages that a fork may give where the command itself would not; after such
        a failure the command itself is run.
    warm_up: the number of programs that must want the template before a worker starts it.
    """

    line: tuple[str, ...]
    opens: str
    probe: tuple[tuple[tuple[str, str | Prepared], ...], tuple[str, ...], str]
    calls: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    needs: tuple[Prepared, ...] = ()
    pipes_output: bool = False
    fallback_pattern: str = ""
    warm_up: int = 3


@dataclass(frozen=True)
class Fork:
    """A fork of a template that replaces a command line.

    then: the command that the fork's process executes when the fork has ended with status 0.
    next: another fork that continues in the same folder, and `leaves`, the file that is left for it and removed then.
    instead: the command line that this fork replaces, where it is the `next` of another.
    """

    template: Template
    then: tuple[str, ...] = ()
    next: Fork | None = None
    leaves: str = ""
    instead: tuple[str, ...] = ()
