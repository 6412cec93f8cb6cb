"""The parts by themselves: safe text, prompt blocks, histograms, the tokenizer, the stage script."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting import synthetic
from xinstruct.files import read_yaml
from xinstruct.reporting.discussions import blocks, messages
from xinstruct.reporting.examples import cases_table, signature_text, spread
from xinstruct.reporting.figures import Scale, histogram, stage_bars, step_curves, ticks
from xinstruct.reporting.lengths import counter, shares
from xinstruct.reporting.load import parameters_of
from xinstruct.reporting.page import _md
from xinstruct.reporting.tables import plain

ROOT = Path(__file__).parents[2]


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_plain_shows_no_hidden_character_and_loses_no_visible_one(text: str) -> None:
    shown = plain(text)
    assert not any(ord(char) < 32 and char not in "\n\t" for char in shown)
    assert [c for c in text if c.isalnum()] == [c for c in shown if c.isalnum()] or "\\u" in shown


def test_plain_says_what_it_cuts() -> None:
    assert plain("x" * 12, clip=10) == "x" * 10 + "\n… 2 more characters in the Parquet file"


@given(st.text(max_size=80))
def test_markdown_cells_hold_no_markup(text: str) -> None:
    shown = _md(text)
    assert "\n" not in shown and "<" not in shown and "|" not in shown


def test_blocks_keep_all_text_under_its_heading() -> None:
    found = blocks("Role text\n[Memory]\na [1, 2] b\n[Created Prompt]:\nnew")
    assert [(b.name, b.text) for b in found] == [("", "Role text"), ("Memory", "a [1, 2] b"), ("Created Prompt", "new")]
    assert blocks("") == []
    assert messages("no json")[0][1][0].text == "no json"
    assert messages(json.dumps([{"role": "user", "content": "hi"}]))[0][0] == "user"


def test_examples_survive_what_is_not_json() -> None:
    assert cases_table("{").rows == [] and cases_table("{").empty
    assert signature_text("") == "no signature"
    assert signature_text(synthetic.SIGNATURE.to_json()) == "(text: string, items: list<int>) -> int"


def test_spread_takes_each_key_in_turn() -> None:
    assert spread(["a1", "a2", "a3", "b1", "c1"], lambda s: s[0], 4) == ["a1", "b1", "c1", "a2"]
    assert spread([], str, 3) == []


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_within_the_bounds(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 11
    assert all(low - width * 1e-6 <= t <= low + width * (1 + 1e-6) for t in found)


def test_scale_log() -> None:
    scale = Scale(10, 1000, 0, 100, log=True)
    assert scale(100) == pytest.approx(50)


def test_figures_of_one_point_and_of_equal_values() -> None:
    assert "<svg" in step_curves([3], {"loss": [0.5]}, "one")
    assert "<svg" in step_curves([1, 2], {"loss": [0.0, 0.0]}, "flat")
    assert "nan" not in step_curves([1, 2], {"loss": [0.0, 0.0]}, "flat")


def test_bars_give_widths_in_proportion() -> None:
    figure, keys = stage_bars({"a": 75, "b": 0}, {"a": [("too_long", 25)], "b": []})
    assert "a: too_long 25 of 100" in figure and "no records" in figure
    assert ("s0", "passed on") in keys and ("s1", "too_long") in keys


def test_shares_sum_to_one_and_reach_the_figure() -> None:
    found = shares([0, 99, 100, 250])
    assert found == {0: 0.5, 100: 0.25, 200: 0.25}
    assert "ours: 200 to 300 tokens 25 %" in histogram({}, found)


def test_counter_uses_the_checkpoints_own_tokenizer(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    assert counter(tmp_path) is None
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    count = counter(tmp_path)
    assert count is not None and count(["a b a c", "a", ""]) == [4, 1, 0]


def test_parameters_are_counted_from_headers_alone(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {}, "w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(60))
    assert parameters_of(tmp_path) == 15
    assert parameters_of(tmp_path / "none") == 0


@pytest.mark.slow
def test_stage_writes_both_files_and_again_after_they_were_removed(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    spec = read_yaml(ROOT / "dvc.yaml")["stages"]["report"]
    spec["deps"] = ["data"]
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"report": spec}}))
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    env = os.environ | {"PYTHONPATH": str(ROOT), "XINSTRUCT_WORK": str(tmp_path / "work")}
    env.pop("SNAKEMAKE_PROFILE", None)
    pages = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "stages.report"], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        pages.append([(tmp_path / "reports" / name).read_bytes() for name in ("index.html", "report.md")])
        for name in ("index.html", "report.md"):
            (tmp_path / "reports" / name).unlink()  # as DVC does before it runs a stage
    assert pages[0] == pages[1] and len(pages[0][0]) > 10_000
