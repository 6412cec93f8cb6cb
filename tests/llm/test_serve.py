"""`xinstruct serve` and the embedded server asked as an endpoint: real llama.cpp, real HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.llm.conftest import ask, endpoint_folder
from tests.params import asking
from xinstruct.llm.client import Client
from xinstruct.llm.serve import model_file

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "xinstruct.cli", "serve"]


@contextmanager
def served(model: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command and the base_url that it prints."""
    command = [*COMMAND, str(model), "--slots", "2", "--context", "512", "--threads", "1", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def running(pid: int) -> bool:
    path = Path(f"/proc/{pid}/stat")
    return path.exists() and path.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_url_answers_and_ends_cleanly(embedded: Path, tmp_path: Path, number: signal.Signals) -> None:
    with served(embedded) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
        (child,) = children(process.pid)
        folder = endpoint_folder(tmp_path / "teacher", url)
        with Client(asking(slots=2), folder, tmp_path / "j.sqlite") as teacher:
            endpoint = teacher.backend.endpoints[0]  # type: ignore[union-attr]
            assert endpoint.dialect == "xinstruct"
            plain, prefilled = teacher.ask(
                [ask("Say hello.", max_tokens=6), ask("Count.", prefill="1, 2, 3,", max_tokens=6)]
            )
        assert (plain.error, prefilled.error) == ("", "")
        assert "4" in prefilled.text
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert errors.endswith("stopped\n")
        assert "Traceback" not in errors
        assert not running(child)


def test_schema_logprobs_stop_and_seed_of_llamacpp(embedded: Path, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    schema["additionalProperties"] = False  # type: ignore[assignment]
    sampled = ask("Write a word.", max_tokens=8, temperature=1.5)
    with served(embedded, "--engine", "llamacpp") as (_, url):
        folder = endpoint_folder(tmp_path / "teacher", url)
        with Client(asking(slots=1), folder, tmp_path / "j.sqlite") as teacher:
            shaped, valued, prefilled, stopped = teacher.ask(
                [
                    ask("Is it so?", schema=schema, max_tokens=60),
                    ask("Say yes.", logprobs=3, max_tokens=4),
                    ask("Say yes.", logprobs=3, max_tokens=4, prefill="Yes"),
                    ask("Write the letters.", prefill="A B C", stop=("F",), max_tokens=30),
                ]
            )
            words = [answer.text for answer in teacher.ask(sampled.samples(4))]
    assert set(json.loads(shaped.text)) == {"ok"}
    for answer in (valued, prefilled):
        assert 0 < len(answer.logprobs) == answer.completion_tokens
        assert all(len(token.top) == 3 and token.logprob <= 0 for token in answer.logprobs)
    assert (stopped.finish_reason, "F" in stopped.text) == ("stop", False)
    assert len(set(words)) > 1, "seeds make different answers"


def test_what_cannot_be_served_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nothing")
    for model, words in ((tmp_path / "bad.gguf", "did not start"), (Path("no-such-model"), "neither a name")):
        done = subprocess.run([*COMMAND, str(model)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_folder_and_file_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    assert model_file(str(tmp_path)) == model_file(str(path)) == path


def test_a_port_of_ones_own_choice(embedded: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with served(embedded, "--port", str(port)) as (_, url):
        assert url == f"http://127.0.0.1:{port}/v1"
    assert time.monotonic() - start < 60
