"""The page of what the teacher's calls took, from accounts as the client writes them."""

from __future__ import annotations

from pathlib import Path

from tests.reporting.test_page import Outline
from xinstruct.files import write_json
from xinstruct.llm.accounting import Account
from xinstruct.llm.budget import Prices
from xinstruct.llm.calls import Reply
from xinstruct.params import PriceParams
from xinstruct.reporting.calls import calls
from xinstruct.reporting.page import calls_html
from xinstruct.reporting.training import costs


def test_every_stage_and_shard_has_its_row(tmp_path: Path) -> None:
    account = Account(Prices({"m": PriceParams(1.0, 1000.0)}, "m"))
    account.cached = 1234
    for seconds in (1.0, 2.0, 4.0):
        account.add(Reply("text", "stop", 10, 5, seconds=seconds, trouble="busy" if seconds == 2 else ""))
    account.stopped = "stage budget: <money>"
    write_json(tmp_path / "synthesize" / "calls.json", [account.to_json(), Account(Prices({}, "m")).to_json()])
    write_json(tmp_path / "seed" / "calls.json", [account.to_json()])
    table = calls(tmp_path)
    rows = [dict(zip(table.columns, (cell.text for cell in row.cells), strict=True)) for row in table.rows]
    assert [row["Stage"] for row in rows] == ["seed", "synthesize", "synthesize"]
    assert (rows[0]["Asked"], rows[0]["From the journal"], rows[0]["Retries"]) == ("3", "1,234", "1")
    assert (rows[0]["Prompt tokens"], rows[0]["Answer tokens"], rows[0]["p50, s"]) == ("30", "15", "2.0")
    assert (rows[0]["Cost"], rows[2]["Asked"]) == ("0.02", "0")
    page = Outline(calls_html(table, []))
    assert "stage budget: <money>" in page.words, "shown, and escaped"


def test_nothing_asked_is_said(tmp_path: Path) -> None:
    said = " ".join(Outline(calls_html(calls(tmp_path), costs(tmp_path))).words)
    assert "has asked a teacher" in said and "No training stage has run" in said
