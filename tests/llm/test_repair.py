"""Schemas, cut answers, samples and log-probabilities: what comes back is what was asked for, or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, ask, endpoint_folder, said
from tests.params import asking
from xinstruct.llm.client import Client
from xinstruct.llm.repair import misses

Serve = Callable[[Any], str]
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number", "minimum": 1}},
    "required": ["score"],
    "additionalProperties": False,
}


class Says(ChatServer):
    """Answers by a function of the request."""

    def __init__(self, answer: Callable[[dict[str, Any]], bytes]) -> None:
        super().__init__()
        self.answer = answer

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "GET":
            return super().__call__(handler, body)
        self.asked.append(json.loads(body))
        return handler.reply(200, self.answer(self.asked[-1]))


def open_teacher(tmp_path: Path, url: str, **params: Any) -> Client:
    folder = endpoint_folder(tmp_path / "teacher", url)
    return Client(asking(**({"slots": 2, "backoff": 0.01} | params)), folder, tmp_path / "j.sqlite")


def test_an_answer_that_misses_its_schema_is_repaired(tmp_path: Path, serve: Serve) -> None:
    def answer(body: dict[str, Any]) -> bytes:
        return said('{"score": 4}' if len(body["messages"]) > 1 else '{"score": "four"}')

    server = Says(answer)
    url = serve(server)
    for _ in range(2):
        with open_teacher(tmp_path, url) as teacher:
            (got,) = teacher.ask([ask("q", schema=SCHEMA)])
            assert (got.id, got.text, got.error, got.completion_tokens) == ("q", '{"score": 4}', "", 6)
            assert teacher.usage["errors"] == 0
            assert teacher.account.repaired == 1
    assert len(server.asked) == 2, "both turns are in the journal"
    first, second = server.asked
    assert first["response_format"]["json_schema"]["schema"] == SCHEMA
    assert [m["role"] for m in second["messages"]] == ["user", "assistant", "user"]
    assert "$.score: 'four' is not of type 'number'" in second["messages"][-1]["content"]


def test_what_still_misses_it_is_a_counted_error(tmp_path: Path, serve: Serve) -> None:
    server = Says(lambda body: said("no JSON at all"))
    with open_teacher(tmp_path, serve(server), repairs=2) as teacher:
        got, free = teacher.ask([ask("q", schema=SCHEMA), ask("free")])
        assert (got.text, got.finish_reason, free.text) == ("", "error", "no JSON at all")
        assert got.error.startswith("schema: not JSON")
        assert teacher.usage["errors"] == 1
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"score": 3}', ""),
        ('Here it is:\n```json\n{"score": 3}\n```', ""),
        ('<think>{"score": 0} or [1]?</think>\n{"score": 3}', ""),
        ('<think>perhaps {"score": 3}</think>', "not JSON"),
        ('{"score": 0}', "$.score: 0 is less than the minimum of 1"),
        ('{"score": 3, "more": 1}', "$: Additional properties"),
        ("[3]", "$: [3] is not of type 'object'"),
        ('{"score": 3', "not JSON"),
        ("", "not JSON"),
    ],
)
def test_schemas_are_validated_here(text: str, problem: str) -> None:
    from xinstruct.llm.calls import Answer

    found = misses(ask("q", schema=SCHEMA), Answer("q", text, "stop", 1, 1, False))
    assert found.startswith(problem) if problem else not found


def test_a_started_json_answer_is_judged_as_a_whole() -> None:
    from xinstruct.llm.calls import Answer

    assert not misses(ask("q", schema=SCHEMA, prefill='{"score":'), Answer("q", " 2}", "stop", 1, 1, False))


def test_cut_answers_by_policy(tmp_path: Path, serve: Serve) -> None:
    def answer(body: dict[str, Any]) -> bytes:
        enough = body["max_tokens"] >= 40
        return said("x" * body["max_tokens"], "stop" if enough else "length")

    server = Says(answer)
    url = serve(server)
    request = [ask("q", max_tokens=10)]
    with open_teacher(tmp_path, url) as teacher:
        assert [(len(a.text), a.finish_reason) for a in teacher.ask(request)] == [(10, "length")]
    with open_teacher(tmp_path, url, on_length="error") as teacher:
        assert [(a.text, a.error) for a in teacher.ask(request)] == [("", "length: cut at 10 tokens")]
    with open_teacher(tmp_path, url, on_length="retry", length_limit=100) as teacher:
        assert [(len(a.text), a.finish_reason) for a in teacher.ask(request)] == [(40, "stop")]
    assert [sent["max_tokens"] for sent in server.asked] == [10, 20, 40]
    with open_teacher(tmp_path, url, on_length="retry", length_limit=15) as teacher:
        assert [(len(a.text), a.finish_reason) for a in teacher.ask(request)] == [(15, "length")]


@pytest.mark.parametrize("policy", ["retry", "error"])
def test_an_answer_of_the_one_token_that_was_asked_for_is_not_cut(tmp_path: Path, serve: Serve, policy: str) -> None:
    server = Says(lambda body: said("Yes", "length"))
    with open_teacher(tmp_path, serve(server), on_length=policy) as teacher:
        assert [(a.text, a.error) for a in teacher.ask([ask("q", max_tokens=1)])] == [("Yes", "")]
    assert len(server.asked) == 1


def test_cut_json_is_no_json(tmp_path: Path, serve: Serve) -> None:
    server = Says(lambda body: said('{"score": 3}', "length"))
    with open_teacher(tmp_path, serve(server)) as teacher:
        assert teacher.ask([ask("q", schema=SCHEMA)])[0].error.startswith("length:")


def test_samples_are_calls_of_their_own(tmp_path: Path, serve: Serve) -> None:
    server = Says(lambda body: said(f"seed {body['seed']}"))
    url = serve(server)
    with open_teacher(tmp_path, url) as teacher:
        four = teacher.ask(ask("q", seed=10, temperature=0.8).samples(4))
        six = teacher.ask(ask("q", seed=10, temperature=0.8).samples(6))
    assert [(a.id, a.text) for a in six] == [(f"q-{i}", f"seed {10 + i}") for i in range(6)]
    assert [a.cached for a in six] == [True] * 4 + [False] * 2
    assert [a.text for a in six[:4]] == [a.text for a in four]


def test_log_probabilities_are_kept(tmp_path: Path, serve: Serve) -> None:
    tops = [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.5}]
    content = [{"token": "yes", "logprob": -0.1, "top_logprobs": tops}]
    choice = {"message": {"content": "yes"}, "finish_reason": "stop", "logprobs": {"content": content}}
    server = Says(lambda body: json.dumps({"choices": [choice]}).encode())
    url = serve(server)
    for _ in range(2):
        with open_teacher(tmp_path, url) as teacher:
            (answer,) = teacher.ask([ask("q", logprobs=2)])
        (token,) = answer.logprobs
        assert (token.text, token.logprob, token.top) == ("yes", -0.1, {"yes": -0.1, "no": -2.5})
    assert answer.cached
    assert (server.asked[0]["logprobs"], server.asked[0]["top_logprobs"]) == (True, 2)
    with open_teacher(tmp_path, url) as teacher:
        assert not teacher.ask([ask("q")])[0].cached, "without log-probabilities it is another call"
