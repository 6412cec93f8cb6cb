"""The framework end to end against an oracle over HTTP: what it verifies, what it says, what it shows.

Runs on problems written here and, where its files are, on HumanEval-X.
"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.verdicts.places import BENCHMARKS
from tests.agents.books import SEED, SENDING, Make, check_books
from tests.agents.helpers import EXECUTION
from tests.agents.oracle import OWN, SHARES, Problem
from xinstruct.agents.discussion import first_words
from xinstruct.agents.problem import Problem as Stated
from xinstruct.agents.tasks import request_seed
from xinstruct.benchmarks.fetch import rows as benchmark_rows
from xinstruct.benchmarks.translate import read_suite
from xinstruct.code.types import cases_from_json
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import Unsupported
from xinstruct.records import Turn, content_id

X_FILES = {
    "python": "humaneval_python", "javascript": "codegeex2_humanevalx_js", "java": "humaneval_java",
    "cpp": "humaneval_cpp",
}  # fmt: skip


@pytest.fixture(scope="module")
def humaneval_x() -> list[Problem]:
    """Problems of HumanEval-X whose canonical bodies stand under our headers, by the judge's word."""
    if not (BENCHMARKS / "humaneval-x").is_dir():
        pytest.skip(f"no HumanEval-X in {BENCHMARKS}")
    with Judge(EXECUTION) as judge:
        suite = read_suite("humaneval", BENCHMARKS, judge)
        solved: dict[str, dict[str, str]] = defaultdict(dict)
        for language, stem in X_FILES.items():
            for row in benchmark_rows(BENCHMARKS / "humaneval-x" / f"{stem}.jsonl.gz"):
                solved[row["task_id"].split("/")[1]][language] = _body(language, row["canonical_solution"])
        found = [
            Problem(task.function, task.signature, suite.cases[task.task_id], solved[task.task_id.split("/")[1]])
            for task in suite.tasks
            if task.signature.returns.head in ("int", "bool", "float", "string")
            and len({json.dumps(case.expected) for case in suite.cases[task.task_id]}) > 1
        ][:32]
        return list(_holding(found, judge))


def _body(language: str, solution: str) -> str:
    """A canonical solution as the body of a bare function: no class around it, C++ with its using line."""
    if language == "java":
        return textwrap.dedent(solution.rstrip().removesuffix("}").rstrip()) + "\n"
    return f"    using namespace std;\n{solution.rstrip()}\n" if language == "cpp" else solution.rstrip() + "\n"


def _holding(problems: list[Problem], judge: Judge) -> Iterator[Problem]:
    """The problems with those of their bodies that pass; dropped where Python or JavaScript does not."""
    jobs = []
    for index, problem in enumerate(problems):
        for name in problem.bodies:
            try:
                code = problem.code(name)
            except Unsupported:
                continue
            jobs.append(Job(f"{index} {name}", name, code, problem.function(name), problem.signature, problem.cases))
    good = {job.id for job, verdict in zip(jobs, judge.judge(jobs), strict=True) if verdict.verdict == "passed"}
    for index, problem in enumerate(problems):
        bodies = {name: body for name, body in problem.bodies.items() if f"{index} {name}" in good}
        if {"python", "javascript"} <= bodies.keys():
            yield Problem(problem.name, problem.signature, problem.cases, bodies)


@pytest.mark.slow
def test_verified_are_exactly_the_right_ones(oracle_run: Make) -> None:
    ran = oracle_run(OWN, ["python", "javascript", "php", "bash"], shares=SHARES | {"loop": 0.5}, rounds=3)
    assert set(check_books(ran)) >= {"right", "wrong", "foreign", "empty", "nonsense", "copy"}


@pytest.mark.slow
def test_verified_are_exactly_the_right_ones_of_humaneval_x(oracle_run: Make, humaneval_x: list[Problem]) -> None:
    stock = [p for p in humaneval_x if set(p.bodies) == set(X_FILES)]
    assert len(stock) >= 10
    ran = oracle_run(stock, list(X_FILES), rounds=2, discussions=60, base="random", centralized_share=0.5)
    seen = check_books(ran)
    assert set(seen) == set(SHARES) and seen["right"] >= 20
    assert len({s.language for s in ran.samples}) == 4


@pytest.mark.slow
def test_several_candidates_keep_what_any_of_them_got_right(oracle_run: Make) -> None:
    ran = oracle_run(OWN, ["python", "javascript", "php"], candidates=4, wave=2, discussions=8)
    check_books(ran, candidates=4)
    assert any(len(answers) == 2 for answers in ran.kinds(4).values()), "a solved task is not asked again"
    threads = {turn.sample: turn.thread for turn in ran.turns if turn.kind == "score"}
    for sample in ran.samples:
        thread = threads[sample.id]
        rated = [f"score-{sample.id}-{i}" for i in range(3)]
        idents = [f"{thread}-prompt", *(f"{thread}-{i}" for i in range(4)), *rated]
        seeds = [request_seed(SEED, ident) % SENDING for ident in idents]
        assert sample.tokens_spent == sum(ran.oracle.calls[s].tokens for s in seeds if s in ran.oracle.calls)


def order(rounds: int, discussions: int) -> list[str]:
    pairs = [(r, i) for r in range(1, rounds + 1) for i in range(discussions)]
    return [content_id("discussion", str(SEED), str(r), str(i)) for r, i in pairs]


@pytest.mark.slow
def test_memory_eviction_and_reflection_as_the_oracle_saw_them(oracle_run: Make) -> None:
    """Replays the transcript beside the prompts: a block shows what was remembered, and nothing else."""
    languages = ["python", "javascript", "php", "bash"]
    shares = {"right": 4, "wrong": 1}
    few = {"memory_capacity": 2, "memory_shown": 3, "similarity": 0.99, "tasks": {"generation": 1.0}}
    ran = oracle_run(OWN, languages, shares=shares, rounds=6, **few)
    threads = ran.threads()
    seeds = [problem.seed(name) for problem in OWN for name in languages]
    texts = {sample.id: first_words(Stated.of(sample).text) for sample in [*ran.samples, *seeds]}
    scores = {s.id: s.score for s in ran.samples} | {p.seed(n).id: 3.0 for p in OWN for n in languages}
    held = {p.seed(n).id: [p.seed(n).id] for p in OWN for n in languages}
    notes: dict[str, list[str]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for number in range(1, 7):
        playing = [t for t in order(6, 12)[(number - 1) * 12 : number * 12] if t in threads]
        everything = {texts[i] for memory in held.values() for i in memory}
        for thread in playing:
            prompt = ran.prompt(thread)
            memory = re.search(r"\[Memory\]\n(.*?)\n\n\[", prompt, re.S)
            for line in memory[1].splitlines() if memory else []:
                assert line.split(") ", 1)[1] in everything
                seen["memory"] += 1
            block = re.search(r"\[Reflection\]\n(.*?)\n\n\[", prompt, re.S)
            agents = {turn.agent for turn in threads[thread] if turn.kind == "reflection"}
            for agent in agents:
                if notes[agent]:
                    assert block and notes[agent][-1] in block[1]
                    seen["reflection"] += 1
        for thread in playing:
            _replay(threads[thread], held, notes, scores, seen)
    assert seen["eviction"] and seen["refusal"] + seen["insert"] and seen["memory"] and seen["reflection"], seen


def _replay(
    turns: list[Turn], held: dict[str, list[str]], notes: dict[str, list[str]], scores: dict[str, float],
    seen: Counter[str],
) -> None:  # fmt: skip
    """Apply a thread's changes; an eviction must be of the lowest score, of equals the oldest."""
    for turn in turns:
        seen[turn.kind] += 1
        if turn.kind == "insert":
            held[turn.agent].append(turn.sample)
        elif turn.kind == "eviction":
            assert turn.sample == min(held[turn.agent], key=scores.__getitem__)
            held[turn.agent].remove(turn.sample)
            assert len(held[turn.agent]) == 2
        elif turn.kind == "reflection":
            notes[turn.agent].append(turn.text)


@pytest.mark.parametrize(("share", "d"), [(1.0, 2), (0.0, 2), (0.5, 1), (0.5, 3)])
def test_topologies_as_the_oracle_saw_them(oracle_run: Make, share: float, d: int) -> None:
    ran = oracle_run(OWN, ["python", "javascript", "php"], centralized_share=share, agents=d, rounds=1)
    topology = {s.id: s.topology for s in ran.samples}
    of = {t.thread: topology.get(t.sample) for t in ran.turns if t.kind == "score"}
    for thread in ran.threads():
        prompt = ran.prompt(thread)
        titles = re.findall(r"^Agent \d+ \((\w+)(, main agent)?\):$", prompt, re.M)
        assert len(titles) == d == len({title for title, _ in titles})
        main = sum(bool(mark) for _, mark in titles)
        if of.get(thread):
            assert main == (of[thread] == "centralized")
        assert share not in (0.0, 1.0) or main == share
        heads = re.findall(r"^\[(.+)\]$", prompt, re.M)
        assert heads[-4:] == ["Communication", "Goal", "Guidelines", "Created Prompt"]


def test_switched_off_memory_and_reflection_leave_no_trace(oracle_run: Make) -> None:
    ran = oracle_run(OWN, ["python", "javascript"], memory_capacity=0, reflection=False, rounds=3)
    assert not {t.kind for t in ran.turns} & {"insert", "eviction", "refusal"}
    prompts = [ran.prompt(thread) for thread in ran.threads()]
    assert prompts and not any("[Memory]" in p or "[Reflection]" in p for p in prompts)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_exactly(oracle_run: Make, tmp_path: Path) -> None:
    whole = oracle_run(OWN, ["python", "javascript", "php"], rounds=3)
    names = ("samples", "rejected", "turns")
    wanted = [(whole.folder / f"{name}.parquet").read_bytes() for name in names]
    shutil.rmtree(tmp_path / "work")
    oracle_run(OWN, ["python", "javascript", "php"], rounds=3, stop_after=whole.oracle.count // 2)
    again = oracle_run(OWN, ["python", "javascript", "php"], rounds=3)
    assert [(again.folder / f"{name}.parquet").read_bytes() for name in names] == wanted
    assert 0 < again.oracle.count < whole.oracle.count, "what was answered is not asked again"


def test_cases_of_a_sample_are_its_bases(oracle_run: Make) -> None:
    known = {p.seed(n).id: p.seed(n) for p in OWN for n in ("python", "javascript")}
    ran = oracle_run(OWN, ["python", "javascript"], shares={"right": 1}, rounds=1, discussions=4)
    for sample in ran.samples:
        base = known[sample.parents[0]]
        assert [c.expected for c in cases_from_json(sample.cases)] == [c.expected for c in cases_from_json(base.cases)]


@pytest.mark.slow
def test_failed_answers_are_rated_only_where_asked(oracle_run: Make) -> None:
    """What a score is worth shows only when failing answers are scored too; memories and books stay the same."""
    plain, rated = (oracle_run(OWN, ["python", "javascript"], rounds=1, rate_failures=n) for n in (0, 4))
    assert [s.id for s in plain.samples] == [s.id for s in rated.samples] and plain.turns == rated.turns
    more = rated.oracle.count
    assert more > 0 and {c.kind for c in rated.oracle.calls.values()} >= {"score"}
    assert not oracle_run(OWN, ["python", "javascript"], discussions=0).turns


@pytest.mark.slow
def test_same_language_problems_have_a_witness_of_another(oracle_run: Make) -> None:
    harder = {"raise_difficulty": 1.0}
    ran = oracle_run(
        OWN,
        ["python", "javascript"],
        targets="own",
        operations=harder,
        shares={"right": 1},
        rounds=1,
        tasks={"generation": 1.0},
    )
    asked = defaultdict(set)
    for turn in ran.turns:
        if turn.kind == "prompt" and "```" in turn.messages and turn.step > 1:
            asked[turn.thread].add(turn.language)
    assert asked and all(languages == {"python", "javascript"} for languages in asked.values())
    assert ran.rejected and {row.reason for row in ran.rejected} == {"too_similar"}


@pytest.mark.slow
def test_feedback_turns_show_what_running_said(oracle_run: Make) -> None:
    """A failed answer goes back with its verdict; what passes on a later turn is kept, its tokens are counted."""
    ran = oracle_run(OWN, ["python", "javascript", "php"], feedback_turns=2, shares={"right": 1, "wrong": 2}, rounds=1)
    check_books(ran, candidates=3)
    kinds = ran.kinds(3)
    assert any("right" in answers[1:] for answers in kinds.values()), kinds
    for thread, answers in kinds.items():
        for index in range(1, len(answers)):
            messages = ran.oracle.calls[request_seed(SEED, f"{thread}-{index}") % SENDING].messages
            assert [m["role"] for m in messages[-4:]] == ["user", "assistant", "user", "assistant"]
            assert "fails (wrong answer)" in messages[-2]["content"] and messages[-3]["content"].startswith("```")
