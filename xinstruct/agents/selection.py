"""The choice of a few telling cases among many."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from xinstruct.code.types import Case, Signature, Type, same

COMMONEST = 0.6  # share of the cases that may have the same result
SHOWN = 60  # characters of a case that is shown, if there are such


def by_result(kind: Type, cases: Sequence[Case]) -> list[list[int]]:
    """Return the places of the cases, one list for each result."""
    groups: list[list[int]] = []
    for index, case in enumerate(cases):
        own = next((group for group in groups if same(kind, cases[group[0]].expected, case.expected)), None)
        if own is None:
            groups.append([index])
        else:
            own.append(index)
    return groups


def select_cases(
    signature: Signature, cases: Sequence[Case], caught: Sequence[set[int]], count: int, first: Collection[int] = ()
) -> list[Case]:
    """Return at most `count` cases that catch every variant that can be caught, with different results.

    One of those in `first` is taken before all others.
    No result takes more than COMMONEST of the places, short cases go before long ones of the same use, and for each
    argument one case is taken whose result differs from it. The two to be shown, short and telling, come first.
    """
    picker = _Picker(signature, cases, [set(own) for own in caught], count)
    chosen = picker.choose(first)
    shown = _shown(signature.returns, cases, caught, chosen)
    return [cases[at] for at in [*shown, *(at for at in sorted(chosen) if at not in shown)]]


class _Picker:
    """Picks cases one by one, each time the one that adds most."""

    def __init__(self, signature: Signature, cases: Sequence[Case], caught: list[set[int]], count: int) -> None:
        self.cases, self.count = cases, count
        self.groups = by_result(signature.returns, cases)
        self.group = {at: number for number, group in enumerate(self.groups) for at in group}
        # for each argument, the cases that returning it would fail: they are caught like variants
        apart = [
            {at for at, case in enumerate(cases) if not same(signature.returns, case.args[index], case.expected)}
            for index in range(len(signature.params))
        ]
        self.wanted = [own for own in [*caught, *apart, *_sorts(cases)] if own]
        self.left = list(self.wanted)
        self.cost = {at: len(_text(case)) for at, case in enumerate(cases)}
        self.chosen: list[int] = []

    def choose(self, first: Collection[int] = ()) -> list[int]:
        """Return the places of the chosen cases; the first one is of `first`."""
        cap = int(COMMONEST * self.count)
        while len(self.chosen) < self.count:
            taken = [self.group[at] for at in self.chosen]
            free = [at for at in self.group if at not in self.chosen and taken.count(self.group[at]) < max(1, cap)]
            if not free:
                break
            if first and not self.chosen:
                free = sorted(first)
            best = min(free, key=lambda at: (-self._use(at), taken.count(self.group[at]), self.cost[at], at))
            self.chosen.append(best)
            self.left = [own for own in self.left if best not in own] or self._once_more()
        return self._balanced()

    def _once_more(self) -> list[set[int]]:
        """Return what could be caught by one more case: a variant that two cases catch is caught more surely."""
        return [own for own in self.wanted if own - set(self.chosen)]

    def _use(self, at: int) -> int:
        return sum(at in own for own in self.left)

    def _balanced(self) -> list[int]:
        """Leave out the last picked of a result that has too large a share of fewer cases than were wanted."""
        chosen = list(self.chosen)
        while chosen:
            taken = [self.group[at] for at in chosen]
            common = max(set(taken), key=lambda number: (taken.count(number), -number))
            if taken.count(common) <= COMMONEST * len(chosen) or len(set(taken)) == 1:
                break
            del chosen[len(taken) - 1 - taken[::-1].index(common)]
        return chosen


def _sorts(cases: Sequence[Case]) -> list[set[int]]:
    """Return the cases with a large, a negative and an empty or zero argument: variants hardly ever ask for them."""
    sorts: tuple[set[int], ...] = (set(), set(), set())
    for at, case in enumerate(cases):
        values = [value for arg in case.args for value in _scalars(arg)]
        numbers = [value for value in values if isinstance(value, int | float)]
        for sort, found in zip(
            sorts,
            (any(abs(n) >= 2**31 for n in numbers), any(n < 0 for n in numbers), any(not arg for arg in case.args)),
            strict=True,
        ):
            if found:
                sort.add(at)
    return list(sorts)


def _scalars(value: Any) -> list[Any]:
    return [inner for item in value for inner in _scalars(item)] if isinstance(value, list) else [value]


def _shown(kind: Type, cases: Sequence[Case], caught: Sequence[set[int]], chosen: Sequence[int]) -> list[int]:
    """Return the two chosen cases to show: short, of different results, telling of a variant, no argument empty."""

    def rank(at: int) -> tuple[bool, bool, bool, int, int]:
        length, idle = len(_text(cases[at])), not any(at in own for own in caught)
        return (length > SHOWN, any(arg in ("", 0, []) for arg in cases[at].args if arg is not False), idle, length, at)

    ranked = sorted(chosen, key=rank)
    other = next((at for at in ranked[1:] if not same(kind, cases[at].expected, cases[ranked[0]].expected)), None)
    return ranked[:1] + ([other] if other is not None else [])


def _text(case: Case) -> str:
    return json.dumps([list(case.args), case.expected], ensure_ascii=True)
