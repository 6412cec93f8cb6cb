"""Discussions turn by turn: which to show, and each turn as a reader follows it.

A thread's turns stand in the transcript by step. Prompts are shown block by block under the headings
they were written with ([Memory], [Reflection], [Communication], [Created Prompt], ...).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field

from xinstruct.records import Rejection, Sample, Turn
from xinstruct.reporting.examples import SampleView, sample_view
from xinstruct.reporting.funnel import title
from xinstruct.reporting.load import Run
from xinstruct.reporting.tables import listed, plain

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
}


@dataclass
class Block:
    """One named block of a prompt."""

    name: str
    text: str


@dataclass
class Step:
    """One turn as shown."""

    kind: str
    label: str
    facts: list[str]
    text: str = ""
    messages: list[tuple[str, list[Block]]] = field(default_factory=list)


@dataclass
class Thread:
    """One discussion: what came of it and every turn of it."""

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
    """Up to `count` discussions: successes over languages and topologies, and one that failed."""
    candidates = _candidates(run)
    good = sorted((c for c in candidates if c.sample), key=lambda c: (not c.verified, c.ident))
    bad = [c for c in candidates if not c.sample]
    failed = bad[:1] if count > 1 or not good else []
    chosen = _varied(good, max(0, count - len(failed))) + failed
    chosen += bad[1:][: max(0, count - len(chosen))]
    return [_thread(candidate) for candidate in chosen[:count]]


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
    threads: dict[str, list[Turn]] = defaultdict(list)
    for turn in run.turns("synthesize"):
        threads[turn.thread].append(turn)
    samples = {sample.id: sample for sample in run.samples("synthesize")}
    verified = {sample.id for sample in run.samples("filter")}
    failures = {row.id: row for row in run.rejected("synthesize")}
    return [_candidate(ident, threads[ident], samples, verified, failures) for ident in sorted(threads)]


def _candidate(
    ident: str, turns: list[Turn], samples: dict[str, Sample], verified: set[str], failures: dict[str, Rejection]
) -> _Candidate:
    turns = sorted(turns, key=lambda turn: (turn.step, turn.id))
    names = [ident, *(turn.sample for turn in reversed(turns) if turn.sample)]
    sample = next((samples[name] for name in names if name in samples), None)
    failure = None if sample else next((failures[name] for name in names if name in failures), None)
    record = json.loads(failure.record) if failure and failure.record else {}
    spoken = next((turn.language for turn in reversed(turns) if turn.language), "")
    language = sample.language if sample else (failure.language if failure and failure.language else spoken)
    topology = sample.topology if sample else str(record.get("topology", ""))
    return _Candidate(ident, turns, sample, bool(sample and sample.id in verified), failure, language, topology)


def _thread(candidate: _Candidate) -> Thread:
    sample = candidate.sample
    speakers = sorted(
        {f"{turn.agent} ({title(turn.language)})" for turn in candidate.turns if turn.agent and turn.language}
    )
    facts = [f"thread {candidate.ident}", candidate.topology or "topology not recorded"]
    if sample:
        facts += [sample.operation or "operation not recorded", f"from {title(sample.source_language)}"]
        facts += [f"{sample.tokens_spent:,} tokens spent on answers"]
    if speakers:
        facts.append(f"agents {listed(speakers)}")
    return Thread(
        heading=f"{candidate.topology.capitalize() or 'Discussion'}, for {title(candidate.language)}",
        facts=[plain(fact) for fact in facts],
        outcome=_outcome(candidate),
        succeeded=sample is not None,
        steps=[step(turn) for turn in candidate.turns],
        sample=sample_view(sample) if sample else None,
    )


def _outcome(candidate: _Candidate) -> str:
    if candidate.sample:
        after = "verified again by the filter" if candidate.verified else "not among the verified in the end"
        return f"A new sample, {after}."
    if candidate.failure:
        detail = plain(candidate.failure.detail, 400)
        return f"Failed: {candidate.failure.reason}{': ' + detail if detail else ''}."
    return "Failed: no sample and no recorded rejection names this discussion."


def step(turn: Turn) -> Step:
    """A turn as shown: who, what kind, its text, its prompt by blocks."""
    facts = [f"round {turn.round}"] if turn.round else []
    facts += [fact for fact in (turn.agent, title(turn.language) if turn.language else "") if fact]
    if turn.kind in ("score", "insert", "refusal", "eviction", "verdict") and turn.value:
        facts.append(f"{turn.value:.2f}")
    if turn.completion_tokens:
        facts.append(f"{turn.completion_tokens:,} tokens")
    label = LABELS.get(turn.kind, turn.kind)
    return Step(turn.kind, label, [plain(fact) for fact in facts], plain(turn.text), messages(turn.messages))


def messages(text: str) -> list[tuple[str, list[Block]]]:
    """The messages of a prompt: (role, its blocks). Text that is no JSON list is one block."""
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
