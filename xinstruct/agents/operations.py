"""Operations, O of the agent: the evolution operations that turn a problem into the next one.

The paper names two (raise difficulty, add reasoning steps). The set, its wording and whether an operation
keeps the behaviour are defined in prompts/operations.yaml; params.yaml gives the weights by which one is
drawn. An operation that keeps the behaviour is checked by its base's cases; any other makes a new problem,
whose cases come from the agreement of independent answers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import StrictUndefined, Template

from xinstruct.files import BadInput
from xinstruct.params import nearest
from xinstruct.prompts import table


@dataclass(frozen=True)
class Operation:
    """One way to evolve a problem."""

    name: str
    keeps_behaviour: bool
    form: Literal["restate", "rule", "new"]
    goal: str
    guidelines: tuple[str, ...]
    changes: tuple[str, ...] = ("takes", "returns")  # what an added rule may be about
    retypes: bool = False  # whether what goes in and comes out must be of other types than the base's

    @staticmethod
    def named(name: str) -> Operation:
        """Return the operation of that name. Raises BadInput naming the known ones."""
        known = table("operations")["operations"]
        if name not in known:
            raise BadInput(f"params.yaml: synthesize.operations.{name} is no operation; {nearest(name, list(known))}")
        spec = known[name]
        told = (bool(spec["keeps_behaviour"]), spec["form"], spec["goal"], tuple(spec["guidelines"]))
        changes = tuple(spec.get("changes", ("takes", "returns")))
        return Operation(name, *told, changes, retypes=bool(spec.get("retypes")))

    def words(self, central: bool, keeps_signature: bool, shape: str, **values: Any) -> tuple[str, list[str]]:
        """Return goal and guidelines with their values filled in.

        A centralized discussion starts from the main agent's problem, a parallel one from all; `shape` may add a
        guideline.
        """
        spec = table("operations")["guidelines"]
        start = "from_main" if central else "from_all"
        names = [start if name == "start" else name for name in self.guidelines]
        names += ["signature"] if keeps_signature and not self.keeps_behaviour else []
        names += [shape] if shape in spec else []
        return _fill(self.goal, values), [_fill(spec[name], values) for name in names]


def _fill(text: str, values: Mapping[str, Any]) -> str:
    return str(Template(text, undefined=StrictUndefined).render(**values))


def draw(weights: Mapping[str, float], rng: random.Random) -> Operation:
    """Draw an operation by weight; at least one weight must be positive."""
    chosen = [(name, weight) for name, weight in weights.items() if weight > 0]
    names, shares = zip(*chosen, strict=True)
    return Operation.named(rng.choices(names, shares)[0])
