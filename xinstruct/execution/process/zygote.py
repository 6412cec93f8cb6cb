"""The process that programs are forked from: inside the sandbox's root already, with an interpreter warm.

A process of the worker enters the root (`enter`) and becomes this script there, so that no path in it is one of the
machine. It is given a socket, and then one message per program. A Python script is run in the fork itself instead of a
new interpreter, which saves its start; any other command takes the fork's place.
What a fork does before it is the program is serving.c's: namespaces of its own (pid, mounts), fresh scratch, limits,
another user. Leaves out watching and limits of time: worker.py does that.
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
COMPILED: dict[bytes, types.CodeType] = {}  # what programs often start from, by its text


def read_all(fd: int) -> bytes:
    """The content of a memory file."""
    size = os.fstat(fd).st_size
    parts, at = [], 0
    while at < size:
        parts.append(os.pread(fd, size - at, at))
        at += len(parts[-1])
    return b"".join(parts)


def compiled(source: bytes, name: str) -> types.CodeType:
    """A script's code as in an interpreter started for it: what we import from `__future__` is not the script's."""
    return compile(source, name, "exec", dont_inherit=True)


class Box:
    """serving.c and box.c by ctypes. Raises OSError with the step that failed."""

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
        """Mount and make what the operations say."""
        self.call("apply", operations, len(operations))


def enter(config: Fields) -> Fields:
    """Leave the machine: own namespaces, the sandbox's root, nothing of ours left open to view.

    Returns the configuration with what can be had outside only.
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
    """Have the kernel end programs before this process when memory runs out. Returns whether that may be done here."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as handle:
            handle.write("-900")
    except OSError:
        return False
    return True


def preload(names: list[str]) -> None:
    """Import what is there of these modules."""
    import importlib

    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def nurse(nursery: int, first: int, box: Box, config: Fields) -> int:
    """Start further zygotes as the worker asks for them, from what this one has by now; returns in each of them.

    A message holds what differs in the zygote's configuration, and its socket, which is returned. first: the socket of
    the zygote that this one is forked from.
    """
    os.close(first)
    box.call("guard")
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
    requests = _socket.socket(fileno=nursery)
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
    """Go on as another command where one is wanted, in whose forks programs run (forks/template.js, forks/opening.c).

    Raises OSError when it cannot.
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
    """Start programs until the worker is gone. Returns in a fork that is to run a script; sys.argv is the script's.

    What is freed in a fork is memory that the kernel copies for it first, so all there is stays in use.
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


def begin(first: int, nursery: int, config: Fields) -> tuple[Box, int]:
    """Load what programs want. Returns twice, in processes of their own.

    The second time with the socket of a zygote that the nursery has started, the first time with -1. Raises OSError.
    """
    import site

    box = Box(config["inside"])
    site.main()
    preload(config["modules"])
    COMPILED.update({text: compiled(text, name) for name, text in config["scripts"]})
    return box, -1 if os.fork() else nurse(nursery, first, box, config)


def main() -> None:
    """Get the configuration and serve; a fork that runs a script goes on here."""
    first, nursery, settings = map(int, sys.argv[1:])
    config: Fields = marshal.loads(read_all(settings))
    os.close(settings)
    for kept in (first, nursery, config["pid_namespace"], config["proc"]):
        os.set_inheritable(kept, False)
    connection = first
    try:
        box, born = begin(first, nursery, config)
        if born < 0:
            os.close(nursery)
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
