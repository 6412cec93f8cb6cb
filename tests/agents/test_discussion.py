"""The prompt F, both topologies, what is drawn."""

import json
from collections import Counter

import pytest

from tests.agents.helpers import sample, synthesis
from xinstruct.agents.agent import LanguageAgent
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.operations import Operation
from xinstruct.agents.reflection import Reflection, extremes
from xinstruct.agents.scorer import ASPECTS, Score
from xinstruct.agents.society import Society
from xinstruct.files import BadInput
from xinstruct.llm.client import Answer
from xinstruct.records import Reason

BLOCKS = ["[Memory]", "[Reflection]", "[Communication]", "[Goal]", "[Guidelines]", "[Created Prompt]"]


def agents(**changes: object) -> list[LanguageAgent]:
    return [LanguageAgent.of(sample(lang), synthesis(**changes)) for lang in ("python", "javascript")]


def talk(topology: str, operation: str = "carry_over", base: int = 0, **changes: object) -> Discussion:
    speakers = agents(**changes)
    for agent in speakers:
        agent.memory.insert(sample("bash", instruction=f"Write `old{agent.language}`.", response="x y z w v"))
        agent.reflection.reflect("`old`", [Score("code clarity", 5.0, "plain"), Score("difficulty", 1.0, "easy")])
    seeds = [agent.seed for agent in speakers]
    return Discussion("d1", 2, topology, speakers, seeds, base, "php", Operation.named(operation))  # type: ignore[arg-type]


def text_of(discussion: Discussion, **changes: object) -> str:
    return discussion.prompt(synthesis(**changes), 1).messages[0]["content"]


@pytest.mark.parametrize("topology", ["centralized", "parallel"])
def test_blocks_stand_in_the_papers_order(topology: str) -> None:
    text = text_of(talk(topology))
    assert text.startswith("You are an expert Python programmer")
    places = [text.index(block) for block in BLOCKS]
    assert places == sorted(places)
    assert text.count("Agent 1 (") == text.count("Agent 2 (") == 1
    assert "Carry the problem of Agent 1 over to PHP in fresh words." in text


def test_switched_off_blocks_are_left_out() -> None:
    text = text_of(talk("centralized", reflection=False, memory_capacity=0))
    assert "[Memory]" not in text and "[Reflection]" not in text and "[Communication]" in text


def test_centralized_has_a_main_agent_and_only_it_learns() -> None:
    central, parallel = talk("centralized"), talk("parallel", base=1)
    assert "main agent" in text_of(central) and "main agent" not in text_of(parallel)
    assert central.learners == [central.agents[0]] and parallel.learners == parallel.agents
    assert "oldjavascript" not in text_of(central) and "oldjavascript" in text_of(parallel)
    assert "problem of Agent 2" in text_of(parallel) and parallel.source.language == "javascript"


def test_reflection_shows_merits_faults_and_failures() -> None:
    discussion = talk("centralized")
    discussion.speaker.reflection.regret("the attempt", "compile_error", "line 3: bad")
    text = text_of(discussion)
    assert "Merits of `old`: code clarity (plain)." in text and "Faults of `old`: difficulty (easy)." in text
    assert "the attempt was rejected: compile error (line 3: bad)." in text


def test_merits_and_faults_are_the_highest_and_the_lowest_aspects() -> None:
    ordered = [5.0, 5.0, 2.0, 5.0, 4.0, 4.0, 1.0, 4.5, 1.0]  # the last one is the total score
    merits, faults = extremes([Score(aspect, value) for aspect, value in zip(ASPECTS, ordered, strict=True)])
    assert merits == ("question-answer consistency", "relevance to computing")
    assert faults == ("code comments", "difficulty")
    few = [Score("code clarity", 1.5, "one line"), Score("code correctness", 4.2), Score("difficulty", None)]
    assert extremes(few) == (("code correctness",), ("code clarity (one line)",))
    assert extremes([Score("code clarity", 4.8), Score("code correctness", 4.9)])[1] == (), "very good is no fault"
    assert extremes([Score("code clarity", 2.0), Score("code correctness", 2.1)])[0] == (), "bad is no merit"
    assert extremes([]) == ((), ())
    reflection = Reflection(1)
    reflection.regret("the attempt", "timeout")
    reflection.reflect("`f`", [])
    assert reflection.text == "the attempt was rejected: timeout.", "a sample without scores takes no note's place"


def said(text: str, finish: str = "stop", error: str = "") -> Answer:
    return Answer("d1-prompt", text, finish, 1, 1, False, error)


def test_a_sentence_is_accepted_or_the_reason_is_kept() -> None:
    for words, reason in ((" \n", Reason.EMPTY_ANSWER), (" calls a Java function.", Reason.WRONG_LANGUAGE)):
        discussion = talk("centralized")
        discussion.accept(said(words), synthesis())
        assert discussion.reason == reason and discussion.problem is None
    fine = talk("centralized")
    fine.accept(said(" compares a vs. b. Ties go to a, e.g. of 2 and 2.\nMore."), synthesis())
    assert fine.problem is not None and fine.style == "sentence"
    assert fine.problem.text == "compares a vs. b. Ties go to a, e.g. of 2 and 2."


def test_a_new_problem_brings_its_name_signature_and_calls() -> None:
    params = synthesis(form="json", new_signature="teacher")
    row = {
        "name": "count_pairs",
        "parameters": [{"name": "xs", "type": "list[int]"}, {"name": "m", "type": "Map<number, str>"}],
        "returns": "boolean",
        "problem": "Given numbers and names for some of them, tell whether two numbers in a row have the same name.",
        "rules": ["1. An empty list gives false.", "- Names are compared exactly."],
        "calls": [[[1, 2], {"1": "a"}], [[], []], [1]],
    }
    fine = talk("centralized", "combine")
    fine.accept(said(json.dumps(row)), params)
    assert fine.problem is not None and fine.reason is None
    assert str(fine.signature) == "(xs: list<int>, m: dict<float,string>) -> bool" and fine.name == "countPairs"
    assert (
        fine.problem.rules == ("An empty list gives false.", "Names are compared exactly.")
        and fine.problem.category
        and fine.problem.difficulty
    )
    assert fine.proposals[-1] == ([], []) and all(len(args) == 2 for args in fine.proposals)
    for changes in ({"returns": "banana"}, {"parameters": []}, {"problem": "Too short.", "rules": []}):
        broken = talk("centralized", "combine")
        broken.accept(said(json.dumps(row | changes)), params)
        assert broken.reason == Reason.BAD_FORMAT and str(broken.signature) == "(a: int, b: int) -> int"


def society(languages: list[str], **changes: object) -> Society:
    seeds = [sample(lang, function=f"f{i}") for lang in ("python", "javascript", "php") for i in range(4)]
    return Society(seeds, synthesis(**changes), languages, 7)


def test_draws_repeat_and_never_discuss_the_same_pair_twice() -> None:
    languages = ["python", "javascript", "php", "bash"]
    first, again = (society(languages, discussions=40).plan(1) for _ in range(2))
    assert [(d.id, d.target, d.topology, d.base) for d in first] == [
        (d.id, d.target, d.topology, d.base) for d in again
    ]
    assert len({(d.source.id, d.target) for d in first}) == len(first)
    assert all(len({a.language for a in d.agents}) == 2 and d.target != d.source.language for d in first)
    assert {d.topology for d in first} == {"centralized", "parallel"}
    assert all(d.base == 0 for d in first if d.topology == "centralized")
    # 12 seeds, 3 targets each: no more than 36 can be drawn
    assert len(society(languages, discussions=99, rounds=1).plan(1)) <= 36


def test_target_modes() -> None:
    languages = ["python", "javascript", "php", "bash"]
    balanced = Counter(d.target for d in society(languages, discussions=12, targets="balanced").plan(1))
    uniform = Counter(d.target for d in society(languages, discussions=12).plan(1))
    assert balanced["bash"] > uniform["bash"]
    off = society(languages, discussions=12, targets="balanced", target_weights={"bash": 0.0}).plan(1)
    assert off and all(d.target != "bash" for d in off)
    existing = society(languages, discussions=12, targets="existing").plan(1)
    assert existing and all(d.target in {a.language for a in d.agents} for d in existing)


def test_a_target_that_cannot_express_the_types_is_not_drawn() -> None:
    from xinstruct.code.types import Signature

    nested = Signature.of("int", m="dict<string,list<int>>").to_json()
    seeds = [sample(lang, signature=nested) for lang in ("python", "javascript")]
    drawn = Society(seeds, synthesis(discussions=9), ["python", "javascript", "bash"], 1).plan(1)
    assert drawn and all(d.target != "bash" for d in drawn)


def test_php_is_no_target_of_a_name_that_php_has() -> None:
    seeds = [sample(lang, function=name) for lang in ("python", "javascript") for name in ("floor", "floored")]
    drawn = Society(seeds, synthesis(discussions=20), ["python", "javascript", "php"], 1).plan(1)
    assert {d.source.function for d in drawn if d.target == "php"} == {"floored"}
    assert {d.source.function for d in drawn} == {"floor", "floored"}


def test_new_targets_are_languages_of_none_present() -> None:
    languages = ["python", "javascript", "php", "bash"]
    new = society(languages, discussions=12, targets="new").plan(1)
    assert new and all(d.target not in {a.language for a in d.agents} for d in new)


def test_bad_parameters_name_themselves() -> None:
    for key, value in (("targets", "all"), ("base", "best"), ("new_signature", "x"), ("agents", 9)):
        with pytest.raises(BadInput, match=key):
            society(["python"], **{key: value})
    with pytest.raises(BadInput, match="fly"):
        society(["python", "php"], operations={"fly": 1}).plan(1)
