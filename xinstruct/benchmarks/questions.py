"""Questions of an evaluation, and the records of their answers before they are judged.

A question comes from a benchmark's problem or from a verified held-out sample; either way it defines how the
answer's code is found and which job the judge gets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xinstruct.benchmarks.problems import TranslatedProblem
from xinstruct.benchmarks.protocol import conversation, program
from xinstruct.benchmarks.rates import HELDOUT
from xinstruct.code.extraction import extract_code
from xinstruct.execution.jobs import Job, of_sample
from xinstruct.prompts import user
from xinstruct.records import Completion, Reason, Sample, content_id


@dataclass(frozen=True)
class Question:
    """A question that every model is asked, with the function that turns an answer into the judge's job."""

    benchmark: str
    task_id: str
    language: str
    messages: list[dict[str, str]]
    code_of: Callable[[str], tuple[str, str]]  # answer -> code, name of the rule that found it
    job_of: Callable[[str, str], Job]  # id, code -> job


def benchmark_question(benchmark: str, problem: TranslatedProblem) -> Question:
    """Return the question of a benchmark's problem under its protocol."""
    return Question(
        benchmark=benchmark,
        task_id=problem.task_id,
        language=problem.language,
        messages=conversation(problem),
        code_of=lambda answer: program(problem, answer),
        job_of=problem.job,
    )


def heldout_question(sample: Sample) -> Question:
    """Return the question of a held-out sample: its instruction, asked as in SFT."""
    return Question(
        benchmark=HELDOUT,
        task_id=sample.id,
        language=sample.language,
        messages=[user(sample.instruction)],
        code_of=lambda answer: extract_code(answer, sample.language, sample.function),
        job_of=lambda ident, code: of_sample(sample, code, ident),
    )


def unjudged(model: str, question: Question, answer: dict[str, Any], code: str) -> Completion:
    """Return the record of an answer (text, tokens); it stays "empty_answer" when there is no code to judge."""
    return Completion(
        id=content_id(model, question.benchmark, question.language, question.task_id, "0"),
        model=model,
        benchmark=question.benchmark,
        task_id=question.task_id,
        language=question.language,
        prompt=question.messages[-1]["content"],
        answer=answer["text"],
        code=code,
        verdict=Reason.EMPTY_ANSWER.value,
        detail="no code in the answer",
        completion_tokens=answer["tokens"],
    )
