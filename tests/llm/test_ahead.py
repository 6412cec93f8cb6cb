"""Asking several steps' questions at once changes no answer and no count."""

from __future__ import annotations

from collections.abc import Sequence

from xinstruct.llm.calls import Answer, Request
from xinstruct.llm.chat_model import MeteredModel, ask_ahead
from xinstruct.prompts import user


class Echo:
    """Answers with the question, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        self.batches.append([request.id for request in requests])
        texts = [request.messages[-1]["content"] for request in requests]
        return [Answer(r.id, text, "stop", 3, 2, False) for r, text in zip(requests, texts, strict=True)]


def request(ident: str, text: str = "") -> Request:
    return Request(ident, (user(text or ident),))


def test_steps_take_what_was_asked_ahead_and_count_it_as_their_own() -> None:
    echo = Echo()
    model = MeteredModel(echo)
    ask_ahead(model, [request("a"), request("b"), request("c")], "both")
    assert [answer.text for answer in model.ask([request("c"), request("a")], "first step")] == ["c", "a"]
    assert [answer.text for answer in model.ask([request("d"), request("b")], "second step")] == ["d", "b"]
    assert echo.batches == [["a", "b", "c"], ["d"]]
    assert {name: row["calls"] for name, row in model.spent.items()} == {"first_step": 2, "second_step": 2}


def test_a_question_of_other_words_is_asked_by_itself() -> None:
    echo = Echo()
    model = MeteredModel(echo)
    ask_ahead(model, [request("a", "old words")], "ahead")
    assert [answer.text for answer in model.ask([request("a", "new words")])] == ["new words"]
    assert [answer.text for answer in model.ask([request("a", "new words")])] == ["new words"]
    assert echo.batches == [["a"]] * 3, "an answer is given once"


def test_other_models_are_not_asked_ahead() -> None:
    echo = Echo()
    ask_ahead(echo, [request("a")], "ahead")
    ask_ahead(MeteredModel(echo), [], "ahead")
    assert echo.batches == []
