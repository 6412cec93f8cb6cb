"""Examples that the page shows in full: mined snippets, seeds, preference pairs, chosen by rule and not by hand.

The choice spreads over languages, kinds and verdicts and is the same for the same records.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from xinstruct.records import Pair, Sample, Snippet, content_id
from xinstruct.reporting.funnel import title
from xinstruct.reporting.load import Run
from xinstruct.reporting.tables import Table, cell, plain

T = TypeVar("T")


def spread(items: Iterable[T], key: Callable[[T], str], count: int) -> list[T]:
    """Return up to `count` items, one of each key in turn, in the order of the keys and of the items."""
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    chosen: list[T] = []
    depth = 0
    while len(chosen) < count and any(len(group) > depth for group in groups.values()):
        chosen += [groups[name][depth] for name in sorted(groups) if len(groups[name]) > depth]
        depth += 1
    return chosen[:count]


_READABLE = 60  # tokens from which a snippet shows something


@dataclass
class CodeView:
    """A piece of code with its facts, as the page shows it."""

    heading: str
    facts: list[str]
    code: str
    doc: str = ""


def snippets(run: Run, count: int = 10) -> list[CodeView]:
    """Return mined snippets with provenance, short readable ones first, each language in turn."""
    ordered = sorted(run.snippets(), key=lambda s: (not s.self_contained, s.tokens < _READABLE, s.tokens, s.id))
    return [_snippet(row) for row in spread(ordered, lambda s: s.language, count)]


def _snippet(row: Snippet) -> CodeView:
    place = f"{row.path}, lines {row.start_line} to {row.end_line}"
    facts = [f"{row.package} {row.version} ({row.source})", place, row.license, f"{row.tokens} tokens"]
    facts += [row.url, f"sha256 {row.archive_sha256[:12]}…"]
    facts += [f"copyright {row.holder}"] if row.holder else []
    code = f"{row.helpers}\n\n{row.code}" if row.helpers.strip() else row.code
    return CodeView(
        f"{title(row.language)} · {plain(row.name)}", [plain(f) for f in facts], plain(code), plain(row.doc)
    )


@dataclass
class SampleView:
    """An instruction sample with its cases and scores."""

    heading: str
    facts: list[str]
    instruction: str
    response: str
    cases: Table
    scores: Table
    parents: list[str]


def seeds(run: Run, per_kind: int = 2) -> list[SampleView]:
    """Return seeds of D_s1 and D_s2, best scored first, of different languages."""
    ordered = sorted(run.samples("seed"), key=lambda s: (-s.score, s.id))
    both = [spread((s for s in ordered if s.kind == kind), lambda s: s.language, per_kind) for kind in ("Ds1", "Ds2")]
    return [sample_view(sample) for group in both for sample in group]


def drawn(run: Run, count: int = 10) -> list[SampleView]:
    """Return samples that the filter kept, drawn at random by their ids, so that nobody picks the good ones."""
    ordered = sorted(run.samples("filter"), key=lambda sample: content_id("drawn", sample.id))
    return [sample_view(sample) for sample in ordered[:count]]


def sample_view(row: Sample) -> SampleView:
    """Return a sample as the page shows it: question, answer, cases and scores."""
    facts = [f"id {row.id}", f"function {row.function}", signature_text(row.signature)]
    facts += [" · ".join(filter(None, (row.task, row.operation, row.style)))]
    facts += [row.rated, f"licences {', '.join(row.licenses) or 'not recorded'}"]
    return SampleView(
        heading=f"{row.kind.replace('Ds', 'D_s')} · {title(row.language)}",
        facts=[plain(fact) for fact in facts],
        instruction=plain(row.instruction),
        response=plain(row.response),
        cases=cases_table(row.cases),
        scores=scores_table(row.scores),
        parents=row.parents,
    )


def signature_text(text: str) -> str:
    """Return a signature in readable form: (text: string) -> int."""
    raw = _parse(text)
    if not isinstance(raw, dict):
        return text or "no signature"
    params = ", ".join(f"{p.get('name')}: {p.get('type')}" for p in raw.get("params", []))
    return f"({params}) -> {raw.get('returns')}"


def cases_table(text: str, limit: int = 8) -> Table:
    """Return arguments and expected values of a sample's cases."""
    cases = _parse(text)
    table = Table(["Arguments", "Expected, from running code"], empty="No cases.")
    for case in cases[:limit] if isinstance(cases, list) else []:
        args = ", ".join(_short(arg) for arg in case.get("args", []))
        table.add([cell(args), cell(_short(case.get("expected")))])
    if isinstance(cases, list) and len(cases) > limit:
        table.notes.append(f"{len(cases) - limit} more cases.")
    return table


def scores_table(text: str) -> Table:
    """Return the scorer's ratings by aspect."""
    table = Table(["Aspect", "Score", "Reason"], empty="Not scored.")
    rows = _parse(text)
    for row in rows if isinstance(rows, list) else []:
        table.add([str(row.get("expert", "")), str(row.get("score", "")), plain(str(row.get("reason", "")), 600)])
    return table


def _short(value: Any) -> str:
    return plain(json.dumps(value, ensure_ascii=False), 200)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


@dataclass
class PairView:
    """A preference pair side by side."""

    heading: str
    prompt: str
    chosen: str
    rejected: str
    chosen_verdict: str
    rejected_verdict: str


def pairs(run: Run, count: int = 2) -> list[PairView]:
    """Return preference pairs that fail in different ways."""
    ordered = sorted(run.pairs(), key=lambda p: (len(p.prompt) + len(p.rejected), p.id))
    return [_pair(row) for row in spread(ordered, lambda p: p.rejected_verdict, count)]


def _pair(row: Pair) -> PairView:
    return PairView(
        heading=f"{title(row.language)} · {row.id}",
        prompt=plain(row.prompt),
        chosen=plain(row.chosen),
        rejected=plain(row.rejected),
        chosen_verdict=row.chosen_verdict,
        rejected_verdict=row.rejected_verdict,
    )
