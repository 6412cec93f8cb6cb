"""What a fork is: a template, which is a command that has begun, and what its forks stand for."""

from __future__ import annotations

from dataclasses import dataclass

from xinstruct.languages.base import Prepared


@dataclass(frozen=True)
class Template:
    """A command that is started once and forked for each program, when it opens a file of the program's.

    line: the command line; it starts in a folder with `files` (name, text) and `needs`. opens: the file, by the name
    that the command opens it by. calls: symbols of functions of the command's own that it calls before, where it has
    them. handed_on: a fork's standard output is the standard input of what it becomes. probe: (files, commands,
    output) of a program that tells whether forks work; a file is a text or one of `needs`; commands: see Fork. doubt:
    what a fork does not say for certain (a pattern in what a failed one said): the command itself is run then. after:
    its start is worth it when a worker wants it for so many programs.
    """

    line: tuple[str, ...]
    opens: str
    probe: tuple[tuple[tuple[str, str | Prepared], ...], tuple[str, ...], str]
    calls: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    needs: tuple[Prepared, ...] = ()
    handed_on: bool = False
    doubt: str = ""
    after: int = 3


@dataclass(frozen=True)
class Fork:
    """What may stand for a command line: a fork of a template, which becomes `then` when it has ended with status 0.

    next: another fork that goes on in the same folder; leaves: the file that is left for it and gone then. instead: the
    command line that it stands for itself, where it is such a next one.
    """

    template: Template
    then: tuple[str, ...] = ()
    next: Fork | None = None
    leaves: str = ""
    instead: tuple[str, ...] = ()
