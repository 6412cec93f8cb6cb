from __future__ import annotations

from xinstruct.reporting.ablations import ablations, costs, quality, trust, types
from xinstruct.reporting.load import Run


def test_a_row_per_experiment_with_its_interval() -> None:
    run = Run(["python"], {})
    assert not ablations(run).rows
    run.metrics["synthesize"] = {"rows": {"in": 54, "out": 17}, "teacher": {"completion_tokens": 11629}}
    run.ablations["memory-off"] = {
        "rows": {"in": 10, "out": 5}, "changes": {"synthesize.memory_capacity": 0},
        "by_target": {"java": {"kept": 5}, "bash": {"kept": 0}}, "teacher": {"completion_tokens": 1000},
    }  # fmt: skip
    own, other = ablations(run).rows
    assert [cell.text for cell in own.cells][:5] == ["this run", "54", "17", "31.5 % (20.7 to 44.7)", "1.46"]
    assert [cell.text for cell in other.cells][:6] == ["memory-off", "10", "5", "50.0 % (23.7 to 76.3)", "5.00", "1"]
    assert other.cells[0].note == "synthesize.memory_capacity=0"


def test_an_unknown_area_is_shown_as_none() -> None:
    run = Run(["python"], {})
    run.metrics["synthesize"] = {"calibration": {"area": None, "passed": 3}}
    assert [[cell.text for cell in row.cells] for row in quality(run).rows] == [
        ["calibration: area", "–"],
        ["calibration: passed", "3"],
    ]
    run.metrics["filter"] = {"quality": {"statements_median": 5.0}}
    assert [cell.text for cell in quality(run).rows[-1].cells] == ["kept samples: statements median", "5.0"]


def test_the_page_says_when_the_score_is_noise_and_when_nothing_was_rejected_for_it() -> None:
    run = Run(["python"], {})
    assert trust(run) == ""
    for state, area, words in (
        ("noise", 0.5, "The score is noise: its area is 0.5, and 0.5 is chance."),
        ("not_enough", None, "What the score is worth is unknown: 7 failing answers were rated."),
        ("informative", 0.9, "The score tells passing from failing answers: its area is 0.9."),
    ):
        found = {"calibration": {"state": state, "area": area, "failed": 7}, "cutoff": {"informative": 1}}
        run.metrics["synthesize"] = found
        assert trust(run) == words
        found["cutoff"] |= {"noise": 1, "not_enough": 1}
        assert trust(run) == f"{words} In 2 of 3 rounds the ratings until then were noise or too few: no cut-off there."


def test_languages_by_types_and_costs_by_purpose() -> None:
    run = Run(["python"], {})
    assert not types(run).rows and not costs(run).rows
    run.metrics["synthesize"] = {
        "coverage": {"java": {"generation": 4, "repair": 1}, "cpp": {"generation": 2}},
        "tokens": {"created_prompts": {"calls": 6, "prompt_tokens": 900, "completion_tokens": 80}},
    }
    shown = types(run)
    assert shown.columns == ["Language", "generation", "repair"]
    assert [[cell.text for cell in row.cells] for row in shown.rows] == [["C++", "2", "0"], ["Java", "4", "1"]]
    run.metrics["seed"] = {"tokens": {"seed_ratings": {"calls": 2, "prompt_tokens": 1200, "completion_tokens": 9}}}
    assert [[cell.text for cell in row.cells] for row in costs(run).rows] == [
        ["seed", "seed ratings", "2", "1,200", "9"],
        ["synthesize", "created prompts", "6", "900", "80"],
    ]
