"""The task of a discussion: its shape over languages, and its type.

one_to_one: the created problem goes to one target language. one_to_many: it goes to several; a new problem is agreed
first and then carried over its cases. many_to_many: every agent's problem goes to a language, each by its own prompt.
Beyond its first sample a meeting makes parts: further discussions with the same agents, each of which ends as one
sample or one rejection. Types are drawn per part and verified in derived.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from xinstruct.agents.discussion import Discussion
from xinstruct.agents.operations import Operation
from xinstruct.agents.wording import draw_style
from xinstruct.files import BadInput
from xinstruct.languages import get
from xinstruct.params import SynthesizeParams
from xinstruct.records import Reason, Sample, content_id

Named = TypeVar("Named", bound=str)
Aim = Callable[[Sample, Operation, str], str | None]  # a target for a base, an operation and a type; None: none left


def check(params: SynthesizeParams) -> None:
    """Raise BadInput for an unknown operation, or when no drawn operation leads to any of the task types."""
    operations = {name: Operation.named(name) for name in params.operations}
    if not any(fitting(params, operations[name]) for name, weight in params.operations.items() if weight > 0):
        raise BadInput("params.yaml: synthesize.tasks has only translation, but no operation keeps the behaviour")


def fitting(params: SynthesizeParams, operation: Operation, twin: bool = False) -> dict[str, float]:
    """Return the weighted task types of an operation; translation needs a kept behaviour, or a twin to translate."""
    shows = twin or operation.keeps_behaviour
    return {n: w for n, w in params.tasks.items() if w > 0 and (shows or n != "translation")}


def draw(ident: str, kind: str, weights: Mapping[Named, float]) -> Named:
    """Draw one name by weight, from the meeting's id alone, so that no other draw depends on it."""
    names = sorted(name for name, weight in weights.items() if weight > 0)
    return random.Random(int(content_id(kind, ident), 16)).choices(names, [weights[n] for n in names])[0]


def parts(first: Discussion, shape: str, params: SynthesizeParams, aim: Aim) -> list[Discussion]:
    """Return the meeting's discussions: the first one, and those that its shape adds while targets are left."""
    further = list(_further(first, shape, params, aim))
    if not further:
        return [first]
    everyone = [first, *further]
    targets = [part.target for part in everyone]
    found = []
    for part in everyone:
        others = tuple(sorted(set(targets) - {part.target}))
        found.append(replace(part, shape=shape, others=others))
    if shape == "one_to_many":
        for part in found[1:]:
            part.lead = found[0]
    return found


def _further(first: Discussion, shape: str, params: SynthesizeParams, aim: Aim) -> Iterator[Discussion]:
    shared = shape == "one_to_many"
    if shared:
        bases = [first.base] * (params.many - 1)
    else:
        bases = [i for i in range(len(first.agents)) if i != first.base] if shape == "many_to_many" else []
    for number, base in enumerate(bases):
        ident = content_id("part", first.id, str(number))
        # what is carried over has a twin that a translation can show, whatever the operation
        types = fitting(params, first.operation, twin=shared)
        task = draw(ident, "type", types)
        target = aim(first.communicated[base], first.operation, task)
        if target is not None:
            yield replace(first, id=ident, base=base, target=target, name="", task=task)


def follow(part: Discussion, form: str) -> None:
    """Take over the problem of the lead, which is in words that hold in every language."""
    lead = part.lead
    if lead is None:
        raise ValueError(f"discussion {part.id} shares no created prompt")
    if lead.problem is None or lead.reason is not None:
        return part.fail(lead.reason or Reason.EMPTY_ANSWER, f"of the shared prompt: {lead.detail}")
    part.problem, part.signature, part.proposals = lead.problem, lead.signature, lead.proposals
    part.name, part.style = get(part.target).identifier(lead.name), draw_style(part.id, form)
    part.thread.add("answer", lead.problem.statement, agent=part.speaker.id, language=part.target)
    return None


def families(discussions: Sequence[Discussion]) -> tuple[list[Discussion], list[Discussion]]:
    """Split discussions into (those with a created prompt of their own, those that share one)."""
    return [d for d in discussions if d.lead is None], [d for d in discussions if d.lead is not None]
