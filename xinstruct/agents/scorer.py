"""The Scorer rates aspects of a question and its answer, from 1.0 (very bad) to 5.0 (very good) or N/A.

A rating has two forms. ``yes_no`` asks one question for each of three aspects and reads the probability of "Yes" from
the answer's only token: s = 1 + 4 p. ``json`` is the paper's {expert, score, reason} of nine aspects, requested with a
schema. The total is the weighted mean sum(w_i s_i) / sum(w_i) over the aspects that got a number, in which the aspect
"total score" has no weight unless one is set. Answers that give no rating are a Rating with its `problem`: what running
has verified is not lost for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xinstruct.agents.calibration import Calibration
from xinstruct.agents.tasks import Thread, request_seed
from xinstruct.files import BadInput
from xinstruct.languages import get
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Answer, Request
from xinstruct.llm.json_answers import json_answer
from xinstruct.params import ScorerParams, nearest
from xinstruct.prompts import render, system, table, user
from xinstruct.records import Sample

ASPECTS: tuple[str, ...] = tuple(table("scorer")["aspects"])
QUESTIONS: dict[str, str] = table("scorer")["yes_no"]
CONSISTENCY, CORRECTNESS, TOTAL = "question-answer consistency", "code correctness", "total score"
LOW, HIGH = 1.0, 5.0
_RATINGS = {"type": "object", "required": ["ratings"]}
LEAST = 2  # aspects with a number that make a rating
JSON_TOKENS = 900
TOPS = 5  # alternatives per token; some endpoints report no more


@dataclass(frozen=True)
class Score:
    """The rating of one aspect; the value None stands for N/A."""

    expert: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Rating:
    """All aspects of one sample and their weighted total, or the `problem` that prevented a rating (total 0)."""

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


@dataclass(frozen=True)
class AnsweredQuestion:
    """What is rated; `fence` is the language of the answer's code block, "text" for prose."""

    id: str
    instruction: str
    response: str
    fence: str

    @classmethod
    def of(cls, sample: Sample) -> AnsweredQuestion:
        """Return the question and answer of a sample."""
        fence = "text" if sample.task == "explanation" else get(sample.language).fence
        return cls(sample.id, sample.instruction, sample.response.strip(), fence)


@dataclass(frozen=True)
class _Exchange:
    requests: list[Request]
    answers: list[Answer]
    rating: Rating


class FormatError(ValueError):
    """The scorer's answer is not a rating."""


def parse_ratings(text: str) -> list[Score]:
    """Return the first rating of each known aspect in the paper's order. Raises FormatError without JSON ratings.

    A score that is not a number from 1 to 5 counts as N/A.
    """
    try:
        rows = json.loads(json_answer(text, _RATINGS)[0])["ratings"]
        found = {str(row["expert"]).lower(): row for row in reversed(rows)}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"no JSON object with ratings ({error!r})") from error
    rated = [(aspect, found[aspect]) for aspect in ASPECTS if aspect in found]
    return [Score(aspect, _value(row.get("score")), str(row.get("reason", ""))[:200]) for aspect, row in rated]


def _value(raw: Any) -> float | None:
    try:
        number = float(raw)
    except (TypeError, ValueError):
        return None
    return number if LOW <= number <= HIGH and not isinstance(raw, bool) else None


def chance_of_yes(answer: Answer) -> float | None:
    """Return the probability of "yes" against that of "no" as the first token, None when it is neither.

    OpenVINO reports the chosen token only, and endpoints a few. The word that is not reported gets the most that it can
    have: what is left, and no more than the least likely token that is reported. Without any log-probabilities the
    answer's text is taken for certain.
    """
    first = answer.logprobs[0] if answer.logprobs else None
    tops = (first.top or {first.text: first.logprob}) if first else {answer.text: 0.0}
    chances = dict.fromkeys(("yes", "no"), 0.0)
    for text, logprob in tops.items():
        if (word := text.strip(" \n.,*\"'").lower()) in chances:
            chances[word] += math.exp(logprob)
    yes, no = chances.values()
    if not yes and not no:
        return None
    reported = [math.exp(logprob) for logprob in tops.values()]
    unseen = min(max(0.0, 1 - sum(reported)), *reported)
    return (yes or unseen) / ((yes or unseen) + (no or unseen))


def check_aspects(params: ScorerParams) -> None:
    """Raise BadInput for a weight of an unknown aspect, or of one that the form does not rate."""
    for name in params.weights:
        if name not in ASPECTS:
            raise BadInput(f"params.yaml: scorer.weights.{name} is no aspect; {nearest(name, list(ASPECTS))}")
        if params.form == "yes_no" and name not in QUESTIONS:
            raise BadInput(f"params.yaml: scorer.weights.{name} is not rated by scorer.form yes_no; set it to json")


class Scorer:
    """Rates samples in one batch, and tells which of them their rating rejects.

    With a calibration the rating rejects nothing unless that finds it informative. Raises BadInput for a weight of an
    aspect that is not rated.
    """

    def __init__(self, params: ScorerParams, seed: int, calibration: Calibration | None = None) -> None:
        check_aspects(params)
        self.params, self.seed, self.calibration = params, seed, calibration
        self.weights = dict.fromkeys(ASPECTS, 1.0) | {TOTAL: 0.0} | params.weights

    def rate(self, samples: Sequence[Sample], teacher: ChatModel, threads: Sequence[Thread]) -> list[Rating]:
        """Return one rating per sample, in order. Prompts, answers and totals are written to the threads."""
        exchanges = self._exchanges([AnsweredQuestion.of(sample) for sample in samples], teacher)
        for sample, exchange, thread in zip(samples, exchanges, threads, strict=True):
            for request, answer in zip(exchange.requests, exchange.answers, strict=True):
                thread.prompt(request, agent="scorer")
                thread.answer(answer, agent="scorer")
            rating = exchange.rating
            text = rating.problem or rating.to_json()
            thread.add("score", text, agent="scorer", sample=sample.id, value=rating.total)
        return [exchange.rating for exchange in exchanges]

    def rate_answers(self, pairs: Sequence[AnsweredQuestion], teacher: ChatModel) -> list[Rating]:
        """Return one rating per question and answer, in order, without a record of it."""
        return [exchange.rating for exchange in self._exchanges(pairs, teacher)]

    def refusal(self, rating: Rating) -> str:
        """Return why a sample is rejected for its rating, or "": a rating with a problem rejects nothing."""
        if rating.problem or (self.calibration and self.calibration.state != "informative"):
            return ""
        least = dict.fromkeys((CONSISTENCY, CORRECTNESS), self.params.minimum) if self.params.form == "json" else {}
        for score in rating.scores:
            if score.value is not None and score.value < least.get(score.expert, LOW):
                return f"{score.expert} {score.value:g} < {self.params.minimum:g}"
        return f"{rating.total:g} < {self.params.cutoff:g}" if rating.total < self.params.cutoff else ""

    def _exchanges(self, pairs: Sequence[AnsweredQuestion], teacher: ChatModel) -> list[_Exchange]:
        asked = [self.requests(pair) for pair in pairs]
        # one aspect of all after the other: a prefix cache has read a pair by the time of its second aspect
        flat = [request for requests in zip(*asked, strict=True) for request in requests]
        answers = iter(teacher.ask(flat, "scoring") if flat else [])
        rounds = [[next(answers) for _ in asked] for _ in (asked[0] if asked else ())]
        answered = [list(own) for own in zip(*rounds, strict=True)]
        return [_Exchange(*both, self._rating(both[1])) for both in zip(asked, answered, strict=True)]

    def requests(self, pair: AnsweredQuestion) -> list[Request]:
        """Return the scorer's calls for one question and answer: one, or one for each aspect."""
        ident = f"score-{pair.id}"
        if self.params.form == "json":
            spec = table("scorer")
            role = system(render("scorer_role", scale=spec["scale"], aspects=spec["aspects"]))
            messages = (role, user(_question(pair, spec["rate"])))
            seed = request_seed(self.seed, ident)
            return [Request(ident, messages, max_tokens=JSON_TOKENS, seed=seed, schema=answer_schema())]
        asked = [(f"{ident}-{number}", user(_question(pair, text))) for number, text in enumerate(QUESTIONS.values())]
        return [
            Request(name, (message,), max_tokens=1, seed=request_seed(self.seed, name), logprobs=TOPS)
            for name, message in asked
        ]

    def _rating(self, answers: Sequence[Answer]) -> Rating:
        try:
            scores = self._scores(answers)
            return Rating(tuple(scores), self.total(scores))
        except FormatError as error:
            return Rating(problem=next((answer.error for answer in answers if answer.error), str(error)))

    def _scores(self, answers: Sequence[Answer]) -> list[Score]:
        if self.params.form == "json":
            scores = parse_ratings(answers[0].text)
        else:
            chances = [None if answer.error else chance_of_yes(answer) for answer in answers]
            values = [None if chance is None else round(LOW + (HIGH - LOW) * chance, 4) for chance in chances]
            scores = [Score(aspect, value) for aspect, value in zip(QUESTIONS, values, strict=True)]
        if (rated := sum(s.value is not None for s in scores if s.expert != TOTAL)) < LEAST:
            raise FormatError(f"{rated} of {len(scores)} aspects with a number from 1 to 5; {LEAST} are needed")
        return scores

    def total(self, scores: Sequence[Score]) -> float:
        """Return the weighted mean over aspects with a number. Raises FormatError when all their weights are 0."""
        rated = [(self.weights[s.expert], s.value) for s in scores if s.value is not None]
        if not (weight := sum(w for w, _ in rated)):
            raise FormatError("no aspect with a number has a weight")
        return round(sum(w * v for w, v in rated) / weight, 4)


def _question(pair: AnsweredQuestion, ask: str) -> str:
    return render("scorer_question", instruction=pair.instruction, response=pair.response, fence=pair.fence, ask=ask)


def answer_schema() -> dict[str, Any]:
    """Return the JSON schema of the scorer's answer, for servers that can enforce one.

    Its root is an object since some endpoints refuse a list there. Scores are not limited: one off the scale must not
    make a whole answer invalid.
    """
    row = {
        "type": "object",
        "properties": {
            "expert": {"type": "string", "enum": list(ASPECTS)},
            "score": {"anyOf": [{"type": "number"}, {"type": "string"}]},
            "reason": {"type": "string"},
        },
        "required": ["expert", "score", "reason"],
        "additionalProperties": False,
    }
    ratings = {"type": "array", "items": row}
    return {
        "type": "object",
        "properties": {"ratings": ratings},
        "required": ["ratings"],
        "additionalProperties": False,
    }
