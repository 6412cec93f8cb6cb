"""The embedded llama.cpp server: exact prompts, equal bytes in any order, restarts, clean ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.llm.client import Answer, Client
from xinstruct.llm.embedded import Embedded
from xinstruct.llm.server import EmbeddedServer
from xinstruct.models.convert import gguf_to_folder

pytestmark = pytest.mark.slow

PARAMS = {"context": 1024}
QUESTION = ({"role": "user", "content": "Write a Python function that adds 12 and   345."},)


def ask(folder: Path, journal: Path, requests: list[Request], servers: int = 2) -> dict[str, Answer]:
    with Client(asking(**(PARAMS | {"servers": servers, "slots": 1})), folder, journal) as teacher:
        return {answer.id: answer for answer in teacher.ask(requests)}


def candidates(problems: int, each: int) -> list[Request]:
    """Several answers each to prompts that share their beginning; one prompt continues another."""
    requests = []
    for i in range(problems):
        example = "def one(): return 1\nfunction one() { return 1; }"
        text = f"Translate to JavaScript. Example: {example}\nNow: def f{i}(x): return x + {i}"
        for k in range(each):
            fields: dict[str, Any] = {"prefill": "function ", "temperature": 0.9, "max_tokens": 12, "seed": 100 * i + k}
            requests.append(Request(f"{i}-{k}", ({"role": "user", "content": text},), **fields))
            requests.append(
                Request(f"{i}-{k}+", ({"role": "user", "content": text},), **fields | {"prefill": "function f"})
            )
    return requests


def test_answers_do_not_depend_on_order_or_number_of_servers(embedded: Path, tmp_path: Path) -> None:
    requests = candidates(3, 2)
    shuffled = requests[:]
    random.Random(5).shuffle(shuffled)
    one = ask(embedded, tmp_path / "one.sqlite", requests, servers=2)
    # The second run is interrupted after some answers, then goes on.
    ask(embedded, tmp_path / "two.sqlite", shuffled[:4], servers=2)
    two = ask(embedded, tmp_path / "two.sqlite", shuffled, servers=3)
    assert {key: answer.text for key, answer in one.items()} == {key: answer.text for key, answer in two.items()}
    assert len({answer.text for answer in one.values()}) > 4, "seeds make different answers"


def test_a_rerun_needs_no_server(embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [Request("a", QUESTION, max_tokens=4)]
    first = ask(embedded, tmp_path / "j.sqlite", requests)

    def refuse(_: object) -> None:
        raise AssertionError("a server was started")

    monkeypatch.setattr(EmbeddedServer, "launch", refuse)
    again = ask(embedded, tmp_path / "j.sqlite", requests)
    assert (again["a"].text, again["a"].cached, first["a"].cached) == (first["a"].text, True, False)


def test_the_prompt_is_the_chat_template_and_the_prefill(embedded: Path, tmp_path: Path) -> None:
    """Against transformers' own rendering, and against the tokens of the converted tokenizer."""
    import asyncio

    import aiohttp
    from transformers import AutoTokenizer

    model = json.loads((embedded / "model.json").read_text())
    start = tmp_path / "start"
    start.mkdir()
    gguf_to_folder(embedded / model["file"], start, model["context"])
    tokenizer = AutoTokenizer.from_pretrained(start)
    request = Request("a", QUESTION, prefill="```python\ndef add(x,   7", max_tokens=1)
    wanted = tokenizer.apply_chat_template(list(QUESTION), add_generation_prompt=True, tokenize=False) + request.prefill
    pool = Embedded(embedded / model["file"], asking(**(PARAMS | {"servers": 2})))
    pool.start()
    try:

        async def look() -> tuple[str, list[int]]:
            async with aiohttp.ClientSession() as session:
                prompt = await pool._render(session, request)
                body = {"content": prompt, "parse_special": True, "add_special": True}
                async with session.post(f"{pool.servers[0].url}/tokenize", json=body) as answer:
                    return prompt, (await answer.json())["tokens"]

        prompt, tokens = asyncio.run(look())
    finally:
        pool.close()
    assert prompt == wanted
    assert tokens == tokenizer(wanted, add_special_tokens=False)["input_ids"]
    weights = start / "model.safetensors"
    assert weights.stat().st_size == pytest.approx(2 * 134515008, rel=0.01), "bf16, tied embeddings stored once"


def test_schema_length_and_stop(embedded: Path, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    schema["additionalProperties"] = False
    requests = [
        Request("schema", QUESTION, prefill="", max_tokens=200, schema=schema, temperature=0.0),
        Request("length", QUESTION, max_tokens=5),
        Request("stop", QUESTION, prefill="```python\n", max_tokens=200, stop=("return",)),
    ]
    answers = ask(embedded, tmp_path / "j.sqlite", requests)
    if answers["schema"].finish_reason == "stop":
        jsonschema.validate(json.loads(answers["schema"].text), schema)
    assert answers["schema"].text.lstrip().startswith("{")
    assert (answers["length"].finish_reason, answers["length"].completion_tokens) == ("length", 5)
    assert answers["stop"].finish_reason == "stop"
    assert "return" not in answers["stop"].text
    assert "def " in answers["stop"].text


def test_a_prompt_too_long_is_one_clear_error(embedded: Path, tmp_path: Path) -> None:
    long = ({"role": "user", "content": "word " * 3000},)
    with pytest.raises(BadInput, match=r"teacher\.context"):
        ask(embedded, tmp_path / "j.sqlite", [Request("a", long, max_tokens=4)], servers=1)


def test_a_killed_server_is_started_again_with_the_same_answers(embedded: Path, tmp_path: Path) -> None:
    requests = candidates(1, 2)
    wanted = ask(embedded, tmp_path / "one.sqlite", requests)
    with Client(asking(**(PARAMS | {"servers": 2})), embedded, tmp_path / "two.sqlite") as teacher:
        assert isinstance(teacher.backend, Embedded)
        first = teacher.ask(requests[:1])
        for child in [server._child for server in teacher.backend.servers]:
            assert child
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        rest = teacher.ask(requests[1:])
    assert [answer.text for answer in first + rest] == [wanted[request.id].text for request in requests]


def test_a_server_ends_with_its_parent(embedded: Path) -> None:
    model = embedded / json.loads((embedded / "model.json").read_text())["file"]
    parent = f"""
import sys, time
from pathlib import Path
from xinstruct.llm.server import EmbeddedServer
server = EmbeddedServer(Path({str(model)!r}), 256)
server.launch(); server.wait()
print(server._child.pid, flush=True)
time.sleep(60)
"""
    started = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert started.stdout
    child = int(started.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    started.kill()
    started.wait()
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="did not start"):
        Embedded(tmp_path / "m.gguf", asking(**(PARAMS | {"servers": 1}))).start()
