"""D_s1 and D_s2: seed samples from mined snippets (paper section 2.2).

The I-Generator writes instructions, the R-Generator writes responses. D_s1 runs I then R, D_s2 runs R then I.
Snippets are tried simplest first until a language has enough; those that run become samples, which the
Scorer rates. Their cases are made in cases.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xinstruct.agents import cases as casework
from xinstruct.agents.answers import Task, Tries, answer, generation
from xinstruct.agents.cases import JudgeProtocol, Probe
from xinstruct.agents.examples import solutions
from xinstruct.agents.prefill import as_asked, continuation, uses_prefill
from xinstruct.agents.tasks import (
    Thread,
    call_failure,
    declaration,
    first_sentence,
    header,
    instruction,
    instruction_start,
    request_seed,
    supports,
)
from xinstruct.code.types import Signature, TypeSyntaxError, cases_to_json
from xinstruct.files import BadInput
from xinstruct.languages import get
from xinstruct.languages.header import difficulty
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SeedParams
from xinstruct.prompts import render, user
from xinstruct.records import Reason, Sample, Snippet, content_id

SIMPLE = {"int", "float", "bool", "string", "list"}
DOC_CHARS, CODE_CHARS = 600, 1500


@dataclass
class Draft:
    """An unfinished seed of kind Ds1 or Ds2."""

    probe: Probe
    kind: str
    thread: Thread
    sentence: str = ""
    response: str = ""
    reason: Reason | None = None
    detail: str = ""

    @property
    def snippet(self) -> Snippet:
        """The snippet that it is made from."""
        return self.probe.snippet

    def fail(self, reason: Reason | str, detail: str = "") -> None:
        """Record why it is dropped; the first reason stays."""
        if self.reason is None:
            self.reason, self.detail = Reason(reason), detail

    def instruction(self) -> str:
        """Return the final text of the question."""
        snippet, signature = self.snippet, self.probe.signature
        # a mined function keeps its own native types; an answer of the teacher has the neutral ones spelled
        declared = declaration(self.response, snippet.language, snippet.name, signature)
        words = f"{instruction_start(snippet.language, snippet.name)} {self.sentence}"
        return instruction(words, snippet.language, snippet.name, declared, signature, self.probe.cases)

    def sample(self) -> Sample:
        """Return the record, before it is scored."""
        snippet, text = self.snippet, self.instruction()
        return Sample(
            id=content_id(self.kind, snippet.id, text, self.response),
            kind=self.kind,
            language=snippet.language,
            instruction=text,
            response=self.response,
            function=snippet.name,
            signature=self.probe.signature.to_json(),
            cases=cases_to_json(self.probe.cases),
            parents=[snippet.id],
            snippets=[snippet.id],
            task_roots=[snippet.id],
            licenses=[snippet.license],
            verdict="passed",
            tokens_spent=self.thread.tokens,
        )


def screen(snippet: Snippet) -> tuple[Reason, str] | None:
    """Return why a snippet cannot be tried at all, or None."""
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
    return None


def simplicity(snippet: Snippet) -> tuple[int, int, str]:
    """Sort key: scalars and lists before other types, then functions that are easy to translate."""
    heads = Signature.from_json(snippet.signature).heads()
    return (len(heads - SIMPLE), difficulty(f"{snippet.helpers}\n{snippet.code}", snippet.name), snippet.id)


def namesakes_last(snippets: Sequence[Snippet]) -> list[Snippet]:
    """Keep the order, but put overloads and copies of a name behind the first function of every name."""
    seen: Counter[tuple[str, str]] = Counter()
    turns: list[tuple[int, Snippet]] = []
    for snippet in snippets:
        turns.append((seen[snippet.language, snippet.name.lower()], snippet))
        seen[snippet.language, snippet.name.lower()] += 1
    return [snippet for _, snippet in sorted(turns, key=lambda turn: turn[0])]


def try_snippets(snippets: Sequence[Snippet], judge: JudgeProtocol, params: SeedParams) -> Iterator[list[Probe]]:
    """Yield waves of probes with cases or a reason, over all languages, until each language has enough."""
    queues: dict[str, list[Snippet]] = {}
    for snippet in namesakes_last(sorted(snippets, key=simplicity)):
        queues.setdefault(snippet.language, []).append(snippet)
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
        probes = [casework.probe(snippet, params.cases) for snippet in wave]
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
        drafts += [Draft(p, "Ds1" if i < first else "Ds2", Thread("seed", p.snippet.id)) for i, p in enumerate(own)]
    return drafts


class IGenerator:
    """Writes instructions from a snippet's documentation (D_s1) or from a response's code (D_s2)."""

    def __init__(self, params: SeedParams, seed: int) -> None:
        self.params, self.seed = params, seed

    def request(self, draft: Draft, source: str) -> Request:
        """Return the prompt for one sentence, with its first words as the prefill."""
        snippet = draft.snippet
        language = get(snippet.language)
        text = render(
            "igenerator",
            source=source,
            context=self.params.context,
            package=snippet.package,
            scope=snippet.scope,
            title=language.title,
            fence=language.fence,
            name=snippet.name,
            signature=draft.probe.signature,
            doc=snippet.doc.strip()[:DOC_CHARS],
            code=draft.response.strip()[:CODE_CHARS],
        )
        ident = f"{snippet.id}-instruction"
        request = Request(
            id=ident,
            messages=(user(text),),
            prefill=instruction_start(snippet.language, snippet.name),
            max_tokens=self.params.instruction_tokens,
            temperature=self.params.instruction_temperature,
            stop=("\n", "```"),
            seed=request_seed(self.seed, ident),
        )
        return as_asked(request, uses_prefill(self.params))

    def write(self, drafts: Sequence[Draft], teacher: ChatModel, source: str) -> None:
        """Fill in each draft's sentence, or its reason. `source` is doc or code."""
        requests = [self.request(draft, source) for draft in drafts]
        answers = teacher.ask(requests, f"instructions from {source}") if requests else []
        for draft, request, reply in zip(drafts, requests, answers, strict=True):
            draft.thread.prompt(request, agent="I-Generator", language=draft.snippet.language)
            draft.thread.answer(reply, agent="I-Generator", language=draft.snippet.language)
            self._take(draft, reply)

    def _take(self, draft: Draft, reply: Answer) -> None:
        if reply.error:
            return draft.fail(call_failure(reply.error), reply.error)
        start, prefill = instruction_start(draft.snippet.language, draft.snippet.name), uses_prefill(self.params)
        draft.sentence = first_sentence(continuation(reply.text, start, prefill))
        if not draft.sentence:
            draft.fail(Reason.EMPTY_ANSWER, "the instruction is empty")
        return None


class RGenerator:
    """Supplies responses: the mined function itself, or the teacher's answer checked by the cases."""

    def __init__(self, params: SeedParams, seed: int) -> None:
        self.params, self.seed = params, seed

    def write(self, drafts: Sequence[Draft], teacher: ChatModel, judge: JudgeProtocol) -> None:
        """Fill in each draft's response, or its reason."""
        if self.params.response == "function":
            for draft in drafts:
                draft.response = draft.probe.code
                draft.thread.add("answer", draft.response, agent="R-Generator", language=draft.snippet.language)
            return
        tasks = [self._task(draft) for draft in drafts]
        own, all_at_once = self.params, self.params.candidates
        asked = Tries(own.candidates, all_at_once, 0, own.max_tokens, own.temperature, uses_prefill(own))
        answer(tasks, teacher, judge, asked, self.seed)
        for draft, task in zip(drafts, tasks, strict=True):
            if task.best:
                draft.response = task.best.code
            else:
                draft.fail(*task.failure)

    def _task(self, draft: Draft) -> Task:
        """Return the task of a draft: D_s1 answers its instruction; D_s2 has none yet and answers the documentation."""
        snippet, signature = draft.snippet, draft.probe.signature
        sentence = draft.sentence or first_sentence(snippet.doc)
        words = f"{instruction_start(snippet.language, snippet.name)} {sentence}" if draft.sentence else sentence
        declared = header(snippet.language, snippet.name, signature).rstrip()
        text = instruction(words, snippet.language, snippet.name, declared, signature, draft.probe.cases)
        return Task(
            id=f"{snippet.id}-response",
            language=snippet.language,
            name=snippet.name,
            signature=signature,
            question=generation(text, snippet.language),
            cases=tuple(draft.probe.cases),
            thread=draft.thread,
            examples=list(solutions(snippet.language, self.params.examples)),
        )


def generate(drafts: Sequence[Draft], teacher: ChatModel, judge: JudgeProtocol, params: SeedParams, seed: int) -> None:
    """Run I then R for D_s1 and R then I for D_s2; every draft gets its sentence and response, or a reason."""
    writer, responder = IGenerator(params, seed), RGenerator(params, seed)
    first = [d for d in drafts if d.kind == "Ds1"]
    second = [d for d in drafts if d.kind == "Ds2"]
    writer.write(first, teacher, "doc")
    responder.write([d for d in first if d.reason is None], teacher, judge)
    responder.write(second, teacher, judge)
    writer.write([d for d in second if d.reason is None], teacher, "code")
