"""Servers and clients that fail in every way at once: each call ends up answered exactly once.

The servers are real ones on loopback that misbehave on purpose; the clients are real processes that
are killed at random moments.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, Loopback, ask, endpoint_folder, said
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.client import Client
from xinstruct.llm.journal import Journal

Serve = Callable[[Any], str]
Make = Callable[[Any], Loopback]
QUICK = {"slots": 8, "backoff": 0.005, "stall_timeout": 0.2, "timeout": 1.0, "start_wait": 0.2, "attempts": 8}


def hang_in_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    time.sleep(0.5)
    handler.close_connection = True


def hang_before_headers(handler: Handler) -> None:
    time.sleep(1.3)
    handler.drop()


FAULTS: dict[str, Callable[[Handler], None]] = {
    "429 with seconds": lambda h: h.reply(429, b"slow down", Retry_After="0.02"),
    "429 with a date": lambda h: h.reply(429, b"slow down", Retry_After=formatdate(time.time(), usegmt=True)),
    "429": lambda h: h.reply(429, b"slow down"),
    "500": lambda h: h.reply(500, b"oops"),
    "503": lambda h: h.reply(503, b"loading"),
    "504": lambda h: h.reply(504, b"<html>gateway timeout</html>"),
    "408": lambda h: h.reply(408, b""),
    "hung body": hang_in_body,
    "hung": hang_before_headers,
    "cut body": lambda h: h.reply(200, said("cut")[:30], claimed=400),
    "dropped": lambda h: h.drop(),
    "invalid JSON": lambda h: h.reply(200, b"{not json"),
    "empty": lambda h: h.reply(200, b""),
    "a list": lambda h: h.reply(200, b"[1]"),
    "no choices": lambda h: h.reply(200, b'{"choices": []}'),
    "no message": lambda h: h.reply(200, b'{"choices": [{"finish_reason": "stop"}]}'),
    "text is a number": lambda h: h.reply(200, b'{"choices": [{"message": 7, "finish_reason": "stop"}]}'),
    "aborted": lambda h: h.reply(200, said("half an ans", "abort")),
    "no reason to end": lambda h: h.reply(200, said("half an ans", None)),
}


class Faulty(ChatServer):
    """Fails at each question as often as `plan` says, by faults drawn from its seed; then answers."""

    def __init__(self, seed: int, most: int, faults: list[str], pause: float = 0.0) -> None:
        super().__init__()
        self.seed, self.most, self.faults, self.pause = seed, most, faults, pause
        self.tried: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.settled: set[str] = set()  # requests whose answer is in the journal
        self.repeated: list[str] = []  # of those, what was asked all the same

    def __call__(self, handler: Handler, body: bytes) -> None:
        if handler.command == "POST":
            time.sleep(self.pause)
            question = hashlib.sha256(body).hexdigest()
            with self.lock:
                text = json.loads(body)["messages"][-1]["content"]
                self.repeated += [text] if text in self.settled else []
                tried = self.tried[question]
                self.tried[question] += 1
            rng = random.Random(f"{self.seed} {question}")
            planned = rng.choices(self.faults, k=rng.randrange(self.most + 1))
            if tried < len(planned):
                return FAULTS[planned[tried]](handler)
        return super().__call__(handler, body)


def answered(journal: Path) -> list[tuple[Any, ...]]:
    """What the journal holds of each call that does not depend on the clock."""
    columns = "key, request, text, finish_reason, prompt_tokens, completion_tokens"
    with sqlite3.connect(journal) as db:
        return db.execute(f"select {columns} from calls order by key").fetchall()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_passes(tmp_path: Path, serve: Serve, fault: str) -> None:
    server = ChatServer(trouble={"q1": [FAULTS[fault]] * 2})
    with Client(
        asking(**QUICK), endpoint_folder(tmp_path / "teacher", serve(server)), tmp_path / "j.sqlite"
    ) as teacher:
        answers = teacher.ask([ask("q0"), ask("q1"), ask("q2")])
        assert sum(teacher.account.retried.values()) == 1
    assert [(a.text, a.finish_reason) for a in answers] == [(f"echo q{i}", "stop") for i in range(3)]
    assert len(server.asked) == 5
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        rows = db.execute("select attempts, trouble != '', waited >= seconds from calls order by attempts").fetchall()
    assert rows == [(1, 0, 1), (1, 0, 1), (3, 1, 1)]


@pytest.mark.slow
def test_all_faults_mixed_change_nothing(tmp_path: Path, serve: Serve) -> None:
    questions = [ask(f"q{i}", seed=i) for i in range(120)]
    results = []
    for name, server in (("calm", ChatServer()), ("faulty", Faulty(1, 3, list(FAULTS)))):
        params = QUICK | {"slots": 24, "identity": "m"}
        folder = endpoint_folder(tmp_path / name, serve(server))
        with Client(asking(**params), folder, tmp_path / f"{name}.sqlite") as teacher:
            results.append(([(a.id, a.text) for a in teacher.ask(questions)], teacher.usage))
    assert results[0] == results[1]
    assert answered(tmp_path / "calm.sqlite") == answered(tmp_path / "faulty.sqlite")
    assert len(answered(tmp_path / "calm.sqlite")) == 120


def test_a_storm_of_429_rests_the_endpoint_and_loses_nothing(tmp_path: Path, serve: Serve) -> None:
    storm = {"until": 0.0}
    refused: list[float] = []

    class Stormy(ChatServer):
        def __call__(self, handler: Handler, body: bytes) -> None:
            now = time.monotonic()
            if handler.command == "POST" and not storm["until"]:
                storm["until"] = now + 0.8
            if handler.command == "POST" and now < storm["until"]:
                refused.append(now)
                return handler.reply(429, b"", Retry_After="0.3")
            return super().__call__(handler, body)

    with Client(
        asking(**(QUICK | {"slots": 64})), endpoint_folder(tmp_path / "teacher", serve(Stormy())), tmp_path / "j.sqlite"
    ) as teacher:
        answers = teacher.ask([ask(f"q{i}") for i in range(200)])
        assert [a.text for a in answers] == [f"echo q{i}" for i in range(200)]
        lowest = teacher.backend.endpoints[0].limiter.lowest  # type: ignore[union-attr]
        assert 1 < lowest < 64, "halved once per round, not once per refusal"
    # Three rounds of Retry-After fit into the storm; each may find as many in flight as the limit lets.
    assert len(refused) <= 64 * 3


@pytest.mark.slow
def test_refused_at_first_and_restarted_midway(tmp_path: Path, loopback: Make) -> None:
    server = ChatServer()
    place = loopback(server)
    threading.Timer(0.5, place.start).start()
    folder = endpoint_folder(tmp_path / "teacher", place.url)

    def restart() -> None:
        while len(server.asked) < 40:
            time.sleep(0.005)
        place.stop()
        time.sleep(0.4)
        place.start()

    threading.Thread(target=restart, daemon=True).start()
    with Client(asking(**(QUICK | {"start_wait": 20})), folder, tmp_path / "j.sqlite") as teacher:
        answers = teacher.ask([ask(f"q{i}") for i in range(400)])
        assert [a.text for a in answers] == [f"echo q{i}" for i in range(400)]
        assert set(teacher.account.retried) <= {"dropped", "unreachable", "garbled"}
        assert teacher.account.retried, "the restart was met"
        assert not teacher.account.failed
    assert len(answered(tmp_path / "j.sqlite")) == 400


def test_another_endpoint_takes_over(tmp_path: Path, loopback: Make) -> None:
    servers = [ChatServer(), ChatServer()]
    places = [loopback(server).start() for server in servers]
    folder = endpoint_folder(tmp_path / "teacher", *(place.url for place in places))

    def die() -> None:
        while len(servers[0].asked) < 20:
            time.sleep(0.005)
        places[0].stop()

    threading.Thread(target=die, daemon=True).start()
    with Client(asking(**(QUICK | {"slots": 4})), folder, tmp_path / "j.sqlite") as teacher:
        start = time.monotonic()
        answers = teacher.ask([ask(f"q{i}") for i in range(300)])
        assert [a.text for a in answers] == [f"echo q{i}" for i in range(300)]
        assert time.monotonic() - start < 20
    assert len(servers[0].asked) >= 20
    assert len(servers[1].asked) > 150
    assert len(answered(tmp_path / "j.sqlite")) == 300


def test_replicas_must_serve_one_model(tmp_path: Path, serve: Serve) -> None:
    folder = endpoint_folder(tmp_path / "teacher", serve(ChatServer()), serve(ChatServer(names=("other",))))
    with pytest.raises(BadInput, match="different models"):
        Client(asking(**QUICK), folder, tmp_path / "j.sqlite")


def test_poison_is_set_aside_with_its_error_and_asked_again(tmp_path: Path, serve: Serve) -> None:
    poison = {"p500": FAULTS["500"], "pdrop": FAULTS["dropped"], "p400": lambda h: h.reply(400, b"never this")}
    server = ChatServer(trouble={name: [fault] * 999 for name, fault in poison.items()})
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    questions = [ask(f"q{i}") for i in range(30)] + [ask(name) for name in poison]
    with Client(asking(**(QUICK | {"attempts": 3})), folder, tmp_path / "j.sqlite") as teacher:
        answers = teacher.ask(questions)
    assert [a.text for a in answers[:30]] == [f"echo q{i}" for i in range(30)]
    assert [a.error.split(":")[0] for a in answers[30:]] == ["server", "dropped", "rejected"]
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        aside = dict(db.execute("select kind, error from failures").fetchall())
    assert set(aside) == {"server", "dropped", "rejected"}
    assert "never this" in aside["rejected"]
    assert len(answered(tmp_path / "j.sqlite")) == 30
    server.trouble.clear()
    server.asked.clear()
    with Client(asking(**QUICK), folder, tmp_path / "j.sqlite") as teacher:
        assert [a.text for a in teacher.ask(questions[30:])] == [f"echo {name}" for name in poison]
    assert len(server.asked) == 3


def test_poison_alone_is_told_from_a_broken_server(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={"p": [FAULTS["500"]] * 99})
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    with Client(asking(**(QUICK | {"attempts": 2})), folder, tmp_path / "j.sqlite") as teacher:
        assert teacher.ask([ask("p")])[0].error.startswith("server:"), "a plain question was answered: it is poison"
    broken = ChatServer(trouble={q: [FAULTS["500"]] * 99 for q in ("p", "Say yes.")})
    folder = endpoint_folder(tmp_path / "broken", serve(broken))
    with (
        Client(asking(**(QUICK | {"attempts": 2})), folder, tmp_path / "k.sqlite") as teacher,
        pytest.raises(BadInput, match="a plain question neither"),
    ):
        teacher.ask([ask("p")])


def test_busy_for_too_long_stops_the_run_and_keeps_the_answers(tmp_path: Path, serve: Serve) -> None:
    server = ChatServer(trouble={f"q{i}": [FAULTS["503"]] * 9999 for i in range(5, 50)})
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    questions = [ask(f"q{i}") for i in range(50)]
    with Client(asking(**(QUICK | {"slots": 2, "patience": 0.3})), folder, tmp_path / "j.sqlite") as teacher:
        with pytest.raises(BadInput, match=r"overloaded.*run again to go on"):
            teacher.ask(questions)
        assert [a.cached for a in teacher.ask(questions[:5])] == [True] * 5


ASKER = """
import json, sys
from pathlib import Path
from tests.params import asking
from xinstruct.llm.calls import Request
from xinstruct.llm.client import Client
folder, journal, out, count, params = sys.argv[1:]
requests = [Request(str(i), ({"role": "user", "content": f"q{i}"},), seed=i) for i in range(int(count))]
with Client(asking(**json.loads(params)), Path(folder), Path(journal)) as teacher:
    rows = [[a.id, a.text, a.finish_reason, a.prompt_tokens, a.completion_tokens] for a in teacher.ask(requests)]
Path(out).write_text(json.dumps(rows))
"""


def run_asker(folder: Path, journal: Path, out: Path, count: int) -> subprocess.Popen[bytes]:
    params = '{"slots": 8, "backoff": 0.005, "stall_timeout": 0.2, "timeout": 1, "attempts": 9, "identity": "m"}'
    command = [sys.executable, "-c", ASKER, str(folder), str(journal), str(out), str(count), params]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# Enough calls, slow enough, that the run outlives its kills.
@pytest.mark.slow
@pytest.mark.parametrize(("kills", "count"), [(5, 150), pytest.param(50, 1500, marks=pytest.mark.long)])
def test_kill_9_at_random_moments_amid_faults(tmp_path: Path, serve: Serve, kills: int, count: int) -> None:
    calm = endpoint_folder(tmp_path / "calm", serve(ChatServer()))
    assert run_asker(calm, tmp_path / "calm.sqlite", tmp_path / "calm.json", count).wait(120) == 0
    server = Faulty(7, 2, ["429", "500", "503", "cut body", "dropped", "invalid JSON", "aborted"], pause=0.06)
    folder = endpoint_folder(tmp_path / "faulty", serve(server))
    journal, out, rng = tmp_path / "j.sqlite", tmp_path / "out.json", random.Random(kills)
    landed = 0
    for _ in range(kills):
        asker = run_asker(folder, journal, out, count)
        before = len(server.asked)
        while len(server.asked) == before and asker.poll() is None:
            time.sleep(0.005)  # started and at work
        time.sleep(rng.uniform(0, 0.3))
        os.kill(asker.pid, signal.SIGKILL)
        landed += asker.wait() == -signal.SIGKILL
        time.sleep(0.2)  # what the dead client had in flight is answered
        server.settled = {json.loads(row[1])["messages"][-1]["content"] for row in answered(journal)}
    assert landed == kills
    assert run_asker(folder, journal, out, count).wait(240) == 0
    assert out.read_bytes() == (tmp_path / "calm.json").read_bytes()
    assert answered(journal) == answered(tmp_path / "calm.sqlite")
    assert len(answered(journal)) == count
    assert not server.repeated, "a call that was answered is never asked again"


def test_failed_and_truncated_answers_are_never_served_as_good(tmp_path: Path, serve: Serve) -> None:
    cut = [lambda h: h.reply(200, said("half", "length"))] * 2
    server = ChatServer(trouble={"cut": cut, "bad": [lambda h: h.reply(400, b"no")]})
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    with Client(asking(**QUICK), folder, tmp_path / "j.sqlite") as teacher:
        first = teacher.ask([ask("cut"), ask("bad")])
        again = teacher.ask([ask("cut"), ask("bad")])
    assert [(a.finish_reason, a.cached) for a in first] == [("length", False), ("error", False)]
    assert [(a.finish_reason, a.cached) for a in again] == [("length", True), ("stop", False)]
    with Client(asking(**(QUICK | {"on_length": "error"})), folder, tmp_path / "j.sqlite") as teacher:
        assert [(a.text, a.error.split(":")[0]) for a in teacher.ask([ask("cut")])] == [("", "length")]
    with Journal(tmp_path / "j.sqlite") as journal:
        assert len(journal) == 2
