"""Loopback servers that speak real HTTP, and the embedded model where it can be had."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from xinstruct.files import BadInput
from xinstruct.llm.calls import Request
from xinstruct.models.fetch import fetch_teacher
from xinstruct.models.registry import find

ROOT = Path(__file__).parents[2]


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections; what it answers is its server's `script`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.script(self, b"")  # type: ignore[attr-defined]

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.script(self, body)  # type: ignore[attr-defined]

    def reply(self, status: int, body: bytes, claimed: int | None = None, **headers: str) -> None:
        """Send an answer; `claimed` is the Content-Length when it should not be the body's."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if claimed is not None and claimed != len(body):
            self.close_connection = True

    def drop(self) -> None:
        """Close without an answer, as a server does with a kept connection it is tired of."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


Script = Callable[[Handler, bytes], None]


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that stopping ends kept ones too."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, port: int, script: Script) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.script = script
        self.open: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a killed client, a dropped connection: what these tests are about


class Loopback:
    """A server with a script on one port; may be stopped and started again there."""

    def __init__(self, script: Script) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.script = script
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: _Server | None = None

    def start(self) -> Loopback:
        self._server = _Server(self.port, self.script)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port and drop every connection, as a killed server does."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        for connection in self._server.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server = None


@pytest.fixture
def loopback() -> Iterator[Callable[[Script], Loopback]]:
    """Make a server (not started); it is stopped at the end."""
    made: list[Loopback] = []

    def make(script: Script) -> Loopback:
        made.append(Loopback(script))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def serve(loopback: Callable[[Script], Loopback]) -> Callable[[Script], str]:
    """Start a server with a script on a free port; gives its http://127.0.0.1:port."""
    return lambda script: loopback(script).start().url


def said(text: str, reason: str | None = "stop") -> bytes:
    """A chat completion's JSON."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}).encode()


@dataclass
class ChatServer:
    """An OpenAI-protocol server whose answers echo the question; `trouble` goes before an answer."""

    owner: str = "someone"
    names: tuple[str, ...] = ("m",)
    trouble: dict[str, list[Callable[[Handler], None]]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "GET":
            if handler.path != "/v1/models":
                return handler.reply(404, b"not found")
            data = [{"id": name, "owned_by": self.owner} for name in self.names]
            return handler.reply(200, json.dumps({"data": data}).encode())
        sent = json.loads(body)
        self.asked.append(sent)
        self.headers.append(dict(handler.headers))
        question = next(m["content"] for m in reversed(sent["messages"]) if m["role"] == "user")
        if waiting := self.trouble.get(question):
            return waiting.pop(0)(handler)
        prefill = sent["messages"][-1]["content"] if sent["messages"][-1]["role"] == "assistant" else ""
        return handler.reply(200, said(f"{prefill}echo {question}"))


def endpoint_folder(folder: Path, *urls: str) -> Path:
    """A models/teacher folder of an endpoint, or of several replicas."""
    fetch_teacher(list(urls) if len(urls) > 1 else urls[0], folder, print)
    return folder


def ask(text: str, **fields: Any) -> Request:
    """A request whose id is its text."""
    return Request(text, ({"role": "user", "content": text},), **fields)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher folder with the embedded model's GGUF file: the fetched one, or fetched now; skips without both."""
    wanted = find("smollm2-135m").gguf
    for folder in (os.environ.get("XINSTRUCT_TEST_TEACHER", ""), ROOT / "models" / "teacher"):
        path = Path(folder) / "model.json"
        if folder and path.exists() and json.loads(path.read_text()).get("sha256") == wanted.sha256:
            return Path(folder)
    return _fetched(tmp_path_factory, "llamacpp")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher folder with the embedded model as the batched engine runs it; fetched as `embedded` is."""
    return _fetched(tmp_path_factory, "batched")


@pytest.fixture(scope="session")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher folder with the embedded model's GGUF file, to be run by OpenVINO."""
    return _fetched(tmp_path_factory, "openvino")


def _fetched(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Path:
    folder = tmp_path_factory.mktemp("models") / "teacher"
    try:
        fetch_teacher("smollm2-135m", folder, print, engine=engine)
    except BadInput as error:
        pytest.skip(f"the embedded model is not fetched and cannot be: {error}")
    return folder


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
