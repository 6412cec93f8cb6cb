"""How the worker starts a program: by asking its zygote, or by becoming a command line (bubblewrap's)."""

from __future__ import annotations

import base64
import contextlib
import json
import marshal
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xinstruct.execution.process.group import Group

Fields = dict[str, Any]
_ZYGOTE = Path(__file__).with_name("zygote.py")


def memory_file(content: bytes) -> int:
    """An open file of this content that has no name."""
    fd = os.memfd_create("file")
    while content:
        content = content[os.write(fd, content) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Zygote:
    """The worker's side of a zygote. Raises OSError when it does not come up or is gone."""

    @staticmethod
    def encode(request: Fields) -> bytes:
        """A request as the forks of this zygote read it."""
        return marshal.dumps(request)

    def __init__(self, config: Fields, group: Group | None) -> None:
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        source = memory_file(_ZYGOTE.read_bytes())  # programs see its command line, and no path of the machine there
        line = [config["python"], "-I", "-S", "-B", "-X", "utf8", f"/proc/self/fd/{source}", str(theirs.fileno())]
        self.pid = os.fork()
        if self.pid == 0:
            os.set_inheritable(source, True)
            if group:
                group.join()  # here once, since moving a process takes the kernel milliseconds
            os.set_inheritable(theirs.fileno(), True)
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.execve(line[0], line, {})
        theirs.close()
        os.close(source)
        self.ask([memory_file(marshal.dumps(config))])
        if group:
            group.settle()

    def close(self) -> None:
        """Let it end, and reap it."""
        self.connection.close()
        os.waitpid(self.pid, 0)

    def ask(self, fds: list[int]) -> tuple[bytes, list[int]]:
        """Send open files, get the answer."""
        socket.send_fds(self.connection, [b"."], fds)
        return self.answer()

    def answer(self) -> tuple[bytes, list[int]]:
        """What it says next: pid and pidfd of what was started, then status, CPU seconds and peak in KB."""
        answer, fds, _, _ = socket.recv_fds(self.connection, 1024, 1)
        if not answer or answer.startswith(b"!"):
            raise OSError(answer[1:].decode() or "the zygote is gone")
        return answer, fds


class Template(Zygote):
    """A zygote that has become another interpreter."""

    @staticmethod
    def encode(request: Fields) -> bytes:
        """The request as JSON, bytes in base64."""
        text = {name: value for name, value in request.items() if not isinstance(value, bytes)}
        text |= {name: _base64(value) for name, value in request.items() if isinstance(value, bytes)}
        return json.dumps(text | {"files": [(path, _base64(content)) for path, content in request["files"]]}).encode()


class Zygotes:
    """A worker's zygotes: one from the start, and the template's from the first program that wants it on.

    Raises OSError when the first does not come up. Without the template, or when a program does not run in a fork of it
    as it should (`probe` says so), all programs are started by the first.
    """

    def __init__(self, config: Fields, group: Group | None, probe: Callable[[Zygote], bool]) -> None:
        self._config, self._group, self._probe = config, group, probe
        self._first = Zygote(config | {"template": None}, group)
        self._template: Template | None = None
        self._wanted = bool(config["template"])

    def of(self, request: Fields) -> Zygote:
        """The one that starts this request."""
        if request["template"] and self._wanted:
            self._wanted = False
            with contextlib.suppress(OSError):
                self._template = Template(self._config, self._group)
                if not self._probe(self._template):
                    self._end_template()
        return self._template if request["template"] and self._template else self._first

    def _end_template(self) -> None:
        if self._template:
            self._template.close()
        self._template = None

    def close(self) -> None:
        """Let them end."""
        self._end_template()
        self._first.close()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def start(request: Fields, group: Group | None, fds: dict[str, int]) -> int:
    """Fork and become the command. Everything that the child needs was opened before."""
    argv, env = request["argv"], request["env"]
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
            group.join()
        for kind, value in request["rlimits"]:
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (value, value) if hard < 0 else (min(value, hard), min(value, hard)))
        os.execve(argv[0], argv, env)
    except BaseException as error:
        os.write(2, f"cannot start: {error}".encode())
    os._exit(125)
