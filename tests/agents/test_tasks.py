"""Shapes and types of tasks, against the oracle: what each gives, what it accepts, how it is counted."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import pytest

from tests.agents.books import SEED, SENDING, Make, Ran
from tests.agents.helpers import synthesis
from tests.agents.oracle import OWN
from xinstruct.agents.operations import Operation
from xinstruct.agents.shapes import check, fitting
from xinstruct.agents.tasks import request_seed
from xinstruct.code.types import Signature
from xinstruct.files import BadInput
from xinstruct.languages.header import FunctionHeader
from xinstruct.records import Sample

LANGUAGES = ["python", "javascript", "php", "bash"]
RIGHT = {"right": 1}


def made(ran: Ran, task: str) -> list[Sample]:
    assert ran.samples and {sample.task for sample in ran.samples} == {task}
    return ran.samples


def block(text: str) -> str:
    """The first fenced block of a task."""
    return text.split("```", 1)[1].split("\n", 1)[1].split("\n```", 1)[0]


def test_completion_gives_part_of_the_body(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares=RIGHT, tasks={"completion": 1.0}, rounds=1)
    for sample in made(ran, "completion"):
        header = FunctionHeader.of(sample.language, sample.function, Signature.from_json(sample.signature))
        given, whole = block(sample.instruction), header.alone(sample.response)
        assert whole.startswith(given) and len(header.bare) < len(given) < len(whole)
        assert "breaks off in its body" in sample.instruction and "returns" in sample.instruction


def test_a_completion_that_fails_is_rejected_with_its_own_reason(oracle_run: Make) -> None:
    shares = {"right": 3, "empty": 2}
    ran = oracle_run(OWN, LANGUAGES, shares=shares, tasks={"completion": 1.0}, rounds=1)
    rejected = {row.id: row for row in ran.rejected}
    seen: Counter[str] = Counter()
    for thread in ran.threads():
        idents = (f"{thread}-0", f"{thread}-completion-0")
        calls = [ran.oracle.calls.get(request_seed(SEED, ident) % SENDING) for ident in idents]
        kinds = [call.kind if call else "" for call in calls]
        seen.update(["/".join(kinds)])
        if kinds == ["right", "right"]:
            assert thread not in rejected or rejected[thread].reason == "exact_duplicate"
        else:
            assert rejected[thread].reason == "empty_answer"
            assert rejected[thread].detail.startswith("completion") == (kinds[0] == "right")
    assert {"right/right", "right/empty", "empty/"} <= set(seen)


@pytest.mark.slow
def test_repair_gives_code_that_fails_and_its_error(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares={"right": 1, "wrong": 1}, tasks={"repair": 1.0}, rounds=1)
    for sample in made(ran, "repair"):
        header = FunctionHeader.of(sample.language, sample.function, Signature.from_json(sample.signature))
        broken = block(sample.instruction)
        assert broken != header.alone(sample.response)
        assert "Repair this code, which fails (" in sample.instruction
        assert re.search(rf"fails \(wrong answer: {sample.function}\(.*\): expected .* got ", sample.instruction)
    told = {turn.thread for turn in ran.turns if turn.kind == "verdict" and turn.text.startswith("wrong code: ")}
    failed = {turn.thread for turn in ran.turns if turn.kind == "verdict" and turn.text.startswith("wrong_answer: ")}
    shown = {sample.id: block(sample.instruction) for sample in made(ran, "repair")}
    answers = "\n".join(turn.text for turn in ran.turns if turn.kind == "answer" and turn.thread in told & failed)
    assert any(code.splitlines()[1].strip() in answers for code in shown.values()), (
        "a real attempt that failed, where there is one"
    )


def test_translation_gives_the_bases_code(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares=RIGHT, tasks={"translation": 1.0}, rounds=1)
    seeds = {p.seed(n).id: p.seed(n) for p in OWN for n in LANGUAGES}
    for sample in made(ran, "translation"):
        base = seeds[sample.parents[0]]
        header = FunctionHeader.of(base.language, base.function, Signature.from_json(base.signature))
        assert block(sample.instruction) == header.alone(base.response)


def test_an_explanation_counts_when_code_written_from_it_alone_passes(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares={"right": 3, "wrong": 1}, tasks={"explanation": 1.0}, rounds=1)
    for sample in made(ran, "explanation"):
        assert sample.response.startswith("It is known as") and sample.proof == sample.code != sample.response
        assert sample.instruction.startswith("Explain what the")
    told = [call for call in ran.oracle.calls.values() if len(call.messages) > 1]
    asked = [call for call in told if "that is explained here" in call.messages[-2]["content"]]
    assert {call.kind for call in asked} == {"right", "wrong"}
    assert all("It is known as" in call.messages[-2]["content"] for call in asked)
    bodies = {problem.bodies[name].split("\n")[0].strip() for problem in OWN for name in LANGUAGES}
    assert not any(body in call.messages[-2]["content"] for call in asked for body in bodies)
    assert any(row.detail.startswith("explanation: ") for row in ran.rejected)


@pytest.mark.slow
def test_types_are_drawn_by_weight_and_counted(oracle_run: Make) -> None:
    weights = {"generation": 1.0, "completion": 1.0, "translation": 1.0, "repair": 1.0, "explanation": 1.0}
    ran = oracle_run(OWN, LANGUAGES, shares=RIGHT, tasks=weights, rounds=3)
    metrics = json.loads((ran.folder / "../../reports/synthesize/metrics.json").read_text())
    counted = Counter(s.task for s in ran.samples)
    assert len(counted) == 5
    assert {task: row["kept"] for task, row in metrics["by_task"].items()} == counted
    spent = sum(row["completion_tokens"] for row in metrics["tokens"].values())
    assert spent == metrics["teacher"]["completion_tokens"] and "explanations" in metrics["tokens"]
    assert sum(count for row in metrics["coverage"].values() for count in row.values()) == len(ran.samples)


def test_one_to_many_shares_one_prompt_and_one_set_of_cases(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares=RIGHT, shapes={"one_to_many": 1.0}, rounds=1, discussions=4, many=3)
    families: dict[str, list[Sample]] = defaultdict(list)
    for sample in ran.samples:
        if sample.shape == "one_to_many":
            said = sample.instruction.split("\n", 1)[0].split("` that ")[1]
            families[sample.parents[0] + said].append(sample)
    assert any(len(family) == 3 for family in families.values())
    for family in families.values():
        assert len({s.language for s in family}) == len(family) and len({s.cases for s in family}) == 1
    prompts = [call for call in ran.oracle.calls.values() if call.kind == "sentence"]
    assert len(prompts) < len(ran.threads()), "the parts of a meeting share its created prompt"
    assert any("The same problem will be solved in" in call.messages[0]["content"] for call in prompts)


@pytest.mark.slow
def test_many_to_many_brings_every_agents_problem_to_a_language(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, shares=RIGHT, shapes={"many_to_many": 1.0}, rounds=1, discussions=4, agents=3)
    meetings: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for sample in ran.samples:
        if sample.shape == "many_to_many":
            meetings[tuple(sample.agents)].add(sample.parents[0])
    assert any(len(bases) > 1 for bases in meetings.values())
    assert all(bases <= set(agents) for agents, bases in meetings.items()), "round one starts from the agents' seeds"


def test_only_what_keeps_the_behaviour_can_be_translated() -> None:
    weights = synthesis(tasks={"translation": 1.0, "repair": 1.0})
    assert set(fitting(weights, Operation.named("carry_over"))) == {"translation", "repair"}
    assert set(fitting(weights, Operation.named("combine"))) == {"repair"}


def test_operations_that_are_unknown_or_lead_nowhere_name_themselves() -> None:
    with pytest.raises(BadInput, match=r"synthesize\.tasks has only translation"):
        check(synthesis(operations={"combine": 1.0}))
    with pytest.raises(BadInput, match=r"operations\.carry is no operation; did you mean carry_over\?"):
        check(synthesis(operations={"carry": 1.0}))
