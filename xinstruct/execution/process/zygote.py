"""The process that programs are forked from: inside the sandbox's root already, with an interpreter warm.

The worker starts it with one socket, sends what the root looks like, then one message per program: a
memory file with the request and the program's pipes. Each program gets namespaces of its own (pid,
mounts), fresh scratch and a first process with which everything ends; a Python script is run in the
fork itself instead of a new interpreter, which saves its start. The zygote never reads a request, so a
program finds no other program's text in the memory that it inherits. Leaves out watching and limits of
time: worker.py does that.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import contextlib
import ctypes
import json
import marshal
import os
import resource
import signal
import socket
import sys
import threading
import types
from typing import Any

NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
# What programs mostly import; loaded once, shared by all forks.
# fmt: off
PRELOADED = (
    "_pickle", "abc", "bisect", "builtins", "collections", "collections.abc", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json",
    "math", "operator", "random", "re", "statistics", "string", "textwrap", "time", "traceback", "types",
    "typing", "unittest",
)
# fmt: on
# Plain numbers: signal's enumerations cost every fork a page or more.
SIGINT, SIGPIPE, SIGXFSZ, DEFAULT = (int(n) for n in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIG_DFL))
Fields = dict[str, Any]
COMPILED: dict[bytes, types.CodeType] = {}  # what programs often start from, by its text


def read_all(fd: int) -> bytes:
    """The content of a memory file."""
    size = os.fstat(fd).st_size
    parts, at = [], 0
    while at < size:
        parts.append(os.pread(fd, size - at, at))
        at += len(parts[-1])
    return b"".join(parts)


class Box:
    """box.c through ctypes. Raises OSError with the step that failed."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.PyDLL(library)  # holds the interpreter lock: a fork must find it in known hands
        self._library.box_error.restype = ctypes.c_char_p
        self._library.box_apply.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
        self._library.box_drop.argtypes = (ctypes.c_uint, ctypes.c_char_p, ctypes.c_size_t)

    def call(self, name: str, *args: Any) -> int:
        """Call box_NAME."""
        found: int = getattr(self._library, f"box_{name}")(*args)
        if found < 0:
            raise OSError(str(self._library.box_error().decode(errors="replace")))
        return found

    def apply(self, operations: bytes) -> None:
        """Mount and make what the operations say."""
        self.call("apply", operations, len(operations))


def enter(box: Box, config: Fields) -> None:
    """Leave the machine: own namespaces, the sandbox's root, nothing of ours left open to view."""
    uid, gid = os.getuid(), os.getgid()
    box.call("unshare", config["namespaces"])
    if config["mapped"]:
        for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as handle:
                handle.write(text)
    socket.sethostname("box")
    box.apply(config["root"])


def preload() -> None:
    """What a fresh interpreter would have loaded, and what programs mostly import."""
    import importlib
    import site

    site.main()
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def become_template(connection: socket.socket, config: Fields) -> None:
    """Go on as another command, in whose forks programs run (template.js, opening.c). Raises OSError when it cannot."""
    template, places = config["template"], (config["pid_namespace"], config["proc"])
    settings = os.memfd_create("settings", 0)
    os.pwrite(settings, json.dumps(template["settings"]).encode(), 0)
    for place in places:
        os.set_inheritable(place, True)
    for number in (SIGINT, SIGPIPE, SIGXFSZ):
        _signal.signal(number, DEFAULT)
    numbers = (connection.fileno(), settings, *places, int(config["shielded"]))
    os.chdir(template["folder"])
    told = {"XINSTRUCT_TEMPLATE": " ".join(map(str, numbers))}
    os.execve(template["argv"][0], template["argv"], template["env"] | told)


def serve(connection: socket.socket, box: Box, config: Fields) -> None:
    """Start programs until the worker is gone. Returns in a fork that is to run a script.

    A program's process is there before the program is asked for: it takes the request itself, so that forking goes on
    while the worker is busy with the last answer.
    """
    own = -1 if config["mapped"] else config["pid_namespace"]
    while True:
        if not config["mapped"]:
            if start(connection, box, config, own):
                return
        # Whoever is not root cannot come back from a pid namespace: a helper goes there.
        elif helper := os.fork():
            if os.waitpid(helper, 0)[1]:
                os._exit(0)
        elif start(connection, box, config, own):
            return
        else:
            os._exit(0)


def start(connection: socket.socket, box: Box, config: Fields, own: int) -> bool:
    """Fork a program, tell its pid, wait, tell how it ended. True in a fork that is to run a script."""
    try:
        return _start(connection, box, config, own)
    except ConnectionError:  # the worker is gone
        os._exit(1)
    except OSError as error:
        connection.send(f"!{error}".encode())
        os._exit(1)


def _start(connection: socket.socket, box: Box, config: Fields, own: int) -> bool:
    box.call("guard")
    first = box.call("first", own)
    program = os.fork()
    if program == 0:
        data, fds, _, _ = socket.recv_fds(connection, 16, 8)
        connection.close()
        return _become(box, config, fds) if data else os._exit(0)
    handle = os.pidfd_open(program)  # ours, because the worker may come too late to make one
    socket.send_fds(connection, [str(program).encode()], [handle])
    os.close(handle)
    _, status, usage = os.wait4(program, 0)
    os.kill(first, signal.SIGKILL)  # and with it all that the program left behind
    os.waitpid(first, 0)
    connection.send(f"{status} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
    return False


def _become(box: Box, config: Fields, fds: list[int]) -> bool:
    """In the program's process: its world, its limits, another user. Then another program, or a script in here."""
    blob, stdin, stdout, stderr, note = fds
    for target, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, target)
    try:
        os.setsid()
        box.call("show")
        request: Fields = marshal.loads(read_all(blob))
        box.call("unshare", NEW_MOUNTS)
        _world(box, config, request)
        os.write(note, b'{"exit-code": 0}')
        os.closerange(3, 1024)
        _restrict(box, config, request)
        argv = request["argv"]
        if request["script"]:
            sys.argv = argv[argv.index(request["script"]) :]
            return True
        os.execvpe(argv[0], argv, request["env"])
    except FileNotFoundError as error:
        os.write(2, f"not found: {error.filename or error}".encode())
        os._exit(127)
    except BaseException as error:
        os.write(2, f"cannot start: {error}".encode())
    os._exit(125)


def _world(box: Box, config: Fields, request: Fields) -> None:
    """Mounts and files of one program."""
    box.apply(request["mounts"])
    # before the zygote, which is in the same memory group
    _write("/proc/self/oom_score_adj", b"0" if config["shielded"] else b"500", os.O_WRONLY)
    os.umask(0)
    for folder in request["folders"]:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
    for path, content in request["files"]:
        _write(path, content)
    os.umask(0o022)
    os.chdir(request["folder"])
    box.apply(request["closing"])


def _write(path: str, content: bytes, flags: int = os.O_WRONLY | os.O_CREAT | os.O_TRUNC) -> None:
    fd = os.open(path, flags, 0o666)
    while content:
        content = content[os.write(fd, content) :]
    os.close(fd)


def _restrict(box: Box, config: Fields, request: Fields) -> None:
    """Limits, variables, user: what stays so for the program."""
    script = request["script"]
    if script:
        _signal.signal(SIGINT, _signal.default_int_handler)
    else:  # Python ignores the others, programs would inherit that
        for number in (SIGINT, SIGPIPE, SIGXFSZ):
            _signal.signal(number, DEFAULT)
    for kind, value in request["rlimits"]:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value, value) if hard < 0 else (min(value, hard), min(value, hard)))
    if script and request["env"] != config["env"]:
        os.environ.clear()
        os.environ.update(request["env"])
    box.call("drop", request["uid"], config["filter"], len(config["filter"]))


def run_script() -> int:
    """Run sys.argv[0] as the main module, as a fresh interpreter would, to its end. Returns the exit status."""
    sys.orig_argv = [sys.executable, *sys.argv]
    main = types.ModuleType("__main__")
    main.__file__ = os.path.abspath(sys.argv[0])
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    status = _guarded(lambda: _execute(main.__dict__))
    for last in (threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
        status = _guarded(last) or status
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    return status


def _execute(space: Fields) -> None:
    fd = os.open(space["__file__"], os.O_RDONLY)
    source = read_all(fd)
    os.close(fd)
    exec(COMPILED.get(source) or compile(source, space["__file__"], "exec"), space)


def _guarded(action: Any) -> int:
    """Run something; the status that an interpreter would exit with."""
    try:
        action()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:
        kind, value, trace = sys.exc_info()
        while trace and trace.tb_frame.f_code.co_filename == __file__:  # the traceback is the program's alone
            trace = trace.tb_next
        if kind and value:
            sys.excepthook(kind, value.with_traceback(trace), trace)
        return 1
    return 0


def main() -> None:
    """Get the configuration, enter the sandbox's root, serve; a fork that runs a script goes on here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    _, fds, _, _ = socket.recv_fds(connection, 16, 1)
    config: Fields = marshal.loads(read_all(fds[0]))
    os.close(fds[0])
    box = Box(config["library"])
    config["pid_namespace"] = os.open("/proc/self/ns/pid", os.O_RDONLY)
    if config["template"]:
        config["proc"] = os.open("/proc/self", os.O_RDONLY)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as handle:
        handle.write("-900")
        config["shielded"] = True
    config.setdefault("shielded", False)
    try:
        enter(box, config)
        if config["template"]:
            become_template(connection, config)
        preload()
    except OSError as error:
        connection.send(f"!{error}".encode())
        os._exit(1)
    os.environ.clear()
    os.environ.update(config["env"])
    COMPILED.update({text: compile(text, name, "exec") for name, text in config["scripts"]})
    import gc

    gc.collect()
    gc.freeze()
    connection.send(b"ready")
    serve(connection, box, config)


if __name__ == "__main__":
    main()
    os._exit(run_script())
