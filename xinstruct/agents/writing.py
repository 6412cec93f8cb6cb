"""How a teacher is asked for a problem, and how its answer is read: five forms, from one sentence to a whole problem.

sentence: one sentence by which a weak teacher names a known behaviour. restate: a known behaviour in a problem's full
form. rule: one more rule for a problem that works. new: a new problem whose category, difficulty and signature are
drawn here. own: a new problem with the teacher's own signature. All but the first are JSON, to which an engine with a
grammar is held.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from xinstruct.agents.prefill import as_asked, continuation
from xinstruct.agents.problem import (
    NoProblem,
    Problem,
    Written,
    parse_type,
    proposals,
    read_rule,
    read_written,
    schema_problem,
    schema_rule,
)
from xinstruct.agents.sentences import further
from xinstruct.agents.tasks import call_failure, request_seed
from xinstruct.agents.wording import instruction_start
from xinstruct.code.lexical import split_arguments
from xinstruct.code.types import Parameter, Signature
from xinstruct.languages import EIGHT, get
from xinstruct.llm.calls import Answer, Request, kind_of
from xinstruct.prompts import render, table, user
from xinstruct.records import Reason, content_id

Name = Literal["sentence", "restate", "rule", "new", "own"]
DATA_FILES = ("../prompts/form_*.j2", "../prompts/categories.yaml")

DECIDES = "Where this differs from what stands above, it decides."  # a rule added to a problem changes a result
_FAILURES = {"length": Reason.TRUNCATED, "thinking": Reason.TRUNCATED, "schema": Reason.BAD_FORMAT}
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_REFUSAL = re.compile(r"\b(?:I['\u2019]?m sorry|I am sorry|as an AI\b|I can(?:not|['\u2019]t) (?:assist|help))", re.I)
_LANGUAGE = re.compile(
    rf"(?<!\w)(?:{'|'.join(re.escape(get(name).title) for name in EIGHT)}) (function|program|method|script)\b"
)
_TYPES = {  # what one language calls them: what all understand
    r"`?\b(?:CharSequence|std::string|NSString)\b`?": "string",
    r"`?\bstd::vector\b`?|\bvector(?= of\b)": "list",
}
_NAMED = re.compile(r"\b(function) [`'\"]\w+(?:\(\))?[`'\"]", re.I)


@dataclass(frozen=True)
class Brief:
    """What a new problem is about: drawn, so that variety does not depend on the teacher."""

    category: str
    difficulty: str
    words: str  # what the difficulty means
    signature: Signature

    @staticmethod
    def draw(ident: str, unlike: Signature | None = None) -> Brief:
        """Draw category, difficulty and signature from an id; the types are not those of `unlike`."""
        rng, spec = random.Random(int(content_id("brief", ident), 16)), table("categories")
        category = rng.choice(sorted(spec["categories"]))
        levels = spec["difficulties"]
        level = rng.choices(list(levels), [row["weight"] for row in levels.values()])[0]
        own = [_signature(text) for text in spec["categories"][category]]
        others = [found for found in own if unlike is None or found.types != unlike.types]
        return Brief(category, level, levels[level]["words"], rng.choice(others or own))


def draw_rule(ident: str, signature: Signature, sides: Collection[str] = ("takes", "returns")) -> str:
    """Draw from an id what an added rule says: of what goes in ("takes"), or of what comes out ("returns")."""
    rng, spec = random.Random(int(content_id("rule", ident), 16)), table("categories")["rules"]
    words = {"k": rng.choice(spec["numbers"])}
    known: dict[str, Any] = {"takes": spec["takes"], "returns": spec["returns"]}
    found = [row.format(p=p.name, **words) for p in signature.params for row in known["takes"].get(str(p.type), ())]
    found = found if "takes" in sides else []
    if "returns" in sides:
        found += [row.format(**words) for row in known["returns"].get(str(signature.returns), ())]
    return str(rng.choice(found)) if found else f"one of your own, about {rng.choice(spec['general'])}"


def _signature(text: str) -> Signature:
    inner, returns = text.strip().removeprefix("(").rsplit(") -> ", 1)
    fields = (part.split(":", 1) for part in split_arguments(inner))
    return Signature(tuple(Parameter(name.strip(), parse_type(kind)) for name, kind in fields), parse_type(returns))


@dataclass(frozen=True)
class Form:
    """One way of asking for a problem. `signature` is the base's or the drawn one, `base` what a rule is added to."""

    name: Name
    language: str
    function: str
    signature: Signature
    tokens: int  # of an answer at most
    base: Problem | None = None
    brief: Brief | None = None
    rule: str = ""  # what an added rule says, or is about
    calls: bool = True  # of restate: whether calls that show the behaviour are asked for, too

    @property
    def closing(self) -> str:
        """The last words of the prompt: what to answer, and how."""
        start = instruction_start(self.language, self.function)
        words = {"title": get(self.language).title, "name": self.function, "signature": self.signature, "start": start}
        return render(f"form_{self.name}", brief=self.brief, rule=self.rule, calls=self.calls, **words)

    def request(
        self, ident: str, text: str, temperature: float, seed: int, prefill: bool, top_p: float = 1.0
    ) -> Request:
        """Return the request for a problem, held to the form's schema if it has one."""
        request = Request(
            id=ident,
            messages=(user(text),),
            max_tokens=self.tokens,
            temperature=temperature,
            top_p=top_p,
            seed=request_seed(seed, ident),
        )
        if self.name != "sentence":
            return replace(request, schema=self.schema)
        start = instruction_start(self.language, self.function)
        return as_asked(replace(request, prefill=start, stop=("\n", "```")), prefill)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the answer."""
        if self.name == "rule":
            return schema_rule(self.signature)
        form = "restate" if self.name == "sentence" else self.name
        return schema_problem(self.signature, form, calls=self.calls or form != "restate")

    def read(self, reply: Answer, prefill: bool) -> Written:
        """Return the problem that an answer states. Raises Unwritten with the reason when it states none."""
        if reply.error:
            raise Unwritten(_FAILURES.get(kind_of(reply.error), call_failure(reply.error)), reply.error)
        if _REFUSAL.search(reply.text):
            raise Unwritten(Reason.BAD_FORMAT, f"refused: {reply.text!r:.200}")
        try:
            return self._read(reply, prefill)
        except NoProblem as error:
            cut = reply.finish_reason == "length"
            raise Unwritten(Reason.TRUNCATED if cut else Reason.BAD_FORMAT, f"{error}: {reply.text!r:.200}") from error

    def _read(self, reply: Answer, prefill: bool) -> Written:
        if self.name == "sentence":
            return Written(Problem(self._sentence(reply, prefill)), signature=self.signature)
        if self.name == "rule":
            base = self.base or Problem("")
            given = proposals(_calls(reply.text), self.signature)
            rule = neutral(read_rule(reply.text))
            if rule not in further(base.text, [*base.rules, rule]):
                raise Unwritten(Reason.TOO_SIMILAR, f"the problem says already: {rule}")
            return Written(base.with_rule(f"{rule} {DECIDES}"), given, signature=self.signature)
        named = self.function if self.name == "restate" else ""
        found = read_written(reply.text, None if self.name == "own" else self.signature, named)
        about = self.brief or Brief("", "", "", self.signature)
        rules = tuple(neutral(rule) for rule in found.problem.rules)
        words = Problem(neutral(found.problem.text), rules, about.category, about.difficulty)
        return replace(found, problem=words)

    def _sentence(self, reply: Answer, prefill: bool) -> str:
        """Return the text's first line; one that was cut ends with its last full sentence."""
        start = instruction_start(self.language, self.function)
        line = continuation(reply.text, start, prefill).strip().split("\n", 1)[0].split("```")[0]
        if reply.finish_reason == "length":
            ends = [match.end() for match in _SENTENCE_END.finditer(line)]
            line = line[: ends[-1]] if ends else ""
        words = " ".join(line.split()).rstrip(" .,:;")
        if not re.search(r"\w", words):
            cut = reply.finish_reason == "length"
            raise Unwritten(Reason.TRUNCATED if cut else Reason.EMPTY_ANSWER, f"no sentence: {reply.text!r:.200}")
        if other := next((m.group() for m in _LANGUAGE.finditer(words) if not self._own(m.group())), ""):
            raise Unwritten(Reason.WRONG_LANGUAGE, f"asks for a {other}: {words}")
        return words + "."

    def _own(self, words: str) -> bool:
        return words.startswith(f"{get(self.language).title} ")


class Unwritten(Exception):
    """A teacher's answer states no problem; `reason` and `detail` say why."""

    def __init__(self, reason: Reason | str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = Reason(reason), detail


def neutral(text: str) -> str:
    """Return a problem's text without language and name of the function: it goes to languages that spell it apart."""
    words = _NAMED.sub(r"\1", _LANGUAGE.sub(r"\1", text))
    for pattern, general in _TYPES.items():
        words = re.sub(pattern, general, words)
    return words


def _calls(text: str) -> Any:
    return json.loads(text[text.find("{") : text.rfind("}") + 1]).get("calls")
