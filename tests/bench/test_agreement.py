"""The same completions under two sets of tests: what both get, which problems fit, what a disagreement is called."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.verdicts.agreement import (
    CANONICAL,
    FAILS,
    FOLLOWS,
    LOOSER,
    PASSES,
    REFUSED,
    STRICTER,
    Row,
    agreement_page,
    compared,
    fitting,
    kind,
    summary,
)
from bench.verdicts.completions import answered, canonical, numbered, renamed, spelled
from tests.languages.conftest import need
from xinstruct.benchmarks.problems import ProgramProblem
from xinstruct.benchmarks.rules import rules
from xinstruct.benchmarks.samples import Answer
from xinstruct.execution.judge import Judge
from xinstruct.files import write_json

HEAD = "const addUp = (a, b) => {\n"
BODY = "  return a + b;\n}\n"


def javascript(ident: str, tests: str, function: str = "addUp") -> ProgramProblem:
    return ProgramProblem(ident, "javascript", HEAD, function, tests, "{code}\n{tests}\n", solution=BODY)


STRICT = "if (addUp(1, 2) !== 3) process.exit(1);"
LOOSE = "if (typeof add_up(1, 2) !== 'number') process.exit(1);"
WRONG = "if (addUp(1, 2) !== 4) process.exit(1);"


def test_both_sides_get_the_same_completions_and_differ_by_their_tests(judge: Judge) -> None:
    answers = numbered([javascript("JavaScript/7", STRICT), javascript("JavaScript/9", WRONG)])
    ours = numbered([javascript("HumanEval_7_add_up", LOOSE, "add_up"), javascript("HumanEval/9", STRICT)])
    found = canonical(answers, ours, answers, 1)
    assert [(one.number, one.variant) for one in found] == [(7, 0), (7, 1), (9, 0), (9, 1)]
    assert (
        found[1].ours.program.replace("add_up", "addUp").partition("if (")[0]
        == (found[1].theirs.program.partition("if (")[0])
    )
    kept, unfit = fitting(found, judge, "test")
    rows = compared(kept, judge, "test")
    assert list(unfit) == [9]
    assert [(row.variant, row.ours == "passed", row.theirs == "passed") for row in rows] == [
        (0, True, True), (1, True, False),
    ]  # fmt: skip
    assert kind(rows[1], set()) == LOOSER


def test_a_models_answers_are_compared_by_what_each_side_says(judge: Judge) -> None:
    theirs = javascript("HumanEval_7_addUp", STRICT)
    texts = [f"```javascript\n{HEAD}{BODY}```", "```javascript\nconst addUp = () => 0;\n```", "I cannot."]
    answers = [Answer(theirs, text, place) for place, text in enumerate(texts)]
    ours = numbered([javascript("HumanEval/7", LOOSE, "add_up")])
    rows = compared(answered(answers, ours, rules("chat")), judge, "test")
    assert [(row.variant, row.ours == "passed", row.agree) for row in rows] == [(0, True, True), (1, True, False)]
    assert kind(rows[1], set(), of_model=True) == PASSES
    assert kind(Row(7, 0, "timeout", "passed", ""), set(), of_model=True) == FAILS
    assert answered(answers, {}, rules("chat")) == []


def test_kinds_of_disagreement_and_their_page(tmp_path: Path) -> None:
    rows = [
        Row(1, 0, "wrong_answer", "passed", "case 0"),
        Row(1, 1, "wrong_answer", "passed", ""),
        Row(2, 0, "passed", "passed", ""),
        Row(2, 1, "timeout", "passed", ""),
        Row(2, 2, "timeout", "wrong_answer", ""),
    ]
    assert [kind(row, {1}) for row in rows if not row.agree] == [REFUSED, FOLLOWS, STRICTER]
    kept = {"language": "rust", "tests": "multipl_e", "of": CANONICAL, "problems": 3, "fit": 2}
    write_json(tmp_path / "rust-multipl_e.json", kept | summary(rows))
    text = agreement_page(tmp_path)
    assert "| rust | multipl_e | HumanEval-X | 2 of 3 | 5 | 1 | 1 | 40.00 % |" in text
    assert "- rust, multipl_e, HumanEval/1: right answer refused here: case 0\n" in text
    assert "HumanEval/2, variant 1: variant caught here alone: timeout\n" in text


def test_names_types_and_classes_are_spelled_as_the_other_tests_have_them() -> None:
    assert renamed("f(x); my_f(f2); $f; a.f", "f", "g") == "g(x); my_f(f2); $f; a.g"
    other = ProgramProblem("HumanEval_0_f", "cpp", "#include <vector>\nlong f(", "f", "", "{code}")
    answer = dataclasses.replace(other, task_id="CPP/0", prompt="")
    code = spelled("vector<int> f(int a, double b) { printf(); }", answer, other)
    assert code == "#include <vector>\nvector<long> f(long a, float b) { printf(); }"
    assert spelled("int f();", answer, answer) == "int f();"
    typescript = dataclasses.replace(other, language="typescript", prompt="")
    assert spelled("f = 1", javascript("JavaScript/0", ""), typescript) == "// @ts-nocheck\nf = 1"


@pytest.mark.slow
def test_java_is_called_through_an_adapter_of_number_types(judge: Judge) -> None:
    need("java")
    head = "    public static ArrayList<Long> f(ArrayList<Long> a, long b, Optional<Float> c) {\n"
    prompt = f"import java.util.*;\nclass Problem {{\n{head}"
    tests = (
        "    }\n    public static void main(String[] args) {\n    assert(f(new ArrayList<Long>(Arrays.asList(1l)), 2l, "
        "Optional.of(0.5f)).equals(new ArrayList<Long>(Arrays.asList(1l, 2l, 1l))));\n    }\n\n}\n"
    )
    other = ProgramProblem("HumanEval_0_f", "java", prompt, "f", tests, "{code}\n{tests}\n", fit_braces=True)
    code = (
        "class Solution {\n    public List<Integer> f(List<Integer> a, int b, Double c) {\n"
        "        a = new ArrayList<>(a);\n        a.add(b);\n        a.add((int) (c * 2));\n        return a;\n    }\n}"
    )
    answer = dataclasses.replace(other, task_id="Java/0")
    jobs = [other.job(str(wrong), spelled(code.replace("c * 2", f"c * {wrong}"), answer, other)) for wrong in (2, 4)]
    assert [verdict.verdict for verdict in judge.judge(jobs)] == ["passed", "wrong_answer"]
