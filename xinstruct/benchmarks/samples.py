"""Files of answers: JSON lines (gzipped or not) with ``task_id`` and ``completion``, checked against a benchmark.

Nothing is guessed: an unknown, missing or repeated task is bad input, with a message that says what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import rows
from xinstruct.benchmarks.problems import BenchmarkProblem
from xinstruct.files import BadInput

_SHOWN = 5  # task ids shown in a message


@dataclass(frozen=True)
class Answer:
    """One answer to a problem. `place` counts a problem's answers from 0, `row` the lines of the file from 1."""

    problem: BenchmarkProblem
    text: str
    place: int
    reference: bool | None = None  # another evaluator's verdict, where the file has one
    row: int = 0


def read_answers(
    path: Path,
    problems: Sequence[BenchmarkProblem],
    reference: str = "",
    partial: bool = False,
    field: str = "completion",
) -> list[Answer]:
    """Return answers in the order of the problems. Raises BadInput with file, task ids and the flag that allows it.

    Several answers to each problem are samples; all problems must have the same number of them, at least one
    (`partial`: any number, and problems without an answer are left out).
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file of answers")
    records = list(rows(path))
    by_id = {problem.task_id: problem for problem in problems}
    ids = [_id(record, path, i) for i, record in enumerate(records, 1)]
    _known(path, ids, by_id)
    counts = Counter(ids)
    missing = [name for name in by_id if name not in counts]
    if missing and not partial:
        raise BadInput(
            f"{path}: no answer to {_named(missing)} of {len(by_id)} problems; --partial scores what is there"
        )
    if len(set(counts.values())) > 1 and not partial:
        most = max(counts.values())
        odd = [name for name in by_id if counts[name] != min(counts.values())]
        raise BadInput(f"{path}: {_named(odd)} have up to {most} answers, others {min(counts.values())}; --partial")
    return _answers(records, ids, by_id, reference, field, path)


def _answers(
    records: list[dict[str, Any]],
    ids: list[str],
    by_id: dict[str, BenchmarkProblem],
    reference: str,
    field: str,
    path: Path,
) -> list[Answer]:
    order = {name: i for i, name in enumerate(by_id)}
    seen: Counter[str] = Counter()
    found = []
    for number, (record, name) in enumerate(zip(records, ids, strict=True), 1):
        if not isinstance(record.get(field), str):
            raise BadInput(f"{path}: record {number} ({name}): field {field!r} must be a text")
        verdict = record.get(reference) if reference else None
        if reference and not isinstance(verdict, bool):
            raise BadInput(f"{path}: record {number} ({name}): field {reference!r} must be true or false")
        found.append(Answer(by_id[name], record[field], seen[name], verdict, number))
        seen[name] += 1
    return sorted(found, key=lambda one: (order[one.problem.task_id], one.place))


def _id(record: Any, path: Path, number: int) -> str:
    value = record.get("task_id") if isinstance(record, dict) else None
    if not isinstance(value, str | int):
        raise BadInput(f"{path}: record {number}: no field 'task_id'")
    return str(value)


def _known(path: Path, ids: list[str], by_id: dict[str, BenchmarkProblem]) -> None:
    unknown = sorted({name for name in ids if name not in by_id})
    if unknown:
        expected = next(iter(by_id), "")
        raise BadInput(f"{path}: unknown task ids: {_named(unknown)}; this benchmark's look like {expected!r}")


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{len(names)} ({shown}{', ...' if len(names) > _SHOWN else ''})"
