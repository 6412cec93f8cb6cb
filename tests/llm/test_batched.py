"""The batched server: a real checkpoint over real HTTP, by the client and by hand."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ask, endpoint_folder
from tests.llm.test_embedded import QUESTION, candidates
from tests.llm.test_serve import served
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.accounting import Progress
from xinstruct.llm.calls import Reply, Request
from xinstruct.llm.client import Answer, Client
from xinstruct.llm.embedded import Embedded
from xinstruct.llm.protocol import answers_wanted, turns
from xinstruct.models.fetch import fetch_teacher

pytestmark = pytest.mark.slow

PARAMS = {"context": 512, "slots": 16}


def asked(folder: Path, journal: Path, requests: list[Request]) -> dict[str, Answer]:
    with Client(asking(**PARAMS), folder, journal) as teacher:
        return {answer.id: answer for answer in teacher.ask(requests)}


def test_order_interruption_and_number_of_engines_change_nothing(checkpoint: Path, tmp_path: Path) -> None:
    requests = candidates(4, 2)
    shuffled = requests[:]
    random.Random(5).shuffle(shuffled)
    one = asked(checkpoint, tmp_path / "one.sqlite", requests)
    with Client(asking(**(PARAMS | {"servers": 1})), checkpoint, tmp_path / "two.sqlite") as teacher:
        assert isinstance(teacher.backend, Embedded)
        teacher.ask(shuffled[:5])
        (server,) = teacher.backend.servers
        assert server._child
        os.kill(server._child.pid, signal.SIGKILL)
        server._child.wait()
        two = {answer.id: answer for answer in teacher.ask(shuffled)}
    assert {key: answer.text for key, answer in one.items()} == {key: answer.text for key, answer in two.items()}
    assert len({answer.text for answer in one.values()}) > 4, "seeds make different answers"


def test_tokens_are_counted_as_they_come(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xinstruct.llm.embedded.TICK", 0.1)
    counts: list[int] = []
    replies: list[tuple[int, Reply]] = []  # each with how many counts there were before it

    def done(_: Request, reply: Reply) -> None:
        replies.append((len(counts), reply))
        progress.add(reply)

    def made(tokens: int) -> None:
        progress.made(tokens)
        counts.append(progress.tokens)

    async def admit(_: Request) -> bool:
        return True

    requests = [ask(f"Count to {n}.", prefill="1, 2, 3,", max_tokens=60) for n in range(100, 104)]
    with Client(asking(**PARAMS), checkpoint, tmp_path / "j.sqlite") as teacher:
        assert isinstance(teacher.backend, Embedded)
        teacher.backend.start()
        with Progress(teacher.account, len(requests), "asking") as progress:
            asyncio.run(teacher.backend.run(requests, done, admit, made))
    early = counts[: replies[0][0]]
    assert early and 0 < max(early) < sum(reply.completion_tokens for _, reply in replies), "before the first answer"
    assert counts == sorted(counts)
    assert progress.tokens == sum(reply.completion_tokens for _, reply in replies) == teacher.account.completion_tokens


def test_as_an_endpoint_with_all_that_a_request_can_ask(checkpoint: Path, tmp_path: Path) -> None:
    with served(checkpoint) as (_, url):
        folder = endpoint_folder(tmp_path / "teacher", url)
        with Client(asking(slots=4, repairs=0), folder, tmp_path / "j.sqlite") as teacher:
            assert teacher.backend.endpoints[0].dialect == "xinstruct"  # type: ignore[union-attr]
            plain, prefilled, stopped, valued, cut, shaped = teacher.ask(
                [
                    ask("Say hello.", max_tokens=6),
                    ask("Count.", prefill="1, 2, 3,", max_tokens=6),
                    ask("Write the letters.", prefill="A B C", stop=("F",), max_tokens=30),
                    ask("Say yes.", logprobs=3, max_tokens=4),
                    ask("Tell a story.", prefill="Once", logprobs=2, max_tokens=3),
                    ask("Is it so?", schema={"type": "object"}, max_tokens=12),
                ]
            )
    assert not plain.error and "4" in prefilled.text
    assert (stopped.finish_reason, "F" in stopped.text) == ("stop", False)
    for answer, tops in ((valued, 3), (cut, 2)):
        assert 0 < len(answer.logprobs) == answer.completion_tokens
        assert all(len(token.top) == tops and token.logprob <= 0 for token in answer.logprobs)
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 3)
    if not shaped.error:  # held to its schema here, where it missed it is an error
        assert isinstance(json.loads(shaped.text), dict)


def test_a_prompt_too_long_is_one_clear_error(checkpoint: Path, tmp_path: Path) -> None:
    long = ({"role": "user", "content": "word " * 3000},)
    with pytest.raises(BadInput, match=r"teacher\.context"):
        asked(checkpoint, tmp_path / "j.sqlite", [Request("a", long, max_tokens=4)])


def test_what_is_no_question_is_refused(checkpoint: Path) -> None:
    import urllib.error
    import urllib.request

    bodies: list[Any] = [{}, {"messages": "?"}, {"messages": [{"role": "user"}], "max_tokens": "many"}, []]
    with served(checkpoint) as (_, url):
        for body in bodies:
            sent = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode())
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(sent, timeout=60)
            assert refused.value.code == 400
            assert json.loads(refused.value.read())["error"]["message"]


def posted(url: str, **body: Any) -> bytes:
    import urllib.request

    asked = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 6, "seed": 5} | body
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(asked).encode()), timeout=120) as answer:
        found: bytes = answer.read()
    return found


def test_what_other_clients_send_is_understood(checkpoint: Path) -> None:
    with served(checkpoint) as (_, url):
        chat = f"{url}/chat/completions"
        plain = json.loads(posted(chat))
        text = plain["choices"][0]["message"]["content"]
        parts = [{"type": "text", "text": "Say "}, {"type": "text", "text": "hello."}]
        assert json.loads(posted(chat, messages=[{"role": "user", "content": parts}]))["choices"] == plain["choices"]
        fewer = json.loads(posted(chat, max_tokens=None, max_completion_tokens=2))
        assert fewer["usage"]["completion_tokens"] == 2
        several = json.loads(posted(chat, n=4, temperature=1.5))
        assert [choice["index"] for choice in several["choices"]] == [0, 1, 2, 3]
        assert len({choice["message"]["content"] for choice in several["choices"]}) > 1
        assert json.loads(posted(chat, temperature=1.5, seed=7))["choices"][0]["message"] in [
            choice["message"] for choice in several["choices"]
        ], "consecutive seeds"
        rows = [row.removeprefix("data: ") for row in posted(chat, stream=True).decode().split("\n\n") if row]
        assert rows.pop() == "[DONE]"
        chunks = [json.loads(row) for row in rows]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == text
        assert chunks[-1]["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]
        counted = posted(chat, stream=True, n=2, stream_options={"include_usage": True}).decode()
        assert json.loads(counted.split("\n\n")[-3].removeprefix("data: "))["usage"]["completion_tokens"] > 6
        assert b'"text"' in posted(f"{url}/completions", prompt="Once", stream=True)


@pytest.mark.parametrize(
    "body",
    [
        {"n": 0},
        {"n": "two"},
        {"n": 1000},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": [{"role": "user", "content": 5}]},
    ],
)
def test_what_is_no_request_is_refused_by_name(body: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"n must be|not supported|content of a message"):
        answers_wanted(body)
        turns(body.get("messages", []))


def test_the_engine_of_a_teacher_is_a_parameter(checkpoint: Path, embedded: Path, tmp_path: Path) -> None:
    kinds = {folder: json.loads((folder / "model.json").read_text())["kind"] for folder in (checkpoint, embedded)}
    assert kinds == {checkpoint: "safetensors", embedded: "gguf"}
    assert fetch_teacher(str(embedded), tmp_path / "a", print)["kind"] == "gguf"
    assert fetch_teacher(str(checkpoint), tmp_path / "b", print)["kind"] == "safetensors"
    with pytest.raises(BadInput, match=r"no \.gguf file; set teacher\.engine"):
        fetch_teacher(str(checkpoint), tmp_path / "c", print, engine="llamacpp")
    same = asked(tmp_path / "b", tmp_path / "j.sqlite", [Request("a", QUESTION, max_tokens=3)])
    assert same["a"].completion_tokens == 3
