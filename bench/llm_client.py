"""Clients against one loopback server: ours with its journal, openai's, distilabel's (bench/llm.py runs them)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from xinstruct.llm.calls import Request
from xinstruct.llm.client import Client
from xinstruct.models.fetch import fetch_teacher
from xinstruct.params import at_hand

VENVS = Path("build/bench-venv")
PEERS = {
    "openai": "openai",
    "distilabel": "distilabel[openai] requests",
}  # module: what pip installs (distilabel imports requests without saying so)
_PROMPT = 2048  # bytes

SERVER = """
import asyncio, json, sys
from aiohttp import web
async def models(request):
    return web.json_response({"data": [{"id": "m", "owned_by": "bench"}]})
async def chat(request):
    await request.read()
    await asyncio.sleep(float(sys.argv[1]))
    return web.Response(body=BODY, content_type="application/json")
choice = {"index": 0, "message": {"role": "assistant", "content": "word " * 40}, "finish_reason": "stop"}
usage = {"prompt_tokens": 500, "completion_tokens": 40, "total_tokens": 540}
BODY = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice],
                   "usage": usage}).encode()
app = web.Application()
app.add_routes([web.get("/v1/models", models), web.post("/v1/chat/completions", chat)])
async def main():
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""

# Each peer: argv is url, calls, in flight, prompt file; prints wall and CPU seconds of asking as JSON.
PEER = {
    "openai": """
import asyncio, json, sys, time
import openai
url, calls, flying, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
prompts = json.load(open(file))
async def main():
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=5)
    gate = asyncio.Semaphore(flying)
    async def one(text):
        async with gate:
            got = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}],
                                                       max_tokens=64, temperature=0, seed=1)
            return got.choices[0].message.content
    wall, cpu = time.monotonic(), time.process_time()
    answers = await asyncio.gather(*(one(text) for text in prompts))
    assert all(answers) and len(answers) == calls
    print(json.dumps([time.monotonic() - wall, time.process_time() - cpu]))
asyncio.run(main())
""",
    "distilabel": """
import json, sys, time
from distilabel.models import OpenAILLM
url, calls, flying, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
prompts = json.load(open(file))
llm = OpenAILLM(model="m", base_url=url, api_key="none", generation_kwargs={"max_new_tokens": 64, "temperature": 0})
llm.load()
wall, cpu = time.monotonic(), time.process_time()
answers = []
for start in range(0, calls, flying):
    inputs = [[{"role": "user", "content": text}] for text in prompts[start : start + flying]]
    answers += llm.generate_outputs(inputs=inputs, **llm.generation_kwargs)
assert len(answers) == calls and all(a["generations"][0] for a in answers)
print(json.dumps([time.monotonic() - wall, time.process_time() - cpu]))
""",
}


def prepare(wanted: list[str]) -> list[str]:
    """Install what is missing, each into an environment of its own. Returns the peers that are there."""
    return [name for name in wanted if _installed(name, PEERS[name].split())]


def prepare_serve() -> None:
    """Install what transformers serve needs, beside the project's own environment."""
    if _installed("serve", ["fastapi", "uvicorn", "openai", "rich", "python-multipart"]):
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        for folder in (VENVS / "serve").glob("lib/python*/site-packages"):
            (folder / "project.pth").write_text(ours + "\n", encoding="utf-8")


def _installed(name: str, packages: list[str]) -> bool:
    folder = VENVS / name
    stamp = folder / ".stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == " ".join(packages):
        return True
    print(f"installing {' '.join(packages)} into {folder}", file=sys.stderr, flush=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        subprocess.run(pip, check=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"{name} does not install and is left out ({error})", file=sys.stderr)
        return False
    stamp.write_text(" ".join(packages), encoding="utf-8")
    return True


def contestants(args: argparse.Namespace) -> dict[str, Callable[[int], dict[str, float]]]:
    """Runners by name; each takes the number of the round, so that no prompt comes twice."""
    peers = prepare(args.peers)
    found: dict[str, Callable[[int], dict[str, float]]] = {"ours": lambda number: _ours(args, number)}
    for name in peers:
        found[name] = lambda number, name=name: _peer(args, number, name)  # type: ignore[misc]
    return found


def _prompts(args: argparse.Namespace, number: int) -> list[str]:
    return [f"{number}.{i} ".ljust(_PROMPT, "x") for i in range(args.calls)]


def _row(calls: int, wall: float, cpu: float) -> dict[str, float]:
    return {"requests_per_second": calls / wall, "cpu_ms_per_request": 1000 * cpu / calls}


class _Server:
    """The loopback server while it runs; gives its base_url."""

    def __init__(self, latency: float) -> None:
        command = [sys.executable, "-c", SERVER, str(latency)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")

    def __enter__(self) -> str:
        assert self.process.stdout
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1"

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()


def _ours(args: argparse.Namespace, number: int) -> dict[str, float]:
    messages = [({"role": "user", "content": text},) for text in _prompts(args, number)]
    requests = [Request(str(i), turns, max_tokens=64, seed=1) for i, turns in enumerate(messages)]
    with _Server(args.latency) as url, tempfile.TemporaryDirectory() as folder:
        fetch_teacher(url, Path(folder) / "teacher", lambda _: None)
        with Client(
            replace(at_hand().teacher, slots=args.in_flight), Path(folder) / "teacher", Path(folder) / "j.sqlite"
        ) as teacher:
            wall, cpu = time.monotonic(), time.process_time()
            answers = teacher.ask(requests)
            spent = time.monotonic() - wall, time.process_time() - cpu
    assert all(answer.text for answer in answers)
    return _row(args.calls, *spent)


def _peer(args: argparse.Namespace, number: int, name: str) -> dict[str, float]:
    with _Server(args.latency) as url, tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(_prompts(args, number), file)
        file.flush()
        command = [str(VENVS / name / "bin" / "python"), "-c", PEER[name], url]
        command += [str(args.calls), str(args.in_flight), file.name]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-800:]}")
    return _row(args.calls, *json.loads(done.stdout.strip().splitlines()[-1]))
