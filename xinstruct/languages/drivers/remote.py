"""Stand-ins for the objects of the other process of separated.py, and what one process may ask the other to do."""

import copy
import operator
from typing import Any

# What a copy or a pickle asks an object for: not for the object that it stands for.
PROTOCOLS = {f"__{name}__" for name in ("reduce", "reduce_ex", "getstate", "setstate", "getnewargs", "getnewargs_ex")}
UNARY = ("neg", "pos", "abs", "invert")
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift", "rshift")
ORDER = ("lt", "le", "gt", "ge")


class Remote:
    """Stands for an object of the other process that is no data: it is asked for what is wanted of it.

    Where the other process is the one under test, it has no say in comparisons with data, nor in what is true.
    """

    __slots__ = ("__weakref__", "_handle", "_link")

    def __init__(self, link: Any, handle: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_handle", handle)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._link.call(self._handle, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in PROTOCOLS:
            raise AttributeError(name)
        return self._link.ask("get", self._handle, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("set", self._handle, name, value)

    def __len__(self) -> int:
        return int(self._link.ask("len", self._handle))

    def __bool__(self) -> bool:
        return bool(self._link.ask("truth", self._handle, not self._link.trusting))

    def __iter__(self) -> Any:
        return self._link.ask("iter", self._handle)

    def __getitem__(self, key: Any) -> Any:
        return self._link.ask("item", self._handle, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._link.ask("put", self._handle, key, value)

    def __delitem__(self, key: Any) -> None:
        self._link.ask("drop", self._handle, key)

    def __contains__(self, key: Any) -> bool:
        try:
            items = () if self._link.trusting else iter(self)
        except TypeError:  # only it can tell
            items = ()
        if items == ():
            return bool(self._link.ask("has", self._handle, key))
        return any(item is key or item == key for item in items)

    def _comparable(self, other: Any) -> bool:
        return isinstance(other, Remote) or bool(self._link.trusting)

    def __eq__(self, other: Any) -> Any:
        if self is other or not self._comparable(other):
            return self is other or NotImplemented
        return bool(self._link.ask("eq", self._handle, other))

    def __ne__(self, other: Any) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        return int(self._link.ask("hash", self._handle))

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Remote) and bool(self._link.ask("isinstance", self._handle, instance))

    def __str__(self) -> str:
        return str.__str__(self._link.ask("str", self._handle))

    def __repr__(self) -> str:
        return str.__str__(self._link.ask("repr", self._handle))

    def __format__(self, form: str) -> str:
        return str.__str__(self._link.ask("format", self._handle, form))

    def __copy__(self) -> Any:
        return self._link.ask("copy", self._handle)

    def __deepcopy__(self, _: Any) -> Any:
        return self._link.ask("deepcopy", self._handle)

    def __enter__(self) -> Any:
        return self._link.ask("enter", self._handle)

    def __exit__(self, *_: Any) -> Any:
        return self._link.ask("exit", self._handle)

    def __int__(self) -> int:
        return int(self._link.ask("int", self._handle))

    def __float__(self) -> float:
        return float(self._link.ask("float", self._handle))


def operation(name: str, own: str = "") -> Any:
    """Return a method of Remote that asks for an operation; own: the side that it stands on, "" where it is alone."""

    def asked(self: Any, *other: Any) -> Any:
        if name in ORDER and not self._comparable(*other):
            return NotImplemented
        return self._link.ask("operator", self._handle, name, own == "right", *other)

    return asked


for _name in (*UNARY, *BINARY, *ORDER):
    _plain = _name.rstrip("_")
    setattr(Remote, f"__{_plain}__", operation(_name, "" if _name in UNARY else "left"))
    if _name in BINARY:
        setattr(Remote, f"__r{_plain}__", operation(_name, "right"))


class RemoteIterator(Remote):
    """Stands for an iterator of the other process; its items come one by one."""

    __slots__ = ()

    def __iter__(self) -> "RemoteIterator":
        return self

    def __next__(self) -> Any:
        return self._link.ask("next", self._handle)


# What one side may have done to an object that the other lent to it.
OPERATIONS: dict[str, Any] = {
    "call": lambda lent, args, kwargs: lent(*args, **kwargs),
    "next": next,
    "get": getattr,
    "set": lambda lent, name, value: store(lent, name, value),
    "len": len,
    "iter": iter,
    "item": operator.getitem,
    "put": operator.setitem,
    "drop": operator.delitem,
    "has": operator.contains,
    "truth": lambda lent, by_length: truth(lent) if by_length else bool(lent),
    "eq": operator.eq,
    "hash": hash,
    "isinstance": lambda lent, value: isinstance(value, lent),
    "str": str,
    "repr": repr,
    "format": format,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "enter": lambda lent: lent.__enter__(),
    "exit": lambda lent: lent.__exit__(None, None, None),
    "int": int,
    "float": float,
    "operator": lambda lent, name, right, *other: operate(name, (*other, lent) if right else (lent, *other)),
}
MUTABLE = (list, dict, set, bytearray)
OPEN = ("__main__", "_io", "io", "re", "random", "string", "queue", "collections", "types")


def truth(lent: Any) -> bool:
    """Whether an object holds something: an object that only says that it is false is not believed."""
    return not hasattr(type(lent), "__len__") or hasattr(type(lent), "__bool__") or len(lent) > 0


def operate(name: str, values: tuple[Any, ...]) -> Any:
    """The result of an operator."""
    if name not in (*UNARY, *BINARY, *ORDER):
        raise PermissionError(name)
    return getattr(operator, name)(*values)


def renewed(old: Any, new: Any) -> bool:
    """Give a container the content of another of its type; False: it is none."""
    if type(old) is not type(new) or not isinstance(old, MUTABLE):
        return False
    if isinstance(old, list | bytearray):
        old[:] = new
    else:
        old.clear()
        old.update(new)
    return True


def store(lent: Any, name: str, value: Any) -> None:
    """Set an attribute; a container stays itself."""
    if not renewed(getattr(lent, name, None), value):
        setattr(lent, name, value)


def open_to_program(lent: Any, kind: str, rest: list[Any]) -> bool:
    """Whether the program under test may have this done: objects of the tests' own classes have nothing to hide.

    What leads into the interpreter, or decides about tests, stays closed: private names, functions, unittest's classes.
    """
    if kind in ("call", "next"):
        return True
    owner = lent if isinstance(lent, type) else type(lent)
    if kind not in OPERATIONS or any(base.__module__.partition(".")[0] == "unittest" for base in owner.__mro__):
        return False
    if isinstance(lent, type) and owner.__module__ != "__main__":
        return False
    if owner.__module__ not in OPEN or owner.__name__ in ("function", "method", "generator", "coroutine", "frame"):
        return False
    return kind not in ("get", "set") or not str.startswith(rest[0], "_")
