"""The start of a program by a worker: through its zygote, or by executing a command line (bubblewrap's)."""

from __future__ import annotations

import contextlib
import ctypes
import marshal
import os
import resource
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from xinstruct.execution.process.group import Group

Fields = dict[str, Any]
_MOST = 40  # templates of a worker
_FLAGS = ("-s", "-P", "-S", "-B", "-X", "utf8")  # isolated, but for what _VARIABLES say
_VARIABLES = {"LD_BIND_NOW": "1", "PYTHONHASHSEED": "0"}  # functions bound once for all forks; as chance.py has it
_FIXED = 0x0040000  # ADDR_NO_RANDOMIZE
_STACK = 8 << 20  # bytes for a zygote's: the kernel lays memory out by it


def fix_addresses() -> bool:
    """Give the next executed program the same addresses in every run. Returns whether that is possible here."""
    return bool(ctypes.CDLL(None).personality(_FIXED) >= 0)


def memory_file(content: bytes) -> int:
    """Return an open, unnamed file with this content."""
    fd = os.memfd_create("file")
    while content:
        content = content[os.write(fd, content) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Zygote:
    """The worker's side of a zygote; waits until the zygote is up. Raises OSError when it fails or is gone."""

    def __init__(self, connection: socket.socket, pid: int = 0, template: bool = False) -> None:
        self.connection, self.template, self._pid = connection, template, pid
        self.answer()

    def encode(self, request: Fields) -> bytes:
        """Encode a request as the forks read it: the operations in order (act in serving.c).

        Each is a letter, the size in four bytes, the bytes and a NUL.
        """
        todo = [(b"m", request["mounts"]), (b"a", b""), *((b"d", folder) for folder in request["folders"])]
        for path, content in request["files"]:
            todo += [(b"w", path), (b"c", content)]
        todo += [(b"f", request["folder"]), (b"m", request["closing"])]
        todo += [(b"l", f"{kind} {most}") for kind, most in request["rlimits"]]
        todo += [(b"n", str(int(request["steady"])))]
        todo += [(b"u", str(request["uid"])), (b"r", request["filter"])]
        then = request["forked" if self.template else "then"]
        todo += [(letter, "".join(f"{word}\0" for word in words)) for letter, words in then]
        return b"".join(_item(letter, content) for letter, content in todo)

    def close(self) -> None:
        """End the zygote, and reap it if it is a child of this process."""
        self.connection.close()
        if self._pid:
            os.waitpid(self._pid, 0)

    def ask(self, fds: list[int]) -> tuple[bytes, list[int]]:
        """Send open files and return the answer."""
        socket.send_fds(self.connection, [b"."], fds)
        return self.answer()

    def answer(self) -> tuple[bytes, list[int]]:
        """Return its next message: pid and pidfd of the started program, then status, CPU seconds and peak in KB."""
        answer, fds, _, _ = socket.recv_fds(self.connection, 1024, 1)
        if not answer or answer.startswith(b"!"):
            raise OSError(answer[1:].decode() or "the zygote is gone")
        return answer, fds


def _item(letter: bytes, content: bytes | str) -> bytes:
    data = content if isinstance(content, bytes) else os.fsencode(content)
    return letter + len(data).to_bytes(4, sys.byteorder) + data + b"\0"


def _first(config: Fields, group: Group | None) -> tuple[Zygote, socket.socket]:
    """Start the first zygote. Returns it with the socket of its fork server (fork_zygotes in zygote.py)."""
    (connection, theirs), (fork_server, its) = _sockets(), _sockets()
    pid = os.fork()
    if pid == 0:
        try:
            if group:
                group.join()  # here once, since moving a process takes the kernel milliseconds
            _become_zygote(config, theirs.fileno(), its.fileno())
        except BaseException as error:
            theirs.send(f"!{error}".encode()[:1000])
        os._exit(1)
    for end in (theirs, its):
        end.close()
    return Zygote(connection, pid), fork_server


def _become_zygote(config: Fields, *sockets: int) -> None:
    """Enter the sandbox's root and execute zygote.py there, with the interpreter that programs see."""
    from xinstruct.execution.process.zygote import enter

    null = os.open("/dev/null", os.O_RDWR)
    config = enter(config)
    handed = (*sockets, memory_file(marshal.dumps(config)))
    for fd in (*handed, config["pid_namespace"], config["proc"]):
        os.set_inheritable(fd, True)
    os.dup2(null, 0)
    os.dup2(null, 1)
    line = [config["python"], *_FLAGS, config["script"], *map(str, handed)]
    fix_addresses()  # forks cannot have others than it
    resource.setrlimit(resource.RLIMIT_STACK, (_STACK, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    os.execve(line[0], line, _VARIABLES)


def _sockets() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Zygotes:
    """A worker's zygotes: one from the start, and templates once programs want to be forked from them.

    Raises OSError when the first does not start. Programs without a template, or whose template fails its probe, are
    started by the first zygote. When there are too many templates, the least recently used one is closed.
    """

    def __init__(self, config: Fields, group: Group | None, probe: Callable[[Zygote, Fields], bool]) -> None:
        self._group, self._probe = group, probe
        self._first, self._fork_server = _first(config, group)
        self._settle()
        self._templates: dict[str, Zygote | None] = {}
        self._asked: Counter[str] = Counter()
        self._proved: set[str] = set()  # commands of which a fork did as it should

    def _settle(self) -> None:
        if self._group:
            self._group.settle()

    def of(self, request: Fields) -> Zygote:
        """Return the zygote that starts this request."""
        wanted = request["template"]
        return (wanted and self._template(wanted)) or self._first

    def _template(self, wanted: Fields) -> Zygote | None:
        key = wanted["key"]
        self._asked[key] += 1
        if self._asked[key] < wanted["warm_up"]:
            return None
        found = self._templates.pop(key) if key in self._templates else self._begin(wanted)
        self._templates[key] = found  # the last used stands last
        return found

    def _begin(self, wanted: Fields) -> Zygote | None:
        if len(self._templates) >= _MOST and (oldest := self._templates.pop(next(iter(self._templates)))):
            oldest.close()
        name, template = wanted["name"], None
        with contextlib.suppress(OSError):
            template = self._born(wanted["config"])
            self._settle()
            if name in self._proved or self._probe(template, wanted["probe"]):
                self._proved.add(name)
                return template
        if template:
            template.close()
        return None

    def _born(self, config: Fields) -> Zygote:
        connection, theirs = _sockets()
        socket.send_fds(self._fork_server, [marshal.dumps(config)], [theirs.fileno()])
        theirs.close()
        return Zygote(connection, template=bool(config.get("template")))

    def close(self) -> None:
        """End all zygotes."""
        self._fork_server.close()
        for template in (*self._templates.values(), self._first):
            if template:
                template.close()


def start(request: Fields, group: Group | None, fds: dict[str, int]) -> int:
    """Fork and execute the command in the child, which inherits every file it needs."""
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
