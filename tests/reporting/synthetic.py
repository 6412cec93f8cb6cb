"""Synthetic records, true to the schema, that drive the report's tests. No figure here is a result."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.files import write_json, write_records, write_text
from xinstruct.records import Completion, Pair, Reason, Rejection, Sample, Snippet, Turn, content_id, rejection

LANGUAGES = ["python", "javascript", "typescript", "java", "cpp", "csharp", "php", "bash"]
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> `a|b` </pre></details> \x00\x1b[31m \u202egnp.exe"
PARAMS: dict[str, Any] = {"languages": LANGUAGES, "teacher.model": "teacher-x", "student.model": "student-y"}
SIGNATURE = Signature.of("int", text="string", items="list<int>")
CASES = cases_to_json([Case(("añb\n日本語", [1, -2]), 3), Case((HOSTILE, []), None)])

SCORES = json.dumps([{"expert": "total score", "score": 4.0, "reason": f"clear & short {HOSTILE}"}])


def snippet(language: str, index: int) -> Snippet:
    return Snippet(
        id=content_id("snippet", language, str(index)),
        language=language,
        name=f"count_{index}",
        code=f"def count_{index}(text, items):\n    return len(text) + {index}  # {HOSTILE}",
        helpers="import re" if index % 2 else "",
        doc=f"Counts things № {index}. Größe, 数える. {HOSTILE}",
        signature=SIGNATURE.to_json() if index % 3 else "",
        self_contained=bool(index % 3),
        tokens=20 + index,
        source="pypi",
        package=f"pack-{language}",
        version="1.2.3",
        archive_sha256="ab" * 32,
        path=f"src/mod_{index}.x",
        start_line=10 * index + 1,
        end_line=10 * index + 7,
        license="MIT" if index % 2 else "Apache-2.0 OR MIT",
    )


def sample(root: Snippet, kind: str, language: str = "", **changes: Any) -> Sample:
    made = Sample(
        id=content_id(kind, root.id, language),
        kind=kind,
        language=language or root.language,
        instruction=f"Write count. {HOSTILE} {'very long ✓ ' * 900}",
        response=f"def count(text, items):\n    return 1 < 2  # {HOSTILE}",
        function="count",
        signature=SIGNATURE.to_json(),
        cases=CASES,
        parents=[root.id],
        snippets=[root.id],
        score=3.5,
        scores=SCORES,
        licenses=[root.license],
        tokens_spent=321,
    )
    return replace(made, **changes)


def discussion(thread: str, made: Sample | None, language: str, agents: list[str], stored: bool = True) -> list[Turn]:
    """The turns of one discussion as the agents write them; without `made` it failed."""
    prompt = f"You are an engineer.\n[Memory]\nq and a {HOSTILE}\n[Reflection]\nnone\n[Created Prompt]\n"
    messages = json.dumps([{"role": "system", "content": "Be strict."}, {"role": "user", "content": prompt}])
    main: dict[str, Any] = {"agent": agents[0], "language": language}
    of = {"sample": made.id} if made else {}
    events: list[tuple[str, str, dict[str, Any]]] = [
        ("prompt", "", main | {"messages": messages}),
        ("answer", f"Write {HOSTILE}", main | {"completion_tokens": 12}),
        ("answer", f"code {HOSTILE}", {"language": language, "completion_tokens": 40}),
        ("verdict", "wrong_answer: 1 of 2", {"language": language, "value": 0.5}),
    ]
    if made:
        events += [("score", SCORES, of | {"agent": "scorer", "value": 4.0})]
    events += [("reflection", "- merits: clear", of | {"agent": name}) for name in agents]
    if made and stored:
        events += [("eviction", "", {"agent": agents[0], "sample": "of-another-discussion", "value": 1.0})]
        events += [("insert", "", of | {"agent": agents[0], "value": made.score})]
    return [
        Turn(
            id=content_id(thread, str(i)),
            stage="synthesize",
            thread=thread,
            step=i,
            round=1,
            kind=kind,
            text=text,
            **more,
        )
        for i, (kind, text, more) in enumerate(events)
    ]


def completions(languages: list[str], rng: random.Random, n: int = 8) -> list[Completion]:
    rows = []
    chance = {"start": 0.1, "sft": 0.2, "dpo": 0.25}
    for model, rate in chance.items():
        for benchmark, many in (("humaneval", n), ("heldout", 3)):
            for language in languages:
                for task in range(many):
                    verdict = "passed" if rng.random() < rate else "wrong_answer"
                    if language == "bash" and task == 0:
                        verdict = "infrastructure"
                    rows.append(completion(model, benchmark, language, f"T/{task}", verdict))
    return rows


def completion(model: str, benchmark: str, language: str, task: str, verdict: str) -> Completion:
    return Completion(
        id=content_id(model, benchmark, language, task),
        model=model,
        benchmark=benchmark,
        task_id=task,
        language=language,
        prompt="p",
        answer="a",
        code="c",
        verdict=verdict,
    )


def pair(of: Sample, verdict: str) -> Pair:
    return Pair(
        id=content_id("pair", of.id, verdict),
        language=of.language,
        task_id=of.id,
        prompt=of.instruction,
        chosen="return 1",
        rejected=f"return 2 {HOSTILE}",
        chosen_verdict="passed",
        rejected_verdict=verdict,
        parents=[of.id],
    )


def write(root: Path, empty: tuple[str, ...] = (), languages: list[str] | None = None) -> None:
    """A whole run under `root`; kinds named in `empty` ("pairs", "Ds3", "all", ...) have no record."""
    rng = random.Random(7)
    names = LANGUAGES if languages is None else languages
    snippets = [snippet(name, i) for name in names for i in range(5)]
    seeds = [sample(s, "Ds1" if i % 2 else "Ds2") for i, s in enumerate(snippets) if s.self_contained]
    made = [_synthesized(s, names[(names.index(s.language) + 1) % len(names)], i) for i, s in enumerate(snippets[::2])]
    ids = [seed.id for seed in seeds]
    turns = [t for i, m in enumerate(made) for t in discussion("d" + m.id[1:], m, m.language, ids[i : i + 1])]
    turns += discussion("failed0", None, "php", ids[:1]) + discussion("failed1", None, "java", ids[:2])
    turns += discussion("twice", made[0], made[0].language, ids[:1], stored=False)
    lost = [
        Rejection(id="failed0", stage="synthesize", language="php", reason=Reason.NO_AGREEMENT.value, detail=HOSTILE),
        Rejection(id="failed1", stage="synthesize", language="java", reason=Reason.COMPILE_ERROR.value),
        rejection(made[0], "synthesize", Reason.EXACT_DUPLICATE, "made by an earlier discussion"),
    ]
    verified = [
        replace(s, verdict="passed", split="heldout" if i % 5 == 0 else "train")
        for i, s in enumerate(seeds + made[:-3])
    ]
    data: dict[tuple[str, str], list[Any]] = {
        ("mine", "snippets"): snippets,
        ("mine", "rejected"): [
            rejection(replace(snippets[0], id=f"r{i}"), "mine", reason) for i, reason in enumerate(list(Reason)[:12])
        ],
        ("seed", "samples"): seeds,
        ("seed", "turns"): [replace(t, stage="seed", thread=seeds[0].parents[0]) for t in turns[:3]],
        ("seed", "rejected"): [rejection(replace(seeds[0], id="w"), "seed", Reason.WEAK_CASES, HOSTILE)],
        ("synthesize", "samples"): [] if "Ds3" in empty else made,
        ("synthesize", "turns"): turns,
        ("synthesize", "rejected"): lost,
        ("deduplicate", "samples"): seeds + ([] if "Ds3" in empty else made[:-1]),
        ("deduplicate", "rejected"): [rejection(made[-1], "deduplicate", Reason.NEAR_DUPLICATE)],
        ("filter", "samples"): [v for v in verified if "Ds3" not in empty or v.kind != "Ds3"],
        ("filter", "rejected"): [rejection(m, "filter", Reason.COMPILE_ERROR) for m in made[-3:-1]],
        ("preferences", "pairs"): []
        if "pairs" in empty
        else [pair(v, w) for v in verified[:3] for w in ("wrong_answer", "timeout")],
        ("preferences", "completions"): [],
        ("preferences", "rejected"): [],
        ("evaluate", "completions"): completions(names, rng),
        ("evaluate", "rejected"): [],
    }
    for (stage, kind), records in data.items():
        write_records(root / "data" / stage / f"{kind}.parquet", kind, [] if "all" in empty else records)
        if kind == "rejected":
            count = 0 if "all" in empty else len(records)
            write_json(
                root / "reports" / stage / "metrics.json", {"rows": {"in": count + 5, "out": 5, "rejected": count}}
            )
    curve = (
        "step,loss\n"
        if "all" in empty
        else "step,loss\n" + "".join(f"{i},{2.5 / (1 + i / 9):.4f}\n" for i in range(1, 21))
    )
    for stage in ("sft", "dpo"):
        write_text(root / "reports" / stage / "loss.csv", curve)
    loss = {m: {"loss_per_token": v, "tokens": 120, "samples": 3} for m, v in (("sft", 1.22), ("start", 1.51))}
    books = {"rows": {"in": 5, "out": 5, "rejected": 0}, "heldout_loss": {} if "all" in empty else loss}
    write_json(root / "reports/evaluate/metrics.json", books)


def _synthesized(root: Snippet, language: str, index: int) -> Sample:
    topology = "parallel" if index % 2 else "centralized"
    return sample(
        root, "Ds3", language, source_language=root.language, topology=topology, operation="carry_over", round=1
    )
