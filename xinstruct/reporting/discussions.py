"""Discussions turn by turn: the choice of those to show, and each turn in readable form.

The turns of a thread are in the transcript by step. Prompts are shown block by block under their own headings
([Memory], [Reflection], [Communication], [Created Prompt], ...).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from xinstruct.records import Rejection, Sample, Turn
from xinstruct.reporting.examples import SampleView, sample_view, scores_table
from xinstruct.reporting.funnel import title
from xinstruct.reporting.load import Run
from xinstruct.reporting.tables import Table, listed, plain

_HEADING = re.compile(r"^\s*(?:#+\s*)?\[([A-Z][A-Za-z ]{2,30})\]:?[ \t]*", re.MULTILINE)
LABELS = {
    "prompt": "Prompt",
    "answer": "Answer",
    "score": "Score",
    "verdict": "Verdict",
    "insert": "Memory: inserted",
    "refusal": "Memory: refused",
    "eviction": "Memory: evicted",
    "reflection": "Reflection",
    "critique": "Objection of a peer",
    "evidence": "Evidence",
}
MEMORY = ("insert", "refusal", "eviction")
VALUES = {  # what a turn's value is, by kind
    "score": "total {:.2f}",
    "verdict": "{:.0%} of the cases",
    "insert": "score {:.2f}",
    "refusal": "similarity {:.2f}",
    "eviction": "score {:.2f}",
}


@dataclass
class Block:
    """One named block of a prompt."""

    name: str
    text: str


@dataclass
class Step:
    """One turn as it is shown."""

    kind: str
    label: str
    facts: list[str]
    text: str = ""
    messages: list[tuple[str, list[Block]]] = field(default_factory=list)
    table: Table | None = None  # aspects of a score


@dataclass
class Thread:
    """One discussion: its outcome and all its turns."""

    heading: str
    facts: list[str]
    outcome: str
    succeeded: bool
    steps: list[Step]
    sample: SampleView | None = None


@dataclass
class _Candidate:
    ident: str
    turns: list[Turn]
    sample: Sample | None
    verified: bool
    failure: Rejection | None
    language: str
    topology: str


def discussions(run: Run, count: int) -> list[Thread]:
    """Return up to `count` discussions: successes over languages and topologies, and one that failed."""
    candidates = _candidates(run)
    good = sorted((c for c in candidates if c.sample), key=lambda c: (not c.verified, c.ident))
    bad = [c for c in candidates if not c.sample]
    failed = bad[:1] if count > 1 or not good else []
    chosen = _varied(good, max(0, count - len(failed))) + failed
    chosen += bad[1:][: max(0, count - len(chosen))]
    agents = agent_names(run)
    return [_thread(candidate, agents) for candidate in chosen[:count]]


def _varied(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    chosen: list[_Candidate] = []
    left = list(candidates)
    while left and len(chosen) < count:
        languages = [c.language for c in chosen]
        topologies = [c.topology for c in chosen]
        # min() keeps the first of equals: verified ones, then ids, decide.
        best = min(left, key=lambda c: (topologies.count(c.topology) + 2 * languages.count(c.language), not c.verified))
        chosen.append(best)
        left.remove(best)
    return chosen


def _candidates(run: Run) -> list[_Candidate]:
    talks = threads(run.turns("synthesize"))
    samples = {sample.id: sample for sample in run.samples("synthesize")}
    verified = {sample.id for sample in run.samples("filter")}
    failures = {row.id: row for row in run.rejected("synthesize")}
    return [_candidate(ident, turns, samples, verified, failures) for ident, turns in talks.items()]


def _candidate(
    ident: str, turns: list[Turn], samples: dict[str, Sample], verified: set[str], failures: dict[str, Rejection]
) -> _Candidate:
    # An evicted sample is another discussion's; every other mention is of the sample this one made.
    names = [ident, *(turn.sample for turn in turns if turn.sample and turn.kind != "eviction")]
    sample = next((samples[name] for name in names if name in samples), None)
    failure = next((failures[name] for name in names if name in failures), None)
    if sample and failure and not any(turn.kind in MEMORY for turn in turns):
        sample = None  # made once more by a later discussion: the same id, refused as a duplicate
    spoken = next((turn.language for turn in turns if turn.language), "")
    language = sample.language if sample else spoken or (failure.language if failure else "")
    topology = sample.topology if sample else topology_of(turns, failure)
    return _Candidate(
        ident, turns, sample, bool(sample and sample.id in verified), None if sample else failure, language, topology
    )


def topology_of(turns: list[Turn], failure: Rejection | None) -> str:
    """Return the topology of a discussion without a sample; "" when its records do not tell.

    In a centralized discussion only the main agent reflects, in a parallel one all agents do.
    """
    if failure and failure.record:
        return str(json.loads(failure.record).get("topology", ""))
    reflecting = {turn.agent for turn in turns if turn.kind == "reflection"}
    return "parallel" if len(reflecting) > 1 else "centralized" if reflecting else ""


def _thread(candidate: _Candidate, agents: dict[str, str]) -> Thread:
    sample = candidate.sample
    facts = [f"thread {candidate.ident}", candidate.topology or "topology not recorded"]
    present = sample.agents if sample else []
    speakers = [agents.get(name, name) for name in present] or sorted(
        {agents[turn.agent] for turn in candidate.turns if turn.agent in agents}
    )
    if sample:
        facts += [sample.operation or "operation not recorded", f"from {title(sample.source_language)}"]
        facts += [f"{sample.tokens_spent:,} tokens spent"]
    if speakers:
        facts.append(f"with {listed(speakers)}")
    return Thread(
        heading=f"{candidate.topology.capitalize() or 'Discussion'}, for {title(candidate.language)}",
        facts=[plain(fact) for fact in facts],
        outcome=_outcome(candidate),
        succeeded=sample is not None,
        steps=[step(turn, agents) for turn in candidate.turns],
        sample=sample_view(sample) if sample else None,
    )


def agent_names(run: Run) -> dict[str, str]:
    """Return agent id -> name on the page. An agent has the id of its seed."""
    return {sample.id: f"{title(sample.language)} agent {sample.id[:6]}" for sample in run.samples("seed")}


def _outcome(candidate: _Candidate) -> str:
    if candidate.sample:
        after = "verified again by the filter" if candidate.verified else "not among the verified in the end"
        return f"A new sample, {after}."
    if candidate.failure:
        detail = plain(candidate.failure.detail, 400)
        return f"Failed: {candidate.failure.reason}{': ' + detail if detail else ''}."
    return "Failed: no sample and no recorded rejection names this discussion."


def step(turn: Turn, agents: dict[str, str]) -> Step:
    """Return a turn as it is shown: agent, kind, text, its prompt by blocks, its score by aspects."""
    facts = [f"round {turn.round}"] if turn.round else []
    if turn.agent:
        facts.append(agents.get(turn.agent, turn.agent))
    if turn.language:
        facts.append(title(turn.language))
    if turn.kind in VALUES and (turn.value or turn.kind in MEMORY):
        facts.append(VALUES[turn.kind].format(turn.value))
    if turn.sample and turn.kind in MEMORY:
        facts.append(f"sample {turn.sample}")
    if turn.completion_tokens:
        facts.append(f"{turn.completion_tokens:,} tokens")
    table = scores_table(turn.text) if turn.kind == "score" else None
    aspects = table if table and table.rows else None
    label = LABELS.get(turn.kind, turn.kind)
    text = "" if aspects else plain(turn.text)
    return Step(turn.kind, label, [plain(fact) for fact in facts], text, messages(turn.messages), aspects)


def threads(turns: Iterable[Turn]) -> dict[str, list[Turn]]:
    """Return the turns by thread, each in the order they happened."""
    found: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        found[turn.thread].append(turn)
    return {name: sorted(found[name], key=lambda turn: (turn.step, turn.id)) for name in sorted(found)}


def messages(text: str) -> list[tuple[str, list[Block]]]:
    """Return the messages of a prompt: (role, its blocks). Text that is no JSON list is one block."""
    if not text:
        return []
    try:
        rows = json.loads(text)
        return [(plain(str(row["role"])), blocks(str(row["content"]))) for row in rows]
    except (ValueError, TypeError, KeyError):
        return [("", [Block("", plain(text))])]


def blocks(text: str) -> list[Block]:
    """Split a prompt at its bracketed headings; text before the first has no name."""
    marks = list(_HEADING.finditer(text))
    head = text[: marks[0].start()] if marks else text
    found = [Block("", plain(head.strip("\n")))] if head.strip() else []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):
        found.append(Block(mark[1], plain(text[mark.end() : end].strip("\n"))))
    return found
