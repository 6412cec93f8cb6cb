"""Runs tests.py here and program.py, the code under test, in a forked process; only plain data passes between them.

The other process never holds the nonce nor the tests: it was forked before they were read, and this process cannot be
looked into (it is not dumpable). What comes back is unpickled with every global refused, so it is made of
builtin types and of stand-ins (Remote) for whatever is no data. A stand-in equals itself alone.
"""

import builtins
import contextlib
import ctypes
import io
import os
import sys
import types
from _pickle import Pickler, Unpickler
from typing import Any

PLAIN = frozenset((type(None), bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset))
MUTABLE = (list, dict, set, bytearray)
NAMED = {kind.__name__: kind for kind in (*PLAIN, complex, range, object) if kind is not type(None)}
# Values of the standard library that are rebuilt from their type's own arguments.
REBUILT = {("decimal", "Decimal"), ("fractions", "Fraction")} | {
    ("datetime", name) for name in ("date", "time", "datetime", "timedelta")
}
VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
BASES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)
SPECIAL = ("__name__", "__qualname__", "__doc__")
PR_SET_DUMPABLE = 4
NOT_DUMPABLE = 0


class Remote:
    """Stands for an object of the other process that is no data: called, asked for attributes, equal only to itself."""

    __slots__ = ("_handle", "_link")

    def __init__(self, link: "Link", handle: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_handle", handle)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._link.call(self._handle, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in SPECIAL:
            raise AttributeError(name)
        return self._link.ask("get", self._handle, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("set", self._handle, name, value)

    def __len__(self) -> int:
        return int(self._link.ask("len", self._handle))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Any:
        return self._link.ask("iter", self._handle)

    def __getitem__(self, key: Any) -> Any:
        return self._link.ask("item", self._handle, key)


class RemoteIterator:
    """Stands for an iterator of the other process; its items come one by one."""

    __slots__ = ("_handle", "_link")

    def __init__(self, link: "Link", handle: int) -> None:
        self._link, self._handle = link, handle

    def __iter__(self) -> "RemoteIterator":
        return self

    def __next__(self) -> Any:
        return self._link.ask("next", self._handle)


def reduced(value: Any) -> Any:
    """An instance of a subclass as an instance of its builtin base, or None where it has none."""
    base: Any = next((base for base in BASES if isinstance(value, base)), None)
    if base in (int, float, complex):
        return base.__pos__(value)
    if base is str:
        return str.__str__(value)
    if base in (bytes, bytearray, tuple, list):
        return base.__getitem__(value, slice(None))
    if base is dict:
        return dict.copy(value)
    return base().union(value) if base else None


class Writer(Pickler):
    """Writes data as it is, and names for everything else."""

    def __init__(self, sink: io.BytesIO, link: "Link") -> None:
        super().__init__(sink, 5)
        self.link = link

    def persistent_id(self, value: Any) -> Any:
        """None for what is written as it is, else a tuple that the other side reads by Reader.persistent_load."""
        kind = type(value)
        if kind in PLAIN:
            return None
        if kind is complex:
            return ("complex", value.real, value.imag)
        if kind is range:
            return ("range", value.start, value.stop, value.step)
        if kind in VIEWS:
            return (VIEWS[kind], list(value))
        if kind is Remote or kind is RemoteIterator:
            return ("back", value._handle)
        if kind is type and value in NAMED.values():
            return ("type", value.__name__)
        return self._other(kind, value)

    def _other(self, kind: type, value: Any) -> Any:
        if (kind.__module__, kind.__name__) in REBUILT:
            return ("rebuilt", kind.__module__, kind.__name__, value.__reduce__()[1])
        if (plain := reduced(value)) is not None:
            return ("plain", plain)
        if kind.__name__ == "deque" and kind.__module__ == "collections":
            return ("deque", list(value), value.maxlen)
        return ("iterator" if hasattr(kind, "__next__") else "object", self.link.lend(value))


class Reader(Unpickler):
    """Reads what a Writer wrote. Nothing that names code is read."""

    def __init__(self, source: io.BytesIO, link: "Link") -> None:
        super().__init__(source)
        self.link = link

    def find_class(self, module: str, name: str) -> Any:
        """Refuse."""
        raise ValueError(f"{module}.{name} is no data")

    def persistent_load(self, pid: Any) -> Any:
        """What a tuple of Writer.persistent_id stands for."""
        kind, *rest = pid
        return LOADERS[kind](self.link, *rest)


def rebuilt(link: "Link", module: str, name: str, args: tuple[Any, ...]) -> Any:
    """A value of REBUILT."""
    if (module, name) not in REBUILT:
        raise ValueError(f"{module}.{name} is no data")
    return getattr(__import__(module), name)(*args)


# What the tuples of Writer.persistent_id stand for. Their content comes from the other side.
LOADERS: dict[str, Any] = {
    "complex": lambda link, real, imag: complex(real, imag),
    "range": lambda link, *args: range(*args),
    "keys": lambda link, items: dict.fromkeys(items).keys(),
    "values": lambda link, items: dict(enumerate(items)).values(),
    "items": lambda link, items: dict(items).items(),
    "type": lambda link, name: NAMED[name],
    "plain": lambda link, value: value,
    "rebuilt": rebuilt,
    "deque": lambda link, items, maxlen: __import__("collections").deque(items, maxlen),
    "back": lambda link, handle: link.returned(handle),
    "object": lambda link, handle: link.stand_in(Remote, handle),
    "iterator": lambda link, handle: link.stand_in(RemoteIterator, handle),
}


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
        """The one stand-in of an object of the other side."""
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
        """The next message. Raises EOFError when the other side is gone."""
        size = int.from_bytes(self._read(8), "big")
        return Reader(io.BytesIO(self._read(size)), self).load()

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self.inlet, min(size, 1 << 20))
            if not part:
                raise EOFError
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
            if kind == "load":
                result = self.load(rest[0])
            else:
                result = OPERATIONS[kind](self.lent[rest[0]], *rest[1:])
            if kind == "call":
                after = [value if type(value) in MUTABLE else None for value in (*rest[1], *rest[2].values())]
            self._flush()
            self.send("done", result, after)
        except EOFError:
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
        base: Any = found[0] if found else Exception
        if not found or base.__name__ != names[0][1]:
            base = type(str(names[0][1]), (base,), {})
        try:
            made: BaseException = base(*args)
            return made
        except TypeError:
            return Exception(f"{names[0][1]}: {args}")

    def _class(self, module: str, name: str) -> Any:
        """The class of that name here, if it is one of errors."""
        space = self.namespace if module == "__main__" else vars(sys.modules.get(module, builtins))
        kind = space.get(name)
        return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


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
    with contextlib.suppress(EOFError):
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


def main() -> None:
    """Fork, take the nonce and the tests, run them, print the nonce."""
    link, child = forked()
    nonce, _, names = take("plan.json").partition("\n")
    tests = take("tests.py")
    try:
        link.run("tests.py", tests, link.ask("load", names.split()))
    except EOFError:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code if code >= 0 else 128 - code)  # the program ended early, this is how
    except BaseException:
        with open("tests.py", "w", encoding="utf-8", errors="surrogatepass") as handle:
            handle.write(tests)  # for the traceback
        raise
    finally:
        with contextlib.suppress(OSError):
            os.kill(child, 9)
    sys.stdout.flush()
    os.write(1, f"\n{nonce}\tend\n".encode())


main()
