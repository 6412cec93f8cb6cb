"""The stages seed and synthesize end to end, driven by a teacher that knows what it does."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

import stages.seed
import stages.synthesize
from tests.agents.helpers import (
    BODIES,
    CODE,
    EXECUTION,
    RATING,
    SCORER,
    Oracle,
    Rates,
    sample,
    seeding,
    snippet,
    synthesis,
)
from xinstruct.code.types import Signature
from xinstruct.files import read_records, write_records
from xinstruct.llm.client import Request
from xinstruct.plan import Plan
from xinstruct.records import Reason, Rejection, Sample, Snippet, Turn, content_id
from xinstruct.stage import run_shard

LANGUAGES = ["python", "javascript", "php", "bash"]
WRONG = {"python": "    return a - b\n", "javascript": "    return a - b;\n}\n", "php": "    return $a - $b;\n}\n"}
WRONG["bash"] = "    echo $(( a - b ))\n}\n"


def language_of(request: Request) -> str:
    return next(name for name in LANGUAGES if request.prefill.startswith(f"```{name}"))


def kind_of(request: Request) -> str:
    """What the oracle does with a discussion: decided by its id, for all its candidates alike."""
    task = request.id.rsplit("-", 1)[0]
    return ("right", "wrong", "empty", "nonsense")[int(content_id(task), 16) % 4]


def body(request: Request) -> str:
    language = language_of(request)
    nonsense = {"bash": "    if ((\n}\n", "python": "    return (\n"}.get(language, "    return ((;\n}\n")
    return {"right": BODIES[language], "wrong": WRONG[language], "empty": "", "nonsense": nonsense}[kind_of(request)]


def run_stage(
    module: object, name: str, own: dict[str, object], oracle: Oracle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Run one shard of a stage with this teacher; returns the folder of its part."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XINSTRUCT_WORK", str(folder / "work"))
    monkeypatch.setattr(module, "Client", lambda params, **_: oracle)
    params = {"random_seed": 5, "languages": LANGUAGES, "teacher": {}, "execution": asdict(EXECUTION), name: own}
    plan = Plan(name, params, [], [], 1, str(folder / "work" / name))
    shutil.rmtree(plan.work, ignore_errors=True)
    run_shard(plan, 0, module.work)  # type: ignore[attr-defined]
    return plan.part(0)


def seeds(*functions: str) -> list[Sample]:
    """A seed per function and language; all functions add."""
    named = functions or ("add",)
    return [sample(name, own, CODE[name].replace("add", own)) for own in named for name in LANGUAGES]


@pytest.fixture
def synthesized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, Oracle]]:
    def make(
        answerer: Callable[[Request], str] = body,
        rating: Rates = RATING,
        functions: Sequence[str] = (),
        **changes: object,
    ) -> tuple[Path, Oracle]:
        write_records(tmp_path / "data/seed/samples.parquet", "samples", seeds(*functions))
        oracle = Oracle(answerer, rating=rating)
        own = asdict(synthesis(**changes))
        return run_stage(stages.synthesize, "synthesize", own, oracle, tmp_path, monkeypatch), oracle

    return make


def rows(part: Path, kind: str) -> list[Sample] | list[Rejection] | list[Turn]:
    path = part / f"{kind}.parquet"
    return read_records(path, kind) if path.exists() else []


def test_exactly_the_right_answers_are_kept_and_every_rejection_is_true(
    synthesized: Callable[..., tuple[Path, Oracle]],
) -> None:
    part, oracle = synthesized(discussions=10)
    asked = {r.id.rsplit("-", 1)[0]: r for r in oracle.asked if r.prefill.startswith("```")}
    kinds = {ident: kind_of(request) for ident, request in asked.items()}
    kept: list[Sample] = rows(part, "samples")  # type: ignore[assignment]
    refused: list[Rejection] = rows(part, "rejected")  # type: ignore[assignment]
    rejected = {row.id: row for row in refused}
    turns: list[Turn] = rows(part, "turns")  # type: ignore[assignment]
    scored = {t.thread: t.sample for t in turns if t.kind == "score"}
    right = {ident for ident, kind in kinds.items() if kind == "right"}
    assert set(scored) == right
    assert {s.id for s in kept} == {scored[ident] for ident in right}
    assert len(kept) + sum(row.reason == "exact_duplicate" for row in refused) == len(right)
    assert set(kinds.values()) == {"right", "wrong", "empty", "nonsense"}
    true = {
        "wrong": {"wrong_answer"}, "empty": {"empty_answer"},
        "nonsense": {"compile_error", "runtime_error"},
    }  # fmt: skip
    for ident, kind in kinds.items():
        row = rejected.get(ident)
        if kind != "right":
            assert row is not None and row.reason in true[kind], (kind, row)
    assert len(kept) + len(refused) == len(kinds) == len({t.thread for t in turns})


def test_a_kept_sample_can_be_walked_back(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    part, _ = synthesized(lambda request: BODIES[language_of(request)], discussions=4, tasks={"generation": 1.0})
    known = {s.id: s for s in seeds()}
    kept: list[Sample] = rows(part, "samples")  # type: ignore[assignment]
    assert kept
    for item in (s for s in kept if s.round == 1):
        assert item.kind == "Ds3" and item.verdict == "passed" and item.score > 1.5 and item.tokens_spent > 0
        assert item.source_language == known[item.parents[0]].language != item.language
        assert item.topology in ("centralized", "parallel") and set(item.agents) == set(item.parents)
        assert item.snippets == sorted({root for p in item.parents for root in known[p].snippets})
        assert item.licenses == sorted({name for p in item.parents for name in known[p].licenses})
        assert "add(1, 2) returns 3" in item.instruction and "adds two whole numbers." in item.instruction
    kinds = {t.kind for t in rows(part, "turns")}  # type: ignore[union-attr]
    assert {"prompt", "answer", "verdict", "score", "insert", "reflection"} <= kinds


def test_a_rerun_replays_the_same_bytes(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    names = ("samples", "turns", "rejected")
    part, _ = synthesized()
    first = [(part / f"{n}.parquet").read_bytes() for n in names]
    part, _ = synthesized()
    assert [(part / f"{n}.parquet").read_bytes() for n in names] == first


def test_a_low_score_rejects_and_no_score_does_not(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    answers, few = lambda request: BODIES[language_of(request)], {"discussions": 2, "rounds": 1}
    part, _ = synthesized(answers, "No", **few)
    rejected: list[Rejection] = rows(part, "rejected")  # type: ignore[assignment]
    assert rejected and {(row.reason, row.detail) for row in rejected} == {(Reason.LOW_SCORE, "1 < 1.5")}
    assert all(row.record for row in rejected) and not rows(part, "samples")
    part, _ = synthesized(answers, "nice", **few)
    kept: list[Sample] = rows(part, "samples")  # type: ignore[assignment]
    assert kept and {(s.score, s.scores, s.rated) for s in kept} == {(0.0, "[]", "not rated")}
    metrics = json.loads((part / "account.json").read_text())["metrics"]
    assert (metrics["unrated"], metrics["rated"]["passed"]) == (len(kept), [])


def failing(request: Request) -> str:
    wrong = kind_of(request) in ("wrong", "empty")
    return (WRONG if wrong else BODIES)[language_of(request)]


@pytest.mark.parametrize(("failed", "state", "lost"), [("Yes", "noise", False), ("No", "informative", True)])
def test_the_cutoff_holds_only_while_scores_tell_passing_from_failing(
    synthesized: Callable[..., tuple[Path, Oracle]], failed: str, state: str, lost: bool
) -> None:
    """Clarity is denied to every answer, so all totals of passing ones are below the cut-off of 4."""

    def rating(request: Request) -> str:
        wrong = any(text in request.messages[0]["content"] for text in WRONG.values())
        return "No" if request.id.endswith("-2") else failed if wrong else "Yes"

    scorer = SCORER | {"cutoff": 4.0}
    many = {"functions": ("add", "plus", "both"), "discussions": 30, "rounds": 1, "rate_failures": 12}
    part, _ = synthesized(failing, rating, scorer=scorer, **many)
    metrics = json.loads((part / "account.json").read_text())["metrics"]
    assert metrics["cutoff"] == {state: 1} and len(metrics["rated"]["failed"]) >= 8
    reasons = {row.reason for row in rows(part, "rejected")}  # type: ignore[union-attr]
    assert (Reason.LOW_SCORE in reasons, bool(rows(part, "samples"))) == (lost, not lost)


def test_too_few_failing_answers_leave_the_cutoff_off(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    scorer, answers = SCORER | {"cutoff": 5.0}, lambda request: BODIES[language_of(request)]
    part, _ = synthesized(answers, "No", scorer=scorer, rate_failures=12, discussions=2, rounds=2)
    metrics = json.loads((part / "account.json").read_text())["metrics"]
    assert metrics["cutoff"] == {"not_enough": 2} and rows(part, "samples")


PRODUCT = {"python": "    return a * b + 1\n", "javascript": "    return a * b + 1;\n}\n"}
PRODUCT |= {"php": "    return $a * $b + 1;\n}\n", "bash": "    echo $(( a * b + 1 ))\n}\n"}


@pytest.mark.slow
def test_new_problems_need_agreement_and_must_be_new(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    def disagree(request: Request) -> str:
        return (PRODUCT if language_of(request) in ("python", "bash") else WRONG)[language_of(request)]

    harder = {"operations": {"raise_difficulty": 1.0}, "tasks": {"generation": 1.0}, "discussions": 3, "rounds": 1}
    part, _ = synthesized(lambda request: PRODUCT[language_of(request)], **harder)
    kept: list[Sample] = rows(part, "samples")  # type: ignore[assignment]
    assert kept and all(s.operation == "raise_difficulty" for s in kept)
    part, _ = synthesized(lambda request: BODIES[language_of(request)], **harder)
    assert {r.reason for r in rows(part, "rejected")} == {Reason.TOO_SIMILAR}  # type: ignore[union-attr]
    part, oracle = synthesized(disagree, **harder)
    asked = {r.id.rsplit("-", 2)[0]: set() for r in oracle.asked if r.prefill.startswith("```")}
    for request in oracle.asked:
        if request.prefill.startswith("```"):
            asked[request.id.rsplit("-", 2)[0]].add(language_of(request) in ("python", "bash"))
    rejected = {r.id: r.reason for r in rows(part, "rejected")}
    for ident, camps in asked.items():
        assert rejected.get(ident) == (Reason.NO_AGREEMENT if len(camps) == 2 else None)


@pytest.mark.slow
def test_disagreement_is_recorded_and_reflections_see_it(synthesized: Callable[..., tuple[Path, Oracle]]) -> None:
    def disagree(request: Request) -> str:
        return (PRODUCT if language_of(request) in ("python", "bash") else WRONG)[language_of(request)]

    harder = {"operations": {"raise_difficulty": 1.0}, "tasks": {"generation": 1.0}, "discussions": 5, "rounds": 2}
    part, oracle = synthesized(disagree, **harder)
    lost = [row.id for row in rows(part, "rejected") if row.reason == Reason.NO_AGREEMENT]  # type: ignore[union-attr]
    turns: list[Turn] = rows(part, "turns")  # type: ignore[assignment]
    noted = {turn.thread for turn in turns if turn.kind == "reflection" and "no agreement" in turn.text}
    assert lost and noted == set(lost)
    prompts = [request.messages[0]["content"] for request in oracle.asked if request.id.endswith("-prompt")]
    assert any("was rejected: no agreement" in text.split("[Communication]")[0] for text in prompts)


@pytest.mark.slow
def test_seed_stage_keeps_and_rejects_each_snippet_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Signature.of("int", n="int")
    results = ("n * 2 + 1", "n - 7", "n * n", "3 - n * n")
    mined = [snippet("python", f"f{i}", f"def f{i}(n):\n    return {text}", one) for i, text in enumerate(results)]
    untyped = dataclasses.replace(snippet("php", "untyped", "function untyped($x) { return $x; }", one), signature="")
    mined += [
        snippet("javascript", "g", "function g(n) {\n  return n > 2 ? n - 1 : 0;\n}", one),
        snippet("python", "const", "def const(n):\n    return 1", one, tokens=1),
        snippet("python", "bound", "def bound(n):\n    return other(n)", one, self_contained=False),
        untyped,
    ]
    write_records(tmp_path / "data/mine/snippets.parquet", "snippets", mined)
    small = asdict(seeding(ds1_share=0.5))
    part = run_stage(stages.seed, "seed", small, Oracle(lambda request: ""), tmp_path, monkeypatch)
    kept: list[Sample] = rows(part, "samples")  # type: ignore[assignment]
    rejected: list[Rejection] = rows(part, "rejected")  # type: ignore[assignment]
    assert sorted([s.snippets[0] for s in kept] + [r.id for r in rejected]) == sorted(s.id for s in mined)
    names = {s.id: s.name for s in mined}
    reasons = {names[r.id]: r.reason for r in rejected}
    assert reasons["const"] == Reason.WEAK_CASES and reasons["bound"] == Reason.NOT_SELF_CONTAINED
    assert reasons["untyped"] == Reason.NO_SIGNATURE and list(reasons.values()).count(Reason.SAMPLED_OUT) == 1
    assert {s.kind for s in kept if s.language == "python"} == {"Ds1", "Ds2"}
    assert all(s.verdict == "passed" and s.response and "adds two whole numbers." in s.instruction for s in kept)


def test_teacher_may_write_the_seeds_responses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = Signature.of("int", a="int", b="int")
    mined: list[Snippet] = [
        snippet("python", "plus", "def plus(a, b):\n    return a + b", two),
        snippet("python", "times", "def times(a, b):\n    return a * b + 2", two),
    ]
    write_records(tmp_path / "data/mine/snippets.parquet", "snippets", mined)
    small = asdict(seeding(ds1_share=1.0, response="teacher", candidates=2, max_tokens=50))
    oracle = Oracle(lambda request: BODIES["python"])
    part = run_stage(stages.seed, "seed", small, oracle, tmp_path, monkeypatch)
    [kept] = rows(part, "samples")
    [lost] = rows(part, "rejected")
    assert kept.function == "plus" and kept.response == "def plus(a: int, b: int) -> int:\n    return a + b\n"  # type: ignore[union-attr]
    assert lost.reason == Reason.INSUFFICIENT_INSTRUCTION  # type: ignore[union-attr]
