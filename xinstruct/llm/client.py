"""The teacher: ask a model many things, get the answers in order, never ask an answered call again.

    with Teacher(params["teacher"]) as teacher:
        answers = teacher.ask([Request("1", ({"role": "user", "content": "Say hello."},))])

Every answer is written to the journal the moment it arrives, so a killed run resumes where it
was; failed calls are not written. The server is started only when a call is missing. Results do
not depend on the order of completion. Left out: repairing an answer that misses its schema (the
caller asks again), streaming.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from xinstruct.files import BadInput
from xinstruct.llm.calls import Answer, Reply, Request
from xinstruct.llm.embedded import Embedded
from xinstruct.llm.endpoint import Endpoint
from xinstruct.llm.journal import Entry, Journal, call_key
from xinstruct.plan import work_root

__all__ = ["Answer", "Request", "Teacher"]

_REPORT = 8  # calls between two updates of the rate


class Teacher:
    """The model of params.yaml's `teacher` section, as fetch left it in `folder`."""

    def __init__(
        self, params: dict[str, Any], folder: Path = Path("models/teacher"), journal: Path | None = None
    ) -> None:
        """Raises BadInput when `folder` holds no fetched model or the endpoint is not there."""
        self.params = params
        self.model = read_model(folder)
        self.backend: Embedded | Endpoint
        if self.model["kind"] == "endpoint":
            self.backend = Endpoint(str(self.model["base_url"]), params)
            self.backend.probe()
            self.identity = f"{self.backend.url} {self.backend.served}"
        else:
            self.backend = Embedded(folder / str(self.model["file"]), params)
            self.identity = f"sha256:{self.model['sha256']}"
        self.usage = dict.fromkeys(("calls", "cached", "prompt_tokens", "completion_tokens", "errors"), 0)
        self._journal = Journal(journal or work_root() / "journal.sqlite")

    def __enter__(self) -> Teacher:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the embedded servers and close the journal."""
        if isinstance(self.backend, Embedded):
            self.backend.close()
        self._journal.close()

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        """Answers in the order of the requests. A call that failed is an Answer with its error.

        Raises BadInput when no call can succeed: server gone, unknown model, every prompt too long.
        """
        keys = [call_key(self.identity, request.content()) for request in requests]
        known = self._journal.get(keys)
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in known}
        fresh, failed = self._ask_missing(missing, known, desc) if missing else ({}, {})
        entries = known | fresh
        answers = []
        for key, request in zip(keys, requests, strict=True):
            if key in entries:
                answers.append(_answer(request, entries[key], key in known))
            else:
                answers.append(Answer(request.id, "", "error", 0, 0, False, failed[key]))
        self._count(answers)
        return answers

    def _ask_missing(
        self, missing: dict[str, Request], known: dict[str, Entry], desc: str
    ) -> tuple[dict[str, Entry], dict[str, str]]:
        affordable, failed = self._within_budget(missing, known)
        fresh: dict[str, Entry] = {}
        if affordable:
            self._run(affordable, fresh, failed, desc)
        return fresh, failed

    def _run(self, missing: dict[str, Request], fresh: dict[str, Entry], failed: dict[str, str], desc: str) -> None:
        if isinstance(self.backend, Embedded):
            self.backend.start()
        keys = {id(request): key for key, request in missing.items()}
        bar = tqdm(total=len(missing), desc=desc, unit="call", mininterval=_interval(), file=sys.stderr)
        start, tokens = time.monotonic(), 0

        def done(request: Request, reply: Reply) -> None:
            nonlocal tokens
            key = keys[id(request)]
            if reply.error:
                failed[key] = reply.error
            else:
                fresh[key] = self._keep(key, request, reply)
                tokens += reply.completion_tokens
            if (len(fresh) + len(failed)) % _REPORT == 0:
                bar.set_postfix_str(f"{tokens / (time.monotonic() - start):.0f} tokens/s", refresh=False)
            bar.update()

        with bar:
            _unwrapped(self.backend, list(missing.values()), done)
        _raise_if_hopeless(self.model["name"], fresh, failed)

    def _keep(self, key: str, request: Request, reply: Reply) -> Entry:
        counts = (reply.prompt_tokens, reply.completion_tokens, reply.attempts, reply.seconds)
        return self._journal.put(key, self.identity, request.content(), Entry(reply.text, reply.finish_reason, *counts))

    def _within_budget(
        self, missing: dict[str, Request], known: dict[str, Entry]
    ) -> tuple[dict[str, Request], dict[str, str]]:
        """Split off what the token budget does not allow, in request order.

        A call is counted with the most it may generate (its prompt is known only afterwards), so
        that the same calls are made whatever the order of completion.
        """
        limit = int((self.params.get("budget") or {}).get("tokens") or 0)
        if not limit:
            return missing, {}
        spent = self.usage["completion_tokens"] + self.usage["prompt_tokens"]
        spent += sum(entry.prompt_tokens + entry.completion_tokens for entry in known.values())
        affordable: dict[str, Request] = {}
        for key, request in missing.items():
            spent += request.max_tokens
            if spent <= limit:
                affordable[key] = request
        return affordable, {key: "budget" for key in missing if key not in affordable}

    def _count(self, answers: list[Answer]) -> None:
        self.usage["calls"] += len(answers)
        self.usage["cached"] += sum(answer.cached for answer in answers)
        self.usage["prompt_tokens"] += sum(answer.prompt_tokens for answer in answers)
        self.usage["completion_tokens"] += sum(answer.completion_tokens for answer in answers)
        self.usage["errors"] += sum(answer.finish_reason == "error" for answer in answers)


def read_model(folder: Path) -> dict[str, Any]:
    """What fetch wrote about the teacher. Raises BadInput when it is missing or not usable."""
    path = folder / "model.json"
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run the fetch stage (dvc repro fetch)") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}: not JSON ({error}); run the fetch stage again (dvc repro --force fetch)") from None
    if model.get("kind") == "safetensors":
        raise BadInput(
            f"{path}: {model.get('name')} is a safetensors checkpoint, which the embedded server does not run; "
            "serve it (vllm serve FOLDER, or transformers serve) and set teacher.model to that base_url"
        )
    if model.get("kind") not in ("gguf", "endpoint"):
        raise BadInput(f"{path}: kind {model.get('kind')!r} is not gguf or endpoint; run the fetch stage again")
    return dict(model)


def _answer(request: Request, entry: Entry, cached: bool) -> Answer:
    return Answer(request.id, entry.text, entry.finish_reason, entry.prompt_tokens, entry.completion_tokens, cached)


def _unwrapped(backend: Embedded | Endpoint, requests: list[Request], done: Any) -> None:
    try:
        asyncio.run(backend.run(requests, done))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _raise_if_hopeless(name: str, fresh: dict[str, Entry], failed: dict[str, str]) -> None:
    """One clear error instead of thousands of equal ones."""
    kinds = {error.split(":", 1)[0] for error in failed.values()} - {"budget"}
    if fresh or len(kinds) != 1:
        return
    example = next(error for error in failed.values() if error != "budget")
    remedy = {
        "context": "raise teacher.context, or shorten the prompts",
        "unreachable": "see that the server runs; answered calls are kept, run again to go on",
    }
    if (kind := kinds.pop()) in remedy:
        raise BadInput(f"teacher {name}: no call succeeded: {example}; {remedy[kind]}")


def _interval() -> float:
    return 0.2 if sys.stderr.isatty() else 10.0
