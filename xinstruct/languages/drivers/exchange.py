"""What passes between the two processes of separated.py, a part of its text: plain data and proxies."""

import io
from _pickle import Pickler, Unpickler
from typing import Any

from xinstruct.languages.drivers.remote import Remote, RemoteIterator

PLAIN = frozenset((type(None), bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset))
NAMED = {kind.__name__: kind for kind in (*PLAIN, complex, range, object) if kind is not type(None)}
# Values of the standard library that are rebuilt from their type's own arguments.
REBUILT = {("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID"), ("array", "array")} | {
    *(("datetime", name) for name in ("date", "time", "datetime", "timedelta", "timezone")),
    *(("pathlib", f"{kind}Path") for kind in ("Posix", "Windows", "Pure", "PurePosix", "PureWindows", "")),
}
ARGUMENTS: dict[str, Any] = {
    "UUID": lambda value: (str(value),),
    "array": lambda value: (value.typecode, value.tolist()),
    "timezone": lambda value: value.__getinitargs__(),
}
CONTAINERS = ("Counter", "OrderedDict", "defaultdict")  # of collections: dicts with methods of their own
VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}
BASES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)


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
        if issubclass(kind, Remote):
            return ("back", value._handle)
        if kind is type and value in NAMED.values():
            return ("type", value.__name__)
        return self._other(kind, value)

    def _other(self, kind: type, value: Any) -> Any:
        module = kind.__module__.partition(".")[0]
        if (module, kind.__name__) in REBUILT:
            args = ARGUMENTS.get(kind.__name__, lambda value: value.__reduce__()[1])(value)
            return ("rebuilt", module, kind.__name__, args)
        if kind.__name__ in CONTAINERS and module == "collections":
            factory = (value.default_factory,) if kind.__name__ == "defaultdict" else ()
            return ("container", kind.__name__, factory, dict(value))
        if isinstance(value, tuple) and type(fields := getattr(kind, "_fields", None)) is tuple:
            return ("named", kind.__name__, fields, tuple.__getitem__(value, slice(None)), methods(kind))
        if isinstance(value, BaseException):
            return ("error", *self.link.described(value))
        if (plain := reduced(value)) is not None:
            return ("plain", plain)
        if kind.__name__ == "deque" and kind.__module__ == "collections":
            return ("deque", list(value), value.maxlen)
        return ("iterator" if hasattr(kind, "__next__") else "object", self.link.lend(value), kind.__name__)


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


def methods(kind: Any) -> dict[str, tuple[bool, Any]]:
    """What a class of named tuples has beside its fields: whether it is a property, and the function."""
    own = {name: value for name, value in vars(kind).items() if not name.startswith("_") and name not in kind._fields}
    functions = {name: (True, value.fget) for name, value in own.items() if isinstance(value, property)}
    return functions | {name: (False, value) for name, value in own.items() if callable(value)}


def passed_on(function: Any) -> Any:
    """Return a function, which a class can have as a method, that calls another."""
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


def named(link: Any, name: str, fields: tuple[str, ...], values: tuple[Any, ...], extra: dict[str, Any]) -> Any:
    """A named tuple: of the class of that name here, or of one that is made."""
    kind = link.namespace.get(name)
    if isinstance(kind, type) and issubclass(kind, tuple) and getattr(kind, "_fields", None) == fields:
        return tuple.__new__(kind, values)
    if (name, fields) not in link.named:
        from collections import namedtuple

        made = link.named[name, fields] = namedtuple(name, fields)
        for word, (is_property, function) in extra.items():
            if not word.startswith("_"):
                setattr(made, word, property(passed_on(function)) if is_property else passed_on(function))
    return tuple.__new__(link.named[name, fields], values)


def container(link: Any, name: str, factory: tuple[Any, ...], items: dict[Any, Any]) -> Any:
    """A value of CONTAINERS."""
    if name not in CONTAINERS:
        raise ValueError(f"collections.{name} is no data")
    return getattr(__import__("collections"), name)(*factory, items)


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
    "named": named,
    "container": container,
    "error": lambda link, names, args, state: link.error(names, args, state),
    "object": lambda link, handle, name: link.stand_in(Remote, handle, name),
    "iterator": lambda link, handle, name: link.stand_in(RemoteIterator, handle, name),
}
