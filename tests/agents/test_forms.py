"""How a teacher's text becomes a problem: types as people write them, refusals, cut and chatty JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from xinstruct.agents.problem import (
    NoProblem,
    Problem,
    parse_signature,
    parse_type,
    proposals,
    read_rule,
    schema_problem,
    schema_rule,
)
from xinstruct.agents.tasks import call_failure
from xinstruct.agents.writing import DECIDES, Brief, Form, Unwritten, draw_rule, neutral
from xinstruct.code.types import Signature, TypeSyntaxError
from xinstruct.llm.client import Answer
from xinstruct.llm.repair import misses
from xinstruct.prompts import table
from xinstruct.records import Reason

ONE = Signature.of("int", n="int")
WORDS = "Given a whole number, return the sum of its decimal digits, whatever its sign is."
ROW: dict[str, Any] = {"problem": WORDS, "rules": ["Zero gives zero.", "A sign counts nothing."]}


def reply(text: str, finish: str = "stop", error: str = "") -> Answer:
    return Answer("x", text, finish, 1, 1, False, error)


def read(text: str, form: Form | None = None, finish: str = "stop") -> Problem:
    return (form or Form("restate", "php", "sumDigits", ONE, 400)).read(reply(text, finish), True).problem


def why(text: str, form: Form | None = None, finish: str = "stop") -> Reason:
    with pytest.raises(Unwritten) as error:
        read(text, form, finish)
    return error.value.reason


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("str", "string"), ("String", "string"), ("text", "string"), ("char", "string"), ("number", "float"),
        ("double", "float"), ("long", "int"), ("Integer", "int"), ("boolean", "bool"), ("`int`", "int"),
        ("list[int]", "list<int>"), ("List<Integer>", "list<int>"), ("int[]", "list<int>"),
        ("string[][]", "list<list<string>>"), ("list[list[str]]", "list<list<string>>"),
        ("Array<number>", "list<float>"),
        ("Map<string, number>", "dict<string,float>"), ("dict[str, list[int]]", "dict<string,list<int>>"),
        ("HashMap<String, Integer>", "dict<string,int>"), ("Optional[int]", "optional<int>"),
        ("optional<string>", "optional<string>"), ("int?", "optional<int>"), ("string | null", "optional<string>"),
        ("list[int] | None", "optional<list<int>>"), ("tuple[int, str]", "tuple<int,string>"),
        ("pair<int, bool>", "tuple<int,bool>"),
    ],
)  # fmt: skip
def test_types_are_read_as_people_write_them(written: str, meant: str) -> None:
    assert str(parse_type(written)) == meant


@pytest.mark.parametrize("written", ["", "banana", "list", "list<", "dict<int>", "int[", "Node", "a function"])
def test_what_is_no_type_is_refused(written: str) -> None:
    with pytest.raises(TypeSyntaxError):
        parse_type(written)


@pytest.mark.parametrize(
    "returns", ["list<string>", "dict<string,int>", "optional<int>", "tuple<int,int>", "list[int]"]
)
def test_signatures_may_return_containers(returns: str) -> None:
    found = parse_signature({"parameters": [{"name": "a", "type": "int"}], "returns": returns})
    assert str(found.returns) == str(parse_type(returns)) and found.params[0].name == "a"


@pytest.mark.parametrize(
    "row",
    [
        {"parameters": [], "returns": "int"},
        {"parameters": [{"name": "a", "type": "int"}]},
        {"parameters": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}], "returns": "int"},
        {"parameters": [{"name": "two words", "type": "int"}], "returns": "int"},
        {"parameters": "a: int", "returns": "int"},
        {"parameters": [{"name": "a"}], "returns": "int"},
    ],
)
def test_a_broken_signature_states_no_problem(row: dict[str, Any]) -> None:
    with pytest.raises(NoProblem, match="no signature"):
        parse_signature(row)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I cannot create this exercise.",
        json.dumps({"problem": f"I am sorry, {WORDS}", "rules": []}),
        "As an AI model I have no opinion.",
        "I cannot assist with that request.",
    ],
)
def test_a_refusal_is_no_problem_in_any_form(text: str) -> None:
    assert why(text) == Reason.BAD_FORMAT
    assert why(f" {text}", Form("sentence", "php", "sumDigits", ONE, 400)) == Reason.BAD_FORMAT


def test_a_problem_about_being_sorry_is_none() -> None:
    assert read(json.dumps(ROW | {"rules": ['For an empty text, return "sorry".']})).rules[0].endswith('"sorry".')


def test_json_is_found_in_talk_and_cut_json_is_truncated() -> None:
    whole = json.dumps(ROW)
    assert read(f"Sure! Here is the problem:\n```json\n{whole}\n```\nGood luck!") == read(whole)
    assert why(whole[:60], finish="length") == Reason.TRUNCATED
    assert why(whole[:60]) == Reason.BAD_FORMAT
    assert why('{"problem": "Add two numbers."}') == Reason.BAD_FORMAT, "too few words to state anything"
    assert why(f"[{json.dumps(WORDS)}]") == Reason.BAD_FORMAT


def test_the_clients_own_verdict_on_cut_or_wrong_json_keeps_its_reason() -> None:
    form = Form("restate", "php", "sumDigits", ONE, 400)
    for error, reason in (
        ("length: cut at 400 tokens", Reason.TRUNCATED), ("schema: not JSON", Reason.BAD_FORMAT),
        ("budget: of the stage", Reason.BUDGET), ("timed out", Reason.LLM_ERROR),
    ):  # fmt: skip
        with pytest.raises(Unwritten) as found:
            form.read(reply("", "error", error), True)
        assert found.value.reason == call_failure(error) == reason


def test_lists_of_sentences_become_prose() -> None:
    found = read(json.dumps({"problem": ["Given a whole number n, sum its digits.", "Return\n the  sum, please."]}))
    assert found.text == "Given a whole number n, sum its digits. Return the sum, please."


def test_the_language_of_one_answer_is_taken_out_of_the_problem() -> None:
    found = read(json.dumps(ROW | {"problem": f"Write a Python function that does this. {WORDS}"}))
    assert found.text.startswith("Write a function that does this.")
    assert neutral("a C++ program, a C# method and a JavaScript script") == "a program, a method and a script"
    named = read(
        json.dumps(
            ROW | {"rules": ["The function `sumDigits` is never negative.", "1. Zero stays zero", "* Zero stays zero"]}
        )
    )
    assert named.rules == ("The function is never negative.", "Zero stays zero")
    kept = "Turn the text into valid PHP code, as JavaScript's join does; Java is an island."
    assert neutral(kept) == kept


def test_a_sentence_that_asks_for_another_language_is_refused() -> None:
    form = Form("sentence", "python", "f", ONE, 400)
    assert why(" calls a Java function.", form) == Reason.WRONG_LANGUAGE
    assert read(" turns the number into valid PHP code.", form).text == "turns the number into valid PHP code."
    assert read(" is a Python function of n.", form).text == "is a Python function of n."


def test_all_sentences_of_the_first_line_stay() -> None:
    form = Form("sentence", "python", "f", ONE, 400)
    text = "compares a vs. b, c etc. and returns item No. 5. Ties go to a, e.g. of 2 and 2."
    assert read(f" {text}\nAnd more.", form).text == text
    assert read(f" {text} Then it is cu", form, "length").text == text, "what was cut is left out"
    assert why(" takes a long list and", form, "length") == Reason.TRUNCATED
    assert why(" \n", form) == Reason.EMPTY_ANSWER


def test_a_rule_is_added_to_the_problem() -> None:
    base = Problem(WORDS, ("Zero gives zero.",), "digits", "easy")
    form = Form("rule", "php", "sumDigits", ONE, 400, base=base)
    said = {"rule": "Digits above 8 do not count", "calls": [{"n": 98}, [19], {"m": 2}, {"n": "x"}]}
    written = form.read(reply(json.dumps(said)), True)
    rule = f"Digits above 8 do not count. {DECIDES}"
    assert written.problem == Problem(WORDS, ("Zero gives zero.", rule), "digits", "easy")
    assert written.problem.statement.endswith(f"\n\n- Zero gives zero.\n- {rule}")
    assert Problem.from_json(written.problem.to_json()) == written.problem
    assert written.calls == ((98,), (19,)) and written.signature == ONE
    for text in ('{"rule": "Harder."}', '{"rule": ""}', "{}"):
        with pytest.raises(NoProblem):
            read_rule(text)
    for old in ("The function gives zero for zero: zero gives zero.", WORDS):
        assert why(json.dumps(said | {"rule": old}), form) == Reason.TOO_SIMILAR, "the problem says it already"


def test_proposed_calls_are_taken_as_lists_or_by_name_if_they_are_of_the_types() -> None:
    two = Signature.of("int", m="dict<string,int>", xs="list<int>")
    raw = [[{"a": 1}, [2]], {"m": {}, "xs": []}, {"m": {"a": "b"}, "xs": []}, [[], []], "x", [1], None]
    assert proposals(raw, two) == (([["a", 1]], [2]), ([], []))
    keys = Signature.of("int", m="dict<int,string>")
    assert proposals([{"m": {"1": "a", "-2": "b"}}, {"m": {"x": "a"}}], keys) == (([[1, "a"], [-2, "b"]],),)
    assert proposals("nothing", two) == ()


def test_every_drawn_brief_is_a_task_of_some_types() -> None:
    briefs = [Brief.draw(f"{number:016x}") for number in range(400)]
    spec = table("categories")
    assert {brief.category for brief in briefs} == set(spec["categories"])
    assert {brief.difficulty for brief in briefs} == set(spec["difficulties"])
    assert all(brief.signature.params and brief.signature.returns.head != "none" for brief in briefs)
    assert Brief.draw("0a") == Brief.draw("0a")
    again = [Brief.draw(f"{number:016x}", unlike=brief.signature) for number, brief in enumerate(briefs)]
    assert all(new.signature.types != old.signature.types for new, old in zip(again, briefs, strict=True))


def test_a_drawn_rule_is_about_the_types_that_the_function_has() -> None:
    spec = table("categories")["rules"]
    texts = Signature.of("int", words="list<string>", deep="dict<string,int>")
    drawn = {draw_rule(f"{number:x}", texts) for number in range(300)}
    assert not any(sign in rule for rule in drawn for sign in "{}") and len(drawn) > 10
    assert any("`words`" in rule for rule in drawn) and not any("`deep`" in rule for rule in drawn)
    before = {draw_rule(f"{number:x}", texts, ("takes",)) for number in range(300)}
    assert before < drawn and all("`words`" in rule for rule in before)
    assert draw_rule("0a", texts) == draw_rule("0a", texts)
    other = draw_rule("0a", Signature.of("bool", deep="dict<string,int>"))
    assert other.removeprefix("one of your own, about ") in spec["general"]


@pytest.mark.parametrize("name", ["restate", "rule", "new", "own"])
def test_what_a_form_asks_for_meets_its_own_schema(name: Any) -> None:
    two = Signature.of("int", xs="list<int>", limit="optional<float>")
    form = Form(name, "php", "f", two, 400, base=Problem(WORDS), brief=Brief.draw("0a"))
    calls = [{"xs": [1], "limit": None}, {"xs": [], "limit": 2.5}, {"xs": [3], "limit": 1}, {"xs": [1, 1], "limit": 0}]
    fields = {"name": "f", "rule": "Negative numbers do not count.", "calls": calls} | ROW
    typed = [{"name": "xs", "type": "int[]"}, {"name": "limit", "type": "number | null"}]
    if name == "own":
        fields |= {"parameters": typed, "returns": "int", "calls": [list(row.values()) for row in calls]}
    row = {key: fields[key] for key in form.schema["properties"]}
    assert all(f'"{key}"' in form.closing for key in row), "the prompt names every field of the schema"
    request = form.request("x", "text", 0.5, 1, prefill=False)
    assert misses(request, reply(json.dumps(row))) == "" and misses(request, reply("{}"))
    written = form.read(reply(json.dumps(row)), True)
    assert written.signature is not None and str(written.signature) == str(two)
    assert len(written.calls) == 4
    if name == "restate":
        bare = replace(form, calls=False)
        assert set(bare.schema["properties"]) == {"rules", "problem"} and '"calls"' not in bare.closing


def test_only_a_sentence_is_begun_for_the_teacher() -> None:
    sentence, whole = Form("sentence", "php", "f", ONE, 400), Form("restate", "php", "f", ONE, 400)
    assert sentence.request("x", "t", 0.0, 1, prefill=True).prefill == "Write a PHP function `f` that"
    assert whole.request("x", "t", 0.0, 1, prefill=True).prefill == ""
    assert sentence.request("x", "t", 0.0, 1, prefill=True).schema is None
    assert whole.request("x", "t", 0.0, 1, prefill=True).schema == schema_problem(ONE, "restate")
    assert set(schema_rule(ONE)["properties"]) == {"rule", "calls"}


def test_what_the_prose_says_already_is_no_rule_and_a_sentence_stands_once() -> None:
    loop = "Return 0 for an empty text."
    prose = f"Given a text, count its vowels. {loop} {loop} {loop}"
    rules = [
        "The function returns 0 for an empty text.",
        "The letter y is no vowel.",
        "The letter y is no vowel",
        "Return 1 for an empty text.",
    ]
    found = read(json.dumps({"rules": rules, "problem": prose}))
    assert found.text == f"Given a text, count its vowels. {loop}"
    assert found.rules == ("The letter y is no vowel.", "Return 1 for an empty text.")


@pytest.mark.parametrize(
    "said",
    [
        "The function uses a for loop to go through the text.", "It should use the built-in `parseFloat` function.",
        "The function is linear in time.", "The function should return the same result for every input.",
        "The function should handle edge cases such as leading zeros.", "It iterates over the list.",
        "The function should handle empty texts correctly.", "The function should not use any external libraries.",
        "Whoever solves it should not see the code.", "Return what the reference solution returns.",
    ],
)  # fmt: skip
def test_sentences_about_code_are_none_of_a_problem(said: str) -> None:
    prose = "Given a text, count its vowels and return their number as an integer."
    found = read(json.dumps({"rules": [said, "The letter y is no vowel."], "problem": f"{prose} {said}"}))
    assert (found.text, found.rules) == (prose, ("The letter y is no vowel.",))


@pytest.mark.parametrize(
    "said",
    [
        "It should handle empty input gracefully by returning 0.", "The function uses 1-based positions.",
        "The function takes a text as input and returns it without its vowels.", "Use `-` between the parts.",
        "If the list is empty, return 0.", "The separator is used between words only.",
    ],
)  # fmt: skip
def test_sentences_that_decide_a_result_stay(said: str) -> None:
    prose = "Given a text, count its vowels and return their number as an integer."
    assert read(json.dumps({"rules": [said], "problem": prose})).rules == (said,)


def test_what_only_repeats_the_signature_is_no_rule() -> None:
    prose = "Given a text, count its vowels and return their number as an integer."
    rules = ["The function `count` takes a string `text` as input.", "It takes two parameters.", "solution"]
    assert read(json.dumps({"rules": rules, "problem": prose})).rules == ()


def test_a_call_in_the_place_of_an_argument_is_no_proposal() -> None:
    form = Form("new", "php", "", Signature.of("int", text="string"), 400, brief=Brief.draw("0a"))
    calls = [{"text": "count('a, b') -> 2"}, {"text": "a, b"}, {"text": "count ('a')"}, {"text": "account (a)"}]
    text = json.dumps(ROW | {"name": "count", "calls": calls})
    assert form.read(reply(text), True).calls == (("a, b",), ("account (a)",))


def test_words_of_one_language_are_said_in_words_that_all_understand() -> None:
    rules = [
        "The `CharSequence` counts when it is not empty.", "It uses the `::tolower` function of the library.",
        "It runs in linear time, O(n), of the length.", "The lambda function adds the size of each part.",
        "It should not use any external functions at all.", "It should handle texts of any length.",
        "A vector of strings is joined from its end.",
        "The separator should be a string, not a Python object.", "The Java function returns 0 for no parts.",
    ]  # fmt: skip
    said = json.dumps({"problem": WORDS, "rules": rules, "calls": [{"n": 5}]})
    assert read(said).rules == (
        "The string counts when it is not empty.", "A list of strings is joined from its end.",
        "The function returns 0 for no parts.",
    )  # fmt: skip


def test_a_call_that_is_written_into_its_own_argument_is_none() -> None:
    form = Form("restate", "php", "getName", Signature.of("string", path="string"), 400)
    said = {
        "problem": WORDS,
        "rules": ["A slash ends the name."],
        "calls": [{"path": "getName('/42')"}, {"path": "/42"}],
    }
    assert form.read(reply(json.dumps(said)), True).calls == (("/42",),)
