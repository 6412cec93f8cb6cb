"""New problems of meetings: agreed by two languages, carried over their cases, with the witness's answer as a twin."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from tests.agents.books import Make, Ran
from tests.agents.oracle import OWN, _row
from xinstruct.agents.problem import Problem
from xinstruct.agents.writing import DECIDES
from xinstruct.code.types import cases_from_json
from xinstruct.records import Sample

LANGUAGES = ["python", "javascript", "php", "bash"]
JSON = {
    "form": "json",
    "prompt_tokens": 400,
    "shares": {"right": 1},
    "rounds": 1,
    "tasks": {"generation": 1.0},
    "examples": 0,
}
HARDER = _row("twice_less_seven", {"a": "int"}, "int", [([1], -5), ([4], 1), ([-3], -13)],
              python="    return a + a - 7\n", javascript="    return a + a - 7;\n}\n",
              php="    return $a + $a - 7;\n}\n", bash='    echo "$(( a + a - 7 ))"\n}\n')  # fmt: skip


def families(ran: Ran) -> list[list[Sample]]:
    """The samples of each new problem."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in ran.samples:
        found[sample.problem].append(sample)
    return list(found.values())


@pytest.mark.slow
def test_a_new_problem_is_agreed_carried_over_and_has_its_witness_as_a_twin(oracle_run: Make) -> None:
    shape = {"shapes": {"one_to_many": 1.0}, "many": 3, "operations": {"combine": 1.0}, "new_signature": "teacher"}
    ran = oracle_run(OWN, LANGUAGES, discussions=3, **JSON, **shape)
    created = [call for call in ran.oracle.calls.values() if call.kind == "sentence"]
    assert len(created) == 3, "one created prompt for each meeting"
    assert ran.samples, [row.detail for row in ran.rejected]
    for family in families(ran):
        assert len({sample.language for sample in family}) == len(family) >= 3
        assert len({sample.cases for sample in family}) == 1, "twins share cases"
        assert len({sample.response for sample in family}) == len(family)
        assert "python" in {sample.language for sample in family}, "the witness's answer, or the target's"
        stated = Problem.of(family[0])
        assert stated.category and stated.difficulty and stated.rules
        for sample in family:
            words = " ".join(sample.instruction.split()).replace("# ", "").replace("// ", "")
            assert stated.text in words and sample.operation == "combine" and sample.shape == "one_to_many"
            assert len(cases_from_json(sample.cases)) == 6
    answers = [call.messages[-2]["content"] for call in ran.oracle.calls.values() if call.kind == "right"]
    assert answers and all("What number" in text for text in answers)
    bodies = [body.strip().split("\n")[0] for problem in OWN for body in problem.bodies.values()]
    assert not any(body in text for text in answers for body in bodies), "nobody sees the base's code"
    assert len(ran.samples) + len(ran.rejected) == len(ran.threads())


@pytest.mark.slow
def test_a_rule_makes_another_problem_of_the_same_signature(oracle_run: Make) -> None:
    ran = oracle_run([OWN[0], HARDER], ["python", "javascript"], operations={"raise_difficulty": 1.0}, **JSON)
    kept = [sample for sample in ran.samples if sample.function in ("twice",)]
    assert kept and {sample.language for sample in kept} == {"python", "javascript"}
    for sample in kept:
        rule = f"From then on the result becomes what is known as twice_less_seven. {DECIDES}"
        words = " ".join(sample.instruction.split()).replace("# ", "").replace("// ", "")
        assert json.loads(sample.problem)["rules"] == [rule] and rule in words
        assert all(case.expected == 2 * case.args[0] - 7 for case in cases_from_json(sample.cases))
