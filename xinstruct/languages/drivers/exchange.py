"""What passes between the two processes of separated.py, a part of its text: plain data and proxies."""

import io
from _pickle import Pickler, Unpickler
from typing import Any

PLAIN = frozenset((type(None), bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset))
NAMED = {kind.__name__: kind for kind in (*PLAIN, complex, range, object) if kind is not type(None)}
# Values of the standard library that are rebuilt from their type's own arguments.
REBUILT = {("decimal", "Decimal"), ("fractions", "Fraction")} | {
    ("datetime", name) for name in ("date", "time", "datetime", "timedelta")
}
VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
BASES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)
SPECIAL = ("__name__", "__qualname__", "__doc__")


class Remote:
    """Stands for an object of the other process that is no data: called, asked for attributes, equal only to itself."""

    __slots__ = ("_handle", "_link")

    def __init__(self, link: Any, handle: int) -> None:
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

    def __init__(self, link: Any, handle: int) -> None:
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

    def __init__(self, sink: io.BytesIO, link: Any) -> None:
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

    def __init__(self, source: io.BytesIO, link: Any) -> None:
        super().__init__(source)
        self.link = link

    def find_class(self, module: str, name: str) -> Any:
        """Refuse."""
        raise ValueError(f"{module}.{name} is no data")

    def persistent_load(self, pid: Any) -> Any:
        """What a tuple of Writer.persistent_id stands for."""
        kind, *rest = pid
        return LOADERS[kind](self.link, *rest)


def rebuilt(link: Any, module: str, name: str, args: tuple[Any, ...]) -> Any:
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
