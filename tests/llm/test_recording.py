"""Recordings: files of a limited size, added to and read back whole; what is asked where one stands for the model."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, ask, endpoint_folder
from tests.params import asking
from xinstruct.files import BadInput, write_json
from xinstruct.llm.calls import Answer
from xinstruct.llm.client import Client
from xinstruct.llm.exchange import import_calls
from xinstruct.llm.journal import Entry, Journal, call_key
from xinstruct.llm.recording import CALLS, FAILURES, add_parts, held, import_recording, listed, parts
from xinstruct.models.recorded import read_about, stand_in

Serve = Callable[[Any], str]
LIMIT = 40_000


def words(rng: random.Random, size: int) -> str:
    """Text that does not compress well."""
    return "".join(rng.choices(string.printable, k=size))


def fill(journal: Journal, start: int, count: int, size: int = 900) -> set[str]:
    """Answered calls of the model "m". Returns their keys."""
    keys = set()
    for number in range(start, start + count):
        rng = random.Random(number)
        request = ask(words(rng, size), seed=number).content()
        keys.add(key := call_key("m", request))
        journal.put(key, "m", request, Entry(words(rng, size // 2), "stop", 10, number))
    return keys


def about(folder: Path, **teacher: Any) -> None:
    """An about.yaml with what reading a recording needs; YAML reads JSON."""
    facts: dict[str, Any] = {"identity": "m", "served": "m", "run_by": "endpoint", "continues": True, "capable": True}
    facts["model"] = {"kind": "endpoint"}
    said = {"teacher": facts | teacher, "params": {}, "parts": listed(folder), "outputs": {}}
    write_json(folder / "about.yaml", said)


def test_files_stay_below_the_limit_and_hold_every_call_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        keys = fill(journal, 0, 300)
        made = add_parts(journal, tmp_path / "r", CALLS, "m", None, LIMIT)
    assert len(made) > 5 and made == parts(tmp_path / "r", CALLS)
    sizes = [path.stat().st_size for path in made]
    assert max(sizes) <= LIMIT and min(sizes[:-1]) > LIMIT / 2
    assert held(tmp_path / "r", CALLS) == keys
    assert sum(entry["rows"] for entry in listed(tmp_path / "r").values()) == 300


def test_a_call_larger_than_the_limit_has_a_file_of_its_own(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        keys = fill(journal, 0, 3, size=60_000)
        assert len(add_parts(journal, tmp_path / "r", CALLS, "m", None, LIMIT)) == 3
    assert held(tmp_path / "r", CALLS) == keys


def test_exporting_again_adds_files_and_changes_none(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    with Journal(tmp_path / "j.sqlite") as journal:
        keys = fill(journal, 0, 50)
        first = {path: path.read_bytes() for path in add_parts(journal, folder, CALLS, "m", None, LIMIT)}
        assert add_parts(journal, folder, CALLS, "m", None, LIMIT) == []
        keys |= fill(journal, 50, 30)
        assert add_parts(journal, folder, CALLS, "m", None, LIMIT)
    assert all(path.read_bytes() == text for path, text in first.items())
    with Journal(tmp_path / "other.sqlite") as other:  # that never saw the first calls
        keys |= fill(other, 80, 10)
        add_parts(other, folder, CALLS, "m", None, LIMIT)
    assert held(folder, CALLS) == keys and len(keys) == 90


def test_the_same_calls_give_the_same_bytes(tmp_path: Path) -> None:
    for name, order in (("a", (0, 20)), ("b", (20, 0))):
        with Journal(tmp_path / f"{name}.sqlite") as journal:
            for start in order:
                fill(journal, start, 20)
            journal.db.execute("update calls set created = 0")
            add_parts(journal, tmp_path / name, CALLS, "m", None, LIMIT)
    assert listed(tmp_path / "a") == listed(tmp_path / "b")


def test_only_calls_of_the_teacher_that_are_wanted_are_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        keys = fill(journal, 0, 20)
        request = ask("other").content()
        journal.put(call_key("n", request), "n", request, Entry("x", "stop", 1, 1))
        wanted = set(sorted(keys)[:7])
        add_parts(journal, tmp_path / "some", CALLS, "m", wanted, LIMIT)
        add_parts(journal, tmp_path / "all", CALLS, "m", None, LIMIT)
    assert held(tmp_path / "some", CALLS) == wanted
    assert held(tmp_path / "all", CALLS) == keys


def test_a_recording_is_read_back_whole_or_refused_by_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "recorded" / "run"
    with Journal(tmp_path / "j.sqlite") as journal:
        fill(journal, 0, 100)
        made = add_parts(journal, folder, CALLS, "m", None, LIMIT)
    about(folder)
    with Journal(tmp_path / "two.sqlite") as two:
        assert import_recording(two, folder) == (100, 0)
        assert import_recording(two, folder) == (0, 100)
    whole = made[1].read_bytes()
    for damage, said in (
        (lambda path: path.write_bytes(whole[:500] + b"?" + whole[501:]), r"damaged, its sha256"),
        (lambda path: path.unlink(), "no such file, and about.yaml names it"),
    ):
        damage(made[1])
        with Journal(tmp_path / "three.sqlite") as three:
            with pytest.raises(BadInput, match=rf"calls-00002\.parquet: {said}"):
                import_recording(three, folder)
            assert len(three) == 0
    made[1].write_bytes(whole)
    (folder / "calls-00099.parquet").write_bytes(whole)
    with (
        Journal(tmp_path / "three.sqlite") as three,
        pytest.raises(BadInput, match=r"calls-00099\.parquet: about\.yaml"),
    ):
        import_recording(three, folder)


def test_an_answer_cannot_be_put_under_another_question(tmp_path: Path) -> None:
    """Where about.yaml was changed with the file, the keys still tell."""
    folder = tmp_path / "recorded" / "run"
    with Journal(tmp_path / "j.sqlite") as journal:
        fill(journal, 0, 3)
        journal.db.execute("update calls set request = (select min(request) from calls)")
        (path,) = add_parts(journal, folder, CALLS, "m", None)
    about(folder)
    with Journal(tmp_path / "two.sqlite") as two:
        with pytest.raises(BadInput, match=rf"{path.name}: row \d, column 'key'"):
            import_recording(two, folder)
        with pytest.raises(BadInput, match=rf"{path.name}: row \d, column 'key'"):
            import_calls(two, path)


@pytest.mark.parametrize("name", ["", "../other", "a/b", ".hidden", "a b"])
def test_a_name_is_a_plain_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no name of a recording"):
        stand_in(name, tmp_path)


def test_what_there_is_not_is_said_with_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "recorded" / "run").mkdir(parents=True)
    about(tmp_path / "recorded" / "run")
    with pytest.raises(BadInput, match="no such recording; there are: run"):
        read_about(tmp_path / "recorded" / "ran")
    write_json(tmp_path / "recorded" / "run" / "about.yaml", {"teacher": {}})
    with pytest.raises(BadInput, match="the section 'params' is missing"):
        read_about(tmp_path / "recorded" / "run")


# ---- asking a recording


def refused(handler: Handler) -> None:
    handler.reply(400, b"not this one")


class Recorded:
    """A teacher's answers to five questions, one of them refused, as a recording of a project at `root`."""

    def __init__(self, root: Path, server: ChatServer, url: str) -> None:
        self.root, self.server, self.url = root, server, url
        self.questions = [ask(f"what is {number}", seed=number) for number in range(5)]
        server.trouble["what is 3"] = [refused] * 9
        with Client(asking(), endpoint_folder(root / "live", url), root / "live.sqlite") as teacher:
            self.said = teacher.ask(self.questions)
            self.usage, self.facts = teacher.usage, teacher.facts
        with Journal(root / "live.sqlite") as journal:
            for table in (CALLS, FAILURES):
                add_parts(journal, root / "recorded" / "run", table, teacher.identity, None)
        model = {"name": "far away", "kind": "endpoint", "base_url": "http://127.0.0.1:9/v1"}
        about(root / "recorded" / "run", **asdict(self.facts), model=model)
        stand_in("run", root / "models" / "teacher")
        self.imported()
        server.asked.clear()

    def imported(self) -> None:
        with Journal(self.root / "j.sqlite") as journal:
            import_recording(journal, self.root / "recorded" / "run")

    def open(self, **params: Any) -> Client:
        return Client(asking(**params), self.root / "models" / "teacher", self.root / "j.sqlite")


@pytest.fixture
def recorded(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.chdir(tmp_path)
    server = ChatServer()
    return Recorded(tmp_path, server, serve(server))


def same(one: list[Answer], other: list[Answer]) -> bool:
    """Whether answers are equal, whoever gave them."""
    return [asdict(a) | {"cached": True} for a in one] == [asdict(a) | {"cached": True} for a in other]


def test_a_recording_answers_as_its_teacher_did_and_nobody_is_asked(recorded: Recorded) -> None:
    assert [answer.finish_reason for answer in recorded.said] == ["stop", "stop", "stop", "error", "stop"]
    with recorded.open() as teacher:
        assert same(teacher.ask(recorded.questions), recorded.said)
        assert teacher.usage | {"cached": 0} == recorded.usage | {"cached": 0}
        assert (teacher.identity, teacher.run_by, teacher.continues, teacher.capable) == (
            recorded.facts.identity,
            "endpoint",
            recorded.facts.continues,
            recorded.facts.capable,
        )
    assert not recorded.server.asked


def test_a_call_that_is_not_recorded_stops_by_name(recorded: Recorded) -> None:
    more = [*recorded.questions, ask("  what is\nsix"), ask("what is seven")]
    told = (
        r"created prompts: the recording run .* lacks 2 of the calls wanted now, first   what is\nsix: 'what is six';"
    )
    with recorded.open() as teacher, pytest.raises(BadInput, match=told):
        teacher.ask(more, "created prompts")
    assert not recorded.server.asked


def test_a_call_that_is_not_recorded_is_put_to_the_live_model_where_params_say_so(recorded: Recorded) -> None:
    live = {"name": recorded.url, "kind": "endpoint", "base_url": recorded.url}
    stand_in("run", recorded.root / "models" / "teacher", live)
    more = [*recorded.questions, ask("what is six")]
    for _ in range(2):
        with recorded.open(missing="ask") as teacher:
            *old, new = teacher.ask(more)
            assert same(old, recorded.said) and new.text == "echo what is six"
    assert [sent["messages"][-1]["content"] for sent in recorded.server.asked] == ["what is six"]


def test_a_live_model_that_treats_prefills_otherwise_is_refused(recorded: Recorded) -> None:
    about(recorded.root / "recorded" / "run", **asdict(recorded.facts) | {"continues": not recorded.facts.continues})
    stand_in("run", recorded.root / "models" / "teacher", {"name": "x", "kind": "endpoint", "base_url": recorded.url})
    with recorded.open(missing="ask") as teacher:
        assert same(teacher.ask(recorded.questions), recorded.said)
        with pytest.raises(BadInput, match=r"m: does not continue a prefill, unlike the teacher of the recording"):
            teacher.ask([ask("new")])


def test_a_live_model_with_other_weights_is_refused(recorded: Recorded) -> None:
    with pytest.raises(BadInput, match="answers of two models must not be mixed"):
        stand_in("run", recorded.root / "x", {"name": "small", "kind": "gguf", "file": "a.gguf", "sha256": "0" * 64})
