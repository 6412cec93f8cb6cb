"""Both forms of a rating, garbage, totals, the repair turn."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.agents.helpers import Oracle, sample
from tests.params import given
from xinstruct.agents.scorer import ASPECTS, FormatError, Scorer, parse_json, parse_lines
from xinstruct.agents.tasks import Thread
from xinstruct.files import BadInput
from xinstruct.llm.client import Answer, Request
from xinstruct.params import ScorerParams


def rated(**changes: Any) -> ScorerParams:
    return given({f"seed.scorer.{name}": value for name, value in changes.items()}).seed.scorer


def test_nine_aspects_of_the_paper() -> None:
    assert len(ASPECTS) == 9 and ASPECTS[0] == "question-answer consistency" and ASPECTS[-1] == "total score"


def test_lines_are_read_in_any_dress() -> None:
    text = "question-answer consistency: 4.0 (fits)\n2. Difficulty: 2/5\n- code comments: N/A\nnoise\nmood: 5.0"
    found = {s.expert: (s.value, s.reason) for s in parse_lines(text)}
    assert found == {"question-answer consistency": (4.0, "fits"), "difficulty": (2.0, ""), "code comments": (None, "")}


@pytest.mark.parametrize("text", ["", "good code!", "difficulty: 9.0", "difficulty: N/A", "mood: 3.0"])
def test_garbage_lines_are_no_rating(text: str) -> None:
    with pytest.raises(FormatError):
        parse_lines(text)


def test_json_list_fenced_or_not() -> None:
    rows = [{"expert": "difficulty", "score": 3, "reason": "ok"}, {"expert": "code exists", "score": "N/A"}]
    scores = parse_json(f"Here:\n```json\n{json.dumps(rows)}\n```")
    assert [(s.expert, s.value) for s in scores] == [("difficulty", 3.0), ("code exists", None)]


@pytest.mark.parametrize("text", ["", "[", "[1, 2]", '{"expert": 1}', '[{"expert": "difficulty", "score": "high"}]'])
def test_garbage_json_is_no_rating(text: str) -> None:
    with pytest.raises(FormatError):
        parse_json(text)


def test_total_is_the_weighted_mean_of_what_was_rated() -> None:
    scorer = Scorer(rated(weights={"difficulty": 3.0, "total score": 0.0}), 0)
    text = "difficulty: 2.0\ncode exists: 5.0\ntotal score: 1.0\ncode comments: N/A"
    assert scorer.total(parse_lines(text)) == round((3 * 2 + 5) / 4, 4)


def test_json_is_repaired_once_and_then_given_up() -> None:
    good = json.dumps([{"expert": "total score", "score": 4.0, "reason": "r"}])

    class Clumsy(Oracle):
        def ask(self, requests: Sequence[Request], desc: str = "") -> list[Answer]:
            self.asked += requests
            text = {0: "nothing", 1: good if self.sentence == "mends" else "still nothing"}
            return [Answer(r.id, text[r.id.endswith("-again")], "stop", 1, 5, False) for r in requests]

    for sentence, problem, total in (("mends", "", 4.0), ("never", "no JSON list", 0.0)):
        teacher = Clumsy(lambda request: "", sentence)
        thread = Thread("seed", "t")
        [rating] = Scorer(rated(form="json"), 0).rate([sample("python")], teacher, [thread])
        assert (rating.problem, rating.total) == (problem, total)
        assert len(teacher.asked) == 2 and teacher.asked[0].schema is not None
        assert [t.kind for t in thread.turns] == ["prompt", "answer", "prompt", "answer", "score"]


def test_a_weight_of_what_is_no_aspect_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"scorer\.weights\.dificulty is no aspect; did you mean difficulty\?"):
        Scorer(rated(weights={"dificulty": 1}), 0)
