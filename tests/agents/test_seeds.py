"""Which snippets become seeds, what an I-Generator is told, and how each form of seed is made and checked."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import stages.seed
from tests.agents.helpers import BODIES, STATED, Oracle, seeding, snippet
from tests.agents.test_synthesize import language_of, rows, run_stage
from xinstruct.agents.cases import probe
from xinstruct.agents.generators import IGenerator, SeedContext
from xinstruct.agents.problem import Problem
from xinstruct.agents.seeds import Draft, inspiring, queued
from xinstruct.code.types import Case, Signature, cases_from_json
from xinstruct.files import write_records
from xinstruct.llm.client import Answer, Request
from xinstruct.records import Reason, Rejection, Sample, Snippet

ONE, TWO = Signature.of("int", n="int"), Signature.of("int", a="int", b="int")


def generator(**changes: Any) -> IGenerator:
    nobody: Any = None
    return IGenerator(SeedContext(nobody, nobody, seeding(**changes), 1, ["python"]))


def draft(**changes: Any) -> Draft:
    one = snippet("python", "f", "def f(n):\n    return n", ONE, package="numbers-kit", **changes)
    return Draft.of(probe(one, 2), "Ds1")


def told(source: str = "doc", item: Draft | None = None, **changes: Any) -> str:
    return generator(**changes).request(item or draft(), source).messages[0]["content"]


def test_the_context_of_a_snippet_is_a_choice() -> None:
    plain = told(context=["doc", "signature"])
    assert "Documentation of the Python function `f(n: int) -> int`:\nDoes it." in plain and "numbers-kit" not in plain
    whole = told(context=["package", "doc", "signature"])
    assert whole.index("From the package numbers-kit:") < whole.index("Documentation of")
    assert "Does it." not in told(context=["signature"]) and "(n: int)" not in told(context=["doc"])
    assert "From the package numbers-kit:" in told("code", context=["package"])


def test_a_sentence_that_was_not_started_is_found() -> None:
    writer, item = generator(prefill="never"), draft()
    request = writer.request(item, "doc")
    assert not request.prefill and not request.stop
    start = "Write a Python function `f` that"
    assert request.messages[-1]["content"].endswith(start)
    writer._take(item, Answer("x", f"Sure!\n\n{start} gives back its number. Done.", "stop", 1, 1, False))
    assert item.problem == Problem("gives back its number. Done.") and item.style == "sentence"


def test_who_describes_a_function_sees_its_helpers_and_results_and_no_imports() -> None:
    item = draft(helpers="import os\n\nSTEP = 3")
    item.cases = [Case((2,), 2), Case((-1,), -1)]
    text = told(item=item, form="json")
    assert "STEP = 3" in text and "- f(2) returned 2\n- f(-1) returned -1" in text and "Does it." in text
    item.response = "#include <limits>\nint f(int n) { return n; }"
    assert "#include" not in told(item=item, form="json") and "int f(int n)" in told(item=item, form="json")


def test_who_is_inspired_gets_a_drawn_brief_and_no_results() -> None:
    item = Draft.inspired(draft().snippet)
    text = told(item=item, form="json")
    assert item.brief is not None and f"about {item.brief.category}; difficulty: {item.brief.difficulty}" in text
    assert f"takes and returns {item.brief.signature}" in text and "What it returned" not in text
    assert '"parameters"' in told(item=item, form="json", new_signature="teacher")


def many() -> list[Snippet]:
    """Ten functions of growing length, two of each package."""
    codes = ["def f{0}(n):\n    return n" + "".join(f" {'+-*'[j % 3]} n" for j in range(i)) for i in range(10)]
    return [snippet("python", f"f{i}", code.format(i), ONE, package=f"p{i // 2}") for i, code in enumerate(codes)]


def names(found: dict[str, list[Snippet]]) -> list[str]:
    return [one.name for one in found["python"]]


def test_functions_of_middling_difficulty_are_tried_in_their_order() -> None:
    whole = names(queued(many(), seeding()))
    assert whole == [f"f{i}" for i in range(10)], "simplest first"
    assert names(queued(many(), seeding(difficulty_from=0.3, difficulty_to=0.8))) == whole[3:8]
    mixed = names(queued(many(), seeding(difficulty_from=0.3, difficulty_to=0.8, order="mixed")))
    assert sorted(mixed) == whole[3:8] and mixed == names(queued(many()[::-1], seeding(
        difficulty_from=0.3, difficulty_to=0.8, order="mixed")))  # fmt: skip
    assert names(queued(many()[:1], seeding(difficulty_from=0.3, difficulty_to=0.8))) == ["f0"], (
        "of one all is middling"
    )


def test_a_package_has_its_quota_and_a_body_or_name_is_tried_once() -> None:
    assert names(queued(many(), seeding(per_package=1))) == ["f0", "f2", "f4", "f6", "f8"]
    code = "def g(number):\n    return number + number - number * number + number - number"
    again = snippet("python", "g", code, ONE, package="other")
    overload = snippet("python", "F3", "def F3(n):\n    return n ** 9 - 1000", ONE, package="other")
    assert names(queued([*many(), again, overload], seeding())) == names(queued(many(), seeding()))
    found = inspiring([*many(), again, overload], seeding(inspire_share=2.0 / 3, per_package=1))
    assert len(found) == 2 and len({one.package for one in found}) == 2
    assert inspiring(many(), seeding(inspire_share=0.0)) == []


MINED = [
    snippet("python", "plus", "def plus(a, b):\n    return a + b", TWO),
    snippet("python", "less", "def less(a, b):\n    return a - 2 * b", TWO),
    snippet("python", "more", "def more(a, b):\n    total = a * 3\n    return total + b", TWO),
    snippet("python", "bound", "def bound(n):\n    return other(n, 1)", ONE, self_contained=False),
]
ANEW = {name: f"    # anew\n    return {text}\n" for name, text in
        (("plus", "b + a"), ("less", "a - b - b"), ("more", "a + a + a + b"))}  # fmt: skip


def right(request: Request) -> str:
    """The right answer to a described function by its name; to a new problem, in two languages."""
    for name, body in ANEW.items():
        if f" {name}(" in request.prefill:
            return body
    return BODIES[language_of(request)]


Made = tuple[dict[str, Sample], dict[str, Rejection], Oracle]


@pytest.fixture
def seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(answer: Any = right, **changes: Any) -> Made:
        """Kept and rejected rows by the snippet that they are of, and the oracle."""
        write_records(tmp_path / "data/mine/snippets.parquet", "snippets", MINED)
        strong = {"form": "json", "response": "teacher", "sufficiency": True, "inspire_share": 0.34, "examples": 0}
        own = asdict(seeding(**(strong | {"new_signature": "teacher", "agreement_inputs": 12} | changes)))
        oracle = Oracle(answer)
        part = run_stage(stages.seed, "seed", own, oracle, tmp_path, monkeypatch)
        kept: Any = {sample.snippets[0]: sample for sample in rows(part, "samples")}  # type: ignore[union-attr]
        lost: Any = {row.id: row for row in rows(part, "rejected")}
        assert not set(kept) & set(lost) and set(kept) | set(lost) == {one.id for one in MINED}
        assert len(kept) + len(lost) == len(MINED), "every snippet ends exactly once"
        return kept, lost, oracle

    return make


@pytest.mark.slow
def test_seeds_are_described_rewritten_or_inspired_and_each_is_checked(seeded: Any) -> None:
    kept, lost, oracle = seeded()
    assert {row.reason for row in lost.values()} <= {Reason.NOT_SELF_CONTAINED} and len(kept) >= 3
    asked = [request.id for request in oracle.asked]
    kinds = {(sample.kind, sample.operation): sample for sample in kept.values()}
    first, second = kinds["Ds1", "describe"], kinds["Ds2", "describe"]
    new = kinds["Ds1", "inspire"]
    assert "# anew" in first.response and "# anew" in second.response, "the teacher's answers, not the mined code"
    told = {request.id: request.messages[0]["content"] for request in oracle.asked}
    ident = first.snippets[0]
    assert asked.index(f"{ident}-instruction") < asked.index(f"{ident}-response-0")
    assert f"{ident}-response-check-0" not in asked, "its answer was written from the instruction already"
    ident = second.snippets[0]
    assert asked.index(f"{ident}-response-0") < asked.index(f"{ident}-instruction") < asked.index(
        f"{ident}-response-check-0"
    )  # fmt: skip
    assert "Write this Python function anew" in told[f"{ident}-response-0"]
    assert "# anew" in told[f"{ident}-instruction"], "what is described is what was written"
    check = told[f"{ident}-response-check-0"]
    assert "count" in check and "# anew" not in check and "return" in check
    assert (new.function, new.signature) == ("add", TWO.to_json()) and Problem.of(new).category
    assert Problem.of(new).text == STATED["problem"] and all(
        c.expected == sum(c.args) for c in cases_from_json(new.cases)
    )
    for sample in kept.values():
        cases = cases_from_json(sample.cases)
        assert sample.verdict == "passed" and sample.style
        proposed = [[1, 2], [5, -1], [0, 7]] if sample.operation == "describe" else []
        assert [list(case.args) for case in cases[: len(proposed)]] == proposed and len(cases) == 6 + len(proposed)


@pytest.mark.slow
def test_the_first_wording_that_holds_up_is_taken(seeded: Any) -> None:
    def at_third(request: Request) -> str:
        """Right from the third wording of a problem on, and where none is asked for."""
        worded = re.search(r"-(?:response|response-check)(-[12])?-\d$", request.id)
        return right(request) if worded is None or worded[1] == "-2" else "    return 0\n"

    kept, lost, oracle = seeded(at_third, inspire_share=0.0, wordings=3, candidates=3, ds1_share=1.0)
    assert len(kept) == 3 and {row.reason for row in lost.values()} == {Reason.NOT_SELF_CONTAINED}
    asked = {request.id: request for request in oracle.asked}
    for ident in kept:
        words = [asked[f"{ident}-instruction{mark}"] for mark in ("", "-1", "-2")]
        assert [one.temperature for one in words] == [0.0, 0.7, 0.7] and len({one.seed for one in words}) == 3
        answers = [name for name in asked if name.startswith(f"{ident}-response")]
        assert set(answers) == {f"{ident}-response{mark}-0" for mark in ("", "-1", "-2")}, "one answer each"
    kept, lost, _ = seeded(at_third, inspire_share=0.0, wordings=2, ds1_share=1.0)
    assert not kept and [row.reason for row in lost.values()].count(Reason.INSUFFICIENT_INSTRUCTION) == 3


@pytest.mark.slow
def test_words_that_another_language_takes_otherwise_are_insufficient(seeded: Any) -> None:
    def split(request: Request) -> str:
        if "-in-javascript" in request.id:
            return BODIES["javascript"] if " plus(" in request.prefill else "    return 0;\n}\n"
        return right(request)

    kept, lost, oracle = seeded(split, inspire_share=0.0, also_in=1)
    assert {sample.function for sample in kept.values()} == {"plus"}
    assert [row.reason for row in lost.values()].count(Reason.INSUFFICIENT_INSTRUCTION) == 2
    elsewhere = [request.messages[-1]["content"] for request in oracle.asked if "-in-javascript" in request.id]
    assert len(elsewhere) == 3 and all("JavaScript function" in text and "returns" not in text for text in elsewhere)


@pytest.mark.slow
def test_a_call_that_its_writer_proposed_and_the_answer_gets_wrong_is_no_seed(seeded: Any) -> None:
    def beside(request: Request) -> str:
        """Right but where the first number is five."""
        return right(request).replace("return ", "return 99 if a == 5 and b == -1 else ")

    kept, lost, _ = seeded(beside, inspire_share=0.0, ds1_share=1.0)
    details = [row.detail for row in lost.values() if row.reason == Reason.INSUFFICIENT_INSTRUCTION]
    assert not kept and len(details) == 3
    assert "a call that its writer proposed is answered otherwise" in details, details


@pytest.mark.slow
def test_an_instruction_that_is_not_enough_rejects_its_seed(seeded: Any) -> None:
    def careless(request: Request) -> str:
        return "    return 0\n" if "-check" in request.id else right(request)

    kept, lost, _ = seeded(careless, inspire_share=0.0)
    assert {sample.kind for sample in kept.values()} == {"Ds1"}
    insufficient = [row for row in lost.values() if row.reason == Reason.INSUFFICIENT_INSTRUCTION]
    assert insufficient and all(row.detail.startswith("1 answer(s) differ: ") for row in insufficient)
    kept, lost, oracle = seeded(careless, inspire_share=0.0, sufficiency=False)
    assert {sample.kind for sample in kept.values()} == {"Ds1", "Ds2"}
    assert not any("-check" in request.id for request in oracle.asked)
    kept, lost, _ = seeded(careless, inspire_share=0.0, response="function")
    assert not kept and [row.reason for row in lost.values()].count(Reason.INSUFFICIENT_INSTRUCTION) == 3


@pytest.mark.slow
def test_an_insufficient_instruction_is_written_anew_from_the_call_that_failed(seeded: Any) -> None:
    def at_second(request: Request) -> str:
        first = "-response-" in request.id and "-response-check-" not in request.id
        return "    return 0\n" if first or "-check-" in request.id else right(request)

    kept, lost, oracle = seeded(at_second, inspire_share=0.0, revisions=1, ds1_share=1.0)
    assert len(kept) == 3 and Reason.INSUFFICIENT_INSTRUCTION not in {row.reason for row in lost.values()}
    told = {request.id: request.messages[0]["content"] for request in oracle.asked}
    for ident, sample in kept.items():
        again = told[f"{ident}-instruction1"]
        assert again.startswith(told[f"{ident}-instruction"].split("\nIts arguments")[0].rstrip())
        assert f"You wrote this before:\n{STATED['problem']}" in again
        assert f"is wrong: {sample.function}(" in again and "expected" in again and "got 0" in again
    _, lost, _ = seeded(at_second, inspire_share=0.0, revisions=0, ds1_share=1.0)
    assert [row.reason for row in lost.values()].count(Reason.INSUFFICIENT_INSTRUCTION) == 3


@pytest.mark.slow
def test_a_new_problem_without_agreement_is_no_seed(seeded: Any) -> None:
    def divided(request: Request) -> str:
        return "    return a - b;\n}\n" if language_of(request) == "javascript" else right(request)

    kept, lost, _ = seeded(divided)
    assert {sample.operation for sample in kept.values()} == {"describe"}
    assert [row.reason for row in lost.values()].count(Reason.NO_AGREEMENT) == 1
