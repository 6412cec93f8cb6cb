"""The journal: keys, sharing between processes, a kill, files of another kind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, endpoint_folder, said
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.client import Client, Request
from xinstruct.llm.journal import MIGRATIONS, Entry, Journal, call_key

BASE = Request("id", ({"role": "user", "content": "hello"},))
ASKER = """
import sys
from pathlib import Path
from tests.params import asking
from xinstruct.llm.client import Request, Client
folder, journal, prefix, count = sys.argv[1:]
requests = [Request(str(i), ({"role": "user", "content": f"{prefix}{i}"},)) for i in range(int(count))]
with Client(asking(slots=4), Path(folder), Path(journal)) as teacher:
    for answer in teacher.ask(requests):
        print(answer.text)
"""


def run_asker(*args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ASKER, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": ({"role": "user", "content": "hello "},)},
        {"messages": ({"role": "system", "content": "hello"},)},
        {"prefill": "x"},
        {"max_tokens": 5},
        {"temperature": 0.1},
        {"top_p": 0.9},
        {"stop": ("x",)},
        {"seed": 1},
        {"schema": {"type": "object"}},
    ],
)
def test_everything_that_may_change_an_answer_changes_the_key(change: dict[str, Any]) -> None:
    fields = {name: getattr(BASE, name) for name in BASE.__dataclass_fields__}
    assert call_key("m", Request(**fields | change).content()) != call_key("m", BASE.content())


def test_the_key_knows_the_model_and_not_the_id() -> None:
    assert call_key("m", BASE.content()) != call_key("n", BASE.content())
    assert call_key("m", Request("other", BASE.messages).content()) == call_key("m", BASE.content())


def test_the_first_answer_stands(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as one, Journal(path) as two:
        assert one.put("k", "m", {}, Entry("first", "stop", 1, 2)).text == "first"
        assert two.put("k", "m", {}, Entry("second", "stop", 1, 2)).text == "first"
        assert (len(one), one.get(["k", "k", "none"])["k"].text) == (1, "first")


@pytest.mark.slow
def test_two_processes_share_one_file(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    server = ChatServer()
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    askers = [run_asker(folder, tmp_path / "j.sqlite", prefix, 60) for prefix in ("a", "b", "a")]
    texts = [asker.communicate(timeout=60)[0].split("\n")[:-1] for asker in askers]
    assert texts[1] == [f"echo b{i}" for i in range(60)]
    assert texts[0] == texts[2] == [f"echo a{i}" for i in range(60)]
    with Journal(tmp_path / "j.sqlite") as journal:
        assert len(journal) == 120


@pytest.mark.slow
def test_kill_9_loses_no_answer(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    answered: list[str] = []

    class Slow(ChatServer):
        def __call__(self, handler: Handler, body: bytes) -> None:
            if handler.command == "POST":
                time.sleep(0.05)
                answered.append("")
            super().__call__(handler, body)

    server = Slow()
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    asker = run_asker(folder, tmp_path / "j.sqlite", "q", 200)
    while len(answered) < 40:
        time.sleep(0.01)
    os.kill(asker.pid, signal.SIGKILL)
    asker.communicate()
    time.sleep(0.3)
    before = len(server.asked)
    assert before < 200
    texts = run_asker(folder, tmp_path / "j.sqlite", "q", 200).communicate(timeout=60)[0]
    assert texts.split("\n")[:-1] == [f"echo q{i}" for i in range(200)]
    # At most the four calls in flight when the kill came are asked twice.
    assert 200 <= len(server.asked) <= 204


@pytest.mark.slow
def test_ctrl_c_stops_and_keeps_the_answers(tmp_path: Path, serve: Callable[[Any], str]) -> None:
    def never(handler: Handler) -> None:
        time.sleep(30)
        handler.reply(200, said("late"))

    server = ChatServer(trouble={"q20": [never] * 9})
    folder = endpoint_folder(tmp_path / "teacher", serve(server))
    asker = run_asker(folder, tmp_path / "j.sqlite", "q", 21)
    while len(server.asked) < 21:
        time.sleep(0.01)
    time.sleep(0.3)
    asker.send_signal(signal.SIGINT)
    asker.communicate(timeout=10)
    assert asker.returncode != 0
    with Journal(tmp_path / "j.sqlite") as journal:
        assert len(journal) == 20


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "text.sqlite"
    other.write_text("this is no database, and long enough to be looked at" * 20)
    with pytest.raises(BadInput, match="not a usable journal"):
        Journal(other)
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as db:
        db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(BadInput, match="newer version"):
        Journal(newer)


def test_a_missing_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="run the fetch stage"):
        Client(asking(), tmp_path / "none", tmp_path / "j.sqlite")
