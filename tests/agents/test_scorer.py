"""Both forms of a rating over real HTTP and by real models, what is no rating, totals, refusals, calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agents.helpers import sample
from tests.agents.oracle import chances
from tests.llm.conftest import ChatServer, Handler, Script, endpoint_folder, said
from tests.params import asking, given
from xinstruct.agents.calibration import ENOUGH, Calibration
from xinstruct.agents.scorer import (
    ASPECTS,
    CONSISTENCY,
    CORRECTNESS,
    QUESTIONS,
    Rating,
    Score,
    Scorer,
    chance_of_yes,
)
from xinstruct.agents.tasks import Thread
from xinstruct.files import BadInput
from xinstruct.llm.calls import Token
from xinstruct.llm.client import Answer, Client
from xinstruct.params import ScorerParams

Serve = Callable[[Script], str]
Reply = Callable[[dict[str, Any]], bytes]


def rated(**changes: Any) -> ScorerParams:
    return given({f"synthesize.scorer.{name}": value for name, value in changes.items()}).synthesize.scorer


class Says(ChatServer):
    """Answers a chat by a function of its body; keeps what it was asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "GET":
            return super().__call__(handler, body)
        self.asked.append(json.loads(body))
        text = self.reply(self.asked[-1])
        return handler.reply(400 if text.startswith(b"refused") else 200, text)


def rate(tmp_path: Path, server: Says, serve: Serve, scorer: Scorer, **params: Any) -> tuple[Rating, Thread]:
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    thread = Thread("seed", "t")
    with Client(asking(slots=4, backoff=0.01, **params), folder, tmp_path / "j.sqlite") as teacher:
        [rating] = scorer.rate([sample("python")], teacher, [thread])
    return rating, thread


def rows(**values: Any) -> list[dict[str, Any]]:
    """Ratings of all nine aspects, 4.0 unless named with underscores for blanks."""
    named = {name.replace("_", " ").replace("question answer", "question-answer"): v for name, v in values.items()}
    return [{"expert": aspect, "score": named.get(aspect, 4.0), "reason": f"of {aspect}"} for aspect in ASPECTS]


def test_nine_aspects_of_the_paper() -> None:
    assert len(ASPECTS) == 9 and ASPECTS[0] == "question-answer consistency" and ASPECTS[-1] == "total score"
    assert set(QUESTIONS) < set(ASPECTS)


# ---- yes or no


def test_a_yes_is_worth_its_probability_and_the_pair_is_read_once(tmp_path: Path, serve: Serve) -> None:
    """The form asks for one token per aspect, at the end of one common text; a server's "length" is no cut answer."""
    likely = dict(zip(QUESTIONS.values(), (0.9, 0.6, 0.2), strict=True))

    def reply(body: dict[str, Any]) -> bytes:
        chance = next(p for text, p in likely.items() if body["messages"][-1]["content"].endswith(text))
        choice = {"message": {"content": "Yes"}, "finish_reason": "length"}
        return json.dumps({"choices": [choice | {"logprobs": {"content": [chances("Yes", chance)]}}]}).encode()

    server = Says(reply)
    rating, thread = rate(tmp_path, server, serve, Scorer(rated(), 0), on_length="retry")
    assert [(s.expert, s.value) for s in rating.scores] == list(zip(QUESTIONS, (4.6, 3.4, 1.8), strict=True))
    assert rating.total == round((4.6 + 3.4 + 1.8) / 3, 4)
    assert [(body["max_tokens"], body["top_logprobs"]) for body in server.asked] == [(1, 5)] * 3
    texts = {body["messages"][0]["content"].rpartition("```\n\n")[0] for body in server.asked}
    assert len(texts) == 1 and all(len(body["messages"]) == 1 for body in server.asked)
    assert [turn.kind for turn in thread.turns] == ["prompt", "answer"] * 3 + ["score"]
    assert json.loads(thread.turns[-1].text) == json.loads(rating.to_json())


def test_an_endpoint_without_log_probabilities_is_taken_at_its_word(tmp_path: Path, serve: Serve) -> None:
    def reply(body: dict[str, Any]) -> bytes:
        if field := next((name for name in ("top_logprobs", "logprobs") if name in body), ""):
            return f"refused: {field} is not supported".encode()
        return said("No" if "edge cases" in body["messages"][-1]["content"] else "yes.", "length")

    rating, _ = rate(tmp_path, Says(reply), serve, Scorer(rated(), 0))
    assert [score.value for score in rating.scores] == [5.0, 1.0, 5.0]


@pytest.mark.parametrize(
    ("tops", "chance"),
    [
        ({"Yes": 0.6, "No": 0.3}, 2 / 3),
        ({"Yes": 0.5, " yes": 0.1, "NO": 0.3, "The": 0.1}, 2 / 3),
        ({"Yes": 0.8}, 0.8),  # OpenVINO: the chosen token alone
        ({"No": 0.7}, 0.3),
        ({"Yes": 0.4}, 0.5),  # "no" may have been as likely
        ({"Yes": 0.90, "Y": 0.05, "The": 0.01}, 0.9 / 0.91),  # what is not reported is less likely than what is
        ({"The": 0.6, "No": 0.4}, 0.0),
        ({"<think>": 0.99}, None),
        ({"4": 0.7, "5": 0.3}, None),
    ],
)
def test_the_chance_of_a_yes_is_against_that_of_a_no(tops: dict[str, float], chance: float | None) -> None:
    logs = {text: math.log(value) for text, value in tops.items()}
    chosen = max(tops, key=tops.__getitem__)
    for alternatives in [logs] + [{}] * (len(logs) == 1):
        token = Token(chosen, logs[chosen], alternatives)
        found = chance_of_yes(Answer("q", chosen, "length", 1, 1, False, logprobs=(token,)))
        assert found == (None if chance is None else pytest.approx(chance, abs=1e-6))


def test_an_answer_in_prose_leaves_no_rating_and_one_such_aspect_is_none(tmp_path: Path, serve: Serve) -> None:
    def mute(body: dict[str, Any]) -> bytes:
        return said("Sure" if "easy to read" in body["messages"][-1]["content"] else "Yes")

    rating, _ = rate(tmp_path / "one", Says(mute), serve, Scorer(rated(), 0))
    assert ([score.value for score in rating.scores], rating.total) == ([5.0, 5.0, None], 5.0)
    rating, thread = rate(tmp_path / "all", Says(lambda body: said("Sure")), serve, Scorer(rated(cutoff=5.0), 0))
    assert (rating.total, rating.scores, rating.to_json()) == (0.0, (), "[]")
    assert rating.problem == thread.turns[-1].text == "0 of 3 aspects with a number from 1 to 5; 2 are needed"
    assert not Scorer(rated(cutoff=5.0), 0).refusal(rating)


def test_a_failed_call_is_named_as_the_problem(tmp_path: Path, serve: Serve) -> None:
    def reply(body: dict[str, Any]) -> bytes:
        return b"refused: no reviews today" if "Does the answer" not in body["messages"][-1]["content"] else said("Yes")

    rating, _ = rate(tmp_path, Says(reply), serve, Scorer(rated(), 0))
    assert rating.problem.startswith("rejected:") and "no reviews today" in rating.problem


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["batched", "openvino"])
def test_both_engines_read_a_probability(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whether a model of this size judges well is another matter; its answer and its number must agree."""
    folder = request.getfixturevalue({"batched": "checkpoint", "openvino": "quantised"}[engine])
    threads = [Thread("seed", "right"), Thread("seed", "wrong")]
    pair = [sample("python"), sample("python", response="def add(a, b):\n    return 'banana'")]
    with Client(asking(context=512), folder, tmp_path / "j.sqlite") as teacher:
        assert teacher.run_by == engine
        ratings = Scorer(rated(), 0).rate(pair, teacher, threads)
    said = [turn.text for thread in threads for turn in thread.turns if turn.kind == "answer"]
    values = [value for rating in ratings for value in (score.value for score in rating.scores)]
    numbers = [value for value in values if value is not None]
    assert len(numbers) >= 4 and all(1 < value < 5 for value in numbers), "no certainty, so the number is a probability"
    for text, value in zip(said, values, strict=True) if len(values) == 6 else ():
        assert {"Yes": value and value >= 3, "No": value and value <= 3}.get(text, True), (text, value)


# ---- JSON

WHOLE = json.dumps({"ratings": rows()})
JSON_CASES = {
    "as asked": (WHOLE, 4.0, None, 1),
    "in a fence": (f"Here:\n```json\n{WHOLE}\n```", 4.0, None, 1),
    "behind its thoughts": (f'<think>[1] {{"a": 2}}? No.</think>\n{WHOLE}', 4.0, None, 1),
    "below the scale": (json.dumps({"ratings": rows(difficulty=0.5)}), 4.0, "difficulty", 1),
    "of ten": (json.dumps({"ratings": rows(code_clarity="9/10")}), 4.0, "code clarity", 1),
    "not applicable": (json.dumps({"ratings": rows(code_comments="N/A")}), 4.0, "code comments", 1),
    "the total is no part": (json.dumps({"ratings": rows(total_score=1.0)}), 4.0, None, 1),
}


@pytest.mark.parametrize("name", JSON_CASES)
def test_nine_aspects_as_json(name: str, tmp_path: Path, serve: Serve) -> None:
    text, total, missing, calls = JSON_CASES[name]
    server = Says(lambda body: said(text))
    rating, thread = rate(tmp_path, server, serve, Scorer(rated(form="json"), 0))
    assert (rating.problem, rating.total, len(server.asked)) == ("", total, calls)
    assert [score.expert for score in rating.scores if score.value is None] == ([missing] if missing else [])
    assert [turn.kind for turn in thread.turns] == ["prompt", "answer", "score"]
    schema = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert schema["type"] == "object" and server.asked[0]["max_tokens"] > 500


NONE_CASES = {
    "one aspect only": (json.dumps({"ratings": rows()[:1]}), "stop", "1 of 1 aspects"),
    "one aspect and the total": (json.dumps({"ratings": [rows()[2], rows()[8]]}), "stop", "1 of 2 aspects"),
    "no applicable aspect": (json.dumps({"ratings": rows(**dict.fromkeys(ASPECTS, "N/A"))}), "stop", "0 of 9 aspects"),
    "cut at its length": (WHOLE[:-40], "length", "length:"),
    "ended early": (WHOLE[:-40], "stop", "schema:"),
    "prose": ("I like it. Four of five!", "stop", "schema: not JSON"),
}


@pytest.mark.parametrize("name", NONE_CASES)
def test_what_is_no_rating_rejects_nothing(name: str, tmp_path: Path, serve: Serve) -> None:
    text, ended, problem = NONE_CASES[name]
    scorer = Scorer(rated(form="json", cutoff=5.0, minimum=5.0), 0)
    rating, thread = rate(tmp_path, Says(lambda body: said(text, ended)), serve, scorer)
    assert rating.problem.startswith(problem) and (rating.total, rating.scores) == (0.0, ())
    assert not scorer.refusal(rating)
    assert (thread.turns[-1].kind, thread.turns[-1].text) == ("score", rating.problem)


def test_what_misses_the_schema_is_asked_for_once_more(tmp_path: Path, serve: Serve) -> None:
    server = Says(lambda body: said(WHOLE if len(body["messages"]) > 2 else json.dumps(rows())))
    rating, _ = rate(tmp_path, server, serve, Scorer(rated(form="json"), 0))
    assert (rating.problem, rating.total, len(server.asked)) == ("", 4.0, 2)


# ---- what follows


def scores(**values: float | None) -> tuple[Score, ...]:
    return tuple(Score(row["expert"], row["score"]) for row in rows(**values))


def test_the_total_is_the_weighted_mean_in_any_order() -> None:
    scorer = Scorer(rated(form="json", weights={"difficulty": 3.0}), 0)
    values = {"difficulty": 2.0, "code exists": 5.0, "total score": 1.0, "code comments": None}
    some = [Score(aspect, value) for aspect, value in values.items()]
    assert scorer.total(some) == scorer.total(some[::-1]) == round((3 * 2 + 5) / 4, 4)
    counted = Scorer(rated(form="json", weights={"total score": 1.0}), 0)
    assert counted.total(some) == round((2 + 5 + 1) / 3, 4)


def test_aspects_that_must_be_good_are_named() -> None:
    scorer = Scorer(rated(form="json", minimum=4.0, cutoff=3.5), 0)
    bad = scores(code_correctness=3.0)
    assert scorer.refusal(Rating(bad, scorer.total(bad))) == f"{CORRECTNESS} 3 < 4"
    bad = scores(question_answer_consistency=1.0, code_correctness=1.0)
    assert scorer.refusal(Rating(bad, scorer.total(bad))) == f"{CONSISTENCY} 1 < 4"
    plain = scores(code_comments=1.0, difficulty=1.0)
    assert not scorer.refusal(Rating(plain, 3.5))
    assert scorer.refusal(Rating(plain, 3.4)) == "3.4 < 3.5"
    assert not scorer.refusal(Rating(scores(code_correctness=None), 4.0)), "N/A is no low score"


def test_a_calibration_that_finds_noise_or_too_little_rejects_nothing() -> None:
    low = Rating(scores(), 1.0)
    for failed, state in ((2.0, "informative"), (4.0, "noise"), (5.0, "noise")):
        known = Calibration([4.0] * 5, [failed] * ENOUGH)
        assert (known.state, bool(Scorer(rated(), 0, known).refusal(low))) == (state, state == "informative")
        known = Calibration([4.0] * 5)
        known.add(failed=[failed] * (ENOUGH - 1))
        assert (known.state, Scorer(rated(), 0, known).refusal(low)) == ("not_enough", "")
        assert "7 failing answers rated, 8 failing ones needed: the cut-off is off" in known.words
    assert Calibration([], [1.0] * ENOUGH).state == "not_enough"
    assert "area 0.50: the score is noise, the cut-off is off" in Calibration([3.0], [3.0] * ENOUGH).words


def test_a_weight_of_what_is_no_aspect_or_is_not_rated_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"scorer\.weights\.dificulty is no aspect; did you mean difficulty\?"):
        Scorer(rated(weights={"dificulty": 1}), 0)
    with pytest.raises(BadInput, match=r"scorer\.weights\.difficulty is not rated by scorer\.form yes_no; set it to"):
        Scorer(rated(weights={"difficulty": 1}), 0)
