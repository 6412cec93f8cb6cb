"""The paper's figures as facts: the CSVs are whole, and their known faults are as the page says."""

from __future__ import annotations

import pytest

from xinstruct.reporting.lengths import PANELS, published
from xinstruct.reporting.load import TITLES, number, paper
from xinstruct.reporting.scores import paper_groups, paper_rows


def _values(row: dict[str, str], names: list[str]) -> list[float]:
    return [value for name in names if (value := number(row[name])) is not None]


def test_avg8_is_the_mean_of_eight_languages() -> None:
    rows = [row for row in paper("table1") if number(row["avg8"]) is not None]
    assert len(rows) > 30
    for row in rows:
        values = _values(row, list(TITLES.values()))
        assert sum(values) / 8 == pytest.approx(float(row["avg8"]), abs=0.051), row["model"]


def test_printed_average_of_every_xcoder_row_leaves_out_python() -> None:
    rows = [row for row in paper("table1") if "xCoder" in row["model"]]
    assert len(rows) == 12
    for row in rows:
        values = _values(row, [name for name in TITLES.values() if name != "Python"])
        assert sum(values) / 7 == pytest.approx(float(row["avg_printed"]), abs=0.051), row["size"]


def test_xcoder_beats_instruct_only_at_small_sizes() -> None:
    best = {r["size"]: float(r["avg8"]) for r in paper("table1") if r["model"] == "Qwen2.5-xCoder (DPO)"}
    for row in paper("qwen25_coder_instruct"):
        assert (best[row["size"]] > float(row["avg8"])) == (row["size"] in ("0.5B", "1.5B")), row["size"]


def test_table2_equals_the_32b_rows_and_figure5_ends_there() -> None:
    row = next(r for r in paper("table1") if r["model"] == "Qwen2.5-xCoder (DPO)" and r["size"] == "32B")
    first = paper("table2")[0]
    assert [first[name] for name in ("Python", "Java", "C++", "C#")] == [
        row[n] for n in ("Python", "Java", "C++", "C#")
    ]
    assert paper("figure5")[-1]["multipl_e_avg"] == row["avg_printed"]


def test_figure6_panels_are_shares() -> None:
    for panel in PANELS:
        assert sum(published(panel).values()) == pytest.approx(1.0, abs=0.02)


def test_every_model_of_the_paper_is_in_one_group_and_corrected_row_is_added() -> None:
    rows = [row for group in paper_groups() for row in paper_rows(group)]
    assert len(rows) == len(paper("table1")) + 1
    small = paper_rows("0.5B+ Models")
    assert [cell.text for cell in small[0].cells[2:6]] == ["61.6", "57.3", "52.4", "43.7"]
    assert [cell.text for cell in small[1].cells[2:6]] == ["62.8", "46.2", "43.5", "62.7"]
    assert "57.1" in small[2].cells[-1].note and small[2].cells[-1].text == "58.6"
