"""Budgets stop cleanly and resume; accounts say what was spent and stay out of what must repeat."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ChatServer, Handler, ask, endpoint_folder
from tests.params import asking
from xinstruct.files import BadInput
from xinstruct.llm.accounting import percentile
from xinstruct.llm.budget import BudgetReached, run_id
from xinstruct.llm.client import Client
from xinstruct.llm.journal import Journal
from xinstruct.plan import Plan
from xinstruct.records import Reason
from xinstruct.stage import Context, Script, run, run_shard

Serve = Callable[[Any], str]
QUICK: dict[str, Any] = {"slots": 4, "backoff": 0.01, "identity": "m"}
PRICED = {"prices": {"m": {"prompt": 1.0, "completion": 10.0}}}
# The loopback server counts 7 tokens of prompt and 3 of answer per call.
QUESTIONS = [ask(f"q{i}", max_tokens=5) for i in range(40)]


@pytest.fixture(autouse=True)
def own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_RUN", "one")


def open_teacher(tmp_path: Path, url: str, stage: str = "seed", budget: Any = None, **params: Any) -> Client:
    """`budget` names the limits that there are, by scope."""
    folder = endpoint_folder(tmp_path / "teacher", url)
    none = dict.fromkeys(("tokens", "money", "minutes"), 0)
    limits = {scope: none | (budget or {}).get(scope, {}) for scope in ("stage", "run")}
    return Client(
        asking(**(QUICK | params), budget=limits), folder, tmp_path / "j.sqlite", stage, tmp_path / f"{stage}.json"
    )


def kept(tmp_path: Path) -> int:
    with Journal(tmp_path / "j.sqlite") as journal:
        return len(journal)


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["stage", "run"])
def test_tokens_are_a_hard_limit_and_the_next_run_goes_on(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    server = ChatServer()
    url, budget = serve(server), {scope: {"tokens": 150}}
    for number in range(9):
        monkeypatch.setenv("XINSTRUCT_RUN", f"run {number}")
        before = kept(tmp_path)
        try:
            with open_teacher(tmp_path, url, budget=budget) as teacher:
                answers = teacher.ask(QUESTIONS)
        except BudgetReached as error:
            assert f"teacher.budget.{scope}.tokens (150 tokens) is reached" in str(error)
            assert "run again to go on" in str(error)
            assert f"{40 - kept(tmp_path)} calls" in str(error)
            assert 0 < (kept(tmp_path) - before) * 10 <= 150, "never more than the limit"
            assert json.loads((tmp_path / "seed.json").read_text())["stopped"] == f"{scope}.tokens"
        else:
            break
    assert number > 1
    assert [a.text for a in answers] == [f"echo q{i}" for i in range(40)]
    assert len(server.asked) == 40


def test_a_stage_has_its_own_limit_and_the_run_has_one_for_all(tmp_path: Path, serve: Serve) -> None:
    url = serve(ChatServer())
    budget = {"stage": {"tokens": 120}, "run": {"tokens": 200}}
    with open_teacher(tmp_path, url, "seed", budget=budget) as teacher, pytest.raises(BudgetReached, match="stage"):
        teacher.ask(QUESTIONS)
    spent = kept(tmp_path)
    with open_teacher(tmp_path, url, "seed", budget=budget) as teacher, pytest.raises(BudgetReached, match="stage"):
        teacher.ask(QUESTIONS)
    assert spent <= kept(tmp_path) <= 12, "the same run has spent it"
    with (
        open_teacher(tmp_path, url, "synthesize", budget=budget) as teacher,
        pytest.raises(BudgetReached, match=r"budget\.run\.tokens"),
    ):
        teacher.ask(QUESTIONS)
    assert spent < kept(tmp_path) <= 20


def test_money(tmp_path: Path, serve: Serve) -> None:
    url = serve(ChatServer())
    most = 10 * (7 * 1.0 + 3 * 10.0) / 1e6  # of ten calls
    with (
        open_teacher(tmp_path, url, budget={"run": {"money": most}}, **PRICED) as teacher,
        pytest.raises(BudgetReached, match=r"spent .* tokens, 0\.000\d of money"),
    ):
        teacher.ask(QUESTIONS)
    assert 7 <= kept(tmp_path) <= 10
    with pytest.raises(BadInput, match=r"teacher\.prices has no 'm'"):
        open_teacher(tmp_path, url, budget={"run": {"money": 1}})


def test_minutes(tmp_path: Path, serve: Serve) -> None:
    class Slow(ChatServer):
        def __call__(self, handler: Handler, body: bytes) -> None:
            time.sleep(0.1 if body else 0)
            super().__call__(handler, body)

    with (
        open_teacher(tmp_path, serve(Slow()), budget={"run": {"minutes": 0.4 / 60}}) as teacher,
        pytest.raises(BudgetReached, match="minutes"),
    ):
        teacher.ask(QUESTIONS)
    assert 4 <= kept(tmp_path) <= 24


def test_answers_of_the_journal_cost_nothing(tmp_path: Path, serve: Serve) -> None:
    url = serve(ChatServer())
    with open_teacher(tmp_path, url) as teacher:
        teacher.ask(QUESTIONS)
    with open_teacher(tmp_path, url, "synthesize", budget={"stage": {"tokens": 1}}) as teacher:
        assert all(answer.cached for answer in teacher.ask(QUESTIONS))


@pytest.mark.slow
def test_a_stage_that_ran_out_rejects_nothing_and_resumes(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unasked calls never become rejected rows: the stage ends with status 1 and writes no part."""
    url = serve(ChatServer())
    monkeypatch.chdir(tmp_path)
    limits = {"budget": {"stage": {"tokens": 150}}}

    def work(ctx: Context) -> None:
        with open_teacher(tmp_path, url, **limits) as teacher:
            for answer in teacher.ask(QUESTIONS):
                ctx.open(answer.id)
                ctx.drop(answer.id, "python", Reason.SAMPLED_OUT, answer.text)

    plan = Plan("seed", {}, [], [], 1, str(tmp_path / "work" / "seed"))
    plan_file = plan.save()
    script = Script("seed", work)
    assert run(script, None, ["--plan", str(plan_file), "--shard", "0"]) == 1
    assert "teacher.budget.stage.tokens" in capsys.readouterr().err
    assert not plan.part(0).exists()
    limits.clear()
    assert run(script, None, ["--plan", str(plan_file), "--shard", "0"]) == 0
    undisturbed = Plan("seed", {}, [], [], 1, str(tmp_path / "work" / "other"))
    run_shard(undisturbed, 0, work)
    for file in plan.part(0).iterdir():
        assert file.read_bytes() == (undisturbed.part(0) / file.name).read_bytes()


def test_accounts(tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    trouble = [lambda h: h.reply(500, b"")]
    server = ChatServer(trouble={"q3": trouble, "q5": [lambda h: h.reply(400, b"no")]})
    url = serve(server)
    usages = []
    for _ in range(2):
        with open_teacher(tmp_path, url, **PRICED) as teacher:
            teacher.ask(QUESTIONS)
            usages.append({k: v for k, v in teacher.usage.items() if k not in ("cached", "errors")})
        server.trouble["q5"] = [lambda h: h.reply(400, b"no")]
    assert usages[0] == usages[1], "what goes into metrics is equal whether answers were paid for or kept"
    assert usages[0]["cost"] == pytest.approx(39 * (7 * 1.0 + 3 * 10.0) / 1e6, abs=1e-6)
    account = json.loads((tmp_path / "seed.json").read_text())
    assert account["calls"] == {"asked": 1, "cached": 39, "repaired": 0}
    assert account["failed"] == {"rejected": 1}
    assert account["cost"] == 0
    shown = capsys.readouterr().err
    assert "39 of them from the journal" in shown
    assert "tokens/s, cost 0.00" in shown
    assert "retried {'server': 1}" in shown


def test_percentiles() -> None:
    values = [float(i) for i in range(100)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 99]
    assert percentile([], 0.5) == 0


@pytest.mark.slow
def test_a_run_is_a_process_group_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    monkeypatch.delenv("XINSTRUCT_RUN")
    command = [sys.executable, "-c", "from xinstruct.llm.budget import run_id; print(run_id())"]
    same = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    other = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True).stdout.strip()
    assert same == run_id() != other
