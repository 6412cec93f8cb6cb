"""The client asks a model many things, returns the answers in order, and never asks an answered call again.

    with Client(params.teacher) as model:
        answers = model.ask([Request("1", ({"role": "user", "content": "Say hello."},))])

Every answer is written to the journal the moment it arrives, so a killed run resumes where it was; failed calls are
stored there with their error and never served. The server is started only when a call is missing. Results do not
depend on the order of completion. Streaming is not supported.
With a recording in place of the model (teacher.recorded) no server is used: a missing call stops the stage, or is sent
to the live model (teacher.missing).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xinstruct.code.thinking import final_answer
from xinstruct.files import BadInput, write_json
from xinstruct.llm.accounting import Account, Progress
from xinstruct.llm.backends import open_backend, read_model
from xinstruct.llm.budget import Budget, BudgetReached, Prices, run_id
from xinstruct.llm.calls import PERMANENT_ERRORS, TRANSIENT_ERRORS, Answer, Done, Reply, Request, Token, kind_of
from xinstruct.llm.embedded import Embedded
from xinstruct.llm.endpoint import without_secrets
from xinstruct.llm.journal import Entry, Journal, call_key
from xinstruct.llm.pool import PLAIN, Pool
from xinstruct.llm.repair import AnswerRepair
from xinstruct.models.recorded import FOLDER, Facts
from xinstruct.params import TeacherParams
from xinstruct.plan import work_root

__all__ = ["Answer", "BudgetReached", "Client", "Request"]

_HOPELESS = 16  # so many calls that all failed for one lasting reason stop the rest
_REMEDY = {
    "context": "raise teacher.context (or the served context), or shorten the prompts",
    "rejected": "see what the server does not take",
}


class Client:
    """A ChatModel for the fetched model in `folder` or for a server, set up by params.yaml's `teacher` section."""

    def __init__(
        self,
        params: TeacherParams,
        folder: Path = Path("models/teacher"),
        journal: Path | None = None,
        stage: str = "",
        account: Path | None = None,
        url: str = "",
    ) -> None:
        """Raises BadInput when `folder` holds no fetched model or the endpoint cannot be used.

        `stage` names the caller for the journal and the budget; `account` is a file for the cost of the calls; `url` is
        an endpoint to ask instead of the model in `folder`.
        """
        self.model: dict[str, Any] = {"name": url, "kind": "endpoint", "base_url": url} if url else read_model(folder)
        self.recording = dict(self.model.get("recorded") or {})
        self.backend: Embedded | Pool | None = None  # of a recorded teacher: opened when a call is missing, if at all
        if self.recording:
            self.facts = Facts.of(self.recording)
        else:
            self.backend, self.facts = open_backend(self.model, folder, params)
        self.identity = self.facts.identity
        prices = Prices(params.prices, self.facts.served)
        self.usage: dict[str, Any] = dict.fromkeys(
            ("calls", "cached", "prompt_tokens", "completion_tokens", "errors"), 0
        )
        self.account = Account(prices)
        self.repair = AnswerRepair(params)
        self._params, self._folder, self._account_path = params, folder, account
        self._used: dict[str, None] = {}  # keys of all calls, in the order in which they were first wanted
        self._journal = Journal(journal or work_root() / "journal.sqlite", stage, run_id())
        self.budget = Budget(params, self._journal, prices, self.facts.served)
        self._journal.open_session(self.identity)
        self._write_used()  # who is asked, already; a run that is killed says it too

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def run_by(self) -> str:
        """The backend that runs the model: "endpoint", or the engine that runs it here, as teacher.engine names it."""
        return self.facts.run_by

    @property
    def continues(self) -> bool:
        """True if a prefill (Request.prefill) is known to be continued; an unknown endpoint may not do so."""
        return self.facts.continues

    @property
    def capable(self) -> bool:
        """True if the model writes problems and answers without their beginning being written for it."""
        return self.facts.capable

    def close(self) -> None:
        """Stop the embedded servers, write the account and which calls it is of, close the journal."""
        if isinstance(self.backend, Embedded):
            self.backend.close()
        self.account.write(self._account_path)
        self._write_used()
        self._journal.close()

    def _write_used(self) -> None:
        if self._account_path is not None:
            write_json(used_calls(self._account_path), {"teacher": asdict(self.facts), "keys": list(self._used)})

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        """Return the answers in the order of the requests. A call that failed is an Answer with its error.

        An answer that misses its schema is asked for once more with the error (teacher.repairs); one that was cut is
        treated as teacher.on_length says. Raises BadInput when no call can succeed (server gone, unknown model, every
        prompt too long), BudgetReached at a limit.
        """

        def again(wanted: list[Request]) -> list[Answer]:
            self.account.repaired += len(wanted)
            return self._ask(wanted, f"{desc} again")

        answers = self.repair.repaired(requests, self._ask(requests, desc), again)
        self.usage["errors"] += sum(answer.finish_reason == "error" for answer in answers)
        return answers

    def _ask(self, requests: Sequence[Request], desc: str) -> list[Answer]:
        keys = [call_key(self.identity, request.content()) for request in requests]
        self._used.update(dict.fromkeys(keys))
        known = self._journal.get(keys)
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in known}
        errors = self._journal.recorded_failures(missing) if self.recording else {}
        fresh, lost = self._ask_missing({key: missing[key] for key in missing if key not in errors}, desc)
        entries = known | fresh
        errors |= {key: without_secrets(reply.error) for key, reply in lost.items()}  # as the journal keeps them
        answers = []
        for key, request in zip(keys, requests, strict=True):
            if key in entries:
                answers.append(_answer(request, entries[key], key in known))
            else:
                answers.append(Answer(request.id, "", "error", 0, 0, False, errors[key]))
        self._count(answers)
        return answers

    def _ask_missing(self, missing: dict[str, Request], desc: str) -> tuple[dict[str, Entry], dict[str, Reply]]:
        """Ask the missing calls; those with a transient error are asked once more before they are stored as failed."""
        fresh: dict[str, Entry] = {}
        failed: dict[str, Reply] = {}
        if not missing:
            return fresh, failed
        backend = self._opened(missing, desc)
        self._run(backend, missing, fresh, failed, desc)
        doubtful = [key for key, reply in failed.items() if kind_of(reply.error) in TRANSIENT_ERRORS]
        if doubtful and isinstance(backend, Pool):
            self._run(backend, {key: missing[key] for key in doubtful}, fresh, failed, f"{desc} once more")
            if not fresh and any(kind_of(reply.error) in TRANSIENT_ERRORS for reply in failed.values()):
                self._see_that_it_works(backend, next(iter(failed.values())))
        for key, reply in failed.items():
            facts = (kind_of(reply.error), without_secrets(reply.error), reply.attempts, reply.waited)
            self._journal.fail(key, self.identity, missing[key].content(), *facts)
        return fresh, failed

    def _opened(self, missing: dict[str, Request], desc: str) -> Embedded | Pool:
        """Return the backend. Raises BadInput where a recording must answer alone or the live model differs in kind."""
        if self.backend is None:
            name = self.recording["name"]
            if self._params.missing == "stop":
                raise BadInput(_lacking(name, missing, desc))
            self.backend, live = open_backend(self.model, self._folder, self._params)
            if live.continues != self.facts.continues:
                raise BadInput(
                    f"{live.served}: {'continues' if live.continues else 'does not continue'} a prefill, unlike "
                    f"the teacher of the recording {name}; set teacher.dialect, or serve it by another server"
                )
        return self.backend

    def _see_that_it_works(self, backend: Pool, failed: Reply) -> None:
        """Ask a plain question when no call succeeded, to tell faulty requests from a faulty server."""
        told: list[Reply] = []
        _unwrapped(backend.run([PLAIN], lambda _, reply: told.append(reply), self._admit_all))
        if told[0].error and kind_of(told[0].error) not in PERMANENT_ERRORS:
            raise BadInput(
                f"{self.model['name']}: no call succeeded, a plain question neither: {failed.error}; "
                "see that the server works; answered calls are kept, run again to go on"
            )

    async def _admit_all(self, request: Request) -> bool:
        return True

    def _run(
        self,
        backend: Embedded | Pool,
        missing: dict[str, Request],
        fresh: dict[str, Entry],
        failed: dict[str, Reply],
        desc: str,
    ) -> None:
        if isinstance(backend, Embedded):
            backend.start()
        keys = {id(request): key for key, request in missing.items()}
        progress = Progress(self.account, len(missing), desc)
        asked = 0

        def done(request: Request, reply: Reply) -> None:
            nonlocal asked
            key, asked = keys[id(request)], asked + 1
            if reply.error:
                failed[key] = reply
            else:
                failed.pop(key, None)
                fresh[key] = self._keep(key, request, reply)
            progress.add(reply)
            self.budget.settle(request, reply)
            if not fresh:
                self._raise_if_hopeless(failed, min(_HOPELESS, len(missing)))

        self.budget.begin()
        with progress:
            _unwrapped(self._answers(backend, list(missing.values()), done, progress))
        if self.budget.reached:
            self.account.stopped = self.budget.reached
            raise BudgetReached(self.budget.message(len(missing) - asked, desc))

    def _answers(
        self, backend: Embedded | Pool, requests: list[Request], done: Done, progress: Progress
    ) -> Coroutine[None, None, None]:
        if isinstance(backend, Embedded):
            return backend.run(requests, done, self.budget.admit, progress.made)
        return backend.run(requests, done, self.budget.admit)

    def _keep(self, key: str, request: Request, reply: Reply) -> Entry:
        logprobs = json.dumps([asdict(token) for token in reply.logprobs]) if reply.logprobs else ""
        entry = Entry(
            reply.text,
            reply.finish_reason,
            reply.prompt_tokens,
            reply.completion_tokens,
            reply.attempts,
            reply.seconds,
            reply.trouble,
            max(reply.waited, reply.seconds),
            logprobs,
        )
        return self._journal.put(key, self.identity, request.content(), entry)

    def _raise_if_hopeless(self, failed: dict[str, Reply], enough: int) -> None:
        """Raise one clear error at the start instead of thousands of equal ones later."""
        kinds = {kind_of(reply.error) for reply in failed.values()}
        if len(failed) < enough or len(kinds) != 1 or (kind := kinds.pop()) not in _REMEDY:
            return
        if kind == "rejected" and len(failed) < _HOPELESS:
            return  # a few requests may be at fault themselves
        example = next(iter(failed.values())).error
        raise BadInput(f"{self.model['name']}: no call succeeded: {example}; {_REMEDY[kind]}")

    def _count(self, answers: list[Answer]) -> None:
        cached = sum(answer.cached for answer in answers)
        self.account.cached += cached
        self.usage["calls"] += len(answers)
        self.usage["cached"] += cached
        self.usage["prompt_tokens"] += sum(answer.prompt_tokens for answer in answers)
        self.usage["completion_tokens"] += sum(answer.completion_tokens for answer in answers)
        if self.account.prices.known:  # of all answers, whoever paid: equal on every run
            cost = self.account.prices.cost(self.usage["prompt_tokens"], self.usage["completion_tokens"])
            self.usage["cost"] = round(cost, 6)


def used_calls(account: Path) -> Path:
    """The file beside an account that names the calls it is of (about.py reads it for a recording)."""
    return account.with_name(f"used-{account.name}")


def _lacking(name: str, missing: dict[str, Request], desc: str) -> str:
    first = next(iter(missing.values()))
    words = " ".join(str(first.messages[-1]["content"]).split())[:120]
    return (
        f"{desc}: the recording {name} (teacher.recorded) lacks {len(missing)} of the calls wanted now, first "
        f"{first.id}: {words!r}; import it (xinstruct journal import {FOLDER / name}), go back to its params and code, "
        "or set teacher.missing to ask"
    )


def _answer(request: Request, entry: Entry, cached: bool) -> Answer:
    tokens = tuple(Token(**row) for row in json.loads(entry.logprobs)) if entry.logprobs else ()
    counts = (entry.prompt_tokens, entry.completion_tokens)
    return Answer(request.id, final_answer(entry.text), entry.finish_reason, *counts, cached, logprobs=tokens)


def _unwrapped(running: Any) -> None:
    try:
        asyncio.run(running)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
