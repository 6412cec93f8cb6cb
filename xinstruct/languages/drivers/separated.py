"""Runs tests.py here and program.py, the code under test, in a forked process; only plain data passes between them.

The other process never holds the nonce nor the tests: it was forked before they were read, and this process cannot be
looked into (it is not dumpable). What comes back is unpickled with every global refused, so it is made of
builtin types and of proxies (Remote) for whatever is no data. A proxy equals itself alone. The text of
exchange.py takes the place of its import, so that this is one script.
"""

import builtins
import contextlib
import ctypes
import io
import os
import sys
import types
from typing import Any

from xinstruct.languages.drivers.exchange import Reader, Writer

MUTABLE = (list, dict, set, bytearray)
PR_SET_DUMPABLE = 4
NOT_DUMPABLE = 0

# What one side may have done to an object that the other lent to it.
OPERATIONS: dict[str, Any] = {
    "call": lambda lent, args, kwargs: lent(*args, **kwargs),
    "next": next,
    "get": getattr,
    "set": setattr,
    "len": len,
    "iter": iter,
    "item": lambda lent, key: lent[key],
}


class Gone(BaseException):
    """The other process has ended."""


class Left(SystemExit):
    """The program under test wanted to leave."""


class Link:
    """One end of the connection: sends a request, serves those of the other side until its reply comes.

    trusting: whether the other side may ask for everything of what was lent to it, or only call and iterate.
    """

    def __init__(self, inlet: int, outlet: int, trusting: bool) -> None:
        self.inlet, self.outlet, self.trusting = inlet, outlet, trusting
        self.lent: list[Any] = []
        self.handles: dict[int, int] = {}
        self.known: dict[tuple[type, int], Any] = {}
        self.namespace: dict[str, Any] = {}

    # ---- objects that stay where they are

    def lend(self, value: Any) -> int:
        """The number by which the other side names an object of ours; it is kept alive."""
        if id(value) not in self.handles:
            self.handles[id(value)] = len(self.lent)
            self.lent.append(value)
        return self.handles[id(value)]

    def returned(self, handle: int) -> Any:
        """An object of ours that comes back. A function in new clothes: unpickling may set attributes."""
        value = self.lent[handle]
        if self.trusting or not callable(value):
            return value
        return lambda *args, **kwargs: value(*args, **kwargs)

    def stand_in(self, kind: Any, handle: int) -> Any:
        """Return the proxy of an object of the other side; each object has one."""
        if (kind, handle) not in self.known:
            self.known[kind, handle] = kind(self, int(handle))
        return self.known[kind, handle]

    # ---- messages: eight bytes of length, then the pickled message

    def send(self, *message: Any) -> None:
        """Send a message."""
        sink = io.BytesIO(bytes(8))
        sink.seek(8)
        Writer(sink, self).dump(message)
        sink.seek(0)
        sink.write((sink.getbuffer().nbytes - 8).to_bytes(8, "big"))
        data = sink.getbuffer()
        while data:
            data = data[os.write(self.outlet, data) :]

    def receive(self) -> Any:
        """The next message. Raises Gone when the other side is gone."""
        size = int.from_bytes(self._read(8), "big")
        return Reader(io.BytesIO(self._read(size)), self).load()

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self.inlet, min(size, 1 << 20))
            if not part:
                raise Gone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    # ---- requests

    def ask(self, *request: Any) -> Any:
        """Have the other side do something; what it raises is raised here."""
        return self._reply(*request)[0]

    def call(self, handle: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the other side. Arguments that it changed are changed here."""
        result, after = self._reply("call", handle, args, kwargs)
        for old, new in zip((*args, *kwargs.values()), after, strict=True):
            if type(old) is type(new) and isinstance(old, MUTABLE):
                if isinstance(old, list | bytearray):
                    old[:] = new
                else:
                    old.clear()
                    old.update(new)
                result = old if result is new else result
        return result

    def _reply(self, *request: Any) -> Any:
        self.send(*request)
        while True:
            kind, *rest = self.receive()
            if kind == "done":
                return rest
            if kind == "raised":
                raise self._error(*rest)
            self.serve(kind, rest)

    def serve(self, kind: str, rest: list[Any]) -> None:
        """Do what the other side asks for, and reply."""
        try:
            if not self.trusting and kind not in ("call", "next"):
                raise PermissionError(kind)
            after: list[Any] = []
            result = self.load(rest[0]) if kind == "load" else OPERATIONS[kind](self.lent[rest[0]], *rest[1:])
            if kind == "call":
                after = [value if type(value) in MUTABLE else None for value in (*rest[1], *rest[2].values())]
            self._flush()
            self.send("done", result, after)
        except Gone:
            raise
        except BaseException as error:
            self._flush()
            self._send_error(error)

    def _flush(self) -> None:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()

    def load(self, names: list[str]) -> dict[str, Any]:
        """Run the program as the main module; what these names stand for in it."""
        self.run("program.py", read("program.py"), {})
        return {name: self.namespace[name] for name in names if name in self.namespace}

    def run(self, name: str, source: str, given: dict[str, Any]) -> None:
        """Run source as the main module, with these names defined."""
        module = types.ModuleType("__main__")
        self.namespace = module.__dict__
        self.namespace.update(given, __file__=name)
        sys.modules["__main__"], sys.argv = module, [name]
        exec(compile(source, name, "exec"), self.namespace)

    # ---- errors travel by the names of their classes

    def _send_error(self, error: BaseException) -> None:
        names = [(kind.__module__, kind.__name__) for kind in type(error).__mro__[:-1]]
        try:
            self.send("raised", names, error.args)
        except BaseException:
            self.send("raised", names, ())

    def _error(self, names: list[tuple[str, str]], args: tuple[Any, ...]) -> BaseException:
        found: list[type[BaseException]] = [kind for module, name in names if (kind := self._class(module, name))]
        base: Any = Left if found[:1] == [SystemExit] else found[0] if found else Exception
        if not found or base.__name__ != names[0][1]:
            base = type(str(names[0][1]), (base,), {})
        made: BaseException
        try:
            made = base(*args)
        except TypeError:  # its class takes other arguments than it keeps
            made = base.__new__(base, *args)
        return made

    def _class(self, module: str, name: str) -> Any:
        """The class of that name here, if it is one of errors."""
        space = self.namespace if module == "__main__" else vars(sys.modules.get(module, builtins))
        kind = space.get(name)
        wanted = (
            isinstance(kind, type) and issubclass(kind, BaseException) and not kind.__module__.startswith("unittest")
        )
        return kind if wanted else None  # a test that is skipped is no test that fails


def read(name: str) -> str:
    """Text of a file in the working folder."""
    with open(name, encoding="utf-8", errors="surrogatepass") as handle:
        return handle.read()


def take(name: str) -> str:
    """Text of a file that is gone after this; an error when it stays."""
    text = read(name)
    os.unlink(name)
    return text


def other_process(inlet: int, outlet: int) -> None:
    """Serve requests about program.py until the tests are through."""
    link = Link(inlet, outlet, trusting=True)
    with contextlib.suppress(Gone):
        while True:
            kind, *rest = link.receive()
            link.serve(kind, rest)


def forked() -> tuple[Link, int]:
    """Start the other process. Nothing secret has been read at this point."""
    (requests, ask), (answers, answer) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ask)
        os.close(answers)
        try:
            other_process(requests, answer)
        finally:
            os._exit(0)
    os.close(requests)
    os.close(answer)
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, NOT_DUMPABLE, 0, 0, 0):
        raise OSError("this process cannot be closed to the other")
    return Link(answers, ask, trusting=False), child


def suites(source: str) -> list[Any]:
    """Results of unittest's suites, as they are run; tests may go on whatever they are."""
    results: list[Any] = []
    if "unittest" in source:
        from unittest import TextTestRunner

        run = TextTestRunner.run
        TextTestRunner.run = lambda self, test: results.append(run(self, test)) or results[-1]  # type: ignore
    return results


def main() -> None:
    """Fork, take the nonce and the tests, run them, print the nonce."""
    link, child = forked()
    nonce, _, names = take("plan.json").partition("\n")
    tests = take("tests.py")
    results = suites(tests)
    try:
        link.run("tests.py", tests, link.ask("load", names.split()))
    except Gone:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code if code >= 0 else 128 - code)  # the program ended early, this is how
    except BaseException as error:
        if type(error) is not SystemExit or error.code:  # unittest.main leaves with 0 when all is well
            with open("tests.py", "w", encoding="utf-8", errors="surrogatepass") as handle:
                handle.write(tests)  # for the traceback
            raise
    finally:
        with contextlib.suppress(OSError):
            os.kill(child, 9)
    if not all(result.testsRun and result.wasSuccessful() for result in results):
        os._exit(1)
    sys.stdout.flush()
    os.write(1, f"\n{nonce}\tend\n".encode())


main()
