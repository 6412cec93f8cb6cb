"""Scoring a file of answers end to end: benchmarks as folders, bad files, rules, agreement, pass@k."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts.places import SHARED
from tests.benchmarks.conftest import PARAMS, RECORDS
from xinstruct.benchmarks import command
from xinstruct.benchmarks.fetch import declaration, declared
from xinstruct.benchmarks.problems import About, about, fitted, load, locate, read
from xinstruct.benchmarks.samples import read_answers
from xinstruct.benchmarks.score import judge_params, score_file
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"reference data are not here: {SHARED}")


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in rows)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, benchmarks: Path) -> Path:
    """The original-tests benchmark with the problems of conftest as its file."""
    real = about

    def narrowed(name: str, language: str) -> About:
        found = real(name, language)
        return About(**{**found.__dict__, "problems": len(RECORDS)})

    monkeypatch.setattr("xinstruct.benchmarks.score.about", narrowed)
    return benchmarks


def answers(**changed: str) -> list[dict[str, Any]]:
    return [
        {"task_id": row["task_id"], "completion": changed.get(row["task_id"].split("/")[1], row["canonical_solution"])}
        for row in RECORDS
    ]


def judge_for(one: About) -> Judge:
    return Judge(judge_params(one, PARAMS))


def score(small: Path, samples: Path, **more: Any) -> dict[str, Any]:
    return score_file("humaneval_python", "python", samples, small, judge_for, **more).summary()


@pytest.mark.slow
def test_a_file_of_answers_is_scored_and_compared(small: Path, tmp_path: Path) -> None:
    rows = [{**row, "theirs": row["task_id"] != "HumanEval/2"} for row in answers(**{"2": "    return 3\n"})]
    found = score(small, lines(tmp_path / "a.jsonl.gz", rows), reference="theirs")
    assert (found["problems"], found["judged"], found["passed"]) == (9, 9, 8)
    assert found["verdicts"] == {"passed": 8, "wrong_answer": 1}
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert found["reference"]["agree"] == 9
    rows[0]["theirs"] = False
    found = score(small, lines(tmp_path / "b.jsonl", rows), reference="theirs")
    assert [one["task_id"] for one in found["reference"]["differing"]] == ["HumanEval/0"]


def test_the_benchmarks_own_solutions_are_scored(small: Path) -> None:
    found = score_file("humaneval_python", "python", None, small, judge_for).summary()
    assert (found["passed"], found["rules"]) == (len(RECORDS), "completion")


@pytest.mark.slow
def test_the_translated_benchmark_is_scored_by_name_too(small: Path, tmp_path: Path, judge: Judge) -> None:
    asked = load(about("humaneval", "python"), small, judge)
    solved = {row["task_id"]: f"```python\n{row['prompt']}{row['canonical_solution']}```" for row in RECORDS}
    rows = [{"task_id": one.task_id, "completion": solved[one.task_id]} for one in asked]
    rows[0]["completion"] = "I cannot."
    found = score_file("humaneval", "python", lines(tmp_path / "a.jsonl", rows), small, judge_for).summary()
    assert (found["benchmark"], found["rules"], found["verdicts"]["no_code"]) == ("humaneval", "chat", 1)
    assert found["passed"] == len(asked) - 1 > 3


def test_no_code_is_a_verdict_of_its_own(small: Path, tmp_path: Path) -> None:
    fenced = [{**row, "completion": f"```python\ndef f(): pass\n{i}```"} for i, row in enumerate(answers())]
    fenced[3]["completion"] = "I cannot."
    found = score(small, lines(tmp_path / "a.jsonl", fenced), rule_set="first_fence")
    assert found["verdicts"]["no_code"] == 1
    assert found["judged"] == 9
    assert found["rules"] == "first_fence"
    assert found["extraction"]["none"] == 1


def test_samples_give_pass_at_k(small: Path, tmp_path: Path) -> None:
    rows = [row for row in answers() for _ in range(4)]
    wrong = [{**row, "completion": "    return 'no'\n"} for row in answers()]
    found = score(small, lines(tmp_path / "a.jsonl", rows + wrong))
    assert found["answers"] == 45
    assert found["score"] == pytest.approx(0.8)
    assert found["pass_at_k"] == {"5": 1.0}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (answers()[:-1], r"no answer to 1 \(HumanEval/8\) of 9 problems"),
        (answers() + answers()[:1], r"1 \(HumanEval/0\) have up to 2 answers"),
        ([*answers(), {"task_id": "Mbpp/1", "completion": ""}], r"unknown task ids: 1 \(Mbpp/1\).*'HumanEval/0'"),
        ([{"completion": ""}], "record 1: no field 'task_id'"),
        ([{"task_id": "HumanEval/0"}], "--partial"),
    ],
)
def test_bad_files_are_refused_whole(small: Path, tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        score(small, lines(tmp_path / "a.jsonl", rows))


def test_a_file_that_is_not_there_is_named(small: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.jsonl: no such file of answers"):
        score(small, tmp_path / "none.jsonl")


def test_partial_files_are_allowed_by_name(small: Path, tmp_path: Path) -> None:
    found = score(small, lines(tmp_path / "a.jsonl", answers()[:3]), partial=True)
    assert (found["problems"], found["passed"]) == (3, 3)


def test_a_reference_must_be_a_verdict(small: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'theirs' must be true or false"):
        score(small, lines(tmp_path / "a.jsonl", answers()), reference="theirs")


def test_unknown_names_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unknown benchmark 'x'; known: humaneval, "):
        about("x", "python")
    with pytest.raises(BadInput, match="no variant 'y'; it has humaneval, mbpp"):
        about("multipl_e:y", "java")
    with pytest.raises(BadInput, match="has no java; it has python"):
        about("humaneval_python", "java")
    with pytest.raises(BadInput, match=r"no HumanEval.jsonl.gz of benchmark humaneval_python.*give --data"):
        locate(about("humaneval_python", "python"), tmp_path)


def test_the_summary_as_text(small: Path, tmp_path: Path) -> None:
    rows = lines(tmp_path / "a.jsonl", answers(**{"1": "    return None\n"}))
    found = score_file("humaneval_python", "python", rows, small, judge_for)
    text = "\n".join(command.lines(found, found.summary()))
    assert "score       88.89 % (8 of 9 answers, 9 problems; 95 % interval" in text
    assert "rules       completion (whole + prompt)" in text


@pytest.mark.parametrize(
    ("language", "prompt", "code", "tests", "expected"),
    [
        ("cpp", "int f() {", "int f() {\n return 1;", "}\nint main() {}",
         ("int f() {\n return 1;", "}\nint main() {}")),
        ("cpp", "int f() {", "int f() { return 1; }", "}\nint main() {}", ("int f() { return 1; }", "\nint main() {}")),
        ("java", "class P { int f() {", "class P { int f() { return 1; } }", "} int g; }",
         ("class P { int f() { return 1; } ", " int g; }")),
        ("javascript", "function f() {", "function f() { return '}'; }", "f();",
         ("function f() { return '}'; }", "f();")),
    ],
)  # fmt: skip
def test_braces_between_code_and_tests(
    language: str, prompt: str, code: str, tests: str, expected: tuple[str, str]
) -> None:
    assert fitted(language, code, prompt, tests) == expected


def test_publishers_ways_of_judging_are_variants() -> None:
    record = {"task_id": "MBPHP/1", "prompt": "<?php\n", "entry_point": "f", "test": "", "canonical_solution": None}
    for name, by_status in (("mbxp", False), ("mbxp:published", True)):
        (problem,) = read([record], about(name, "php"))
        assert problem.job("x", "exit(0);").by_status is by_status
    assert about("mbpp_typed:shared", "python").raw["names"] == "shared"


def test_every_declaration_is_whole() -> None:
    for name in declared():
        for variant, parts in declaration(name).get("variants", {}).items():
            for language in parts["languages"]:
                one = about(f"{name}:{variant}", language)
                assert one.problems > 0
                assert one.raw.get("reader") in ("records", "evalplus")
                assert (Path(command.__file__).parent / name / "README.md").exists()


@needs_shared
@pytest.mark.parametrize(
    "name",
    ["humaneval_python", "humaneval_plus", "mbpp:full", "mbpp:test", "mbpp:sanitized", "mbpp_plus", "mbpp_typed"],
)
def test_the_files_have_the_declared_problems(name: str, judge: Judge) -> None:
    found = load(about(name, "python"), SHARED, judge)
    assert all(problem.function and problem.task_id for problem in found)


@needs_shared
@pytest.mark.parametrize("name", ["multipl_e:humaneval", "multipl_e:mbpp", "mbxp", "mceval", "humaneval_x"])
def test_the_files_of_all_languages(name: str, judge: Judge) -> None:
    base, _, variant = name.partition(":")
    variants = declaration(base)["variants"]
    for language in variants[variant or next(iter(variants))]["languages"]:
        assert all(problem.function for problem in load(about(name, language), SHARED, judge))


@needs_shared
def test_published_verdicts_come_out_again(judge: Judge) -> None:
    one = about("humaneval_python", "python")
    problems = load(one, SHARED, judge)[:40]
    names = {problem.task_id for problem in problems}
    answers = read_answers(
        SHARED / "published" / "humaneval-starcoder2-15b-instruct.jsonl.gz", load(one, SHARED, judge), "published_pass"
    )
    wanted = [answer for answer in answers if answer.problem.task_id in names]
    from xinstruct.benchmarks.rules import rules
    from xinstruct.benchmarks.score import judged

    rows = judged(wanted, rules("completion"), judge, "published")
    assert [row.task_id for row in rows if (row.verdict == "passed") != row.reference] == []
