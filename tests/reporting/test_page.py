"""The report from whole, empty, partial and hostile runs: nothing crashes, nothing is silent, all is escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.params import given, values
from tests.reporting import synthetic
from xinstruct.benchmarks.scoring import summary
from xinstruct.files import BadInput, write_json, write_records, write_text
from xinstruct.records import rejection
from xinstruct.reporting.discussions import discussions
from xinstruct.reporting.load import TITLES, load
from xinstruct.reporting.page import build, html, markdown
from xinstruct.reporting.record import record


class Outline(HTMLParser):
    """Tags, attributes and text of a page; checks that tags close in order."""

    VOID = ("meta", "br", "img", "link", "input", "circle", "path", "rect", "line")

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def words(texts: Any) -> list[int]:
    return [len(text.split()) for text in texts]


def view(root: Path, **changes: Any) -> dict[str, Any]:
    return build(load(root, given(synthetic.PARAMS | changes)), words)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    synthetic.write(root)
    return root


def test_bytes_are_the_same_twice(whole: Path) -> None:
    first, second = view(whole), view(whole)
    assert html(first) == html(second) and markdown(first) == markdown(second)


def test_hostile_text_stays_text(whole: Path) -> None:
    page = html(view(whole))
    outline = Outline(page)
    assert [tag for tag, _ in outline.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in outline.tags}
    assert not any(name.startswith("on") for _, attrs in outline.tags for name in attrs)
    assert "<script>alert('x')</script>" in outline.text  # shown, word for word
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)
    assert "\\u202e" in page
    assert "<script" not in markdown(view(whole)) and "<img" not in markdown(view(whole))


def test_page_is_self_contained_and_its_script_is_the_allowed_one(whole: Path) -> None:
    page = html(view(whole))
    outline = Outline(page)
    for _, attrs in outline.tags:
        assert not {"src", "srcset", "data"} & attrs.keys()
        assert (attrs.get("href") or "#").startswith("#")
    assert "@import" not in page and "url(" not in page
    script = re.search(r"<script>(.*?)</script>\n</body>", page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_every_link_in_the_page_leads_somewhere(whole: Path) -> None:
    outline = Outline(html(view(whole)))
    anchors = {attrs["id"] for _, attrs in outline.tags if "id" in attrs}
    links = {(attrs["href"] or "")[1:] for tag, attrs in outline.tags if tag == "a"}
    assert links and links <= anchors


def test_counts_come_from_the_records(whole: Path) -> None:
    run = load(whole, given(synthetic.PARAMS))
    totals = [cell.text for cell in build(run, words)["funnel"].rows[-1].cells]
    train = sum(s.split == "train" for s in run.samples("filter"))
    assert totals[1:5] == ["52", "40", "24", "24"] and totals[8] == str(train)
    write = {row.cells[0].text: row.cells[5].text for row in build(run, words)["books"].rows}
    assert set(write.values()) == {"balanced"}


def test_books_that_do_not_balance_are_named(whole: Path, tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    write_json(tmp_path / "reports/seed/metrics.json", {"rows": {"in": 9, "out": 5, "rejected": 1}})
    rows = {row.cells[0].text: row.cells[5].text for row in view(tmp_path)["books"].rows}
    assert rows["seed"] == "does not balance" and rows["mine"] == "balanced"


def test_small_n_says_so_beside_the_number(whole: Path) -> None:
    table = view(whole)["evaluation"][0]["table"]
    ours = [row for row in table.rows if row.style == "ours"]
    assert len(ours) == 3
    for row in ours:
        assert all("n\u00a0too\u00a0small" in cell.note for cell in row.cells[2:])
        assert row.cells[2].note.startswith(f"{round(float(row.cells[2].text) / 12.5)}/8\n")
    assert any("McNemar" in note for note in table.notes)
    assert any("3 answers could not be judged" in note for note in table.notes)  # bash's
    assert ours[0].cells[9].note.split("\n")[0].endswith("/7")


def test_loss_per_token_stands_in_the_order_of_training(whole: Path) -> None:
    rows = [[cell.text for cell in row.cells] for row in view(whole)["losses"].rows]
    assert rows == [
        ["student-y, before training", "1.510", "–", "120", "3"],
        ["student-y, after SFT", "1.220", "-0.290", "120", "3"],
    ]


def test_our_scores_are_those_that_the_evaluation_books(whole: Path) -> None:
    run = load(whole, given(synthetic.PARAMS))
    booked = summary(run.completions(), synthetic.LANGUAGES)
    ours = [row for row in view(whole)["evaluation"][0]["table"].rows if row.style == "ours"]
    for row, model in zip(ours, ("start", "sft", "dpo"), strict=True):
        cells = booked[model]["humaneval"]
        for cell, name in zip(row.cells[2:], [*TITLES, "mean"], strict=True):
            assert cell.text == f"{100 * cells[name]['pass_at_1']:.1f}"
            low, high = (f"{100 * cells[name][key]:.0f}" for key in ("low", "high"))
            assert f"{low} to {high}" in cell.note


def test_enough_problems_are_not_called_too_few(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    rows = [
        synthetic.completion("sft", "humaneval", "python", f"T/{i}", "passed" if i < 16 else "wrong_answer")
        for i in range(164)
    ]
    write_records(tmp_path / "data/evaluate/completions.parquet", "completions", rows)
    row = next(row for row in view(tmp_path)["evaluation"][0]["table"].rows if row.style == "ours")
    assert row.cells[2].text == "9.8" and row.cells[2].note.startswith("16/164") and "too" not in row.cells[2].note
    assert row.cells[3].note == "not asked"
    assert "1 of 8 languages" in row.cells[-1].note


def test_discussions_show_both_topologies_and_a_failure(whole: Path) -> None:
    threads = view(whole)["discussions"]
    assert len(threads) == 4
    assert {t.facts[1] for t in threads if t.succeeded} == {"centralized", "parallel"}
    assert len({t.heading.split(" for ")[1] for t in threads}) == 4
    assert not threads[-1].succeeded and "no_agreement" in threads[-1].outcome
    named = [block.name for _, blocks in threads[0].steps[0].messages for block in blocks]
    assert named == ["", "", "Memory", "Reflection", "Created Prompt"]
    assert [s.kind for s in threads[0].steps][-2:] == ["eviction", "insert"]
    assert any("agent " in fact for fact in threads[0].steps[0].facts)
    score = next(s for s in threads[0].steps if s.kind == "score")
    assert score.table is not None and score.table.rows[0].cells[1].text == "4.0"


def test_every_thread_finds_its_outcome(whole: Path) -> None:
    run = load(whole, given(synthetic.PARAMS))
    found = {t.facts[0].removeprefix("thread "): t for t in discussions(run, 999)}
    assert len(found) == len({turn.thread for turn in run.turns("synthesize")})
    assert sum(t.succeeded for t in found.values()) == len(run.samples("synthesize"))
    assert "exact_duplicate" in found["twice"].outcome
    assert (found["failed0"].facts[1], found["failed1"].facts[1]) == ("centralized", "parallel")
    assert found["failed1"].heading == "Parallel, for Java"


def test_yields_take_discussions_held_from_the_books(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    books = {"rows": {"in": 8, "out": 5, "rejected": 3}, "by_operation": {"carry_over": {"discussed": 99, "kept": 1}}}
    write_json(tmp_path / "reports/synthesize/metrics.json", books)
    target, operation, *_ = view(tmp_path)["yields"]
    assert [cell.text for cell in operation.rows[0].cells[:2]] == ["carry_over", "99"]
    assert sum(int(row.cells[1].text) for row in target.rows) == 20 + 3


def test_ablation_rows_follow_the_kinds_of_data(whole: Path, tmp_path: Path) -> None:
    labels = [row.cells[0].text for row in view(whole)["ablation"].rows]
    assert labels[1] == labels[3] == "ours (this run)" and labels[5] == labels[7] == "ours: not run"
    synthetic.write(tmp_path, empty=("Ds3",))
    rows = view(tmp_path)["ablation"].rows
    assert [row.cells[0].text for row in rows][5] == "ours (this run)"
    assert "dvc" in rows[1].cells[0].note and rows[1].cells[0].text == "ours: not run"


def test_a_recorded_run_joins_ablation_and_size_curve(whole: Path, tmp_path: Path) -> None:
    synthetic.write(tmp_path, empty=("Ds3",))
    write_json(tmp_path / "params.yaml", values({"languages": ["python"], "student.model": "small"}))
    path = record(tmp_path, "no-ds3")
    assert path.exists()
    synthetic.write(tmp_path)
    result = view(tmp_path)
    assert "ours (no-ds3)" in [row.cells[0].text for row in result["ablation"].rows]
    assert [row.cells[0].text for row in result["size"]["table"].rows] == ["this run", "no-ds3"]
    assert "2 points" in result["size"]["note"]
    with pytest.raises(BadInput):
        record(tmp_path, "../out")


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        (
            ("all",),
            ["No snippet was mined", "No seed survived", "No discussion is on record", "No record of any language"],
        ),
        (("pairs",), ["There is no preference pair", "This run has no preference pair"]),
        (("Ds3",), ["This run has no verified D_s3 sample"]),
    ],
)
def test_empty_sets_are_said(tmp_path: Path, empty: tuple[str, ...], said: list[str]) -> None:
    synthetic.write(tmp_path, empty=empty)
    text = Outline(html(view(tmp_path))).text
    for sentence in said:
        assert sentence in text
    assert markdown(view(tmp_path))


def test_nothing_there_at_all_is_said(tmp_path: Path) -> None:
    result = view(tmp_path)
    text = Outline(html(result)).text
    for name in ("data/mine/snippets.parquet", "data/evaluate/completions.parquet", "reports/dpo/loss.csv"):
        assert name in text and name in markdown(result).replace("\\_", "_")


def test_a_language_that_has_nothing_is_named(tmp_path: Path) -> None:
    synthetic.write(tmp_path, languages=[name for name in synthetic.LANGUAGES if name not in ("csharp", "bash")])
    result = view(tmp_path)
    text = Outline(html(result)).text
    assert "C# has nothing from “candidates” on" in text and "Bash has nothing" in text
    assert any("C# and Bash" in note for note in result["evaluation"][0]["table"].notes)
    ours = next(row for row in result["evaluation"][0]["table"].rows if row.style == "ours")
    assert "6 of 8 languages" in ours.cells[-1].note


def test_the_reason_why_a_language_is_missing_is_given(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    run = load(tmp_path, given(synthetic.PARAMS))
    for stage in ("seed", "deduplicate", "filter", "synthesize"):
        run.records[stage, "samples"] = [s for s in run.samples(stage) if s.language != "php"]
    php = next(s for s in run.snippets() if s.language == "php")
    run.records["seed", "rejected"] = [rejection(php, "seed", "infrastructure", "no toolchain: <b>install</b> it")]
    text = Outline(html(build(run, words))).text
    assert "PHP has nothing from “seeds” on (seed: 1 of 1 rejected as infrastructure, e.g. “no toolchain: <b>" in text


def test_unreadable_inputs_are_named(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    (tmp_path / "data/seed/samples.parquet").write_bytes(b"not parquet")
    with pytest.raises(BadInput, match=r"data/seed/samples\.parquet"):
        load(tmp_path, given(synthetic.PARAMS))
    synthetic.write(tmp_path)
    write_text(tmp_path / "reports/seed/metrics.json", "[1")
    with pytest.raises(BadInput, match=r"metrics\.json"):
        load(tmp_path, given(synthetic.PARAMS))


def test_no_tokenizer_is_said(whole: Path) -> None:
    text = Outline(html(build(load(whole, given(synthetic.PARAMS)), None))).text
    assert "models/start has no tokenizer.json" in text


def test_an_unknown_language_and_model_are_shown(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    rows = [synthetic.completion("mine", "humaneval", "lua", "T/1", "passed")]
    write_records(tmp_path / "data/evaluate/completions.parquet", "completions", rows)
    result = view(tmp_path, languages=["python", "lua"])
    assert "lua has nothing" in Outline(html(result)).text
