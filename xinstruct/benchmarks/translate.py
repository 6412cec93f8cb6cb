"""Translation of a benchmark to any of the eight languages: the same problems and cases in another syntax.

Expected values come from running the canonical solution in the sandbox; where the original test claims a result,
both must agree, or the problem is dropped (the neutral types have changed its meaning). ``load`` draws the problems
to ask in one seeded order for all languages, so they get the same problems except where a language cannot express
one. Literals inside the descriptions stay in Python's notation, apart from True, False and None.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import declaration, rows
from xinstruct.benchmarks.infer import NoType, common_type
from xinstruct.benchmarks.parse import UNCLAIMED, NotUsable, Task, incomplete, layout, of_integers, parse_task
from xinstruct.benchmarks.problems import TranslatedProblem
from xinstruct.benchmarks.protocol import instruction
from xinstruct.benchmarks.recorded import recorded_calls
from xinstruct.code.extraction import definition_line
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Case, Signature, conforms, same
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages import Language, Unsupported, get
from xinstruct.records import content_id


@dataclass(frozen=True)
class Suite:
    """A benchmark's usable problems with their observed cases, and the reasons why the others are dropped."""

    name: str
    tasks: list[Task]
    cases: dict[str, tuple[Case, ...]]
    left_out: dict[str, str] = field(default_factory=dict)


def read_suite(name: str, folder: Path, judge: Judge) -> Suite:
    """Read benchmark `name` from folder/<name>/ and run its canonical solutions. Raises BadInput."""
    about = declaration(name)
    records = list(rows(folder / name / about["records"]))
    texts = [layout(row, about["fields"]) for row in records]
    computed = [one for one in texts if incomplete(one["test"], one["check"])]
    calls = recorded_calls([{**one, "program": one["prompt"] + one["solution"]} for one in computed], judge)
    tasks, left_out = _parsed(records, about["fields"], calls)
    cases = _observe(tasks, judge, left_out, name)
    narrowed = [task for one in tasks if one.task_id in left_out and (task := of_integers(one))]
    if narrowed:
        again: dict[str, str] = {}
        found = _observe(narrowed, judge, again, f"{name}, on integers")
        cases |= found
        tasks = [next((n for n in narrowed if n.task_id == t.task_id and n.task_id in found), t) for t in tasks]
        left_out = {key: why for key, why in left_out.items() if key not in found}
    return Suite(name, [task for task in tasks if task.task_id in cases], cases, dict(sorted(left_out.items())))


def _parsed(
    records: list[dict[str, Any]], fields: dict[str, str], calls: dict[str, list[tuple[Any, ...]]]
) -> tuple[list[Task], dict[str, str]]:
    """Return the tasks of all readable records, and the reasons why the others are not."""
    tasks, left_out = [], {}
    for row in records:
        name = str(row[fields["id"]])
        try:
            tasks.append(parse_task(row, fields, calls.get(name, ())))
        except NotUsable as error:
            left_out[name] = str(error)
    return tasks, left_out


def _observe(tasks: list[Task], judge: Judge, left_out: dict[str, str], name: str) -> dict[str, tuple[Case, ...]]:
    jobs = [
        Job(task.task_id, "python", task.program, task.function, task.signature, tuple(map(Case, task.args)))
        for task in tasks
    ]
    found = {}
    for i, verdict in enumerate(judge.observe(jobs, desc=f"{name}: canonical solutions")):
        task = tasks[i] = _with_returns(tasks[i], verdict.values)
        wrong = verdict.detail or verdict.verdict if verdict.verdict != "passed" else ""
        wrong = wrong or _disagreement(task, verdict.values, verdict.errors)
        if wrong:
            left_out[task.task_id] = wrong
        else:
            found[task.task_id] = tuple(map(Case, task.args, verdict.values))
    return found


def _with_returns(task: Task, values: Sequence[object]) -> Task:
    """Return the task with the return type of its results, if neither annotation nor test states one."""
    if task.returns_known or any(value is None for value in values):
        return task
    try:
        signature = dataclasses.replace(task.signature, returns=common_type(values))
    except NoType:
        return task
    return dataclasses.replace(task, signature=signature)


def _disagreement(task: Task, values: Sequence[object], errors: Sequence[str]) -> str:
    kind = task.signature.returns
    for args, claim, value, error in zip(task.args, task.claims, values, errors, strict=True):
        if error:
            return f"its solution raises {error} on {args!r}"
        if not conforms(kind, value):
            return f"its solution returns {value!r} on {args!r}, which is no {kind}"
        if claim is not UNCLAIMED and not same(kind, claim, value):
            return f"its solution returns {value!r} on {args!r}, its test claims {claim!r}"
    return ""


def problem(task: Task, cases: tuple[Case, ...], language: str) -> TranslatedProblem:
    """Translate a task to a language. Raises Unsupported when it cannot be expressed there."""
    backend = get(language)
    python = language == "python"
    function = task.function if python else backend.identifier(task.function)
    header = backend.header(function, task.signature)
    cases = _passable(backend, function, task.signature, cases)
    prompt = task.prompt.strip("\n") if python else _prompt(backend, function, header, task)
    return TranslatedProblem(
        task_id=task.task_id,
        language=language,
        prompt=prompt,
        instruction=instruction(backend, prompt),
        function=function,
        signature=task.signature,
        cases=cases,
        header=header,
        preamble=task.preamble if python else "",
    )


def _passable(backend: Language, function: str, signature: Signature, cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """Return the cases whose values the language can express. Raises Unsupported if they are less than half."""
    found, first = [], None
    for case in cases:
        try:
            _check(backend, function, signature, case)
            found.append(case)
        except Unsupported as error:
            first = first or error
    if first and 2 * len(found) < len(cases):
        raise first
    return tuple(found)


def _check(backend: Language, function: str, signature: Signature, case: Case) -> None:
    """Raise Unsupported unless the arguments can be passed and the expected value can be written."""
    backend.driver("", function, signature, [list(case.args)], "nonce")
    if signature.returns.head != "none":
        backend.literal(signature.returns, case.expected)


def _prompt(backend: Language, function: str, header: str, task: Task) -> str:
    """Return the header with the description as comment lines right above the function."""
    text = re.sub(rf"\b{re.escape(task.function)}\b", function, task.doc)
    words = {"True": "true", "False": "false", "None": traits_of(backend.name).none}
    text = re.sub(r"\b(?:True|False|None)\b", lambda found: words[found.group()], text)
    text = "\n".join([text, *_conventions(backend, task.signature)])
    lines = header.rstrip("\n").split("\n")
    at = definition_line(header, backend.name, function)
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    comment = [f"{indent}{backend.comment} {line}".rstrip() for line in text.split("\n")]
    return "\n".join([*lines[:at], *comment, *lines[at:]])


def _conventions(backend: Language, signature: Signature) -> list[str]:
    """Describe how arguments and result are written where the header cannot show it: a shell only has words."""
    if not traits_of(backend.name).positional:
        return []
    params = [f"${i} ({p.name}): {backend.spell_type(p.type)}" for i, p in enumerate(signature.params, 1)]
    return [*params, f"Prints: {backend.spell_type(signature.returns)}"]


def expressible(suite: Suite, language: str) -> tuple[list[TranslatedProblem], dict[str, str]]:
    """Return every problem that the language can express, in the benchmark's order, and why not for the others."""
    found, not_found = [], {}
    for task in suite.tasks:
        try:
            found.append(problem(task, suite.cases[task.task_id], language))
        except Unsupported as error:
            not_found[task.task_id] = str(error)
    return found, not_found


def draw(problems: Sequence[TranslatedProblem], limit: int, seed: int) -> list[TranslatedProblem]:
    """Draw `limit` problems by a seeded order of their ids, the same in all languages; they are sorted by id."""
    order = sorted(problems, key=lambda one: content_id(str(seed), one.task_id))
    return sorted(order[:limit] if limit > 0 else order, key=lambda one: _natural(one.task_id))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def load(name: str, language: str, folder: Path, limit: int, seed: int, judge: Judge) -> list[TranslatedProblem]:
    """Return the problems of a benchmark to ask in a language. limit 0: all. Raises BadInput."""
    return draw(expressible(_suite(name, folder, judge), language)[0], limit, seed)


@functools.lru_cache(maxsize=4)
def _suite(name: str, folder: Path, judge: Judge) -> Suite:
    return read_suite(name, folder, judge)
