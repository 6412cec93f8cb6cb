"""A checkpoint of the student in this process and at a server of ours: the same weights, the same greedy answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.llm.conftest import ask
from tests.llm.test_serve import served
from tests.params import own
from tests.training.conftest import tiny  # noqa: F401
from xinstruct.files import BadInput, hash_path
from xinstruct.llm.chat_model import ask_all
from xinstruct.llm.client import Client
from xinstruct.llm.local import LocalModel
from xinstruct.llm.student import open_student, place
from xinstruct.params import StudentParams


@pytest.fixture
def sft(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    return Path(shutil.copytree(tiny, tmp_path / "models" / "sft"))


def student(sampling: object) -> StudentParams:
    found: StudentParams = own("student", sampling=sampling)
    return found


def test_where_a_checkpoint_is_sampled() -> None:
    url = "http://127.0.0.1:1/v1"
    assert [place(where, "sft") for where in ("local", url, {"sft": url}, {"dpo": url})] == ["local", url, url, "local"]


@pytest.mark.slow
def test_a_server_of_the_checkpoint_answers_as_it_does_in_process(sft: Path, tmp_path: Path) -> None:
    with open_student(sft, student("local"), "preferences", tmp_path / "calls.json") as model:
        assert isinstance(model, LocalModel)
        [whole] = model.ask([ask("Count.", max_tokens=30)])
        mark = whole.text[8:10]
        wanted = [ask("Count.", max_tokens=30), ask("Count.", max_tokens=30, stop=(mark,), keep_stop=True)]
        wanted += [ask(f"Say {n}.", max_tokens=20) for n in range(4)]
        here = model.ask(wanted)
    assert here[1].text.endswith(mark)
    with served(sft) as (_, url):
        with open_student(sft, student({"sft": url}), "preferences", tmp_path / "calls.json") as asked:
            assert isinstance(asked, Client)
            assert asked.identity == f"student sha256:{hash_path(sft)}"
            there = ask_all(asked, wanted, "asking")
        assert [answer.brief() for answer in there] == [answer.brief() for answer in here]
        with (sft / "config.json").open("a") as file:
            file.write("\n")
        with open_student(sft, student(url), "preferences", tmp_path / "calls.json") as anew:
            assert not any(answer.cached for answer in anew.ask(wanted[:1])), "other files: another model's answers"


@pytest.mark.slow
def test_a_server_without_the_checkpoint_is_refused(sft: Path, tmp_path: Path) -> None:
    with served(sft) as (_, url), pytest.raises(BadInput, match="does not serve 'dpo'; it serves: sft"):
        dpo = Path(shutil.copytree(sft, tmp_path / "models" / "dpo"))
        open_student(dpo, student(url), "evaluate", tmp_path / "calls.json")
    with pytest.raises(BadInput, match="no such folder"):
        open_student(tmp_path / "models" / "start", student(url), "evaluate", tmp_path / "calls.json")


@pytest.mark.slow
def test_a_question_without_an_answer_is_an_error(sft: Path, tmp_path: Path) -> None:
    long = ask("word " * 3000, max_tokens=4)
    with (
        served(sft) as (_, url),
        open_student(sft, student(url), "preferences", tmp_path / "calls.json") as model,
        pytest.raises(BadInput, match=r"context"),
    ):
        ask_all(model, [long, ask("Say hello.", max_tokens=4)], "asking")
