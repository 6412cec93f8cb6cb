"""Greedy pass@1 of the start, SFT and DPO models on benchmarks and held-out tasks, and held-out loss.

Every model answers the same drawn problems in every language (protocol "paper") and the same verified
held-out tasks, asked as in SFT. Answers run in the sandbox against cases whose expected values come from
running the canonical solution. Each model's answers are saved when it has finished: an interrupted run
continues with the next model. A language without a toolchain is left out and named; nothing else is.

pass@k for k > 1 is not measured here; the metric in metrics/multilingual_code_eval computes it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import declaration
from xinstruct.benchmarks.questions import Question, benchmark_question, heldout_question, unjudged
from xinstruct.benchmarks.scoring import comparisons, summary, table
from xinstruct.benchmarks.translate import draw, expressible, read_suite
from xinstruct.code.extraction import NONE
from xinstruct.execution import toolchains
from xinstruct.execution.judge import Judge
from xinstruct.files import write_json
from xinstruct.llm.calls import Request
from xinstruct.llm.chat_model import ask_all
from xinstruct.llm.student import open_student
from xinstruct.params import EvaluateParams
from xinstruct.records import Completion, Sample, content_id
from xinstruct.stage import BadInput, Context, Script, run, work_root
from xinstruct.training import data as sft_data
from xinstruct.training.loss import completion_loss, mean_loss

BENCHMARKS = Path("data/fetch/benchmarks")


def work(ctx: Context[EvaluateParams]) -> None:
    """Evaluate all models in one shard; they run one after the other and share the judge."""
    languages = _languages(ctx)
    heldout = _heldout(ctx, languages)
    with Judge(ctx.params.execution, cache=work_root() / "verdicts.sqlite") as judge:
        questions = _benchmark_questions(ctx, judge, languages) + [heldout_question(s) for s in heldout]
        if not questions:
            raise BadInput("evaluate: nothing to ask; set evaluate.benchmarks or evaluate.heldout in params.yaml")
        for model in ctx.own.models:
            answers = _answers(ctx, model, questions, heldout)
            _judge(ctx, judge, model, questions, answers["answers"])
            ctx.metrics.setdefault("heldout_loss", {})[model] = answers["loss"]


def _languages(ctx: Context[EvaluateParams]) -> list[str]:
    names = [name for name in ctx.params.languages if toolchains.available(name)]
    for name in (name for name in ctx.params.languages if name not in names):
        ctx.say(f"{name} is left out: no toolchain; install it with: {toolchains.missing(name)}")
        ctx.metrics.setdefault("languages_left_out", {})[name] = 1
    return names


# ---- what is asked


def _heldout(ctx: Context[EvaluateParams], languages: list[str]) -> list[Sample]:
    """Return at most evaluate.heldout verified held-out samples, drawn in a seeded order and sorted by id."""
    heldout = sft_data.heldout_samples(ctx.read("samples", "data/filter"))
    # an explanation is prose: what a model answers to it cannot be run
    samples = [s for s in heldout if s.language in languages and s.task != "explanation"]
    order = sorted(samples, key=lambda sample: content_id(str(ctx.params.random_seed), sample.id))
    return sorted(order[: ctx.own.heldout], key=lambda sample: sample.id)


def _benchmark_questions(ctx: Context[EvaluateParams], judge: Judge, languages: list[str]) -> list[Question]:
    questions = []
    for name, limit in ctx.own.benchmarks.items():
        suite = read_suite(name, BENCHMARKS, judge)
        about = ctx.metrics.setdefault("benchmarks", {}).setdefault(name, {})
        about["problems"] = declaration(name)["problems"]
        about["without_usable_cases_or_types"] = len(suite.left_out)
        for language in languages:
            problems, _ = expressible(suite, language)
            about.setdefault("expressible", {})[language] = len(problems)
            drawn = draw(problems, limit, ctx.params.random_seed)
            questions += [benchmark_question(name, problem) for problem in drawn]
    return questions


# ---- one model


def _answers(
    ctx: Context[EvaluateParams], model: str, questions: Sequence[Question], heldout: list[Sample]
) -> dict[str, Any]:
    """Return a model's greedy answers and held-out loss, from scratch when an earlier run saved them."""
    saved = ctx.scratch / f"answers-{model}.json"
    if not saved.exists():
        folder = Path("models") / model
        most = ctx.own.max_new_tokens
        requests = [Request(q.task_id, tuple(q.messages), max_tokens=most) for q in questions]
        with open_student(folder, ctx.params.student, ctx.name, ctx.scratch / f"calls-{model}.json") as chat:
            answers = [answer.brief() for answer in ask_all(chat, requests, f"{ctx.name}: {model} answers")]
        talks = [sft_data.conversation(sample) for sample in heldout]
        losses = completion_loss(folder, talks, ctx.params.student.dtype)
        loss = {"loss_per_token": round(mean_loss(losses), 6), "tokens": sum(n for _, n in losses)}
        write_json(saved, {"answers": answers, "loss": loss | {"samples": len(heldout)}})
    found_before: dict[str, Any] = json.loads(saved.read_text(encoding="utf-8"))
    return found_before


def _judge(
    ctx: Context[EvaluateParams], judge: Judge, model: str, questions: Sequence[Question], answers: list[Any]
) -> None:
    """Extract and run all answers, keep one Completion per question, count the extraction rules that applied."""
    rules: Counter[str] = Counter()
    rows: dict[str, Completion] = {}
    jobs = []
    for question, answer in zip(questions, answers, strict=True):
        code, rule = question.code_of(answer["text"])
        rules[rule] += 1
        row = unjudged(model, question, answer, code)
        ctx.open(row.id)
        rows[row.id] = row
        if rule != NONE:
            jobs.append(question.job_of(row.id, code))
    for verdict in judge.judge(jobs, desc=f"{ctx.name}: running {model}'s answers"):
        row = rows[verdict.id]
        row.verdict, row.detail, row.tier = verdict.verdict, verdict.detail, verdict.tier
    for row in rows.values():
        ctx.keep(row)
    ctx.metrics.setdefault("extraction", {})[model] = dict(sorted(rules.items()))
    ctx.metrics.setdefault("truncated", {})[model] = sum(not answer["finished"] for answer in answers)


def finish(ctx: Context[EvaluateParams]) -> None:
    """Write scores, the comparison of each model with the one before it, and the table."""
    completions = ctx.records["completions"]
    scores = summary(completions, ctx.params.languages)
    ctx.metrics["scores"] = scores
    ctx.metrics["comparisons"] = comparisons(completions, ctx.own.models)
    ctx.tables["scores.csv"] = table(scores, ctx.metrics["heldout_loss"])


if __name__ == "__main__":
    sys.exit(run(Script("evaluate", work, finish, writes=("completions",)), __doc__))
