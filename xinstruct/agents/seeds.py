"""D_s1 and D_s2: which snippets become seed samples, and what a draft of one is (paper section 2.2).

A snippet is described: its function is the reference, and its cases check every answer. Or it inspires: a new problem
in its spirit, on whose results two languages must agree. Functions of middling difficulty are tried, few per package
and one per body. I-Generator and R-Generator, which write the samples, are in generators.py; cases are made in
cases.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from xinstruct.agents import cases as casework
from xinstruct.agents.cases import Probe
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.problem import Problem
from xinstruct.agents.tasks import Thread, declaration, header, supports
from xinstruct.agents.wording import Wording
from xinstruct.agents.writing import Brief
from xinstruct.code.shapes import shape
from xinstruct.code.statements import count_statements
from xinstruct.code.types import Case, Signature, TypeSyntaxError, cases_to_json
from xinstruct.files import BadInput
from xinstruct.languages import EIGHT
from xinstruct.languages.header import difficulty
from xinstruct.params import SeedParams
from xinstruct.records import Reason, Sample, Snippet, content_id

SIMPLE = {"int", "float", "bool", "string", "list"}


@dataclass
class Draft:
    """An unfinished seed of kind Ds1 or Ds2. A snippet that inspires has a brief, and no cases before its agreement."""

    snippet: Snippet
    kind: Literal["Ds1", "Ds2"]
    thread: Thread
    name: str
    signature: Signature
    cases: list[Case] = field(default_factory=list)
    brief: Brief | None = None
    problem: Problem | None = None
    style: str = ""
    proposals: tuple[tuple[Any, ...], ...] = ()
    response: str = ""
    mined: bool = False  # whether the response is the mined function itself
    wording: int = 0  # number of its wording among those that are tried
    reason: Reason | None = None
    detail: str = ""

    @staticmethod
    def of(probe: Probe, kind: Literal["Ds1", "Ds2"]) -> Draft:
        """Return a draft that describes a function with cases."""
        own = probe.snippet
        return Draft(own, kind, Thread("seed", own.id), own.name, probe.signature, list(probe.cases))

    @staticmethod
    def inspired(snippet: Snippet) -> Draft:
        """Return a draft of a new problem in a snippet's spirit."""
        brief = Brief.draw(snippet.id)
        return Draft(snippet, "Ds1", Thread("seed", snippet.id), "", brief.signature, brief=brief)

    @property
    def reference(self) -> str:
        """The mined function as it runs: helpers and definition."""
        return casework.standalone(self.snippet)

    def fail(self, reason: Reason | str, detail: str = "") -> None:
        """Record why it is dropped; the first reason stays."""
        if self.reason is None:
            self.reason, self.detail = Reason(reason), detail

    def reopen(self) -> None:
        """Take it up again; what it failed by stays in `detail` until it fails anew."""
        self.reason = None

    @property
    def mark(self) -> str:
        """What tells the requests of its wordings apart."""
        return f"-{self.wording}" if self.wording else ""

    def wordings(self, count: int) -> list[Draft]:
        """Return it in so many wordings to be tried; they share its thread."""
        return [replace(self, wording=number) for number in range(count)]

    def take(self, tried: Sequence[Draft]) -> None:
        """Become the first wording that holds up; else one that was answered otherwise, else the first."""
        best = min(
            tried, key=lambda d: (d.reason is not None, d.reason is not Reason.INSUFFICIENT_INSTRUCTION, d.wording)
        )
        for name in ("problem", "proposals", "style", "response", "mined", "cases", "wording", "reason", "detail"):
            setattr(self, name, getattr(best, name))

    def instruction(self, language: str = "", name: str = "", blind: bool = False) -> str:
        """Return the final text of the question; of another language and name for a witness.

        `blind`: without the example calls, which may tell what its words do not.
        """
        spoken, own = language or self.snippet.language, name or self.name
        if self.problem is None:
            raise ValueError(f"seed of {self.snippet.id} has no problem")
        # a mined function keeps its own native types; an answer of the teacher has the neutral ones spelled
        native = declaration(self.response, spoken, own, self.signature) if self.mined and not language else ""
        declared = native or header(spoken, own, self.signature).rstrip()
        worded = Wording(self.problem, self.style, spoken, own, declared, self.signature)
        return worded.instruction([] if blind else self.cases)

    def sample(self) -> Sample:
        """Return the record, before it is scored."""
        snippet, text = self.snippet, self.instruction()
        return Sample(
            id=content_id(self.kind, snippet.id, text, self.response),
            kind=self.kind,
            language=snippet.language,
            problem=self.problem.to_json() if self.problem else "",
            style=self.style,
            instruction=text,
            response=self.response,
            function=self.name,
            signature=self.signature.to_json(),
            cases=cases_to_json(self.cases),
            operation="inspire" if self.brief else "describe",
            parents=[snippet.id],
            snippets=[snippet.id],
            task_roots=[snippet.id],
            licenses=[snippet.license],
            verdict="passed",
            tokens_spent=self.thread.tokens,
        )


def screen(snippet: Snippet, min_statements: int = 0) -> tuple[Reason, str] | None:
    """Return why a snippet cannot be described at all, or None; with fewer statements it is trivial."""
    if not snippet.self_contained:
        return Reason.NOT_SELF_CONTAINED, "needs definitions of its package"
    if not snippet.signature:
        return Reason.NO_SIGNATURE, "types are not neutral"
    try:
        signature = Signature.from_json(snippet.signature)
    except TypeSyntaxError as error:
        raise BadInput(f"data/mine: snippet {snippet.id}: {error}; run dvc repro mine") from error
    if not signature.params or signature.returns.head == "none":
        return Reason.NO_SIGNATURE, "takes nothing or returns nothing"
    if not supports(snippet.language, snippet.name, signature):
        return Reason.UNSUPPORTED, f"{snippet.language} cannot express {signature}"
    if min_statements and (count := count_statements(snippet.language, snippet.code)) < min_statements:
        return Reason.TRIVIAL, f"{count} statement(s), fewer than {min_statements}"
    return None


def simplicity(snippet: Snippet) -> tuple[int, int, str]:
    """Sort key: scalars and lists before other types, then functions that are easy to carry over."""
    heads = Signature.from_json(snippet.signature).heads() if snippet.signature else set()
    return (len(heads - SIMPLE), difficulty(f"{snippet.helpers}\n{snippet.code}", snippet.name), snippet.id)


def queued(snippets: Sequence[Snippet], params: SeedParams) -> dict[str, list[Snippet]]:
    """Return the snippets to be tried by language, in order.

    Only those between two percentiles of difficulty, drawn in the order of a hash, or simplest first; at most
    per_package of a package, and one of each name and body.
    """
    low, high = params.difficulty_from, params.difficulty_to
    queues: dict[str, list[Snippet]] = {}
    for language in sorted({snippet.language for snippet in snippets}):
        own = sorted((s for s in snippets if s.language == language), key=simplicity)
        band = own[int(low * len(own)) : max(1, round(high * len(own)))]
        if params.order == "mixed":
            band.sort(key=lambda snippet: content_id("try", snippet.id))
        queues[language] = _one_each(band, params.per_package)
    return queues


def _one_each(snippets: Sequence[Snippet], per_package: int) -> list[Snippet]:
    """Leave out copies of a body, overloads of a name, and what a package has beyond its quota (0: none)."""
    seen: set[str] = set()
    packages: Counter[str] = Counter()
    kept: list[Snippet] = []
    for snippet in snippets:
        marks = {f"name {snippet.name.lower()}", f"body {shape(snippet.language, snippet.code)}"}
        if marks & seen or (per_package and packages[snippet.package] >= per_package):
            continue
        seen |= marks
        packages[snippet.package] += 1
        kept.append(snippet)
    return kept


def inspiring(snippets: Sequence[Snippet], params: SeedParams) -> list[Snippet]:
    """Return the snippets that shall inspire new problems, of any kind, also such as do not stand alone."""
    count = round(params.per_language * params.inspire_share)
    found: list[Snippet] = []
    for language in sorted({snippet.language for snippet in snippets}):
        own = sorted((s for s in snippets if s.language == language), key=lambda s: content_id("inspire", s.id))
        found += _one_each(own, params.per_package)[:count]
    return found


def try_snippets(
    snippets: Sequence[Snippet], judge: JudgeProtocol, params: SeedParams, languages: Sequence[str] = EIGHT
) -> Iterator[list[Probe]]:
    """Yield waves of probes with cases or a reason, over all languages, until each language has enough."""
    queues = queued(snippets, params)
    wanted, tries = params.per_language, params.tries_per_language
    good = dict.fromkeys(queues, 0)
    tried = dict.fromkeys(queues, 0)
    while True:
        wave: list[Snippet] = []
        for language, queue in sorted(queues.items()):
            missing = wanted - good[language]
            size = min(2 * missing, tries - tried[language], len(queue)) if missing > 0 else 0
            wave += queue[:size]
            del queue[:size]
            tried[language] += size
        if not wave:
            return
        probes = [casework.probe(snippet, params.cases, languages) for snippet in wave]
        casework.find_cases(probes, judge, params.mutants, params.kill_share)
        for probe in probes:
            good[probe.snippet.language] += probe.reason is None
        yield probes


def assign(probes: Sequence[Probe], share: float, seed: int) -> list[Draft]:
    """Partition snippets into D_s1 and D_s2 by a stable draw per language."""
    drafts = []
    for language in sorted({p.snippet.language for p in probes}):
        own = [p for p in probes if p.snippet.language == language]
        own.sort(key=lambda p: content_id(str(seed), "partition", p.snippet.id))
        first = round(share * len(own))
        drafts += [Draft.of(p, "Ds1" if i < first else "Ds2") for i, p in enumerate(own)]
    return drafts
