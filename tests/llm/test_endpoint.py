"""The client against a real HTTP server that misbehaves in the ways servers do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, ask, endpoint_folder, said
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.client import Client

Serve = Callable[[Any], str]
QUICK = {"slots": 4, "backoff": 0.01, "start_wait": 0.2}


def teacher(tmp_path: Path, url: str, **params: Any) -> Client:
    return Client(asking(**(QUICK | params)), endpoint_folder(tmp_path / "teacher", url), tmp_path / "journal.sqlite")


def test_answers_come_in_order_and_only_once(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer()
    url = serve(server)
    questions = [ask(f"q{i % 20}", seed=i % 20) for i in range(30)]
    with teacher(tmp_path, url) as first:
        answers = first.ask(questions)
        assert [a.text for a in answers] == [f"echo q{i % 20}" for i in range(30)]
        assert len(server.asked) == 20, "equal calls are asked once"
    with teacher(tmp_path, url) as second:
        again = second.ask(questions)
        assert all(a.cached for a in again)
        assert [a.text for a in again] == [a.text for a in answers]
        assert second.usage["completion_tokens"] == first.usage["completion_tokens"] == 90
    assert len(server.asked) == 20, "answered calls are never asked again"


@pytest.mark.parametrize(
    "trouble",
    [
        lambda h: h.reply(500, b"oops"),
        lambda h: h.reply(502, b"<html>bad gateway</html>"),
        lambda h: h.reply(429, b"slow down", Retry_After="0.05"),
        lambda h: h.reply(200, said("cut")[:20], claimed=400),
        lambda h: h.reply(200, b"{not json"),
        lambda h: h.reply(200, b'{"choices": []}'),
        lambda h: h.drop(),
    ],
    ids=["500", "502", "429", "cut body", "invalid JSON", "no choices", "dropped connection"],
)
def test_passing_trouble_is_retried(tmp_path: Path, serve: Serve, trouble: Callable[[Handler], None]) -> None:
    server = ChatServer(trouble={"q1": [trouble, trouble]})
    with teacher(tmp_path, serve(server)) as asker:
        answers = asker.ask([ask("q0"), ask("q1"), ask("q2")])
    assert [a.text for a in answers] == ["echo q0", "echo q1", "echo q2"]
    assert len(server.asked) == 5


def test_retry_after_is_waited_for(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={"q": [lambda h: h.reply(429, b"", Retry_After="1")]})
    start = time.monotonic()
    with teacher(tmp_path, serve(server)) as asker:
        asker.ask([ask("q")])
    assert time.monotonic() - start >= 1


def test_a_failed_call_is_an_error_and_asked_again_next_time(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={"bad": [lambda h: h.reply(400, b"this one is refused")]})
    url = serve(server)
    with teacher(tmp_path, url) as asker:
        good, bad = asker.ask([ask("good"), ask("bad")])
        assert (good.finish_reason, good.error) == ("stop", "")
        assert (bad.finish_reason, bad.text, bad.cached) == ("error", "", False)
        assert "refused" in bad.error
        assert asker.usage["errors"] == 1
        good, bad = asker.ask([ask("good"), ask("bad")])
        assert (good.cached, bad.cached, bad.text) == (True, False, "echo bad")


def test_length_is_surfaced(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={"q": [lambda h: h.reply(200, said("half", "length"))]})
    with teacher(tmp_path, serve(server)) as asker:
        assert asker.ask([ask("q")])[0].finish_reason == "length"


def test_unusable_endpoints_are_one_clear_error(tmp_path: Path, serve: Serve) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BadInput, match="no OpenAI-protocol server answers"):
        teacher(tmp_path, closed)
    with pytest.raises(BadInput, match=r"does not serve 'other'.*it serves: m"):
        teacher(tmp_path, serve(ChatServer()), served_as="other")
    with pytest.raises(BadInput, match="serves no model"):
        teacher(tmp_path, serve(ChatServer(names=())))
    refusing = ChatServer(trouble={"q": [lambda h: h.reply(401, b"no key")]})
    with teacher(tmp_path, serve(refusing)) as asker, pytest.raises(BadInput, match="XINSTRUCT_API_KEY"):
        asker.ask([ask("q")])


def test_prompts_that_are_all_too_long_are_one_error(tmp_path: Path, serve: Serve) -> None:
    def too_long(handler: Handler) -> None:
        handler.reply(400, b'{"error": {"type": "exceed_context_size_error"}}')

    server = ChatServer(trouble={f"q{i}": [too_long] for i in range(9)})
    with teacher(tmp_path, serve(server)) as asker:
        with pytest.raises(BadInput, match=r"teacher\.context"):
            asker.ask([ask(f"q{i}") for i in range(9)])
        server.trouble["long"] = [too_long]
        mixed = asker.ask([ask("long"), ask("short")])
    assert [a.finish_reason for a in mixed] == ["error", "stop"]
    assert mixed[0].error.startswith("context:")


def test_a_server_that_goes_away_stops_the_run_and_keeps_the_answers(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer()
    server.trouble = {f"q{i}": [lambda h: h.drop()] * 99 for i in range(5, 100)}
    with teacher(tmp_path, serve(server), slots=1) as asker:
        with pytest.raises(BadInput, match="the server is gone"):
            asker.ask([ask(f"q{i}") for i in range(100)])
        assert len(server.asked) < 30
        assert [a.cached for a in asker.ask([ask(f"q{i}") for i in range(5)])] == [True] * 5


@pytest.mark.parametrize(
    ("owner", "extra"),
    [
        ("vllm", {"continue_final_message": True, "add_generation_prompt": False, "top_k": -1}),
        ("sglang", {"continue_final_message": True, "top_k": -1}),
        ("library", {}),
    ],
)
def test_prefill_in_each_dialect(tmp_path: Path, serve: Serve, owner: str, extra: dict[str, Any]) -> None:
    server = ChatServer(owner=owner)
    with teacher(tmp_path, serve(server)) as asker:
        (answer,) = asker.ask([ask("q", prefill="def f(")])
    (sent,) = server.asked
    assert answer.text == "echo q", "a prefill that the server sends back is taken off"
    assert sent["messages"][-1] == {"role": "assistant", "content": "def f("}
    assert extra.items() <= sent.items()
    unknown = set(sent) - set(extra) - {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}
    assert unknown <= {"min_p", "repetition_penalty"}


def test_a_field_the_server_does_not_take_is_left_out(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={"q": [lambda h: h.reply(422, b'{"detail": "unexpected field: seed"}')]})
    with teacher(tmp_path, serve(server)) as asker:
        assert [a.text for a in asker.ask([ask("q", seed=3), ask("r", seed=4)])] == ["echo q", "echo r"]
        asker.ask([ask("s", seed=5)])
    assert "seed" in server.asked[0]
    assert "seed" not in server.asked[-1]


def test_the_key_comes_from_the_environment_and_is_not_kept(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XINSTRUCT_API_KEY", "sk-very-secret")
    server = ChatServer()
    with teacher(tmp_path, serve(server)) as asker:
        asker.ask([ask("q")])
    assert server.headers[0]["Authorization"] == "Bearer sk-very-secret"
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"very-secret" not in path.read_bytes()
