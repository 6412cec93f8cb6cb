"""The common part of Ruby, Lua and Perl: no declared types, no compiler, a driver beside the answer.

A subclass defines its literals and the key types of its dicts. How a whole program is run is left to each language,
which has its own way to verify that the end was reached.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from xinstruct.code.types import Signature, Type
from xinstruct.languages import common
from xinstruct.languages.base import Language, Program


class Scripting(Language):
    """A language that runs its source directly."""

    keys: ClassVar[tuple[str, ...]]  # heads of the types that may be a dict's key
    spelled: ClassVar[dict[str, str]]  # head -> what a reader calls it
    null: ClassVar[str]
    truth: ClassVar[tuple[str, str]]  # false, true
    specials: ClassVar[tuple[str, str, str]]  # NaN, infinity, minus infinity
    brackets: ClassVar[tuple[str, str]]  # of a list or tuple
    pair: ClassVar[str]  # of a dict's entries, "{} => {}"
    source: ClassVar[str]  # name of the answer's file
    command: ClassVar[tuple[str, ...]]  # runs the driver
    low: ClassVar[int | None] = common.INT64[0]
    high: ClassVar[int | None] = common.INT64[1]

    def check(self, kind: Type) -> None:
        """Raise Unsupported for a type that has no values in the language."""
        common.check_keys(kind, self.keys)

    @abstractmethod
    def text_literal(self, value: str) -> str:
        """A string literal."""

    def spell_type(self, kind: Type) -> str:
        """Describe a type for a reader, since the language declares none."""
        self.check(kind)
        inner = [self.spell_type(arg) for arg in kind.args]
        return self.spelled[kind.head].format(*inner, all=", ".join(inner))

    def literal(self, kind: Type, value: Any) -> str:
        """An expression of the value."""
        common.check_value(kind, value, self.low, self.high)
        self.check(kind)
        return self._literal(kind, value)

    def _literal(self, kind: Type, value: Any) -> str:
        if value is None:
            return self.null
        if kind.head == "optional":
            return self._literal(kind.args[0], value)
        if kind.head == "bool":
            return self.truth[value]
        if kind.head == "int":
            return self.int_literal(value)
        if kind.head == "float":
            return common.float_text(value, *self.specials)
        if kind.head == "string":
            return self.text_literal(value)
        if kind.head == "dict":
            key, item = kind.args
            return (
                "{" + ", ".join(self.pair.format(self._literal(key, k), self._literal(item, v)) for k, v in value) + "}"
            )
        kinds = kind.args if kind.head == "tuple" else kind.args * len(value)
        inside = ", ".join(self._literal(k, v) for k, v in zip(kinds, value, strict=True))
        return self.brackets[0] + inside + self.brackets[1]

    def int_literal(self, value: int) -> str:
        """An integer literal."""
        return str(value)

    def check_signature(self, signature: Signature) -> None:
        """Raise Unsupported for types that are not allowed in a signature."""
        common.check_types(signature, self.keys)
        for kind in [*(p.type for p in signature.params), signature.returns]:
            self.check(kind)

    def driver(self, code: str, name: str, signature: Signature, args: list[list[Any]], nonce: str) -> Program:
        """See Language.driver."""
        self.check_signature(signature)
        common.check_args(signature, args, self.low, self.high)
        common.check_text(signature, args)
        driver = self.command[-1]
        files = {driver: common.asset(driver), self.source: code}
        return Program({**files, common.PLAN: common.plan(name, signature, args, nonce)}, self.command)

    def identifier(self, name: str) -> str:
        """snake_case."""
        return common.snake(name)
