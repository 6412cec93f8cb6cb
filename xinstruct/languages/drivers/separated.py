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
import re
import sys
import types
from typing import Any

from xinstruct.languages.drivers.exchange import Reader, Writer
from xinstruct.languages.drivers.remote import MUTABLE, OPERATIONS, open_to_program, renewed

PR_SET_DUMPABLE = 4
NOT_DUMPABLE = 0


class Gone(BaseException):
    """The other process has ended."""


class Left(SystemExit):
    """The program under test wanted to leave."""


class Link:
    """One end of the connection: sends a request, serves those of the other side until its reply comes.

    trusting: whether the other side may ask for everything of what was lent to it, or for what is open to a program.
    namespace: names of this side's main module. offered: those that the other side may ask for.
    """

    def __init__(self, inlet: int, outlet: int, trusting: bool) -> None:
        self.inlet, self.outlet, self.trusting = inlet, outlet, trusting
        self.lent: list[Any] = []
        self.handles: dict[int, int] = {}
        self.known: dict[tuple[type, int], Any] = {}
        self.kinds: dict[tuple[type, str], Any] = {}
        self.named: dict[tuple[str, tuple[str, ...]], Any] = {}
        self.namespace: dict[str, Any] = {}
        self.offered: tuple[str, ...] = ()
        self.told: list[BaseException] = []  # errors that are the other side's
        self.fetched: dict[tuple[int, str], tuple[Any, bytes]] = {}

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

    def stand_in(self, base: Any, handle: int, name: str) -> Any:
        """Return the proxy of an object of the other side, of a class of its class's name; each object has one."""
        if (base, handle) not in self.known:
            kind = self.kinds.get((base, name)) or type(str(name), (base,), {"__slots__": ()})
            self.known[base, handle] = self.kinds.setdefault((base, name), kind)(self, int(handle))
        return self.known[base, handle]

    # ---- messages: eight bytes of length, then the pickled message

    def send(self, *message: Any) -> None:
        """Send a message."""
        body = self.written(message)
        data = memoryview(len(body).to_bytes(8, "big") + body)
        while data:
            data = data[os.write(self.outlet, data) :]

    def written(self, value: Any) -> bytes:
        """A value as it is sent."""
        sink = io.BytesIO()
        Writer(sink, self).dump(value)
        return sink.getvalue()

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

    def ask(self, kind: str, handle: Any, *rest: Any) -> Any:
        """Have the other side do something; what it raises is raised here.

        Under test, containers that are attributes of the tests' objects are changed here and given back in time.
        """
        if not self.trusting:
            return self._reply(kind, handle, *rest)[0]
        if kind == "get" and (handle, rest[0]) in self.fetched:
            return self.fetched[handle, rest[0]][0]
        if kind != "get":
            self.give_back()
        found = self._reply(kind, handle, *rest)[0]
        if kind == "get" and type(found) in MUTABLE:
            self.fetched[handle, rest[0]] = found, self.written(found)
        return found

    def give_back(self) -> None:
        """Set the attributes that were fetched and changed since."""
        fetched, self.fetched = self.fetched, {}
        for (handle, name), (value, before) in fetched.items():
            if self.written(value) != before:
                self._reply("set", handle, name, value)

    def call(self, handle: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the other side. Arguments that it changed are changed here."""
        self.give_back()
        result, after = self._reply("call", handle, args, kwargs)
        for old, new in zip((*args, *kwargs.values()), after, strict=True):
            if renewed(old, new):
                result = old if result is new else result
        return result

    def _reply(self, *request: Any) -> Any:
        self.send(*request)
        while True:
            kind, *rest = self.receive()
            if kind == "done":
                return rest
            if kind == "raised":
                self.told.append(self.error(*rest))
                raise self.told[-1]
            self.serve(kind, rest)

    def serve(self, kind: str, rest: list[Any]) -> None:
        """Do what the other side asks for, and reply."""
        try:
            after: list[Any] = []
            result = self._done(kind, rest)
            if kind == "call":
                after = [value if type(value) in MUTABLE else None for value in (*rest[1], *rest[2].values())]
            self.give_back()
            self._flush()
            self.send("done", result, after)
        except Gone:
            raise
        except BaseException as error:
            self._flush()
            self._send_error(error)

    def _done(self, kind: str, rest: list[Any]) -> Any:
        if self.trusting:
            return self.load(*rest) if kind == "load" else OPERATIONS[kind](self.lent[rest[0]], *rest[1:])
        if kind == "name" and rest[0] in self.offered and rest[0] in self.namespace:
            return self.namespace[rest[0]]
        if kind == "name" or not open_to_program(self.lent[rest[0]], kind, rest[1:]):
            raise PermissionError(kind)
        return OPERATIONS[kind](self.lent[rest[0]], *rest[1:])

    def _flush(self) -> None:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()

    def load(self, names: list[str], offered: list[str]) -> dict[str, Any]:
        """Run the program as the main module; what these names stand for in it. It may use what tests offer later."""
        given = {"__builtins__": Offered(self, offered)} if offered else {}
        self.run("program.py", read("program.py"), given)
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
        try:
            self.send("raised", *self.described(error))
        except BaseException:
            self.send("raised", self.described(error)[0], (), {})

    def described(self, error: BaseException) -> tuple[list[tuple[str, str]], tuple[Any, ...], dict[str, Any]]:
        """An error as names of its classes, arguments and attributes."""
        names = [(kind.__module__, kind.__name__) for kind in type(error).__mro__[:-1]]
        return names, error.args, {name: value for name, value in vars(error).items() if not name.startswith("_")}

    def error(self, names: list[tuple[str, str]], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
        """An error of the other side, of the nearest class of errors that is known here."""
        found: list[type[BaseException]] = [kind for module, name in names if (kind := self._class(module, name))]
        base: Any = Left if found[:1] == [SystemExit] else found[0] if found else Exception
        if not found or base.__name__ != names[0][1]:
            base = type(str(names[0][1]), (base,), {})
        made: BaseException
        try:
            made = base(*args)
        except TypeError:  # its class takes other arguments than it keeps
            made = base.__new__(base, *args)
        for name, value in state.items():
            if not str.startswith(name, "_") and not hasattr(made, name):
                setattr(made, name, value)
        return made

    def _class(self, module: str, name: str) -> Any:
        """The class of that name here, if it is one of errors."""
        space = self.namespace if module == "__main__" else vars(sys.modules.get(module, builtins))
        kind = space.get(name)
        wanted = (
            isinstance(kind, type) and issubclass(kind, BaseException) and not kind.__module__.startswith("unittest")
        )
        return kind if wanted else None  # a test that is skipped is no test that fails


class Offered(dict[str, Any]):
    """Builtins, and behind them names of the tests: a program may use a class that is defined after it."""

    def __init__(self, link: Link, names: list[str]) -> None:
        super().__init__(vars(builtins))
        self.link, self.names = link, names

    def __missing__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        try:
            return self.link.ask("name", name)  # type: ignore[arg-type]
        except PermissionError:
            raise KeyError(name) from None


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


def not_crossing(link: Link, error: BaseException) -> str:
    """Return what of Python's own could not use a proxy; "" for all other errors, those of comparisons among them."""
    text = str(error)
    if type(error) is not TypeError or any(error is told for told in link.told) or "instances of" in text:
        return ""
    names = [name for (base, name) in link.kinds if name not in ("function", "type", "method")]
    return next((f"a {name} cannot stand in another process" for name in names if re.search(rf"\b{name}\b", text)), "")


def main() -> None:
    """Fork, take the nonce and the tests, run them, print the nonce."""
    link, child = forked()
    nonce, names, offered = take("plan.json").split("\n")
    tests = take("tests.py")
    results = suites(tests)
    link.offered = tuple(offered.split())
    try:
        link.run("tests.py", tests, link.ask("load", names.split(), link.offered))
    except Gone:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code if code >= 0 else 128 - code)  # the program ended early, this is how
    except BaseException as error:
        if reason := not_crossing(link, error):
            sys.stdout.flush()
            os.write(1, f"\n{nonce}\tagain\t{reason}\n".encode())
            os._exit(1)
        if type(error) is not SystemExit or error.code:  # unittest.main leaves with 0 when all is well
            with open("tests.py", "w", encoding="utf-8", errors="surrogatepass") as handle:
                handle.write(tests)  # for the traceback
            raise
    finally:
        with contextlib.suppress(OSError):
            os.kill(child, 9)
    sys.stdout.flush()
    if not all(result.testsRun and result.wasSuccessful() for result in results):
        os._exit(1)
    os.write(1, f"\n{nonce}\tend\n".encode())


main()
