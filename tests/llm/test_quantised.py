"""OpenVINO's engine on the embedded model's GGUF file: real HTTP, real weights."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.llm.conftest import ask
from tests.llm.test_embedded import candidates
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.client import Answer, Client
from xinstruct.llm.embedded import Embedded
from xinstruct.models.chat import load_tokenizer, render_prompt
from xinstruct.models.fetch import fetch_teacher
from xinstruct.models.gguf_file import unreadable

pytestmark = pytest.mark.slow

PARAMS = {"context": 512, "slots": 8, "repairs": 0}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "sorted": {"type": "boolean"}},
    "required": ["name", "sorted"],
    "additionalProperties": False,
}


def answers(folder: Path, journal: Path, requests: list[Any], **params: Any) -> list[Answer]:
    with Client(asking(**(PARAMS | params)), folder, journal) as teacher:
        assert teacher.run_by == "openvino"
        return teacher.ask(requests)


def test_it_answers_all_that_a_request_can_ask(quantised: Path, tmp_path: Path) -> None:
    plain, begun, stopped, kept, valued, cut, shaped = answers(
        quantised,
        tmp_path / "j.sqlite",
        [
            ask("Say hello.", max_tokens=40),
            ask("Count.", prefill="1, 2, 3,", max_tokens=6),
            ask("Write the letters.", prefill="A B C", stop=("F",), max_tokens=30),
            ask("Write the letters.", prefill="A B C D", stop=("F",), keep_stop=True, max_tokens=30),
            ask("Say yes.", logprobs=1, max_tokens=4),
            ask("Tell a story.", prefill="Once", max_tokens=3),
            ask("Describe bubble sort.", schema=SCHEMA, max_tokens=60),
        ],
    )
    assert (plain.finish_reason, plain.text.count("<|im_end|>")) == ("stop", 0)
    assert "4" in begun.text
    assert (stopped.finish_reason, "F" in stopped.text) == ("stop", False)
    assert kept.text.endswith("F")
    assert len(valued.logprobs) == valued.completion_tokens and all(token.logprob <= 0 for token in valued.logprobs)
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 3)
    assert set(json.loads(shaped.text)) == {"name", "sorted"}, "the grammar holds a model of this size to the schema"


def test_more_requests_than_slots_are_all_answered_and_counted(quantised: Path, tmp_path: Path) -> None:
    requests = candidates(6, 4)
    found = answers(quantised, tmp_path / "j.sqlite", requests, slots=4)
    assert [answer.id for answer in found] == [request.id for request in requests]
    assert not any(answer.error for answer in found)
    assert len({answer.text for answer in found}) > 4, "seeds make different answers"


def test_a_killed_server_is_started_again(quantised: Path, tmp_path: Path) -> None:
    with Client(asking(**PARAMS), quantised, tmp_path / "j.sqlite") as teacher:
        teacher.ask(candidates(1, 1))
        assert isinstance(teacher.backend, Embedded)
        (server,) = teacher.backend.servers
        assert server._child
        os.kill(server._child.pid, signal.SIGKILL)
        server._child.wait()
        assert not any(answer.error for answer in teacher.ask(candidates(2, 3)))


def test_prompts_and_tokens_are_those_of_the_models_own_tokenizer(
    quantised: Path, checkpoint: Path, tmp_path: Path
) -> None:
    turns = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "Größe of {x: 1}?\n\n\tüber 12345 <b>\n"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "What is 2 + 2?"},
    ]
    tokenizer = load_tokenizer(checkpoint)
    with Client(asking(**PARAMS), quantised, tmp_path / "j.sqlite") as teacher:
        backend = teacher.backend
        assert isinstance(backend, Embedded)
        backend.start()

        async def rendered() -> tuple[str, int]:
            async with aiohttp.ClientSession() as session:
                url = backend.servers[0].url
                async with session.post(f"{url}/apply-template", json={"messages": turns}) as answer:
                    prompt = str((await answer.json())["prompt"])
                body = {"prompt": prompt, "max_tokens": 1}
                async with session.post(f"{url}/v1/completions", json=body) as answer:
                    return prompt, int((await answer.json())["usage"]["prompt_tokens"])

        prompt, count = asyncio.run(rendered())
    assert prompt == render_prompt(tokenizer, turns)
    assert count == len(tokenizer(prompt, add_special_tokens=False)["input_ids"])


def test_what_is_no_schema_or_too_long_harms_no_other_request(quantised: Path, tmp_path: Path) -> None:
    wrong = ask("How?", schema={"type": "nonsense"}, max_tokens=8)
    long = ask("word " * 3000, max_tokens=8)
    right = candidates(1, 3)
    *others, refused, cut = answers(quantised, tmp_path / "j.sqlite", [*right, wrong, long])
    assert not any(answer.error for answer in others)
    assert (refused.error.split(":")[0], cut.error.split(":")[0]) == ("rejected", "context")


def test_a_caller_that_leaves_gives_its_slot_back(quantised: Path, tmp_path: Path) -> None:
    with Client(asking(**(PARAMS | {"slots": 1})), quantised, tmp_path / "j.sqlite") as teacher:
        backend = teacher.backend
        assert isinstance(backend, Embedded)
        backend.start()

        async def leave() -> str:
            async with aiohttp.ClientSession() as session:
                url = f"{backend.servers[0].url}/v1/completions"
                body = {"prompt": "1, 2, 3, 4,", "max_tokens": 400}
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(session.post(url, json=body), 0.5)
                async with session.post(url, json=body | {"max_tokens": 2}) as answer:
                    return str((await answer.json())["choices"][0]["text"])

        assert asyncio.run(asyncio.wait_for(leave(), 60))


def test_a_file_with_numbers_it_does_not_read_is_refused_by_name(tmp_path: Path) -> None:
    import gguf

    path = tmp_path / "model" / "m.gguf"
    path.parent.mkdir()
    writer = gguf.GGUFWriter(path, "qwen2")
    packed = gguf.quants.quantize(np.zeros((2, 32), np.float32), gguf.GGMLQuantizationType.Q5_0)
    writer.add_tensor("token_embd.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q5_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert unreadable(path) == "numbers of type Q5_0"
    assert fetch_teacher(str(path.parent), tmp_path / "a", print)["engine"] == "llamacpp"
    fetch_teacher(str(path.parent), tmp_path / "b", print, engine="openvino")
    refusal = "OpenVINO does not read numbers of type Q5_0; set teacher.engine to llamacpp"
    with (
        Client(asking(**PARAMS), tmp_path / "b", tmp_path / "j.sqlite") as client,
        pytest.raises(BadInput, match=refusal),
    ):
        client.ask(candidates(1, 1))


def test_the_library_reports_nothing_home() -> None:
    program = (
        "from xinstruct.models.quantised import _library; _library(); import sys; "
        "print(sorted(name for name in sys.modules if name.startswith('openvino_telemetry.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
