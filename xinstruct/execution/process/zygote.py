"""The zygote: a process inside the sandbox's root, with a warm interpreter, that programs are forked from.

A process of the worker enters the root (`enter`) and executes this script there, so that it contains no path of the
host. It gets a socket, and then one message per program. A Python script runs in the fork itself, which saves the
start of an interpreter; any other command is executed by the fork.
serving.c sets a fork up before the program runs: its own namespaces (pid, mounts), an empty scratch folder, limits,
another user. Watching programs and limiting their time is left to worker.py.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import atexit
import contextlib
import ctypes
import gc
import marshal
import os
import sys
import types
from typing import Any

_MOST = 4096  # bytes of a script's arguments
Fields = dict[str, Any]
_KEPT: list[object] = []
COMPILED: dict[bytes, types.CodeType] = {}  # scripts that many programs run, compiled, by their text


def read_all(fd: int) -> bytes:
    """The content of a memory file."""
    size = os.fstat(fd).st_size
    parts, at = [], 0
    while at < size:
        parts.append(os.pread(fd, size - at, at))
        at += len(parts[-1])
    return b"".join(parts)


def compiled(source: bytes, name: str) -> types.CodeType:
    """Compile a script without this module's `__future__` imports, as a fresh interpreter would."""
    return compile(source, name, "exec", dont_inherit=True)


class Box:
    """The functions of serving.c and box.c, called by ctypes. Raises OSError with the step that failed."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.PyDLL(library)  # holds the interpreter lock: a fork must find it in known hands
        self._library.box_error.restype = ctypes.c_char_p
        self._library.box_apply.argtypes = (ctypes.c_char_p, ctypes.c_size_t)

    def call(self, name: str, *args: Any) -> int:
        """Call box_NAME."""
        found: int = getattr(self._library, f"box_{name}")(*args)
        if found < 0:
            raise OSError(str(self._library.box_error().decode(errors="replace")))
        return found

    def apply(self, operations: bytes) -> None:
        """Carry out encoded operations (mounts, folders, files)."""
        self.call("apply", operations, len(operations))


def enter(config: Fields) -> Fields:
    """Enter namespaces of our own and the sandbox's root.

    Returns the configuration together with file descriptors that can only be opened outside.
    """
    box = Box(config["library"])
    had = {
        "pid_namespace": os.open("/proc/self/ns/pid", os.O_RDONLY),
        "proc": os.open("/proc", os.O_RDONLY),
        "shielded": shield(),
    }
    uid, gid = os.getuid(), os.getgid()
    box.call("unshare", config["namespaces"])
    if config["mapped"]:
        for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as handle:
                handle.write(text)
    _socket.sethostname("box")
    box.apply(config["root"])
    if config["mapped"]:
        box.call("keep")
    return config | had


def shield() -> bool:
    """Ask the kernel to kill programs before this process when memory runs out. Returns whether that was allowed."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as handle:
            handle.write("-900")
    except OSError:
        return False
    return True


def preload(names: list[str]) -> None:
    """Import those of these modules that are installed."""
    import importlib

    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def fork_zygotes(fork_server: int, first: int, box: Box, config: Fields) -> int:
    """Serve as the fork server: fork a further zygote for each message of the worker. Returns only in those zygotes.

    A message holds the changes to the zygote's configuration and its socket, which is returned. `first` is the socket
    of the first zygote, which this process must not keep open.
    """
    os.close(first)
    box.call("guard")
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
    requests = _socket.socket(fileno=fork_server)
    while True:
        told, ancillary, _, _ = requests.recvmsg(1 << 18, _socket.CMSG_SPACE(4))
        if not told:
            os._exit(0)
        connection = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
        if os.fork() == 0:
            requests.close()
            _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
            config.update(marshal.loads(told))
            return connection
        os.close(connection)


def become_template(connection: int, config: Fields) -> None:
    """Execute the template command of the configuration, if any; programs then run in its forks.

    See forks/template.js and forks/opening.c. Raises OSError when it cannot be executed.
    """
    if not config["template"]:
        return
    template, own = config["template"], os.open(str(os.getpid()), os.O_RDONLY, dir_fd=config["proc"])
    handed = (connection, config["pid_namespace"], own)
    for place in handed:
        os.set_inheritable(place, True)
    for number in (_signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    os.chdir(template["folder"])
    ctypes.CDLL(None).personality(0)  # its forks' addresses are no program's
    told = {"XINSTRUCT_TEMPLATE": " ".join(map(str, (*handed, int(config["shielded"]))))}
    os.execve(template["argv"][0], template["argv"], template["env"] | told)


def serve(connection: int, box: Box, config: Fields) -> None:
    """Start programs until the worker is gone. Returns only in a fork that runs a script, with sys.argv set for it.

    Freeing an object in a fork makes the kernel copy its page first, so existing objects are kept alive.
    """
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)  # as in a fresh interpreter; the worker ignores it
    own, shielded = -1 if config["mapped"] else config["pid_namespace"], int(config["shielded"])
    config.clear()
    arguments = bytearray(_MOST)
    into = (ctypes.c_char * _MOST).from_buffer(arguments)
    after = ctypes.cast(ctypes.pythonapi.PyOS_AfterFork_Child, ctypes.c_void_p)
    _KEPT.extend((box, into, after, sys.argv))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
    size = box.call("serve", connection, own, shielded, after, into, _MOST)
    sys.argv = arguments[: size - 1].decode("utf-8", "surrogateescape").split("\0")


def run_script() -> int:
    """Run sys.argv[0] as the main module, as a fresh interpreter would, to its end. Returns the exit status."""
    sys.orig_argv = [sys.executable, *sys.argv]
    main = types.ModuleType("__main__")
    main.__file__ = sys.argv[0] if sys.argv[0].startswith("/") else f"{os.getcwd()}/{sys.argv[0]}"
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    status = _guarded(lambda: _execute(main.__dict__))
    threading = sys.modules.get("threading")  # where the program has it
    for last in (threading and threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
        status = (_guarded(last) if last else 0) or status
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    return status


def _execute(space: Fields) -> None:
    fd = os.open(space["__file__"], os.O_RDONLY)
    source = read_all(fd)
    os.close(fd)
    exec(COMPILED.get(source) or compiled(source, space["__file__"]), space)


def _guarded(action: Any) -> int:
    """Run a function and return the status that an interpreter would exit with."""
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


def begin(first: int, fork_server: int, config: Fields) -> tuple[Box, int]:
    """Load the modules that programs import, then fork into the first zygote and the fork server.

    Returns (box, -1) in the first zygote and (box, socket) in each zygote that the fork server forks later. Raises
    OSError when the sandbox's library cannot be loaded.
    """
    import site

    box = Box(config["inside"])
    site.main()
    preload(config["modules"])
    COMPILED.update({text: compiled(text, name) for name, text in config["scripts"]})
    return box, -1 if os.fork() else fork_zygotes(fork_server, first, box, config)


def main() -> None:
    """Read the configuration and serve. Returns only in a fork that runs a script."""
    first, fork_server, settings = map(int, sys.argv[1:])
    config: Fields = marshal.loads(read_all(settings))
    os.close(settings)
    for kept in (first, fork_server, config["pid_namespace"], config["proc"]):
        os.set_inheritable(kept, False)
    connection = first
    try:
        box, born = begin(first, fork_server, config)
        if born < 0:
            os.close(fork_server)
        else:
            connection = born
            become_template(connection, config)
            preload(config["modules"])
    except OSError as error:
        os.write(connection, f"!{error}".encode())
        os._exit(1)
    os.close(config["proc"])
    os.environ.clear()
    os.environ.update(config["env"])
    serve(connection, box, config)


if __name__ == "__main__":
    main()
    os._exit(run_script())
