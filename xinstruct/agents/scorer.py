"""The Scorer rates nine aspects of a question and its answer, from 1.0 (very bad) to 5.0 (very good) or N/A.

The rating has two forms. ``json`` is the paper's JSON list of {expert, score, reason}, requested with a schema
and repaired once. ``lines`` is one line per aspect, with the first one prefilled, for models too weak for
JSON. The total is the weighted mean s = sum(w_i s_i) / sum(w_i) over the aspects that got a number. An
answer in neither form is no rating: the caller rejects and counts it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xinstruct.agents.tasks import Thread, request_seed
from xinstruct.files import BadInput
from xinstruct.languages import get
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request
from xinstruct.params import ScorerParams, nearest
from xinstruct.prompts import assistant, render, system, table, user
from xinstruct.records import Sample

ASPECTS: tuple[str, ...] = tuple(table("scorer")["aspects"])
LOW, HIGH = 1.0, 5.0
_LINE = re.compile(
    r"^[^a-z\n]*([a-z][a-z -]+?)[^\w\n]*[:=][ \t*]*(n/?a\b|\d+(?:\.\d+)?)(?:[ \t]*/[ \t]*5)?[ \t(:,.*-]*([^)\n]*)",
    re.I | re.M,
)


@dataclass(frozen=True)
class Score:
    """The rating of one aspect; the value None stands for N/A."""

    expert: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Rating:
    """All aspects of one sample and their weighted total, or the `problem` that prevented a rating."""

    scores: tuple[Score, ...] = ()
    total: float = 0.0
    problem: str = ""

    def to_json(self) -> str:
        """Return the paper's list of {expert, score, reason}."""
        rows = [
            {"expert": s.expert, "score": "N/A" if s.value is None else s.value, "reason": s.reason}
            for s in self.scores
        ]
        return json.dumps(rows, ensure_ascii=False)


class FormatError(ValueError):
    """The scorer's answer is not a rating."""


def parse_json(text: str) -> list[Score]:
    """Parse the paper's JSON list, fenced or not. Raises FormatError."""
    start, end = text.find("["), text.rfind("]")
    try:
        rows = json.loads(text[start : end + 1]) if 0 <= start < end else None
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error}") from error
    if not isinstance(rows, list):
        raise FormatError("no JSON list")
    return _known([row for row in rows if isinstance(row, dict)], "expert", "score", "reason")


def parse_lines(text: str) -> list[Score]:
    """Parse lines of the form ``aspect: 4.0 (reason)``. Raises FormatError."""
    rows = [{"expert": m[1], "score": m[2], "reason": m[3].strip()} for m in _LINE.finditer(text)]
    return _known(rows, "expert", "score", "reason")


def _known(rows: list[dict[str, Any]], *keys: str) -> list[Score]:
    """Return the first rating of each known aspect in the paper's order; everything else is ignored."""
    found: dict[str, Score] = {}
    for row in rows:
        name, raw, reason = (row.get(key, "") for key in keys)
        aspect = " ".join(str(name).lower().split())
        if aspect in ASPECTS and aspect not in found:
            found[aspect] = Score(aspect, _value(raw), str(reason)[:200])
    if not any(score.value is not None for score in found.values()):
        raise FormatError("no aspect with a number")
    return [found[aspect] for aspect in ASPECTS if aspect in found]


def _value(raw: Any) -> float | None:
    if isinstance(raw, str) and raw.lower().replace("/", "") == "na":
        return None
    try:
        number = float(raw)
    except (TypeError, ValueError):
        raise FormatError(f"score {raw!r} is no number") from None
    if not LOW <= number <= HIGH:
        raise FormatError(f"score {number} is not within {LOW} to {HIGH}")
    return number


def check_aspects(params: ScorerParams) -> None:
    """Raise BadInput for a weight of an unknown aspect."""
    for name in params.weights:
        if name not in ASPECTS:
            raise BadInput(f"params.yaml: scorer.weights.{name} is no aspect; {nearest(name, list(ASPECTS))}")


class Scorer:
    """Rates samples in one batch. The weight of an aspect is 1 unless `params.weights` sets it.

    `prefill` tells whether the first words of the form `lines` are written for the model.
    """

    def __init__(self, params: ScorerParams, seed: int, prefill: bool = True) -> None:
        self.form = params.form
        self.cutoff = params.cutoff
        self.reasons = params.reasons
        self.max_tokens = 200 if self.reasons else 90
        self.weights = dict.fromkeys(ASPECTS, 1.0) | params.weights
        self.seed, self.prefill = seed, prefill
        check_aspects(params)

    def rate(self, samples: Sequence[Sample], teacher: ChatModel, threads: Sequence[Thread]) -> list[Rating]:
        """Return one rating per sample, in order. Prompts, answers and totals are written to the threads."""
        requests = [self.request(sample) for sample in samples]
        answers = teacher.ask(requests, "scoring") if requests else []
        ratings = [self._rating(answer) for answer in answers]
        for thread, request, answer in zip(threads, requests, answers, strict=True):
            thread.prompt(request, agent="scorer")
            thread.answer(answer, agent="scorer")
        if self.form == "json":
            self._repair(requests, answers, ratings, teacher, threads)
        for sample, rating, thread in zip(samples, ratings, threads, strict=True):
            text = rating.problem or rating.to_json()
            thread.add("score", text, agent="scorer", sample=sample.id, value=rating.total)
        return ratings

    def request(self, sample: Sample) -> Request:
        """Return the scorer's prompt for one sample."""
        spec = table("scorer")
        role = system(render("scorer_role", scale=spec["scale"], form=self.form, aspects=spec["aspects"]))
        shown: list[dict[str, str]] = [role]
        extra: dict[str, Any] = {"schema": answer_schema(), "max_tokens": max(self.max_tokens, 700)}
        if self.form == "lines":
            for example in spec["examples"]:
                shown.append(user(self._question(example["instruction"], example["language"], example["code"])))
                shown.append(assistant(render("scorer_lines", scores=example["scores"], reasons=self.reasons)))
            extra = {"max_tokens": self.max_tokens}
            if self.prefill:
                extra |= {"prefill": f"{ASPECTS[0]}:", "stop": ("\n\n", "```")}
        answered = "" if sample.task == "explanation" else sample.language
        shown.append(user(self._question(sample.instruction, answered, sample.response)))
        ident = f"score-{sample.id}"
        return Request(id=ident, messages=tuple(shown), seed=request_seed(self.seed, ident), **extra)

    def _question(self, instruction: str, language: str, code: str) -> str:
        fence = get(language).fence if language else "text"
        return render(
            "scorer_question",
            instruction=instruction,
            code=code.strip(),
            fence=fence,
            form=self.form,
            reasons=self.reasons,
        )

    def _rating(self, answer: Answer) -> Rating:
        if answer.error:
            return Rating(problem=answer.error)
        try:
            lines = self.form == "lines"
            start = f"{ASPECTS[0]}:" if self.prefill else ""
            scores = parse_lines(f"{start}{answer.text}") if lines else parse_json(answer.text)
        except FormatError as error:
            return Rating(problem=str(error))
        return Rating(tuple(scores), self.total(scores))

    def total(self, scores: Sequence[Score]) -> float:
        """Return the weighted mean over aspects with a number; 0 when all their weights are 0."""
        rated = [(self.weights[s.expert], s.value) for s in scores if s.value is not None]
        weight = sum(w for w, _ in rated)
        return round(sum(w * v for w, v in rated) / weight, 4) if weight else 0.0

    def _repair(
        self,
        requests: list[Request],
        answers: list[Answer],
        ratings: list[Rating],
        teacher: ChatModel,
        threads: Sequence[Thread],
    ) -> None:
        """Ask once more where the JSON was unusable, showing what was wrong with it."""
        broken = [i for i, rating in enumerate(ratings) if rating.problem and not answers[i].error]
        again = [self._repair_request(requests[i], answers[i], ratings[i]) for i in broken]
        replies = teacher.ask(again, "scoring again") if again else []
        for i, request, reply in zip(broken, again, replies, strict=True):
            threads[i].prompt(request, agent="scorer")
            threads[i].answer(reply, agent="scorer")
            ratings[i] = self._rating(reply)

    def _repair_request(self, request: Request, answer: Answer, rating: Rating) -> Request:
        problem = render("scorer_repair", problem=rating.problem, count=len(ASPECTS))
        messages = (*request.messages, assistant(answer.text or "-"), user(problem))
        return replace(request, id=f"{request.id}-again", messages=messages)


def answer_schema() -> dict[str, Any]:
    """Return the JSON schema of the scorer's answer, for servers that can enforce one."""
    row = {
        "type": "object",
        "properties": {
            "expert": {"type": "string", "enum": list(ASPECTS)},
            "score": {"anyOf": [{"type": "number", "minimum": LOW, "maximum": HIGH}, {"const": "N/A"}]},
            "reason": {"type": "string"},
        },
        "required": ["expert", "score", "reason"],
    }
    return {"type": "array", "items": row, "minItems": len(ASPECTS), "maxItems": len(ASPECTS)}
