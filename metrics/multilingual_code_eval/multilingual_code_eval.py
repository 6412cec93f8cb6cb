"""pass@k of code answers in eight languages, as an `evaluate` metric that is loaded by its path.

``evaluate.load("metrics/multilingual_code_eval")``. Every answer runs in this project's sandbox
against language-neutral cases; the expected values never enter the sandbox. Works without a
network. See README.md beside this file.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import evaluate

from xinstruct.benchmarks.passk import mean_pass_at_k
from xinstruct.benchmarks.rates import PassRate
from xinstruct.code.names import known_as
from xinstruct.execution.jobs import Job, of_sample
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import Missing, version
from xinstruct.languages import names
from xinstruct.params import ExecutionParams, section
from xinstruct.records import Sample

_DESCRIPTION = "pass@k over answers in Python, JavaScript, TypeScript, Java, C++, C#, PHP and Bash."
_CITATION = """\
@article{chen2021evaluating,
  title={Evaluating Large Language Models Trained on Code},
  author={Mark Chen and others}, journal={arXiv:2107.03374}, year={2021}
}
"""
_INPUTS = """
predictions: for every problem a list of complete programs (code, not chat answers).
references: for every problem the JSON text of, or a dict of text with, `language`, `function`,
    `signature` ({"params": [{"name", "type"}], "returns"}) and `cases` ([{"args", "expected"}]).
k: which pass@k to count; those larger than the number of answers are left out.
execution: limits as in the `execution` section of params.yaml.
cache: an SQLite file for verdicts, or None.
Returns `pass@k` (mean over problems), `languages` (per language: n, passed, pass@k, verdicts, and, where every
problem has one answer, the 95 % Wilson interval: several answers to a problem are not independent)
and `details` (per problem and answer: verdict and detail).
An answer whose verdict is `infrastructure` does not count in n; where nothing is left there is no rate.
Raises ValueError for a reference in an unknown language, in one whose toolchain is not installed, or one that its
language cannot express. Languages go by name or by custom (`c++`, `Python`, `js`, `cs`, `sh`).
"""
_UNSUPPORTED = "unsupported"  # the judge's verdict on a task that a language cannot express
_EXECUTION = {
    "workers": 2,
    "cpu_seconds": 10,
    "wall_factor": 4,
    "forks": "auto",
    "memory_mb": 1024,
    "output_kb": 256,
    "float_tolerance": 1e-6,
}


def _features() -> list[datasets.Features]:
    text = datasets.Value("string")
    record = {"language": text, "function": text, "signature": text, "cases": text}
    answers = datasets.Sequence(text)
    return [
        datasets.Features({"predictions": answers, "references": record}),
        datasets.Features({"predictions": answers, "references": text}),
    ]


class MultilingualCodeEval(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """See the module's text."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation=_CITATION, inputs_description=_INPUTS, features=_features()
        )

    def _compute(
        self,
        predictions: Sequence[Sequence[str]],
        references: Sequence[dict[str, str] | str],
        k: Sequence[int] = (1,),
        execution: dict[str, Any] | None = None,
        cache: str | None = None,
    ) -> dict[str, Any]:
        tasks = [_record(reference, i) for i, reference in enumerate(references)]
        _check_toolchains({task["language"]: i for i, task in reversed(list(enumerate(tasks)))})
        jobs = [
            _job(f"{i}/{j}", task, code, i)
            for i, (task, answers) in enumerate(zip(tasks, predictions, strict=True))
            for j, code in enumerate(answers)
        ]
        params = section(ExecutionParams, _EXECUTION | (execution or {}), "execution", "multilingual_code_eval")
        with Judge(params, cache=Path(cache) if cache else None) as judge:
            verdicts = iter(judge.judge(jobs))
        details = [[next(verdicts) for _ in answers] for answers in predictions]
        _check_expressed(tasks, details)
        return _summary([task["language"] for task in tasks], details, k)


def _record(reference: dict[str, str] | str, place: int) -> dict[str, str]:
    try:
        raw = json.loads(reference) if isinstance(reference, str) else reference
        found = {
            name: raw[name] if isinstance(raw[name], str) else json.dumps(raw[name])
            for name in ("language", "function", "signature", "cases")
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"references[{place}]: needs language, function, signature and cases ({error!r})") from error
    try:
        return found | {"language": known_as(found["language"], names())}
    except ValueError as error:
        raise ValueError(f"references[{place}]: {error}") from None


def _check_toolchains(languages: dict[str, int]) -> None:
    """Raise ValueError that names a language, with the place of its first reference, which cannot be run here."""
    for language, place in languages.items():
        try:
            version(language)
        except Missing as error:
            raise ValueError(f"references[{place}]: {error}") from None


def _check_expressed(tasks: Sequence[dict[str, str]], details: list[list[Any]]) -> None:
    """Raise ValueError for a reference that its language cannot express: no answer to it can pass."""
    for place, (task, row) in enumerate(zip(tasks, details, strict=True)):
        if unable := next((verdict for verdict in row if verdict.verdict == _UNSUPPORTED), None):
            raise ValueError(f"references[{place}]: {task['language']} cannot express it: {unable.detail}")


def _job(ident: str, task: dict[str, str], code: str, place: int) -> Job:
    sample = Sample(id=ident, kind="", instruction="", response=code, parents=[], snippets=[], licenses=[], **task)
    try:
        return of_sample(sample)
    except ValueError as error:
        raise ValueError(f"references[{place}]: {error}") from error


def _summary(languages: Sequence[str], details: list[list[Any]], k: Sequence[int]) -> dict[str, Any]:
    counts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for language, row in zip(languages, details, strict=True):
        rate = PassRate.of(verdict.verdict for verdict in row)
        if rate.n:
            counts[language].append((rate.n, rate.passed))
        verdicts[language].update(verdict.verdict for verdict in row)
    per_language = {
        name: {**_rates(found, k), **_totals(found), "verdicts": dict(verdicts[name])}
        for name in sorted(verdicts)
        for found in [counts[name]]
    }
    everything = [pair for found in counts.values() for pair in found]
    shown = [[{"verdict": verdict.verdict, "detail": verdict.detail} for verdict in row] for row in details]
    return {**_rates(everything, k), "languages": per_language, "details": shown}


def _rates(counts: list[tuple[int, int]], k: Sequence[int]) -> dict[str, float]:
    fewest = min((n for n, _ in counts), default=0)
    return {f"pass@{size}": mean_pass_at_k(counts, size) for size in k if 1 <= size <= fewest}


def _totals(counts: list[tuple[int, int]]) -> dict[str, Any]:
    answers, passed = sum(n for n, _ in counts), sum(good for _, good in counts)
    found = {"n": len(counts), "answers": answers, "passed": passed}
    return found | ({"interval": PassRate(passed, answers).interval} if counts and answers == len(counts) else {})
